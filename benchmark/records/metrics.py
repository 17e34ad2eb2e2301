"""The metrics of a record by name: which there are, what each is of, and which are better lower."""

from collections.abc import Sequence

OF_DECISIONS = ("accuracy", "balanced-accuracy", "macro-f1", "mcc")
OF_RANKS = ("auroc", "auprc")
OF_PROBABILITIES = ("log-loss", "brier", "ece")  # losses and errors of calibrated probabilities
OF_POSITIVE = ("sensitivity", "specificity")  # only where two classes have a positive one
PER_CLASS = ("precision", "recall", "f1")  # recorded as ``NAME/CLASS``
PER_CLASS_OF_SEVERAL = ("specificity", "auroc")  # also, of three classes or more: of two, one says what the other does
LEVELS = ("specificity-95", "specificity-99")  # that thresholds are chosen for: ``sensitivity@specificity-95``
AT_THRESHOLD = "@"
UNCALIBRATED = "@uncalibrated"  # after the name of a metric of decisions: of those that nothing was calibrated for
ECE_FLOOR = "ece-floor"  # the ECE that chance alone shows, mean, and at most in 95 %
RMS_CALIBRATION_ERROR = "rms-calibration-error"
CALIBRATION_SLOPE, CALIBRATION_INTERCEPT = "calibration-slope", "calibration-intercept"  # of two classes: best 1 and 0
OF_CALIBRATION = (RMS_CALIBRATION_ERROR, ECE_FLOOR, CALIBRATION_SLOPE, CALIBRATION_INTERCEPT)  # no rows are ranked by

LOWER_IS_BETTER = frozenset({*OF_PROBABILITIES, ECE_FLOOR, RMS_CALIBRATION_ERROR})
# Shown beside the primary metric, the most wanted first.
SECONDARY = ("sensitivity", "specificity", "auroc", "macro-f1", "accuracy", "balanced-accuracy", "mcc")


def metrics_of(classes: Sequence[str], positive: str | None) -> list[str]:
    """Every metric that a run on these classes is measured by, so that a task may ask for it."""
    binary = len(classes) == 2
    names = [*OF_DECISIONS, *OF_RANKS, *OF_PROBABILITIES]
    if binary and positive is not None:
        names += OF_POSITIVE
    of_class = PER_CLASS if binary else PER_CLASS + PER_CLASS_OF_SEVERAL
    return names + [f"{metric}/{name}" for metric in of_class for name in classes]


def ranks(metric: str) -> bool:
    """Whether rows can be ranked by it: neither counts nor what only judges calibration."""
    return metric not in OF_CALIBRATION and not metric.startswith("n/")


def direction(metric: str) -> float:
    """1 where more of a metric is better, -1 where less is."""
    return -1.0 if metric in LOWER_IS_BETTER else 1.0


def specificity_of(level: str) -> float:
    """The specificity that a threshold was chosen for: .95 of ``specificity-95``."""
    return int(level.rpartition("-")[2]) / 100
