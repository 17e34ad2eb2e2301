"""Student's t on the normal's scale, so that differences with unlike degrees of freedom can be compared."""

import math
from statistics import NormalDist

import numpy as np

MANY = 1e4  # degrees of freedom, of which more move nothing

Z = NormalDist().inv_cdf(0.975)


def to_normal(t: np.ndarray | float, freedom: np.ndarray | float) -> np.ndarray:
    """|t| with so many degrees of freedom -> a normal deviate about as rare (Wallace 1959).

    Within 4 % from two degrees of freedom on, within 8 % at one; what is drawn goes through the same scale.
    """
    some = np.minimum(freedom, MANY)
    return np.asarray((8 * some + 1) / (8 * some + 3) * np.sqrt(some * np.log1p(np.square(t) / some)))


def from_normal(z: np.ndarray | float, freedom: np.ndarray | float) -> np.ndarray:
    """The inverse of `to_normal`."""
    some = np.minimum(freedom, MANY)
    corrected = z * (8 * some + 3) / (8 * some + 1)
    return np.asarray(np.sqrt(some * np.expm1(np.square(corrected) / some)))


def sidak_deviate(rows: int) -> float:
    """Standard errors to either side of 95 % intervals for all of so many rows at once (Šidák 1967)."""
    return NormalDist().inv_cdf((1 + math.pow(0.95, 1 / max(rows, 1))) / 2)
