"""A trained run on images of elsewhere: judged as on its own test, with calibration and thresholds carried over."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmark.evaluation import metrics
from benchmark.evaluation.calibration import Calibration, calibrate, without_prior
from benchmark.evaluation.estimates import Outputs, evaluate
from benchmark.evaluation.intervals import effective_n, join, wilson
from benchmark.evaluation.scoring import uncalibrated
from benchmark.evaluation.thresholds import at_specificities, worth_of_threshold
from benchmark.records.calibration import Threshold
from benchmark.records.estimate import Estimate
from benchmark.records.metrics import LEVELS, OF_CALIBRATION, OF_DECISIONS, OF_PROBABILITIES, OF_RANKS

PRECISION = 0.03  # to either side, for which it is said how many images are needed
MOST_NEEDED = 1e7
OF_ALL = (*OF_DECISIONS, *OF_PROBABILITIES)  # of all classes together: without one of them another question
OVER_CLASSES = ("balanced-accuracy", "macro-f1", "auroc", "auprc")  # their means, which need each class
DROPPING = (*OF_DECISIONS, *OF_RANKS, *OF_PROBABILITIES)


class Asked(NamedTuple):
    """What is the same for all numbers of one evaluation."""

    classes: Sequence[str]
    positive: str | None
    seed: int
    resamples: int


class Recalibrated(NamedTuple):
    """What recalibration on some of the images gives on the others.

    Attributes:
        corrected_logits, probabilities: (n, K) of all images.
        metrics: on the images that it was not fitted on.
    """

    corrected_logits: np.ndarray
    probabilities: np.ndarray
    calibration: Calibration
    thresholds: dict[str, Threshold]
    metrics: dict[str, Estimate]


def outputs_of(corrected_logits: np.ndarray, probabilities: np.ndarray) -> Outputs:
    """What calibrated outputs (n, K) decide and how they rank, as on a run's own test."""
    return Outputs(corrected_logits.argmax(axis=1), metrics.log_odds(corrected_logits), probabilities)


def carried_over(
    asked: Asked,
    targets: np.ndarray,
    outputs: Outputs,
    groups: np.ndarray,
    thresholds: Mapping[str, Threshold],
    neutral: np.ndarray,
) -> dict[str, Estimate]:
    """Every metric of images of elsewhere, at the thresholds of the run.

    Args:
        neutral: (n, K) logits at equal class priors, not calibrated.
    """
    classes, positive, seed, resamples = asked
    found = evaluate(classes, positive, targets, outputs, groups, seed, resamples)
    found |= uncalibrated(classes, positive, targets, neutral, groups, seed, resamples)
    found = _with_every_class(found)
    if positive is None or len(classes) != 2:
        return found
    k = list(classes).index(positive)
    own = targets == k
    for name in LEVELS:
        known = thresholds.get(name)
        if known is not None and known.log_odds is not None:
            right = (outputs.odds[:, k] >= known.log_odds) == own
            found |= worth_of_threshold(name, right, own, groups, known.note)
    return found


def recalibrated(
    asked: Asked,
    targets: np.ndarray,
    logits: np.ndarray,
    groups: np.ndarray,
    local: np.ndarray,
    data_prior: Sequence[float],
    batch_prior: Sequence[float],
) -> Recalibrated:
    """Calibration and thresholds fitted anew on local images, judged on the others.

    Args:
        local: (n,) bool, the images to fit on; their class shares become the prior, where they have every class.
        data_prior, batch_prior: (K,) of the run.
    """
    classes, positive, seed, resamples = asked
    counts = np.bincount(targets[local], minlength=len(classes))
    prior = list(counts / counts.sum()) if counts.all() else data_prior
    corrected, probabilities, calibration = calibrate(logits, targets, local, prior, batch_prior)
    outputs, rest = outputs_of(corrected, probabilities), ~local
    found = evaluate(classes, positive, targets[rest], outputs.of(rest), groups[rest], seed, resamples)
    found = _with_every_class(found)
    thresholds: dict[str, Threshold] = {}
    if positive is not None and len(classes) == 2:
        k = list(classes).index(positive)
        subsets = np.where(local, "calibration", "test")
        at, thresholds = at_specificities(k, targets, outputs.odds[:, k], subsets, groups)
        found |= at
    return Recalibrated(corrected, probabilities, calibration, thresholds, found)


def neutral_logits(logits: np.ndarray, batch_prior: Sequence[float]) -> np.ndarray:
    """(n, K) logits at equal class priors, not calibrated."""
    return without_prior(logits, batch_prior)


def drops(external: Mapping[str, Estimate], internal: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """Metric -> external less internal, of all that compare models; of these trainings, images alone.

    The images of the two sets have nothing in common, so their errors add up: each end of the interval from those of
    the two (MOVER, Zou & Donner 2008), which keeps them asymmetric near 0 and 1.
    """
    named = [name for name in external if name in internal and _drops(name)]
    lacking = _lacking(external)
    return {
        name: Estimate(None, note=lacking) if lacking and name in OF_ALL else difference(external[name], internal[name])
        for name in named
    }


def _with_every_class(found: dict[str, Estimate]) -> dict[str, Estimate]:
    """The metrics, of which means over classes are not defined where a class has no image.

    What is left of the mean would stand under the same name as that of all classes, and beside it.
    """
    lacking = _lacking(found)
    means = [name for name in found if name.partition("@")[0] in OVER_CLASSES] if lacking else []
    return found | {name: Estimate(None, n=found[name].n, note=lacking) for name in means}


def _lacking(found: Mapping[str, Estimate]) -> str:
    """Which classes have no image, by what is known of each class; empty where all have one."""
    absent = [name.partition("/")[2] for name, one in found.items() if name.startswith("n/") and not one.value]
    return f"the external dataset has no image of {', '.join(absent)}" if absent else ""


def difference(one: Estimate, other: Estimate) -> Estimate:
    """One number less another, of images that have nothing in common."""
    if one.value is None or other.value is None:
        return Estimate(None, n=one.n, note=join(one.note, other.note) or "not defined on both sets")
    value = one.value - other.value
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return Estimate(value, n=one.n, note="no interval: one of the two has none")
    low = value - math.hypot(one.value - one.low, other.high - other.value)
    high = value + math.hypot(one.high - one.value, other.value - other.low)
    return Estimate(value, low, high, one.n, join(one.note, other.note))


def _drops(name: str) -> bool:
    kind, _, rest = name.partition("/")
    if kind in OF_CALIBRATION or kind == "n" or name.partition("@")[2] == "uncalibrated":
        return False
    return bool(rest) or kind.partition("@")[0] in (*DROPPING, "sensitivity", "specificity")


def needed_of_classes(
    classes: Sequence[str],
    positive: str | None,
    targets: np.ndarray,
    decisions: np.ndarray,
    groups: np.ndarray,
    rest: np.ndarray,
) -> dict[str, int]:
    """How many images of each class its share of recognised ones to within three points needs.

    Args:
        rest: (n,) bool, the images to tell by.
    """
    counts = {}
    for k, name in enumerate(classes):
        own = rest & (targets == k)
        kind = f"recall/{name}"
        if positive is not None and len(classes) == 2:
            kind = "sensitivity" if name == positive else "specificity"
        counts[kind] = needed(decisions[own] == k, groups[own])
    return {kind: count for kind, count in counts.items() if count is not None}


def needed(right: np.ndarray, groups: np.ndarray) -> int | None:
    """How many images of a class give its share of right ones to within three points, grouped as these are.

    Args:
        right: (n,) bool, of the images of the class.

    Returns:
        None where there are none to tell by.
    """
    if len(right) == 0:
        return None
    share = float(np.mean(right))
    low, high = 1.0, MOST_NEEDED
    for _ in range(60):  # bisection: the interval shrinks as images are added
        middle = math.sqrt(low * high)
        ends = wilson(share, middle)
        low, high = (middle, high) if ends[1] - ends[0] > 2 * PRECISION else (low, middle)
    return math.ceil(high * len(right) / effective_n(right, groups) - 1e-6)
