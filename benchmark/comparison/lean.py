"""What a comparison keeps of a record, so that many thousand fit into memory, and what it asks of it once."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from benchmark.comparison.aggregates import mean
from benchmark.comparison.numbers import Numbers, Places, as_numbers
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


class Lean(msgspec.Struct, frozen=True, gc=False):
    """A record as a comparison keeps it, and what is asked of it once.

    Attributes:
        key: of the table in which it stands.
        kept: the record without its bulk.
        code: of its components.
        segmented: whether a segmenter was trained for it.
        of_all: whether it is of all test images.
        ruled: whether it holds control rules.
        source: the record itself, or the document in which it was written.
    """

    key: TableKey
    kept: Record
    code: tuple[str, ...]
    segmented: bool
    of_all: bool
    ruled: bool
    source: Record | bytes

    @property
    def run(self) -> str:
        """Name of the run."""
        return self.kept.run

    @property
    def names(self) -> Mapping[str, int] | None:
        """The names of its metrics, the same thing for records that share them; None where they are not shared."""
        metrics: Mapping[str, Estimate] = self.kept.metrics
        return metrics.places if isinstance(metrics, Numbers) else None

    def whole(self) -> Record:
        """The record with its bulk."""
        return self.source if isinstance(self.source, Record) else _RECORD.decode(self.source)

    def spec(self) -> dict[str, Any]:
        """Its specification."""
        return self.source.spec if isinstance(self.source, Record) else _SPEC.decode(self.source).spec


def lean(record: Record, places: Places | None = None) -> Lean:
    """What a comparison keeps of a record.

    Args:
        places: shared by all records of the comparison, whose metrics are then kept as plain numbers; of records that
            were read, since in those that were not a value may be no number.
    """
    return Lean(
        table_key(record),
        _without_bulk(record, places),
        tuple([part.code for part in record.components.values()]),
        record.training.segmenter is not None,
        speaks_of_all(record),
        bool(record.controls),
        record,
    )


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


def _without_bulk(record: Record, places: Places | None) -> Record:
    """A record without its bulk; of the maps one number each, see `LOCALISATION`."""
    kind = {"kind": record.spec["kind"]} if record.imported else {}
    return msgspec.structs.replace(
        record, spec=kind, components={}, controls={}, confusion=[], masks={}, members=[],
        metrics=as_numbers(record.metrics, places) if places else record.metrics,
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


class _Specified(msgspec.Struct):
    spec: dict[str, Any] = {}


_RECORD = msgspec.json.Decoder(Record)
_SPEC = msgspec.json.Decoder(_Specified)
