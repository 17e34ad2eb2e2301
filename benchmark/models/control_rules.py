"""Two learners of a few numbers per image, boosted trees and logistic regression, and which of them a control takes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from benchmark.evaluation.calibration import softmax
from registry.boosting import xgboost

ROUNDS, DEPTH, LEARNING_RATE, PATIENCE = 500, 6, 0.1, 30  # of boosting
BINS = 64  # of a feature: a third of the time of the usual 256, as good
PENALTY = 0.1  # of logistic regression, C
ITERATIONS = 3000
FLOOR = 1e-6  # the least probability that is read as one


class Learnt(NamedTuple):
    """What was learnt from some numbers, for n images and K classes.

    Attributes:
        logits: (n, K) float64 of all images, at equal class priors.
        learner: in words.
        losses: learner -> class-balanced log-loss on validation, by which it was chosen.
    """

    logits: np.ndarray
    learner: str
    losses: dict[str, float]


def learn(
    features: np.ndarray, targets: np.ndarray, train: np.ndarray, validation: np.ndarray, num_classes: int
) -> Learnt:
    """Both learners at equal class shares, and the answers of the one with the lower loss on validation.

    Args:
        features: float32 (n, C).
        targets: (n,) class index; every class is among those to learn from and those to validate on.
        train, validation: (n,) bool.
    """
    answers = {name: fit(features, targets, train, validation, num_classes) for name, fit in LEARNERS.items()}
    losses = {name: balanced_log_loss(logits[validation], targets[validation]) for name, logits in answers.items()}
    best = min(losses, key=losses.__getitem__)
    return Learnt(answers[best], best, losses)


def balanced_log_loss(logits: np.ndarray, targets: np.ndarray) -> float:
    """Mean over classes of the mean log-loss of each class's images, of logits (n, K)."""
    losses = -np.log(np.clip(softmax(logits)[np.arange(len(targets)), targets], FLOOR, 1))
    return float(np.average(losses, weights=_balanced(targets)))


def boosted_trees(
    features: np.ndarray, targets: np.ndarray, train: np.ndarray, validation: np.ndarray, num_classes: int
) -> np.ndarray:
    """Logits (n, K) of XGBoost, of the round that is best on validation."""
    library, count = xgboost(), num_classes if num_classes > 2 else 1

    def given(rows: np.ndarray) -> Any:
        return library.DMatrix(features[rows], targets[rows], weight=_balanced(targets[rows]))

    settings = {
        "objective": "multi:softprob" if num_classes > 2 else "binary:logistic",
        "max_depth": DEPTH,
        "eta": LEARNING_RATE,
        "tree_method": "hist",
        "max_bin": BINS,
        "nthread": 1,  # a second gains little on so few features, and waits long on a busy machine
        "seed": 0,
        **({"num_class": count} if count > 1 else {}),
    }
    watched = [(given(validation), "validation")]
    model = library.train(
        settings, given(train), ROUNDS, evals=watched, early_stopping_rounds=PATIENCE, verbose_eval=False
    )
    best = (0, model.best_iteration + 1)
    margins = model.predict(library.DMatrix(features), output_margin=True, iteration_range=best).astype(float)
    return np.stack([np.zeros_like(margins), margins], axis=1) if margins.ndim == 1 else margins


def logistic_regression(
    features: np.ndarray, targets: np.ndarray, train: np.ndarray, validation: np.ndarray, num_classes: int
) -> np.ndarray:
    """Logits (n, K) of logistic regression on standardised features."""
    regression = LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=ITERATIONS)
    model = make_pipeline(StandardScaler(), regression).fit(features[train].astype(float), targets[train])
    return np.log(np.clip(model.predict_proba(features.astype(float)), FLOOR, 1))


LEARNERS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]] = {
    "boosted trees": boosted_trees,
    "logistic regression": logistic_regression,
}


def _balanced(targets: np.ndarray) -> np.ndarray:
    """(n,) weights of mean 1 that give every class the same total."""
    return np.asarray(compute_sample_weight("balanced", targets))
