"""Finished runs asked about images of elsewhere: what is evaluated, by which worker, and where it goes."""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from benchmark.execution.learnt_images import LearntImages
from benchmark.execution.process import Worker
from benchmark.execution.protocol import Evaluate, Summarise, Summarised, Watch
from benchmark.planning.backend import keras_backend
from benchmark.planning.external import Finished, finished
from benchmark.planning.graph import Step
from benchmark.planning.keys import read_steps
from benchmark.records.external import FILE, FOLDER, MASKS, ORDINARY, External, ExternalTask, read
from benchmark.records.record import DatasetInfo
from benchmark.records.summary import DatasetSummary
from benchmark.storage.code import OWN, CodeIndex
from benchmark.storage.digests import canonical, digest
from benchmark.tasks.mapping import check_classes, class_map, map_told, parse_map
from benchmark.tasks.reading import parse_component
from benchmark.tasks.spec import DatasetChoice
from registry.errors import ConfigError, StorageError
from registry.lookup import find

MODULE, SCORING = "benchmark.stages.external", "benchmark.stages.external_scores"  # that evaluates, and its numbers


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of finished runs.

    Attributes:
        runs: their folders.
        data, dataset: the images, as for a run; one of the two at least.
        maps: texts as `parse_map` reads them.
        recalibrate: on so many local images; 0 for none.
        masks: judge the segmenters alone.
    """

    runs: tuple[Path, ...]
    data: str | None
    dataset: str | None
    results: Path
    cache: Path
    maps: tuple[str, ...] = ()
    recalibrate: int = 0
    masks: bool = False
    skip_bad: bool = False


class Display(Protocol):
    """Where it is shown what happens."""

    def say(self, text: str) -> None:
        """Show a line."""

    def summarising(self) -> AbstractContextManager[Watch]:
        """Show how far the summary of a dataset is."""

    def working(self, label: str) -> AbstractContextManager[Watch]:
        """Show that a worker is at work."""


class Evaluated(NamedTuple):
    """An evaluation and its folder; `cached` where it was there already."""

    external: External
    folder: Path
    cached: bool


def evaluated(asked: Asked, display: Display) -> list[Evaluated]:
    """Every run on the images; whatever can be wrong with runs and classes is found before anything is prepared.

    Raises:
        BenchError: a run, the data or the classes cannot be used.
    """
    if asked.data is None and asked.dataset is None:
        raise ConfigError("images of elsewhere are needed; give their folder with --data, or --dataset")
    given = parse_map(asked.maps)
    if asked.masks and (given or asked.recalibrate):
        raise ConfigError("--masks judges a segmenter, which knows no classes; leave --map and --recalibrate out")
    runs = [finished(folder.absolute()) for folder in asked.runs]
    with ExitStack() as stack:
        hall = _Workers(asked.cache, stack)
        choice, summary = _summary(asked, hall.of(runs[0]), display)
        mappings = [{} if asked.masks else _mapped(summary, run, given, asked.data or summary.name) for run in runs]
        if not asked.masks:
            said = (map_told(mapping, summary.counts, run.classes) for mapping, run in zip(mappings, runs, strict=True))
            for line in dict.fromkeys(said):
                display.say(line)
        own = LearntImages(asked.cache, display)
        return [
            _evaluated(asked, display, hall.of(run), own, run, choice, summary, mapping)
            for run, mapping in zip(runs, mappings, strict=True)
        ]


class _Workers:
    """A worker for each backend that runs were trained with."""

    def __init__(self, cache: Path, stack: ExitStack) -> None:
        self._cache, self._stack = cache, stack
        self._known: dict[str, Worker] = {}

    def of(self, run: Finished) -> Worker:
        """The one of a run.

        Raises:
            ConfigError: its backend is not installed.
        """
        backend = keras_backend(run.spec.runtime.backend)
        if backend not in self._known:
            worker = Worker(self._cache / "logs", {"KERAS_BACKEND": backend})
            self._known[backend] = self._stack.enter_context(worker)
        return self._known[backend]


def _summary(asked: Asked, worker: Worker, display: Display) -> tuple[DatasetChoice, DatasetSummary]:
    reader = parse_component(asked.dataset) if asked.dataset else None
    if reader:
        find("dataset", reader.name)
    data = asked.data and str(Path(asked.data).absolute())
    options = reader.options if reader else {}
    choice = DatasetChoice(reader.name if reader else "", data, options, None, asked.skip_bad)
    with display.summarising() as watch:
        seen = worker.ask(Summarise(choice, 0, str(asked.cache), 1), Summarised, watch)
    counts = ", ".join(f"{label} {count:,}" for label, count in seen.summary.counts.items() if count)
    display.say(
        f"{seen.summary.name}: {seen.summary.images:,} images ({counts}), {seen.summary.masks or 0:,} with masks"
    )
    return seen.dataset, seen.summary


def _mapped(summary: DatasetSummary, run: Finished, given: Mapping[str, str], where: str) -> dict[str, str]:
    present = [label for label in summary.labels if summary.counts.get(label)]
    mapping = class_map(present, run.classes, given, run.record.run)
    check_classes(mapping, present, run.classes, given, where)
    return mapping


def _evaluated(
    asked: Asked,
    display: Display,
    worker: Worker,
    own: LearntImages,
    run: Finished,
    choice: DatasetChoice,
    summary: DatasetSummary,
    mapping: Mapping[str, str],
) -> Evaluated:
    index = CodeIndex(asked.cache)
    specs = {name: msgspec.structs.replace(spec, dataset=choice) for name, spec in run.specs.items()}
    read_by = {name: read_steps(spec, summary, index) for name, spec in specs.items()}
    steps = {name: prepare for name, (prepare, _) in read_by.items()}
    copies = next(iter(read_by.values()))[1]
    learnt = own.steps(run.record, run.spec, worker, index)
    index.keep()
    task = _task(asked, run, summary, dict(mapping), [*steps.values(), copies, learnt.prepare], learnt.unchecked, index)
    folder = Path(task.folder)
    there = read(folder / FILE)
    if isinstance(there, External) and there.key == task.key:
        return Evaluated(there, folder, True)
    with display.working(run.record.pipeline) as watch:
        request = Evaluate(task, steps, str(asked.cache), copies, learnt.prepare, _kept(copies, learnt.copies))
        worker.ask(request, type(None), watch)
    found = read(folder / FILE)
    if not isinstance(found, External):
        raise StorageError(f"{folder / FILE} {found.reason}")
    return Evaluated(found, folder, False)


def _task(
    asked: Asked,
    run: Finished,
    summary: DatasetSummary,
    mapping: dict[str, str],
    steps: Sequence[Step | None],
    unchecked: str,
    index: CodeIndex,
) -> ExternalTask:
    kind = MASKS if asked.masks else ORDINARY
    identity = [run.record.run, summary.digest, mapping, asked.recalibrate, kind]
    name = f"{run.record.run}-on-{_slug(summary.name)}-{digest(canonical(identity))[:8]}"
    stands_on = [run.record.seal, [step.key if step else "" for step in steps], unchecked]
    code = index.code_digest(MODULE, OWN) or ""
    scoring = index.code_digest(SCORING, OWN)
    return ExternalTask(
        run=str(run.folder),
        seal=run.record.seal,
        folder=str((asked.results / FOLDER / name).absolute()),
        kind="masks" if asked.masks else "classes",
        dataset=DatasetInfo(
            name=summary.name,
            digest=summary.digest,
            counts=summary.counts,
            sources=summary.sources,
            licence=summary.licence,
            origin=summary.origin,
            notices=summary.notices,
        ),
        mapping=mapping,
        key=digest("external", canonical(identity), canonical(stands_on), code),
        members={name: str(path) for name, path in run.members.items()},
        recalibrate=asked.recalibrate,
        unchecked=unchecked,
        scoring={SCORING: scoring} if scoring else {},
    )


def _kept(here: Step | None, there: Step | None) -> tuple[str, str] | None:
    """Names of what is remembered of the films of both datasets, and of the run's own; None without such films."""
    return (digest("external", here.kept, there.kept), there.kept) if here and there else None


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:40] or "data"
