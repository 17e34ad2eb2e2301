"""The result of testing all rows of a table at once: each row's own interval, and its difference to one of them."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from benchmark.records.record import Record


class Contender(msgspec.Struct, frozen=True):
    """A row that is tested: a pipeline with its runs, or a control.

    Attributes:
        rule: of a control, its name in the record that holds its outputs, which is the only one of `runs`; of
            ``majority`` any run of the table, because its answer follows from the split.
    """

    name: str
    runs: Sequence["Record"]
    rule: str = ""


class Standing(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a row scores when it is trained again, on images like those of the test subset.

    Attributes:
        low, high: 95 % interval, images and retraining in one; None where it cannot be had, `note` then says why.
        first_low, first_high: the same at Šidák's level for the best of all rows, which was chosen on these images.
        trainings: how many it has; 0 of a control.
        retrained: whether retraining is in the interval; without it, it is of these trainings alone.
        borrowed: whether the spread over trainings is that of the other rows, because it has a single training.
        constant: whether it gives every image the same answer.
        note: what a reader must know about these.
    """

    low: float | None = None
    high: float | None = None
    first_low: float | None = None
    first_high: float | None = None
    trainings: int = 0
    retrained: bool = False
    borrowed: bool = False
    constant: bool = False
    note: str = ""


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row's score minus that of the reference row, simultaneous over the family of all pairs that are tested.

    Attributes:
        value: None where the two cannot be tested; `note` then says why.
        low, high: 95 % interval, simultaneous: of all intervals of the family all hold their truth in 95 %.
        p: two-sided and adjusted for the family, against no difference.
        error: standard error E; E² = image_error² + training_error².
        image_error: its part by the images.
        training_error: its part by retraining; 0 where it is not in it.
        training_variance: variance over trainings of the two rows together, U_i + U_j, or that of their paired
            differences, D, where they stand on common trainings.
        critical: how many errors the interval reaches to either side.
        quantile: what `critical` falls to with many trainings.
        minimum_detectable: the smallest true difference that this design finds in 80 %.
        these_trainings: whether retraining is not in it: what it says is of these trainings alone.
        common_trainings: whether both stand on the same trainings, as a vote and its member, and were compared by them.
        identical: whether both decide the same on all images; there is then no interval.
        n: images.
        note: what a reader must know.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    error: float | None = None
    image_error: float | None = None
    training_error: float | None = None
    training_variance: float | None = None
    critical: float | None = None
    quantile: float | None = None
    minimum_detectable: float | None = None
    these_trainings: bool = False
    common_trainings: bool = False
    identical: bool = False
    n: int = 0
    note: str = ""


class Verdicts(msgspec.Struct, frozen=True):
    """Of rows in the order in which they were given.

    Attributes:
        differences: each row minus the reference; of the reference itself one without value.
        pairs: how many pairs the family has.
        groups: independent groups among the test images, by class.
        note: why nothing could be tested; empty where something could.
    """

    standings: list[Standing]
    differences: list[Verdict]
    pairs: int = 0
    groups: dict[str, int] = {}
    note: str = ""


FamilyTest = Callable[[Sequence[Contender], str, int, bool], Verdicts]
"""(rows, metric, place of the reference row, whether it was named before the numbers were seen) -> verdicts.

The family is all pairs with at least one pipeline, or, where the reference was named before, only its own pairs.
"""


POWER = 0.842  # standard errors beyond the critical ones that find a true difference in 80 %


def trainings_needed(verdict: Verdict, gap: float) -> int | None:
    """How many trainings a row would show a true gap in 80 % on these images; None where no number would."""
    if verdict.quantile is None or verdict.image_error is None or verdict.training_variance is None:
        return None
    left = (gap / (verdict.quantile + POWER)) ** 2 - verdict.image_error**2
    return max(2, math.ceil(verdict.training_variance / left)) if left > 0 else None


def images_needed(verdict: Verdict, gap: float) -> tuple[int, int] | None:
    """(images, trainings a row) that would show a true gap in 80 %, half of its error left to either.

    Of these trainings alone the images are all there is to the error, and trainings are 0.
    """
    if verdict.quantile is None or verdict.image_error is None or not gap:
        return None
    scale = ((verdict.quantile + POWER) / gap) ** 2
    images = verdict.n * verdict.image_error**2 * scale
    if verdict.training_variance is None:
        return max(math.ceil(images), 1), 0
    return max(math.ceil(2 * images), 1), max(2, math.ceil(2 * verdict.training_variance * scale))
