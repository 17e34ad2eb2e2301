"""A regression on what the members say (Wolpert 1992, Neural Networks 5:241)."""

from typing import Annotated

import numpy as np
from scipy.linalg import helmert
from sklearn.linear_model import LogisticRegression

from registry.errors import DataError
from registry.options import Range

ABSENT = 1e-3  # probability of a class that no image to learn from belongs to
LEAST_PROBABILITY = 1e-6  # log-odds end at about ±14


class Stacking:
    """Multinomial logistic regression on the members' log-odds, every class weighing alike."""

    def __init__(self, C: float) -> None:
        self.regression = LogisticRegression(C=C, class_weight="balanced", max_iter=10_000)

    def fit(self, probabilities: np.ndarray, targets: np.ndarray) -> "Stacking":
        """Learn how far to trust whom.

        Raises:
            DataError: all targets are of one class, or there are none.
        """
        present = np.unique(targets)
        if len(present) < 2:
            found = f"{len(targets)} of class number {present[0]}" if len(present) else "none"
            raise DataError(
                f"voter 'stacking' learns from images of two classes or more, received {found}; "
                "use more images to fit on (split.validation) or voter soft"
            )
        self.regression.fit(log_odds(probabilities), targets)
        return self

    def predict_proba(self, probabilities: np.ndarray) -> np.ndarray:
        """Class probabilities (N, K) of members' probabilities (M, N, K); .001 for a class without images in `fit`."""
        _, count, classes = probabilities.shape
        known = self.regression.classes_
        found = np.full((count, classes), ABSENT)
        share = 1 - ABSENT * (classes - len(known))
        found[:, known] = share * self.regression.predict_proba(log_odds(probabilities))
        return found


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """(N, M * (K - 1)): each member's isometric log-ratios (Egozcue et al. 2003, Mathematical Geology 35:279).

    K logarithms say K - 1 things, as their sum is bound; these columns say them in an orthonormal basis, so that the
    penalty on their weights does not depend on the order of the classes.  For K = 2: the log-odds over the root of 2.

    Args:
        probabilities: (M, N, K).
    """
    members, count, classes = probabilities.shape
    logs = np.log(np.maximum(probabilities, LEAST_PROBABILITY))
    ratios = logs @ helmert(classes).T  # (M, N, K - 1)
    return ratios.transpose(1, 0, 2).reshape(count, members * (classes - 1))


def stacking(*, C: Annotated[float, Range(0.001, 100, log=True)] = 1.0) -> Stacking:
    """Logistic regression on the members' log-odds, fitted on the calibration subset.

    Args:
        C: how freely it learns; small values keep all members' weights near nothing.
    """
    return Stacking(C)
