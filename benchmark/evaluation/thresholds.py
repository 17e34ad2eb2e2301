"""Decisions at thresholds that the calibration subset chose for a specificity, and what they are worth on test.

The test subset shows its own specificity there, which is not the one that the threshold was chosen for.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from benchmark.evaluation.calibration import threshold_at_specificity
from benchmark.evaluation.intervals import join, proportion
from benchmark.evaluation.metrics import Metric, log_odds
from benchmark.records.calibration import Threshold
from benchmark.records.estimate import Estimate
from benchmark.records.metrics import AT_THRESHOLD, LEVELS, specificity_of

if TYPE_CHECKING:
    from benchmark.records.record import Record

BEYOND = 5  # negatives that should lie above a threshold on the images that it is chosen on


def decided_at(corrected_logits: np.ndarray, column: int, log_odds_from: float | np.ndarray) -> np.ndarray:
    """(n, 2) ones and zeros: the class decided, the positive one from a threshold on; to stand in place of logits.

    Args:
        corrected_logits: (n, 2), calibrated, at equal class priors.
        column: of the positive class.
        log_odds_from: the threshold, or that of each image (n,), as a record has it.
    """
    positive = log_odds(corrected_logits)[:, column] >= log_odds_from
    return np.eye(2)[np.where(positive, column, 1 - column)]


def outputs_of(
    run: "Record", metric: Metric, outputs: np.ndarray, folds: np.ndarray | None = None
) -> np.ndarray | None:
    """What a metric is computed from: a run's outputs (n, K), or its decisions where the metric is at a threshold.

    Args:
        outputs: of the kind that the metric needs.
        folds: (n,) of images of pooled folds, each decided at its own fold's threshold.

    Returns:
        None where the record does not say the threshold.
    """
    if not metric.threshold:
        return outputs
    known = run.calibration.thresholds.get(metric.threshold, Threshold())
    chosen = [known.log_odds] if folds is None else known.of_folds
    if run.positive is None or not chosen or None in chosen:
        return None
    by_fold = np.asarray(chosen, float)
    return decided_at(outputs, run.classes.index(run.positive), by_fold[0] if folds is None else by_fold[folds])


def at_specificities(
    k: int, targets: np.ndarray, odds: np.ndarray, subsets: np.ndarray, groups: np.ndarray
) -> tuple[dict[str, Estimate], dict[str, Threshold]]:
    """Sensitivity and specificity on "test" at thresholds chosen on "calibration", and those thresholds.

    Args:
        k: the positive class.
        odds: (n,) its log-odds.
    """
    own, calibrating, test = targets == k, subsets == "calibration", subsets == "test"
    result: dict[str, Estimate] = {}
    thresholds: dict[str, Threshold] = {}
    for name in LEVELS:
        specificity = specificity_of(name)
        if not (calibrating & ~own).any():
            note = "no threshold: no negatives among the images to choose it on"
            for kind, side in (("sensitivity", own), ("specificity", ~own)):
                result[f"{kind}{AT_THRESHOLD}{name}"] = Estimate(None, n=int((test & side).sum()), note=note)
            thresholds[name] = Threshold(note=note)
            continue
        chosen = threshold_at_specificity(own[calibrating], odds[calibrating], specificity)
        right, note = (odds >= chosen) == own, few_negatives(groups[calibrating & ~own], specificity)
        result |= worth_of_threshold(name, right[test], own[test], groups[test], note)
        thresholds[name] = _threshold(chosen, right, own & calibrating, ~own & calibrating, note)
    return result, thresholds


def worth_of_threshold(
    name: str, right: np.ndarray, positives: np.ndarray, groups: np.ndarray, note: str = ""
) -> dict[str, Estimate]:
    """``sensitivity@NAME`` and ``specificity@NAME`` of decisions, right or not (n,), at a threshold.

    Args:
        note: what a reader must know of the threshold.
    """
    found = {}
    for kind, side in (("sensitivity", positives), ("specificity", ~positives)):
        key = f"{kind}{AT_THRESHOLD}{name}"
        one = proportion(right[side], groups[side], f"no images for {key} in the test subset")
        found[key] = Estimate(one.value, one.low, one.high, one.n, join(one.note, note))
    return found


def few_negatives(groups: np.ndarray, specificity: float) -> str:
    """The note for a threshold that was chosen on negatives of too few groups; empty where they suffice."""
    needed = math.ceil(BEYOND / (1 - specificity) - 1e-9)
    return f"threshold chosen on negatives of fewer than {needed} groups" if len(np.unique(groups)) < needed else ""


def _threshold(chosen: float, right: np.ndarray, positives: np.ndarray, negatives: np.ndarray, note: str) -> Threshold:
    return Threshold(
        log_odds=chosen,
        calibration_specificity=float(right[negatives].mean()),
        calibration_sensitivity=float(right[positives].mean()) if positives.any() else None,
        negatives=int(negatives.sum()),
        positives=int(positives.sum()),
        note=note,
    )
