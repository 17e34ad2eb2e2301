"""The mean of the members' probabilities, each weighing what it was worth on the calibration subset."""

import numpy as np

LEAST_SKILL = 1e-9  # below is rounding: a member that knows nothing must not weigh anything
LEAST_PROBABILITY = 1e-6  # one image that a member was wrong about must not cost it everything


class WeightedVote:
    """Weighs every member by its skill.

    Attributes:
        weights_: (M,) >= 0, of sum 1.
    """

    def fit(self, probabilities: np.ndarray, targets: np.ndarray) -> "WeightedVote":
        """Weights in proportion to `skill`; equal ones where no member has any."""
        skills = np.array([skill(member, targets) for member in probabilities])
        self.weights_ = skills / skills.sum() if skills.any() else np.full(len(skills), 1 / len(skills))
        return self

    def predict_proba(self, probabilities: np.ndarray) -> np.ndarray:
        """Class probabilities (N, K) of members' probabilities (M, N, K)."""
        mean = np.tensordot(self.weights_, probabilities, axes=1)
        return mean / mean.sum(axis=1, keepdims=True)


def skill(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """How much of the log-loss of not knowing a member spares: 0 (nothing, or it misleads) to 1 (it is always right).

    1 - log-loss / log(classes) over the classes that have images, each of which weighs alike.

    Args:
        probabilities: (N, K) of one member.
        targets: (N,).
    """
    present = np.unique(targets)
    if len(present) < 2:
        return 0.0
    among = np.maximum(probabilities[:, present], LEAST_PROBABILITY)
    true = np.searchsorted(present, targets)
    losses = np.log(among.sum(axis=1)) - np.log(among[np.arange(len(true)), true])
    log_loss = np.mean([losses[true == k].mean() for k in range(len(present))])
    found = 1 - log_loss / np.log(len(present))
    return float(found) if found > LEAST_SKILL else 0.0


def weighted() -> WeightedVote:
    """Mean of the members' probabilities, weighted by their skill in log-loss on the calibration subset."""
    return WeightedVote()
