"""Records by table and pipeline, and which of two records of one run counts."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from benchmark.comparison.aggregates import mean
from benchmark.records.calibration import CalibrationInfo
from benchmark.records.estimate import Estimate
from benchmark.records.record import Record
from benchmark.records.training import TrainingInfo

LOCALISATION = ("lesion-enrichment", "lung-enrichment")  # what is kept of the maps; tables show the first that is known
OF_A_CLASS = tuple(f"{kind}/" for kind in LOCALISATION)

Mapped = tuple[tuple[str, tuple[str, ...]], ...]  # class, its labels
Identity = tuple[int, int | None]  # seed, fold


class Question(NamedTuple):
    """What is predicted: classes in their order, each with its labels, and the class that sensitivity is of.

    A record that does not tell its classes asks what its task asks.
    """

    classes: Mapped | None
    positive: str | None
    task: str = ""


class Place(NamedTuple):
    """What one table is about; empty digests where a run failed before it knew them."""

    question: Question
    dataset: str
    split: str

    @property
    def known(self) -> bool:
        """Whether all of it is known."""
        return bool(self.question.classes and self.dataset and self.split)


class Gathered:
    """Runs by table and pipeline; keeps what tables need, so that many thousand records fit into memory.

    Attributes:
        facts: place -> the record that describes the table: its data, split and controls.
        specs: pipeline digest -> a specification.
        tasks: place, pipeline digest -> the tasks that ran it.
        codes: pipeline digest -> seed and fold -> the component code behind that run, where it is good.
        metrics: names of all that was measured.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self.places: dict[Place, dict[str, dict[Identity, Record]]] = {}
        self.facts: dict[Place, Record] = {}
        self.specs: dict[str, dict[str, Any]] = {}
        self.tasks: dict[tuple[Place, str], set[str]] = {}
        self.codes: dict[str, dict[Identity, tuple[str, ...]]] = {}
        self.metrics: set[str] = set()
        self.seen: dict[tuple[str, ...], tuple[str, ...]] = {}  # so that equal codes are kept once
        for record in records:
            self._add(record)

    def tables(self) -> dict[Place, dict[str, list[Record]]]:
        """Place -> pipeline digest -> its runs by seed and fold; what failed early joins the only table it fits."""
        merged: dict[Place, dict[str, dict[Identity, Record]]] = {}
        for place in sorted(self.places, key=lambda place: not place.known):
            home = self._home(place)
            pipelines = merged.setdefault(home, {})
            for digest, runs in self.places[place].items():
                pipelines[digest] = runs | pipelines.get(digest, {})
                self.tasks.setdefault((home, digest), set()).update(self.tasks[place, digest])
        return {
            place: {digest: [runs[one] for one in sorted(runs, key=_order)] for digest, runs in pipelines.items()}
            for place, pipelines in merged.items()
        }

    def _add(self, record: Record) -> None:
        place = _place(record)
        self.tasks.setdefault((place, record.pipeline_digest), set()).add(record.task)
        runs = self.places.setdefault(place, {}).setdefault(record.pipeline_digest, {})
        identity = (record.seed, record.fold)
        if identity in runs and _merit(runs[identity]) >= _merit(record):
            return
        runs[identity] = _light(record)
        self.specs.setdefault(record.pipeline_digest, record.spec)
        self.metrics.update(record.metrics)
        if place not in self.facts or _standing(record) < _standing(self.facts[place]):
            self.facts[place] = record
        if record.status == "ok":
            told = tuple(part.code for part in record.components.values())
            self.codes.setdefault(record.pipeline_digest, {})[identity] = self.seen.setdefault(told, told)

    def _home(self, place: Place) -> Place:
        """The table that a place belongs to: itself, or the only known one that it does not contradict."""
        if place.known:
            return place
        homes = [home for home in self.places if home.known and self._fits(place, home)]
        return homes[0] if len(homes) == 1 else place

    def _fits(self, place: Place, home: Place) -> bool:
        mine, theirs = place.question, home.question
        divided = [self.facts[one].spec.get("split") for one in (place, home)]
        return (
            (mine == theirs if mine.classes else mine.task in self._tasks_of(home))
            and place.dataset in ("", home.dataset)
            and place.split in ("", home.split)
            and (None in divided or divided[0] == divided[1])
        )

    def _tasks_of(self, place: Place) -> set[str]:
        return set().union(*(self.tasks[place, digest] for digest in self.places[place]))


def speaks_of_all(record: Record) -> bool:
    """Whether a record is of all test images, not of a single fold of a cross-validation."""
    return record.fold is None or record.split is None or record.split.folds == 1


def _place(record: Record) -> Place:
    dataset, split = record.dataset.digest if record.dataset else "", record.split.digest if record.split else ""
    classes = record.spec.get("classes")
    if not isinstance(classes, Mapping):
        return Place(Question(None, record.positive, record.task), dataset, split)
    mapped = tuple((name, tuple(sorted(labels))) for name, labels in classes.items())
    return Place(Question(mapped, record.positive), dataset, split)


def _order(identity: Identity) -> tuple[int, int]:
    seed, fold = identity
    return seed, -1 if fold is None else fold


def _merit(record: Record) -> tuple[bool, str]:
    return record.status == "ok", record.created


def _standing(record: Record) -> tuple[bool, bool, bool, int, str]:
    """The record with the least of these describes its table: a good one, of all test images, with control rules."""
    return record.status != "ok", not speaks_of_all(record), not record.controls, record.seed, record.pipeline_digest


def _light(record: Record) -> Record:
    """A record without its bulk; of the maps one number each, the mean over classes."""
    return msgspec.structs.replace(
        record, spec={}, components={}, controls={}, confusion=[], masks={}, gradcam=_focus(record.gradcam), members=[],
        voting={}, reference=None, calibration=CalibrationInfo(), training=TrainingInfo(), environment={}, stages={},
        dataset=None, split=None,
    )  # fmt: skip


def _focus(maps: Mapping[str, Estimate]) -> dict[str, Estimate]:
    found: dict[str, list[float]] = {}
    for name, one in maps.items():
        if name.startswith(OF_A_CLASS) and one.value is not None:
            found.setdefault(name.partition("/")[0], []).append(one.value)
    return {kind: Estimate(mean(values)) for kind, values in found.items()}
