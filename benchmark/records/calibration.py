"""How logits became probabilities and decisions, as a record holds it."""

from msgspec import UNSET, Struct, UnsetType


class Threshold(Struct, frozen=True, omit_defaults=True):
    """Where a class is called positive, and what validation shows there.

    Attributes:
        log_odds: of the corrected logits, at equal class priors; None where none could be chosen, `note` then says why.
        of_folds: where folds were pooled, the `log_odds` of each.
        calibration_sensitivity: None where the calibration subset has no positives.
        negatives, positives: images of the calibration subset that it was chosen on.
        note: also where these are too few to place it.
    """

    log_odds: float | None = None
    calibration_specificity: float | None = None
    calibration_sensitivity: float | UnsetType | None = UNSET
    negatives: int | None = None
    positives: int | None = None
    of_folds: list[float | None] = []
    note: str = ""


class CalibrationInfo(Struct, frozen=True, omit_defaults=True):
    """What was fitted, on what, and what decisions and probabilities refer to; pooled folds say the latter alone.

    Attributes:
        method: ``temperature``, ``platt`` or ``identity``, see `benchmark.evaluation.calibration.Calibration`.
        n, groups: images it was fitted on, and how many groups they belong to.
        prior: standard deviations of the normal priors that shrank it to the identity: of the logarithm of slope or
            temperature, and of the intercept at equal class shares; empty where there was none, as in older records.
        note: why nothing could be fitted; empty where it could.
        data_prior, batch_prior: class -> its share in the training data, and in the batches that the network saw.
        decisions, probabilities: the rule of each, in words.
        subset: that it was fitted on.
        thresholds: ``specificity-95`` -> the threshold at that specificity, where there is a positive class.
    """

    method: str | None = None
    temperature: float | None = None
    slope: float | None = None
    intercept: float | None = None
    n: int | None = None
    groups: int | None = None
    prior: dict[str, float] = {}
    note: str | None = None
    data_prior: dict[str, float] = {}
    batch_prior: dict[str, float] = {}
    decisions: str = ""
    probabilities: str = ""
    subset: str = ""
    thresholds: dict[str, Threshold] = {}
