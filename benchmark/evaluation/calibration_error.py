"""How far stated probabilities are from what happens: errors over bins, and how a test subset would recalibrate them.

The expected calibration error of a finite test subset is above 0 for a perfect model too, and no subtraction makes an
estimate of it; so it stands without an interval beside what a perfect model shows.  What can be estimated, and has an
interval, is its root mean square over the same bins (Kumar, Liang & Ma 2019).
"""

import math
from typing import NamedTuple

import numpy as np

from benchmark.evaluation.metrics import TINY, calibration_gaps, confidence_bins
from benchmark.evaluation.resampling import Groups, Seed, group_codes

NEWTON_STEPS = 100


def squared_error(targets: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Mean over the bins of the squared gap between confidence and share of right answers: too large by chance.

    Args:
        weights: (..., n); gives the shape `...`, bins staying as they are.
    """
    gaps, bins = calibration_gaps(targets, probabilities), confidence_bins(probabilities)
    weights = np.ones(len(gaps)) if weights is None else weights
    masses = weights @ bins
    sums = (weights * gaps) @ bins
    squares = np.divide(sums**2, masses, out=np.zeros_like(sums), where=masses > 0)
    return squares.sum(axis=-1) / weights.sum(axis=-1)


def unbiased_squared_error(targets: np.ndarray, probabilities: np.ndarray, groups: Groups) -> float:
    """The same less each bin's variance by chance, which its groups show; negative where chance explains more.

    A bin that holds a single group shows no variance and counts as nothing.
    """
    gaps, bins = calibration_gaps(targets, probabilities), confidence_bins(probabilities)
    codes, sizes = group_codes(groups)
    present = (_by_group(bins, codes, len(sizes)) > 0).sum(axis=0)
    bins, present = bins[:, present > 1], present[present > 1]
    masses = bins.sum(axis=0)
    means = gaps @ bins / masses
    totals = _by_group(bins * (gaps[:, None] - means), codes, len(sizes))
    variances = (totals**2).sum(axis=0) / masses**2 * present / (present - 1)
    return float((masses * (means**2 - variances)).sum() / len(gaps))


def signed_root(square: float) -> float:
    """Root of what may be negative, with its sign."""
    return math.copysign(math.sqrt(abs(square)), square)


def ece_of_perfect(
    targets: np.ndarray, probabilities: np.ndarray, groups: Groups, seed: Seed, simulations: int = 500
) -> np.ndarray:
    """(simulations,): expected calibration errors that chance alone shows on these images.

    Each group's gaps between confidence and right or wrong get one random sign, so that they are 0 on average and
    images of a group still err together.
    """
    gaps, bins = calibration_gaps(targets, probabilities), confidence_bins(probabilities)
    codes, sizes = group_codes(groups)
    totals = _by_group(bins * gaps[:, None], codes, len(sizes))
    signs = np.random.default_rng(seed).integers(0, 2, (simulations, len(sizes))) * 2.0 - 1.0
    return np.abs(signs @ totals).sum(axis=1) / len(gaps)


def _by_group(columns: np.ndarray, codes: np.ndarray, count: int) -> np.ndarray:
    """(G, B) sums of (n, B) over the images of each group."""
    totals = np.zeros((count, columns.shape[1]))
    np.add.at(totals, codes, columns)
    return totals


class Fitted(NamedTuple):
    """A coefficient of a logistic regression, and what each image adds to its error (n,)."""

    value: float
    influence: np.ndarray


def recalibration_slope(positives: np.ndarray, probabilities: np.ndarray) -> Fitted | None:
    """Slope b of logit P(positive) = a + b · log-odds stated (Cox 1958): below 1 the model is too sure.

    Args:
        positives: (n,) bool.
        probabilities: (n, 2) of the others and of the positives.

    Returns:
        None where there is no finite slope: the stated odds separate the classes, do not vary, or one is absent.
    """
    positives, odds = np.asarray(positives, bool), _stated_odds(probabilities)
    high, low = odds[positives], odds[~positives]
    if min(len(high), len(low)) == 0 or np.ptp(odds) == 0:
        return None
    if high.min() >= low.max() or high.max() <= low.min():
        return None
    scale = odds.std()
    scaled = (odds - odds.mean()) / scale
    fitted, influence = _logistic(np.stack([np.ones_like(odds), scaled], axis=1), positives, np.zeros_like(odds))
    return Fitted(float(fitted[1] / scale), influence[:, 1] / scale)


def recalibration_intercept(positives: np.ndarray, probabilities: np.ndarray) -> Fitted | None:
    """What is to be added to the stated log-odds, as they are, so that their mean probability is right.

    Above 0 the model states too little; at a slope of 1 ("calibration in the large", Van Calster et al. 2016).
    Arguments and None as of `recalibration_slope`, but that odds may be anything.
    """
    positives, odds = np.asarray(positives, bool), _stated_odds(probabilities)
    if positives.all() or not positives.any():
        return None
    fitted, influence = _logistic(np.ones((len(odds), 1)), positives, odds)
    return Fitted(float(fitted[0]), influence[:, 0])


def _stated_odds(probabilities: np.ndarray) -> np.ndarray:
    logarithms = np.log(np.clip(probabilities, TINY, 1.0))
    return np.asarray(logarithms[:, 1] - logarithms[:, 0])


def _logistic(design: np.ndarray, positives: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (P,) of greatest likelihood, by Newton's steps, halved where they go too far; influences (n, P)."""

    def loss(coefficients: np.ndarray) -> float:
        return float(np.logaddexp(0, np.where(positives, -1.0, 1.0) * (design @ coefficients + offset)).sum())

    found = np.zeros(design.shape[1])
    for _ in range(NEWTON_STEPS):
        step = _newton(design, positives, design @ found + offset).sum(axis=0)
        while loss(found + step) > loss(found) + 1e-12 and np.abs(step).max() > 1e-12:
            step = step / 2
        found = found + step
        if np.abs(step).max() < 1e-10:
            break
    return found, _newton(design, positives, design @ found + offset)


def _newton(design: np.ndarray, positives: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """(n, P): each image's part of Newton's step from there, which at the solution is its influence."""
    p = 0.5 * (1 + np.tanh(odds / 2))
    curvature = (design * (p * (1 - p))[:, None]).T @ design
    return np.asarray((design * (positives - p)[:, None]) @ np.linalg.pinv(curvature))
