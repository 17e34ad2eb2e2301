"""From logits to decisions, probabilities and thresholds; whatever is fitted is fitted on the calibration subset.

A network trained on rebalanced batches answers for the classes' shares in the batches.  `without_prior` takes that
prior out, `correct_prior` replaces it by the data's (what probabilities refer to), `calibrate` mends what is left
of over- or underconfidence and of a bias towards one class, as far as the images to fit on are many: see `shrinkage`.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from benchmark.evaluation.shrinkage import (
    INTERCEPT_SD,
    LOG_SLOPE_SD,
    LOG_TEMPERATURE_SD,
    shrunk_platt,
    shrunk_temperature,
)
from registry.errors import DataError

FEWEST = 10  # images below which nothing is fitted


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
        prior: standard deviations that shrink it to the identity, see `benchmark.evaluation.shrinkage`.
    """

    method: Literal["temperature", "platt", "identity"]
    temperature: float = 1.0
    slope: float = 1.0
    intercept: float = 0.0
    n: int = 0
    note: str = ""
    prior: dict[str, float] = {}

    def apply(self, logits: np.ndarray) -> np.ndarray:
        """(n, K) probabilities of (n, K) prior-corrected logits."""
        logits = np.asarray(logits, float)
        if self.method == "platt":
            odds = self.slope * (logits[:, 1] - logits[:, 0]) + self.intercept
            logits = np.stack([np.zeros_like(odds), odds], axis=1)
        return softmax(logits / self.temperature)


def fit_calibration(
    logits: np.ndarray, targets: np.ndarray, data_prior: Sequence[float] | np.ndarray | None = None
) -> Calibration:
    """Temperature (K > 2) or Platt scaling (K = 2) of prior-corrected logits (n, K) of the calibration subset.

    Args:
        data_prior: (K,) that the logits are corrected to; None: the shares among `targets`.
    """
    logits, targets = np.asarray(logits, float), np.asarray(targets, int)
    n = len(targets)
    if n < FEWEST:
        return Calibration("identity", n=n, note=f"not calibrated: {n} images to fit on, at least {FEWEST} needed")
    if len(np.unique(targets)) < 2:
        return Calibration("identity", n=n, note="not calibrated: one class only among the images to fit on")
    if not np.isfinite(logits).all():
        return Calibration("identity", n=n, note="not calibrated: logits are not finite")
    if logits.shape[1] > 2:
        prior = {"log_temperature_sd": LOG_TEMPERATURE_SD}
        return Calibration("temperature", temperature=shrunk_temperature(logits, targets), n=n, prior=prior)
    shares = np.bincount(targets, minlength=2) if data_prior is None else data_prior
    return _platt(logits[:, 1] - logits[:, 0], targets == 1, log_prior(shares))


def _platt(odds: np.ndarray, positives: np.ndarray, log_shares: np.ndarray) -> Calibration:
    """The fit at equal class shares, as slope and intercept of log-odds at the data's."""
    shift = float(log_shares[1] - log_shares[0])
    slope, intercept = shrunk_platt(odds - shift, positives)
    rises = odds[positives].mean() > odds[~positives].mean()  # else the likelihood alone would take a slope <= 0
    note = "" if rises else "scores did not rise with the class on the images to fit on"
    prior = {"log_slope_sd": LOG_SLOPE_SD, "intercept_sd": INTERCEPT_SD}
    return Calibration(
        "platt", slope=slope, intercept=intercept + shift * (1 - slope), n=len(odds), prior=prior, note=note
    )


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
    fitted = fit_calibration(corrected[fit], np.asarray(targets)[fit], data_prior)
    return calibrated(fitted, logits, data_prior, batch_prior)


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
