"""What a run found: numbers with intervals, and what they rest on."""

from typing import Any, Literal

import msgspec

SCHEMA = 1


class Estimate(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A number with its 95 % interval.

    Attributes:
        value: None where the number is not defined; `note` then says why.
        n: how many images (or, for a class metric, images of that class) it rests on.
        note: the degenerate case in words, empty otherwise.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    note: str = ""


class Part(msgspec.Struct, frozen=True):
    """What was used: a component, its options and the code behind it."""

    name: str
    options: dict[str, Any]
    distribution: str
    version: str
    code: str


class DatasetInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """The data a run stands on.

    Attributes:
        digest: of the samples that were selected (ids, labels, sources, groups, file bytes).
        counts: label -> images.
        sources: source -> images; empty where the dataset does not know its sources.
        skipped: unreadable samples left out by --skip-bad, as ``id: reason``.
    """

    name: str
    digest: str
    counts: dict[str, int]
    sources: dict[str, int] = {}
    licence: str = ""
    origin: str = ""
    notices: list[str] = []
    skipped: list[str] = []


class SplitInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the images were divided.

    Attributes:
        digest: of who is where; the folds of one cross-validation share it.
        counts: part -> class -> images; of pooled folds "test" alone.
        folds: 1 for a single hold-out.
    """

    digest: str
    grouping: str
    seed: int
    fractions: dict[str, float]
    counts: dict[str, dict[str, int]] = {}
    folds: int = 1


class Cost(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run cost; seconds are wall time on `hardware`, None where a cached result was used unmeasured."""

    parameters: int = 0
    trainable_parameters: int = 0
    model_bytes: int = 0
    training_s: float | None = None
    training_images_per_s: float | None = None
    inference_images_per_s: float | None = None
    hardware: str = ""


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a run failed, at which stage, and the last lines of its log."""

    cause: Literal[
        "exception", "oom", "nan", "timeout", "killed", "data", "plugin", "interrupted", "refused", "storage"
    ]
    stage: str
    message: str
    log: list[str] = []


class Member(msgspec.Struct, frozen=True, omit_defaults=True):
    """One voice in a vote, or one fold of a cross-validation.

    Attributes:
        name: unique among the members: the class it knows, its pipeline, or ``fold 2``.
        run: of a fold, the run whose test predictions were pooled.
        metrics: on the test part, of the question that the member was asked.
    """

    name: str
    pipeline: str
    metrics: dict[str, Estimate] = {}
    run: str = ""


class Reference(msgspec.Struct, frozen=True, omit_defaults=True):
    """The paired comparison of a vote with the one model that answers the same question directly.

    Attributes:
        difference: of the task's metric, vote minus reference, on the same test images.
        detectable: the smallest difference that as many images would separate with 80 % power.
        metrics: of the reference.
    """

    pipeline: str
    difference: Estimate
    detectable: float | None = None
    metrics: dict[str, Estimate] = {}


class Tuned(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a pipeline's settings were chosen, and what that cost.

    Attributes:
        pipeline: names of segmenter, backbone and head, joined by +.
        values: what was searched -> what was found: ``training.learning_rate``, ``head.dropout``.
        trials: how many were begun; ``finished`` of them ended well, ``failed`` badly, ``unfinished`` not yet.
        epochs: of those that finished, together.
        duration_s: of all together, wall time on `hardware`; of unfinished ones as far as they came.
        stayed: no trial was better than the default, whose own settings `values` are.
        default, best: the objective of the settings as they were and of those found: class-balanced log-loss of the
            *select* part, the lowest of so many trials and therefore optimistic; None where the default failed, or was
            not trained for as many epochs as the best.
        curve: the objective of the best after the first, second, … finished trial; of those that were trained furthest
            until then, so that it may rise where one goes further.
        space: what was searched -> its range or choices.
    """

    tuner: str
    pipeline: str
    values: dict[str, bool | int | float | str]
    trials: int
    finished: int
    failed: int
    epochs: int
    duration_s: float
    default: float | None = None
    best: float | None = None
    curve: list[float] = []
    space: dict[str, dict[str, Any]] = {}
    hardware: str = ""
    unfinished: int = 0
    stayed: bool = False


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run, or the folds of a cross-validation pooled into one result.

    Attributes:
        fold: which fold was tested on; None where the out-of-fold predictions of all folds are pooled.
        members: the voices of a vote, the folds of a pooled result.
        voting: how the members of a vote agree on the test part: statistics of the same shape as `metrics`.
        pipeline: how tables name it: ``unet+sepcnn+dense``, options other than the default in brackets.
        pipeline_digest: the same for runs that differ in seed and fold only; such runs are aggregated.
        metric: the task's primary metric, a key of `metrics`.
        metrics: on the test part.  Names are kebab-case; per-class ones end in ``/CLASS``.
        controls: rule -> metrics; ``majority`` always, ``source-oracle`` when sources are known.
        confusion: rows are true classes, columns predicted ones, in the order of `classes`.
        masks, gradcam: mask quality, and where the maps lie: statistics of the same shape as `metrics`.
        map_method: how the maps were made.
        training: how the networks were trained: epochs, steps, precision, the batch size that memory allowed, whether
            XLA compiled, how many steps an execution held, the seconds of compilation before the epochs, the share of
            the epochs' time that they waited for images.
        notes: what a reader must know about how it was made, one line each; tables show them under the row.
        stages: stage -> "built" or "cached".
        tuned: how the settings were chosen; None where nobody searched for them.
        spec: the resolved RunSpec, as the command line can repeat it.
        digest: of `spec`; `key`: of everything the result depends on, code and data included.
        seal: SHA-256 of the record without it; makes edits evident, is not a signature.
    """

    schema: int
    status: Literal["ok", "failed"]
    task: str
    run: str
    pipeline: str
    pipeline_digest: str
    seed: int
    fold: int | None
    digest: str
    key: str
    spec: dict[str, Any]
    metric: str
    classes: list[str]
    positive: str | None = None
    components: dict[str, Part] = {}
    dataset: DatasetInfo | None = None
    split: SplitInfo | None = None
    metrics: dict[str, Estimate] = {}
    controls: dict[str, dict[str, Estimate]] = {}
    confusion: list[list[int]] = []
    masks: dict[str, Estimate] = {}
    gradcam: dict[str, Estimate] = {}
    map_method: str = "Grad-CAM"
    members: list[Member] = []
    voting: dict[str, Estimate] = {}
    reference: Reference | None = None
    calibration: dict[str, Any] = {}
    training: dict[str, Any] = {}
    cost: Cost = Cost()
    notes: list[str] = []
    stages: dict[str, str] = {}
    tuned: Tuned | None = None
    environment: dict[str, str] = {}
    failure: Failure | None = None
    created: str = ""
    seal: str = ""
