"""What stated probabilities are worth: losses, calibration errors, and how they are recalibrated; with intervals."""

from collections.abc import Mapping

import numpy as np

from benchmark.evaluation import intervals as statistics
from benchmark.evaluation import metrics
from benchmark.evaluation.calibration_error import (
    Fitted,
    ece_of_perfect,
    recalibration_intercept,
    recalibration_slope,
    signed_root,
    squared_error,
    unbiased_squared_error,
)
from benchmark.evaluation.resampling import Groups, Seed
from benchmark.records.estimate import FEW, Estimate
from benchmark.records.metrics import CALIBRATION_INTERCEPT, CALIBRATION_SLOPE, ECE_FLOOR, RMS_CALIBRATION_ERROR

RESAMPLED = ("log-loss", "brier", RMS_CALIBRATION_ERROR)
HALVED = "halved: half of the squared distance summed over the classes, in [0, 1]"
FEW_WRONG = "fewer than ten wrong decisions"


def resampled(targets: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> list[np.ndarray]:
    """Of each of `RESAMPLED` its values on resamples (r,), of the calibration error the square."""
    losses = metrics.log_losses(targets, probabilities), metrics.brier_scores(targets, probabilities)
    means = [metrics.weighted_mean(loss, weights) for loss in losses]
    return [*means, squared_error(targets, probabilities, weights)]


def probability_estimates(
    targets: np.ndarray,
    probabilities: np.ndarray,
    groups: Groups,
    wrong: np.ndarray,
    draws: Mapping[str, np.ndarray],
    seed: Seed,
) -> dict[str, Estimate]:
    """Of (n, K) probabilities: log-loss, Brier score, calibration errors.

    Args:
        wrong: (n,) bool, images that are decided wrongly.
        draws: of each of `RESAMPLED`, see `resampled`.
    """
    n, few, groups = len(targets), statistics.few(groups), np.asarray(groups)
    scarce = FEW_WRONG if len(np.unique(groups[wrong])) < FEW else ""
    halved = HALVED if probabilities.shape[1] > 2 else ""
    values = {
        "log-loss": (float(metrics.log_losses(targets, probabilities).mean()), scarce),
        "brier": (float(metrics.brier_scores(targets, probabilities).mean()), statistics.join(scarce, halved)),
    }
    result = {
        name: Estimate(value, *statistics.shifted_interval(value, draws[name]), n, statistics.join(few, note))
        for name, (value, note) in values.items()
    }
    result[RMS_CALIBRATION_ERROR] = rms_calibration_error(targets, probabilities, groups, draws[RMS_CALIBRATION_ERROR])
    perfect = ece_of_perfect(targets, probabilities, groups, seed)
    result["ece"] = Estimate(float(metrics.ece(targets, probabilities)), n=n, note=few)
    result[ECE_FLOOR] = Estimate(float(perfect.mean()), 0.0, float(np.quantile(perfect, 0.95)), n, few)
    return result


def rms_calibration_error(
    targets: np.ndarray, probabilities: np.ndarray, groups: Groups, draws: np.ndarray
) -> Estimate:
    """Root mean square calibration error over the bins, freed of what chance adds (Kumar, Liang & Ma 2019).

    Args:
        draws: (r,) `squared_error` of resamples of groups, whose percentiles are moved to the unbiased square.
    """
    square = unbiased_squared_error(targets, probabilities, groups)
    ends = statistics.shifted_interval(square, draws, floor=-np.inf)
    value, low, high = (max(0.0, signed_root(one)) for one in (square, *ends))
    return Estimate(value, low, high, len(targets), statistics.few(groups))


def recalibration_estimates(positives: np.ndarray, probabilities: np.ndarray, groups: Groups) -> dict[str, Estimate]:
    """Slope and intercept of a logistic recalibration of (n, 2) probabilities: 1 and 0 of a calibrated model.

    Args:
        probabilities: of the others and of the positives.
    """
    n = len(positives)
    if positives.all() or not positives.any():
        undefined = Estimate(None, n=n, note="one class only in the test subset")
        return {CALIBRATION_SLOPE: undefined, CALIBRATION_INTERCEPT: undefined}
    slope = recalibration_slope(positives, probabilities)
    intercept = recalibration_intercept(positives, probabilities)
    return {
        CALIBRATION_SLOPE: _coefficient(
            slope, positives, groups, "the probabilities separate the classes or are equal"
        ),
        CALIBRATION_INTERCEPT: _coefficient(intercept, positives, groups, ""),
    }


def _coefficient(fitted: Fitted | None, positives: np.ndarray, groups: Groups, undefined: str) -> Estimate:
    n, groups = len(positives), np.asarray(groups)
    if fitted is None:
        return Estimate(None, n=n, note=undefined)
    reach = statistics.Z * statistics.clustered_error(fitted.influence, groups)
    note = statistics.few(groups[positives]) or statistics.few(groups[~positives])
    return Estimate(fitted.value, fitted.value - reach, fitted.value + reach, n, note)
