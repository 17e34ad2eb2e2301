"""The mean of the members' probabilities."""

import numpy as np


class SoftVote:
    """Weighs every member alike."""

    def fit(self, probabilities: np.ndarray, targets: np.ndarray) -> "SoftVote":
        """Learns nothing."""
        return self

    def predict_proba(self, probabilities: np.ndarray) -> np.ndarray:
        """Class probabilities (N, K) of members' probabilities (M, N, K)."""
        mean = probabilities.mean(axis=0)
        return mean / mean.sum(axis=1, keepdims=True)


def soft() -> SoftVote:
    """Mean of the members' probabilities."""
    return SoftVote()
