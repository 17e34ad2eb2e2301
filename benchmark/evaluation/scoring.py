"""A run's outputs -> its metrics with intervals, its calibrated probabilities and its control rows.

One decision rule for every metric that counts decisions (accuracy to MCC, sensitivity, specificity, the
confusion matrix): the class likeliest *at equal class priors*, `calibration.calibrate`.  It is what balanced
accuracy rewards and what training on balanced batches aims at.  Rankings (AUROC, AUPRC) use the same logits.
Log-loss, Brier and ECE judge calibrated probabilities at the training data's class prior.
Calibration and thresholds are fitted on the subset "calibration", everything is reported on "test".
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from benchmark.evaluation import metrics
from benchmark.evaluation.calibration import (
    Calibration,
    calibrate,
    log_prior,
    softmax,
    without_prior,
)
from benchmark.evaluation.controls import controls
from benchmark.evaluation.estimates import Outputs, evaluate
from benchmark.evaluation.resampling import Groups
from benchmark.evaluation.thresholds import at_specificities
from benchmark.records.calibration import CalibrationInfo, Threshold
from benchmark.records.estimate import Estimate
from benchmark.records.metrics import OF_DECISIONS, OF_POSITIVE, UNCALIBRATED
from registry.errors import DataError

DECISION_RULE = "likeliest class at equal class shares, calibrated on the calibration subset"
UNCALIBRATED_RULE = "likeliest class at equal class shares, not calibrated"
PROBABILITY_RULE = "class shares of the training data: log-loss, Brier and ECE refer to them"


@dataclass(frozen=True)
class Scores:
    """What `score` gives.

    Attributes:
        metrics: on the test subset; names as in a record.
        confusion: test images; rows true classes, columns decided ones.
        corrected_logits: (N, K) float64 of all samples, calibrated, at equal class priors.
        probabilities: (N, K) float64 of all samples, calibrated, at the training data's class prior.
        controls: "majority" and, where sources are known, "source-oracle" -> metrics on the test subset.
    """

    metrics: dict[str, Estimate]
    confusion: list[list[int]]
    corrected_logits: np.ndarray
    probabilities: np.ndarray
    calibration: CalibrationInfo
    controls: dict[str, dict[str, Estimate]] = field(default_factory=dict)


def score(
    *,
    classes: Sequence[str],
    positive: str | None,
    targets: np.ndarray,
    logits: np.ndarray,
    subsets: np.ndarray,
    groups: Groups,
    data_prior: Sequence[float],
    batch_prior: Sequence[float],
    seed: int,
    sources: Sequence[str | None] | None = None,
    resamples: int = 2000,
) -> Scores:
    """Calibrates on "calibration", scores "test", and scores the rules that never look at an image.

    Args:
        classes: names, in the order of the logits' columns.
        positive: the class that sensitivity is about (K = 2), or None.
        targets: (N,) class index; of all subsets.
        logits: (N, K) as the network gave them.
        subsets: (N,) "train", "validation", "calibration" or "test".
        groups: (N,) images that are not independent share one.
        data_prior: (K,) class prior of the training subset.
        batch_prior: (K,) class prior (weights included) that the network saw in training.
        sources: (N,) hospital or collection; None, or any None among them: unknown.

    Raises:
        DataError: no test images, or logits that are not finite.
    """
    targets, logits, subsets = np.asarray(targets, int), np.asarray(logits, float), np.asarray(subsets)
    groups = np.asarray(groups)
    _check(logits, subsets)
    calibrating, test = subsets == "calibration", subsets == "test"
    corrected_logits, probabilities, calibration = calibrate(logits, targets, calibrating, data_prior, batch_prior)
    outputs = Outputs(corrected_logits.argmax(axis=1), metrics.log_odds(corrected_logits), probabilities)
    judged = evaluate(classes, positive, targets[test], outputs.of(test), groups[test], seed, resamples)
    neutral = without_prior(logits[test], batch_prior)
    judged |= uncalibrated(classes, positive, targets[test], neutral, groups[test], seed, resamples)
    thresholds: dict[str, Threshold] = {}
    if positive is not None and len(classes) == 2:
        k = classes.index(positive)
        at, thresholds = at_specificities(k, targets, outputs.odds[:, k], subsets, groups)
        judged |= at
    return Scores(
        metrics=judged,
        confusion=metrics.confusion(targets[test], outputs.decisions[test], len(classes)).astype(int).tolist(),
        corrected_logits=corrected_logits,
        probabilities=outputs.probabilities,
        calibration=calibration_info(calibration, groups[calibrating], classes, data_prior, batch_prior, thresholds),
        controls=controls(classes, positive, targets, subsets, groups, sources, seed, resamples),
    )


def _check(logits: np.ndarray, subsets: np.ndarray) -> None:
    if not (subsets == "test").any():
        raise DataError("nothing to score: the test subset is empty; use more images or a larger test fraction")
    broken = int((~np.isfinite(logits)).any(axis=1).sum())
    if broken:
        raise DataError(f"logits must be finite to be scored; {broken} of {len(logits)} images have NaN or infinity")


def uncalibrated(
    classes: Sequence[str],
    positive: str | None,
    targets: np.ndarray,
    logits: np.ndarray,
    groups: np.ndarray,
    seed: int,
    resamples: int,
) -> dict[str, Estimate]:
    """Metrics of decisions without calibration, as ``NAME@uncalibrated``; between more than two it moves none.

    Args:
        logits: (n, 2) at equal class priors; of more classes there is nothing to find.
    """
    if len(classes) > 2:
        return {}
    outputs = Outputs(logits.argmax(axis=1), metrics.log_odds(logits), softmax(logits))
    found = evaluate(classes, positive, targets, outputs, groups, seed, resamples)
    return {f"{name}{UNCALIBRATED}": found[name] for name in (*OF_DECISIONS, *OF_POSITIVE) if name in found}


def calibration_info(
    calibration: Calibration,
    groups: np.ndarray,
    classes: Sequence[str],
    data_prior: Sequence[float],
    batch_prior: Sequence[float],
    thresholds: dict[str, Threshold],
) -> CalibrationInfo:
    """What a record says of a calibration that was fitted on images of these groups."""
    shares = {"data_prior": data_prior, "batch_prior": batch_prior}
    named = {key: dict(zip(classes, np.exp(log_prior(prior)).tolist(), strict=True)) for key, prior in shares.items()}
    fitted = msgspec.structs.asdict(calibration)
    decided = UNCALIBRATED_RULE if calibration.method == "identity" else DECISION_RULE
    return CalibrationInfo(
        **fitted,
        **named,
        groups=len(np.unique(groups)),
        decisions=decided,
        probabilities=PROBABILITY_RULE,
        subset="calibration",
        thresholds=thresholds,
    )
