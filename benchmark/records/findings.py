"""What scoring finds on the test images of a run, before a record holds it."""

import msgspec

from benchmark.records.calibration import CalibrationInfo
from benchmark.records.estimate import Estimate


class Copies(msgspec.Struct, frozen=True):
    """Films that are crops or re-encodings of one another: pairs, and what they connect; `largest` is a group's films.

    Copies are kept on one side of the split.
    """

    pairs: int
    groups: int
    films: int
    largest: int


class SplitInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the images were divided.

    Attributes:
        digest: of who is where; the folds of one cross-validation share it.
        counts: subset -> class -> images; of pooled folds "test" alone.
        folds: 1 for a single hold-out.
        copies: that were found; None where nobody searched.
        parts: ``given`` where the dataset's own test part is tested on.
        leaks: ``keep`` where the dataset's training part shares patients or films with its test part, and was kept.
        left_out: images that are in no subset.
        contradictions: films under several labels, each the ids of its images with their labels.
        notes: sentences on what parts, leaks and contradictions came to.
    """

    digest: str
    grouping: str
    seed: int
    fractions: dict[str, float]
    counts: dict[str, dict[str, int]] = {}
    folds: int = 1
    copies: Copies | None = None
    parts: str = "own"
    leaks: str = ""
    left_out: int = 0
    contradictions: list[list[str]] = []
    notes: list[str] = []


class DepthInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """How films of 16 bits a pixel were brought to 8.

    Attributes:
        bits: that became 0 to 255; brighter pixels were clipped.
        films: of 16 bits.
        deeper: id -> bits of the films that need more, and were scaled by their own.
    """

    bits: int
    films: int
    deeper: dict[str, int] = {}


class Member(msgspec.Struct, frozen=True, omit_defaults=True):
    """One member of a vote, or one fold of a cross-validation.

    Attributes:
        name: unique among the members: the class it knows, its pipeline, or ``fold 2``.
        run: of a fold, the run whose test predictions were pooled.
        metrics: on the test subset, of the question that the member was asked.
    """

    name: str
    pipeline: str
    metrics: dict[str, Estimate] = {}
    run: str = ""


class Reference(msgspec.Struct, frozen=True, omit_defaults=True):
    """The paired comparison of a vote with the one model that answers the same question directly.

    Attributes:
        difference: of the task's metric, vote minus reference, on the same test images.
        minimum_detectable: the smallest difference that as many images would separate with 80 % power.
        metrics: of the reference.
    """

    pipeline: str
    difference: Estimate
    minimum_detectable: float | None = None
    metrics: dict[str, Estimate] = {}


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a control is made of, in words short enough for a table.

    Attributes:
        sees: what it is told of an image.
        learner: that was taken; empty where nothing was fitted.
        losses: learner -> class-balanced log-loss on validation, by which it was taken; the mean over folds.
    """

    sees: str
    learner: str = ""
    losses: dict[str, float] = {}


class Findings(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the step ``score`` stores; the record has the same fields.

    Attributes:
        images: label -> prepared images.
        skipped: unreadable samples left out, as ``id: reason``.
        notices: what a reader must know of how images were prepared.
        depth: None without films of 16 bits a pixel.
        members: name -> metrics.
        reference: the difference and the metrics; who it is, the record adds.
        notes: what went wrong in the trainings, though they ended.
        rules: of a run of controls: name -> what it is made of.
    """

    split: SplitInfo
    images: dict[str, int]
    metrics: dict[str, Estimate]
    controls: dict[str, dict[str, Estimate]]
    confusion: list[list[int]]
    calibration: CalibrationInfo
    skipped: list[str] = []
    masks: dict[str, Estimate] = {}
    members: dict[str, dict[str, Estimate]] = {}
    voting: dict[str, Estimate] = {}
    reference: Reference | None = None
    notes: list[str] = []
    rules: dict[str, Rule] = {}
    notices: list[str] = []
    depth: DepthInfo | None = None
