"""What a run found: numbers with intervals, and what they rest on."""

from typing import Any, Literal

import msgspec

from benchmark.records.calibration import CalibrationInfo
from benchmark.records.contents import FileEntry
from benchmark.records.estimate import Estimate
from benchmark.records.findings import DepthInfo, Member, Reference, Rule, SplitInfo
from benchmark.records.summary import Understood
from benchmark.records.training import TrainingInfo

SCHEMA = 5


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
        understood: how it was read, and what was left out before any image was decoded.
        format_differences: how the format of the files alone tells a class, which somebody has allowed; else empty.
        depth: how films of 16 bits a pixel were brought to 8; None where there is none.
    """

    name: str
    digest: str
    counts: dict[str, int]
    sources: dict[str, int] = {}
    licence: str = ""
    origin: str = ""
    notices: list[str] = []
    skipped: list[str] = []
    understood: Understood = Understood()
    format_differences: str = ""
    depth: DepthInfo | None = None


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


class Tuned(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a pipeline's settings were chosen, and what that cost.

    Attributes:
        pipeline: names of segmenter, backbone and head, joined by +.
        values: what was searched -> what was found: ``training.learning_rate``, ``head.dropout``.
        trials: how many were begun; ``finished`` have a score, ``failed`` have none, ``unfinished`` have not ended.
        epochs: of those that finished, together.
        duration_s: of all together, wall time on `hardware`; of unfinished ones as far as they came.
        stayed: no trial was better than the default, whose own settings `values` are.
        default, best: the objective of the settings as they were and of those found: class-balanced log-loss on
            validation, the lowest of so many trials and therefore optimistic; None where the default failed, or was
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
        members: of a vote, or the folds of a pooled result.
        voting: how the members of a vote agree on the test subset: statistics of the same shape as `metrics`.
        pipeline: how tables name it: ``unet+sepcnn+dense``, options other than the default in brackets.
        pipeline_digest: the same for runs that differ in seed and fold only; such runs are aggregated.
        metric: the task's primary metric, a key of `metrics`.
        metrics: on the test subset.  Names are kebab-case; per-class ones end in ``/CLASS``.
        controls: rule -> metrics; ``majority`` always, ``source-oracle`` when sources are known.  A record of controls
            has all of them here and its `metrics` are empty; its outputs lie in ``predictions.npz`` as ``NAME@RULE``.
        rules: of a record of controls: rule -> what it is made of.
        confusion: rows are true classes, columns predicted ones, in the order of `classes`.
        masks, gradcam: mask quality, and where the heat maps lie: statistics of the same shape as `metrics`.
        map_method: how the heat maps were made.
        trainings: keys of the classifier trainings that it stands on: its own, or those of its members or folds.
        notes: what a reader must know about how it was made, one line each; tables show them under the row.
        stages: stage -> "built" or "cached".
        tuned: how the settings were chosen; None where they were not searched for.
        spec: the resolved specification, as the command line can repeat it; read by `benchmark.tasks`, which stands
            on records.
        files: every other file that the run wrote, by its name from the run's folder; None of failed runs, and in
            records from before schema 4.
        test: digest of the test images, see `contents.images_digest`; empty in records from before schema 4.
        scored_from: of a record that was scored anew, seal of the run's own, in whose folder the rest lies.
        scoring: module that scored -> digest of its code; empty where that cannot be read, and before schema 4.
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
    calibration: CalibrationInfo = CalibrationInfo()
    training: TrainingInfo = TrainingInfo()
    cost: Cost = Cost()
    trainings: list[str] = []
    notes: list[str] = []
    stages: dict[str, str] = {}
    tuned: Tuned | None = None
    environment: dict[str, str] = {}
    failure: Failure | None = None
    created: str = ""
    files: dict[str, FileEntry] | None = None
    test: str = ""
    scored_from: str = ""
    scoring: dict[str, str] = {}
    rules: dict[str, Rule] = {}
    seal: str = ""

    @property
    def of_controls(self) -> bool:
        """Whether it is of rules that stand beside pipelines, and of no pipeline."""
        return self.spec.get("kind") == "controls"

    @property
    def imported(self) -> bool:
        """Whether another program made its predictions, so that no model of it is here."""
        return self.spec.get("kind") == "imported"
