"""Records by table and pipeline, and which of two records of one run counts."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from benchmark.comparison.aggregates import mean
from benchmark.records.calibration import CalibrationInfo
from benchmark.records.contents import FileEntry
from benchmark.records.estimate import Estimate
from benchmark.records.files import PREDICTIONS
from benchmark.records.record import Record
from benchmark.records.training import TrainingInfo

# What is kept of the maps, one number each: of lettering and frame that of the class with the most, because what gives
# one class away often tells the others by its absence; of lesion and lungs the mean over classes.
MARKS = ("marks-share", "marks-enrichment")
RELATIVE = tuple(f"{what}-relative-enrichment" for what in ("lesion", "lesion-mask", "lung", "lung-mask"))
LUNGS, LEAST = "lung-enrichment", "least-lung-enrichment"  # of the class with the least heat in the lungs
OF_CLASSES = (*MARKS, "lesion-enrichment", LUNGS, *RELATIVE)
OF_A_CLASS = tuple(f"{kind}/" for kind in OF_CLASSES)
LOCALISATION = (*OF_CLASSES, LEAST)

Mapped = tuple[tuple[str, tuple[str, ...]], ...]  # class, its labels
Identity = tuple[int, int | None]  # seed, fold


class TaskSignature(NamedTuple):
    """What is predicted: classes in their order, each with its labels, and the class that sensitivity is of.

    Where a record does not hold its classes, the name of its task stands for them.
    """

    classes: Mapped | None
    positive: str | None
    task: str = ""


class TableKey(NamedTuple):
    """What one table is about; empty digests where a run failed before it knew them.

    Attributes:
        leaks: ``keep`` where what was trained on is known to share patients or films with what was tested on.
    """

    signature: TaskSignature
    dataset: str
    split: str
    leaks: str = ""

    @property
    def known(self) -> bool:
        """Whether all of it is known."""
        return bool(self.signature.classes and self.dataset and self.split)


class Grouping:
    """Runs by table and pipeline; keeps what tables need, so that many thousand records fit into memory.

    Attributes:
        facts: key of a table -> the record that describes the table: its data, split and controls.
        controls: key of a table -> pipeline digest -> a record of control rules that stand in it.
        specs: pipeline digest -> a specification.
        tasks: key of a table, pipeline digest -> the tasks that ran it.
        codes: pipeline digest -> seed and fold -> the component code behind that run, where it is good.
        metrics: names of all that was measured.
        segmented: digests of pipelines that train a segmenter.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self.pipelines_of: dict[TableKey, dict[str, dict[Identity, Record]]] = {}
        self.facts: dict[TableKey, Record] = {}
        self.controls: dict[TableKey, dict[str, Record]] = {}
        self.specs: dict[str, dict[str, Any]] = {}
        self.tasks: dict[tuple[TableKey, str], set[str]] = {}
        self.codes: dict[str, dict[Identity, tuple[str, ...]]] = {}
        self.metrics: set[str] = set()
        self.segmented: set[str] = set()
        self.seen: dict[tuple[str, ...], tuple[str, ...]] = {}  # so that equal codes are kept once
        for record in records:
            self._add(record)

    def tables(self) -> dict[TableKey, dict[str, list[Record]]]:
        """Key -> pipeline digest -> its runs by seed and fold; what failed early joins the only table that it fits."""
        merged: dict[TableKey, dict[str, dict[Identity, Record]]] = {}
        for key in sorted(self.pipelines_of, key=lambda key: not key.known):
            home = self._home(key)
            pipelines = merged.setdefault(home, {})
            for digest, runs in self.pipelines_of[key].items():
                pipelines[digest] = runs | pipelines.get(digest, {})
                self.tasks.setdefault((home, digest), set()).update(self.tasks[key, digest])
        return {
            key: {digest: [runs[one] for one in sorted(runs, key=_order)] for digest, runs in pipelines.items()}
            for key, pipelines in merged.items()
        }

    def _add(self, record: Record) -> None:
        key = table_key(record)
        if record.of_controls:
            self._add_controls(key, record)
            return
        self.tasks.setdefault((key, record.pipeline_digest), set()).add(record.task)
        runs = self.pipelines_of.setdefault(key, {}).setdefault(record.pipeline_digest, {})
        identity = (record.seed, record.fold)
        if identity in runs and _preference(runs[identity]) >= _preference(record):
            return
        runs[identity] = _without_bulk(record)
        self.specs.setdefault(record.pipeline_digest, record.spec)
        self.metrics.update(record.metrics)
        if record.training.segmenter is not None:
            self.segmented.add(record.pipeline_digest)
        if key not in self.facts or _description_preference(record) < _description_preference(self.facts[key]):
            self.facts[key] = record
        if record.status == "ok":
            code = tuple(part.code for part in record.components.values())
            self.codes.setdefault(record.pipeline_digest, {})[identity] = self.seen.setdefault(code, code)

    def _add_controls(self, key: TableKey, record: Record) -> None:
        """Control rules stand in the tables of others; those that failed stand in none."""
        known = self.controls.setdefault(key, {})
        other = known.get(record.pipeline_digest)
        if record.status == "ok" and (other is None or _preference(other) < _preference(record)):
            known[record.pipeline_digest] = record

    def _home(self, key: TableKey) -> TableKey:
        """The table that a key belongs to: its own, or the only known one that it does not contradict."""
        if key.known:
            return key
        homes = [home for home in self.pipelines_of if home.known and self._fits(key, home)]
        return homes[0] if len(homes) == 1 else key

    def _fits(self, key: TableKey, home: TableKey) -> bool:
        own, other = key.signature, home.signature
        divided = [self.facts[one].spec.get("split") for one in (key, home)]
        return (
            (own == other if own.classes else own.task in self._tasks_of(home))
            and key.dataset in ("", home.dataset)
            and key.split in ("", home.split)
            and (None in divided or divided[0] == divided[1])
        )

    def _tasks_of(self, key: TableKey) -> set[str]:
        return set().union(*(self.tasks[key, digest] for digest in self.pipelines_of[key]))


def speaks_of_all(record: Record) -> bool:
    """Whether a record is of all test images, not of a single fold of a cross-validation."""
    return record.fold is None or record.split is None or record.split.folds == 1


def table_key(record: Record) -> TableKey:
    """In which table a record stands."""
    dataset, split = record.dataset.digest if record.dataset else "", record.split.digest if record.split else ""
    leaks = record.split.leaks if record.split else ""
    classes = record.spec.get("classes")
    if not isinstance(classes, Mapping):
        return TableKey(TaskSignature(None, record.positive, record.task), dataset, split, leaks)
    own = {name: labels if isinstance(labels, list | tuple) else [] for name, labels in classes.items()}
    mapped = tuple((name, tuple(sorted(map(str, labels)))) for name, labels in own.items())
    return TableKey(TaskSignature(mapped, record.positive), dataset, split, leaks)


def _order(identity: Identity) -> tuple[int, int]:
    seed, fold = identity
    return seed, -1 if fold is None else fold


def _preference(record: Record) -> tuple[bool, str]:
    """Of two records of one run that with the greater one counts."""
    return record.status == "ok", record.created


def _description_preference(record: Record) -> tuple[bool, bool, bool, int, str]:
    """The record with the least of these describes its table: a good one, of all test images, with control rules."""
    return record.status != "ok", not speaks_of_all(record), not record.controls, record.seed, record.pipeline_digest


def _without_bulk(record: Record) -> Record:
    """A record without its bulk; of the maps one number each, see `LOCALISATION`."""
    kind = {"kind": record.spec["kind"]} if record.imported else {}
    return msgspec.structs.replace(
        record, spec=kind, components={}, controls={}, confusion=[], masks={}, members=[],
        gradcam=_localisation(record.gradcam, record.positive), voting={}, reference=None,
        calibration=CalibrationInfo(thresholds=record.calibration.thresholds),
        training=TrainingInfo(), environment={}, stages={}, dataset=None,
        split=record.split if record.split and record.split.folds > 1 else None,
        files=_predictions(record), scoring={},
    )  # fmt: skip


def _predictions(record: Record) -> dict[str, FileEntry] | None:
    """Of the files that a record lists, what a comparison reads."""
    return record.files and {name: one for name, one in record.files.items() if name == PREDICTIONS}


def _localisation(maps: Mapping[str, Estimate], positive: str | None) -> dict[str, Estimate]:
    values_of: dict[str, dict[str, float]] = {}
    for name, one in maps.items():
        if name.startswith(OF_A_CLASS) and one.value is not None:
            kind, _, label = name.partition("/")
            values_of.setdefault(kind, {})[label] = one.value
    found = {kind: _of_all(kind, values, positive) for kind, values in values_of.items()}
    if lungs := values_of.get(LUNGS):
        least = min(lungs, key=lambda name: lungs[name])
        found[LEAST] = Estimate(lungs[least], note=least)
    return found


def _of_all(kind: str, values: Mapping[str, float], positive: str | None) -> Estimate:
    """One number of a class each: on marks the most, on lesions the positive class's, else the mean.

    The note names the class, where it is of one.
    """
    if kind in MARKS:
        label = max(values, key=lambda name: values[name])
        return Estimate(values[label], note=label)
    if kind.startswith("lesion") and positive is not None and positive in values:
        return Estimate(values[positive], note=positive)
    return Estimate(mean(list(values.values())))
