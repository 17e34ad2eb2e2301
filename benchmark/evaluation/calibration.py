"""From logits to decisions, probabilities and thresholds; whatever is fitted is fitted on the calibration subset.

A network trained on rebalanced batches answers for the classes' shares in the batches.  `without_prior` takes that
prior out, `correct_prior` replaces it by the data's (what probabilities refer to), `calibrate` mends what is left
of over- or underconfidence and of a bias towards one class.
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from registry.errors import DataError

FEWEST = 10  # images below which nothing is fitted
LEAST_RISE = 0.01  # log-odds from 0 to the largest score: keeps the order of the images where the fit finds none


def log_prior(prior: Sequence[float] | np.ndarray) -> np.ndarray:
    """(K,) logarithms of a class prior, which is normalised first.

    Raises:
        DataError: a share is not a positive number.
    """
    shares = np.asarray(prior, float)
    if not (np.isfinite(shares).all() and (shares > 0).all()):
        raise DataError(
            f"a class without training images has no prior: expected shares > 0, received {shares.tolist()}"
        )
    return np.log(shares / shares.sum())


def without_prior(logits: np.ndarray, batch_prior: Sequence[float] | np.ndarray) -> np.ndarray:
    """(n, K) logits at equal priors: `logits` less the log prior of the batches that the network saw."""
    return np.asarray(logits, float) - log_prior(batch_prior)


def correct_prior(
    logits: np.ndarray, data_prior: Sequence[float] | np.ndarray, batch_prior: Sequence[float] | np.ndarray
) -> np.ndarray:
    """(n, K) logits as if trained at the data's class prior: + log data_prior - log batch_prior."""
    return without_prior(logits, batch_prior) + log_prior(data_prior)


def softmax(logits: np.ndarray) -> np.ndarray:
    """(n, K) probabilities of (n, K) logits, in double precision."""
    logits = np.asarray(logits, float)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


class Calibration(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fitted map from prior-corrected logits to probabilities.

    ``temperature``: softmax(logits / temperature).  ``platt`` (K = 2): the log-odds of class 1 against class 0
    become slope * log-odds + intercept.  ``identity``: nothing could be fitted, `note` says why.

    Attributes:
        n: images it was fitted on.
    """

    method: Literal["temperature", "platt", "identity"]
    temperature: float = 1.0
    slope: float = 1.0
    intercept: float = 0.0
    n: int = 0
    note: str = ""

    def apply(self, logits: np.ndarray) -> np.ndarray:
        """(n, K) probabilities of (n, K) prior-corrected logits."""
        logits = np.asarray(logits, float)
        if self.method == "platt":
            odds = self.slope * (logits[:, 1] - logits[:, 0]) + self.intercept
            logits = np.stack([np.zeros_like(odds), odds], axis=1)
        return softmax(logits / self.temperature)


def fit_calibration(logits: np.ndarray, targets: np.ndarray) -> Calibration:
    """Temperature (K > 2) or Platt scaling (K = 2) of prior-corrected logits (n, K) of the calibration subset."""
    logits, targets = np.asarray(logits, float), np.asarray(targets, int)
    n = len(targets)
    if n < FEWEST:
        return Calibration("identity", n=n, note=f"not calibrated: {n} images to fit on, at least {FEWEST} needed")
    if len(np.unique(targets)) < 2:
        return Calibration("identity", n=n, note="not calibrated: one class only among the images to fit on")
    if not np.isfinite(logits).all():
        return Calibration("identity", n=n, note="not calibrated: logits are not finite")
    return _platt(logits[:, 1] - logits[:, 0], targets == 1) if logits.shape[1] == 2 else _temperature(logits, targets)


def _temperature(logits: np.ndarray, targets: np.ndarray) -> Calibration:
    """Guo et al. 2017, with a unit normal prior on log temperature: finite on separable data, else negligible."""

    def cost(log_temperature: float) -> float:
        scaled = logits / math.exp(log_temperature)
        losses = np.logaddexp.reduce(scaled, axis=1) - scaled[np.arange(len(targets)), targets]
        return float(losses.sum()) + log_temperature**2 / 2

    grid = np.linspace(-5, 5, 41)
    best = int(np.argmin([cost(point) for point in grid]))
    found = _minimum(cost, grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    return Calibration("temperature", temperature=math.exp(found), n=len(targets))


def _minimum(cost: Callable[[float], float], low: float, high: float) -> float:
    """Where a unimodal function is least, by golden-section search."""
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(50):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if cost(left) < cost(right) else (left, high)
    return (low + high) / 2


def _platt(odds: np.ndarray, positives: np.ndarray) -> Calibration:
    """Platt 1999 with his softened targets, which keep the fit finite on separable data."""
    count = int(positives.sum())
    soft = np.where(positives, (count + 1) / (count + 2), 1 / (len(odds) - count + 2))
    scale = max(float(np.abs(odds).max()), 1.0)  # Newton's steps stay well-conditioned for large logits
    scaled, n = odds / scale, len(odds)
    slope, intercept = _logistic_fit(np.stack([scaled, np.ones(n)], axis=1), soft)
    if slope >= LEAST_RISE:
        return Calibration("platt", slope=slope / scale, intercept=intercept, n=n)
    (intercept,) = _logistic_fit(np.ones((n, 1)), soft, LEAST_RISE * scaled)
    note = "scores did not rise with the class on the images to fit on: probabilities are close to the class shares"
    return Calibration("platt", slope=LEAST_RISE / scale, intercept=intercept, n=n, note=note)


def _logistic_fit(columns: np.ndarray, soft: np.ndarray, offset: np.ndarray | float = 0.0) -> list[float]:
    """Coefficients of a logistic regression on soft targets, by Newton's method with halved steps."""

    def cost(coefficients: np.ndarray) -> float:
        odds = columns @ coefficients + offset
        return float((np.logaddexp(0, odds) - soft * odds).sum())

    found = np.zeros(columns.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(columns @ found + offset, -700, 700)))
        gradient = columns.T @ (p - soft)
        curvature = (columns * (p * (1 - p))[:, None]).T @ columns + 1e-10 * np.eye(len(found))
        step, size = np.linalg.solve(curvature, gradient), 1.0
        while size > 1e-8 and cost(found - size * step) > cost(found):
            size /= 2
        found = found - size * step
        if np.abs(size * step).max() < 1e-10:
            break
    return found.tolist()


class Calibrated(NamedTuple):
    """What calibration makes of logits.

    Attributes:
        corrected_logits: (n, K) at equal class priors; decisions and rankings use it.
        probabilities: (n, K) at the data's class prior.
        calibration: what was fitted.
    """

    corrected_logits: np.ndarray
    probabilities: np.ndarray
    calibration: Calibration


def calibrate(
    logits: np.ndarray,
    targets: np.ndarray,
    fit: np.ndarray,
    data_prior: Sequence[float] | np.ndarray,
    batch_prior: Sequence[float] | np.ndarray,
) -> Calibrated:
    """Calibrated logits and probabilities of all images, fitted on those of the calibration subset alone.

    Args:
        logits: (n, K) as the network gave them.
        targets: (n,) class index.
        fit: (n,) bool, the images to fit on.
    """
    corrected = correct_prior(logits, data_prior, batch_prior)
    return calibrated(fit_calibration(corrected[fit], np.asarray(targets)[fit]), logits, data_prior, batch_prior)


def calibrated(
    fitted: Calibration,
    logits: np.ndarray,
    data_prior: Sequence[float] | np.ndarray,
    batch_prior: Sequence[float] | np.ndarray,
) -> Calibrated:
    """Evidence and probabilities of any images by a calibration that was fitted before.

    Two classes: Platt's scaling mends the threshold too, which a network that has memorised its few positives puts
    too high.  More: a temperature changes no decision, so the corrected logits stay as they are.
    """
    corrected, neutral = correct_prior(logits, data_prior, batch_prior), without_prior(logits, batch_prior)
    if fitted.method == "platt":
        odds = fitted.slope * (corrected[:, 1] - corrected[:, 0]) + fitted.intercept
        neutral = np.stack([np.zeros_like(odds), odds], axis=1) - log_prior(data_prior)
    return Calibrated(neutral, fitted.apply(corrected), fitted)


def threshold_at_specificity(targets: np.ndarray, scores: np.ndarray, specificity: float) -> float:
    """The lowest threshold at which at least that share of the negatives scores below it.

    An image is called positive where its score >= threshold.

    Args:
        targets: (n,), true for positives, of the calibration subset.
        scores: (n,) higher for positives.

    Raises:
        DataError: there are no negatives.
    """
    negatives = np.sort(np.asarray(scores, float)[~np.asarray(targets, bool)])
    if len(negatives) == 0:
        raise DataError("no threshold for a specificity without negative images to choose it on")
    below = max(1, math.ceil(specificity * len(negatives) - 1e-9))
    return float(np.nextafter(negatives[below - 1], math.inf))
