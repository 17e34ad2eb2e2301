"""Slope and intercept, or a temperature, fitted to few images: shrunk to the identity as far as the images are few.

Platt (1999) and Guo et al. (2017) fit by maximum likelihood, which on some ten images moves decisions more than it
mends, and has no finite solution where the images are separable (for which Platt softens the targets).  Here the same
models have a normal prior around the identity and are fitted maximum a posteriori: what the images do not say stays as
the network gave it.  The more images there are, the nearer is the fit to that of maximum likelihood.
"""

import math
from collections.abc import Callable
from typing import Final

import numpy as np

# Standard deviations of the priors, chosen by tests/simulations/shrinkage.py.
LOG_SLOPE_SD: Final = 0.5
INTERCEPT_SD: Final = 1.5
LOG_TEMPERATURE_SD: Final = 0.5
STEP: Final = 0.5
LOGARITHMS: Final = np.arange(-12, 12 + STEP, STEP)  # of slope or temperature: the cost may have several minima


def shrunk_platt(
    odds: np.ndarray, positives: np.ndarray, log_slope_sd: float = LOG_SLOPE_SD, intercept_sd: float = INTERCEPT_SD
) -> tuple[float, float]:
    """Slope a and intercept c that make a * odds + c the log-odds of the positive class at equal class shares.

    They minimise  sum log-loss(y, a * odds + c + log(n1 / n0)) + log(a)² / (2 sd²) + c² / (2 sd²).  With the shift by
    the images of either class, a fit on any class shares is one at equal shares (Prentice & Pyke 1979); there the
    intercept alone moves decisions, whatever the slope.  The slope's prior is on its logarithm: it stays positive, and
    half as sure is as far from the identity as twice as sure.

    Args:
        odds: (n,) log-odds of the positive class at equal class shares.
        positives: (n,) bool, with images of both classes.
    """
    positives = np.asarray(positives, bool)
    shift = math.log(positives.sum() / (~positives).sum())

    def fit(log_slope: float) -> tuple[float, float]:
        scaled = math.exp(log_slope) * odds + shift
        intercept = _intercept(scaled, positives, intercept_sd)
        signs = np.where(positives, -1.0, 1.0)
        loss = float(np.logaddexp(0, signs * (scaled + intercept)).sum())
        return loss + (log_slope / log_slope_sd) ** 2 / 2 + (intercept / intercept_sd) ** 2 / 2, intercept

    log_slope = _lowest(lambda point: fit(point)[0])
    return math.exp(log_slope), fit(log_slope)[1]


def _intercept(odds: np.ndarray, positives: np.ndarray, sd: float) -> float:
    """The most probable shift of log-odds: the root of the posterior's slope, by Newton's steps within a bracket."""
    low, high, found = -(sd**2) * float((~positives).sum()), sd**2 * float(positives.sum()), 0.0
    for _ in range(100):
        p = 0.5 * (1 + np.tanh((odds + found) / 2))
        rise = float((p - positives).sum()) + found / sd**2
        low, high = (low, found) if rise > 0 else (found, high)
        step = found - rise / (float((p * (1 - p)).sum()) + 1 / sd**2)
        before, found = found, step if low <= step <= high else (low + high) / 2
        if abs(found - before) < 1e-12:
            break
    return found


def shrunk_temperature(logits: np.ndarray, targets: np.ndarray, log_sd: float = LOG_TEMPERATURE_SD) -> float:
    """Temperature T that minimises  sum log-loss(y, softmax(logits / T)) + log(T)² / (2 sd²).

    Args:
        logits: (n, K).
        targets: (n,) class index.
    """
    own = np.arange(len(targets)), targets

    def cost(log_temperature: float) -> float:
        scaled = logits / math.exp(log_temperature)
        return float((np.logaddexp.reduce(scaled, axis=1) - scaled[own]).sum()) + (log_temperature / log_sd) ** 2 / 2

    return math.exp(_lowest(cost))


def _lowest(cost: Callable[[float], float]) -> float:
    """Where a function of a logarithm is least: the best of a grid, then golden-section search beside it."""
    best = float(LOGARITHMS[np.argmin([cost(point) for point in LOGARITHMS.tolist()])])
    low, high, ratio = best - STEP, best + STEP, (math.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = cost(left), cost(right)
    for _ in range(45):  # to 1e-9
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = cost(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = cost(right)
    return (low + high) / 2
