"""A voter for cxr-bench."""

from typing import Annotated

import numpy as np
from registry.options import Range

LEAST = 1e-6  # a probability of 0 would outvote all other members


class PowerMean:
    """The mean of a power of the members' probabilities: a low power listens to doubt, a high one to certainty."""

    def __init__(self, power: float) -> None:
        self.power = power

    def fit(self, probabilities: np.ndarray, targets: np.ndarray) -> "PowerMean":
        """Learns nothing from (M, N, K) probabilities and (N,) targets."""
        return self

    def predict_proba(self, probabilities: np.ndarray) -> np.ndarray:
        """Class probabilities (N, K) of members' probabilities (M, N, K)."""
        powers = np.clip(probabilities, LEAST, 1) ** self.power
        mean = powers.mean(axis=0) ** (1 / self.power)
        return mean / mean.sum(axis=1, keepdims=True)


def my_component(
    *,
    power: Annotated[float, Range(0.1, 10, log=True)] = 2.0,
) -> PowerMean:
    """Power mean of the members' probabilities.

    Args:
        power: 1 is the mean.
    """
    return PowerMean(power)
