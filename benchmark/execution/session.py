"""A request at work: the cache in use, workers at hand, and somebody who is shown what happens."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from benchmark.execution.descriptions import describing
from benchmark.execution.engines import Given, engine_of, pool_of
from benchmark.execution.pool import Happening, Pool, Recorded
from benchmark.execution.protocol import Device, Found, Summarise, Summarised, Watch
from benchmark.execution.slots import Slot
from benchmark.planning.components import Descriptions
from benchmark.planning.request import AUTO, Asked, Request, dataset_of, runtime_of
from benchmark.planning.resolve import Chosen, resolve
from benchmark.planning.runs import Planned, plan_runs
from benchmark.records.ledger import Ledger
from benchmark.records.record import Record
from benchmark.records.summary import DatasetSummary
from benchmark.storage.cache import Store
from benchmark.storage.code import CodeIndex
from benchmark.storage.serving import Served, remember
from benchmark.tasks.reading import in_no_class
from benchmark.tasks.schema import Task
from benchmark.tasks.spec import DatasetChoice, Runtime, Spec
from registry.published import taken_for

Take = Callable[[Happening], None]  # sees what happens in the pool


class Display(Protocol):
    """Where it is shown what happens, while it happens; the command line and `benchmark.api` bring theirs."""

    def say(self, text: str) -> None:
        """Show a line."""

    def note(self, text: str) -> None:
        """Show a line that is no part of what was asked for."""

    def understood(self, summary: DatasetSummary, parts: str) -> None:
        """Show how the data were understood, and whether the parts in which they come are used."""

    def summarising(self) -> AbstractContextManager[Watch]:
        """Show how far the summary of the dataset is; gives who sees its events."""

    def working(self, label: str) -> AbstractContextManager[Watch]:
        """Show that a worker is at work, and with what; gives who sees its events."""

    def running(self, total: int) -> AbstractContextManager[Take]:
        """Show how far so many runs are; gives who sees what happens."""


@dataclass(frozen=True)
class Session:
    """What a request works with until it is answered; `opened` gives one."""

    request: Request
    display: Display
    store: Store
    pool: Pool
    index: CodeIndex

    @property
    def worker(self) -> Slot:
        """Who is asked before anything runs."""
        return self.pool.workers[0]

    @property
    def results(self) -> Path:
        """Folder of the records."""
        return Path(self.request.results)

    @cached_property
    def ledger(self) -> Ledger:
        """Where it is written down which runs this command has made."""
        return Ledger(self.results)


class Known(NamedTuple):
    """What is known of data and components before anything is trained."""

    choice: DatasetChoice
    summary: DatasetSummary
    described: Descriptions


class Finished(NamedTuple):
    """A run and its record."""

    run: Planned
    record: Record


@contextmanager
def opened(request: Request, display: Display) -> Iterator[Session]:
    """A request's session; its workers, which the request's engine holds, end with it.

    Raises:
        ConfigError: the backend is not installed, or the engine cannot give the workers that are asked for.
        StorageError: the cache cannot be written.
    """
    environment = {"KERAS_BACKEND": runtime_of(request).backend}
    store = Store(Path(request.cache))
    given = Given(request, store, environment, display.say)
    with store.in_use(), pool_of(engine_of(request.engine), given) as pool:
        yield Session(request, display, store, pool, CodeIndex(store.root))


def specified(session: Session, asked: Asked, chosen: Chosen, seeds: Sequence[int]) -> tuple[list[Spec], Known]:
    """A specification per chosen pipeline or vote, seed and fold, and what they rest on.

    Raises:
        BenchError: the data, a component or a setting cannot be used.
    """
    runtime = settled(session)
    choice, summary, described = found = summarised(session, asked.task, chosen)
    specs = resolve(
        asked.task, asked.name, chosen, choice, summary, described, forced=asked.forced, seeds=seeds, runtime=runtime,
        allow_format_differences=session.request.allow_format_differences,
    )  # fmt: skip
    if runtime.deterministic:  # describing may have started the backend, which then takes no other threads
        session.worker.stop()
    return specs, found


def settled(session: Session) -> Runtime:
    """The request's runtime; ``auto`` has become the precision that the device does well, and that is shown."""
    runtime = runtime_of(session.request)
    if session.request.precision != AUTO:
        return runtime
    found = session.worker.ask(Device(), Found)
    session.display.say(f"precision {found.precision}, chosen for {found.device}")
    return msgspec.structs.replace(runtime, precision=found.precision)


def scheduled(
    session: Session,
    specs: Iterable[Spec],
    summary: DatasetSummary,
    described: Descriptions,
    index: CodeIndex | None = None,
) -> list[Planned]:
    """The runs of specifications, and what is pooled of them.

    Args:
        index: of the code as it is now, where that may differ from the session's.
    """
    return plan_runs(specs, summary, described, session.store, session.results, index or session.index)


def executed(session: Session, planned: Sequence[Planned], timeout_s: float | None = None) -> list[Finished]:
    """Every run with its record, in the order of the plan; a failed one has a record too.

    Each that is made here, not found, is a line of the ledger.

    Raises:
        BenchError: the data or the disk make every run impossible.
    """
    records = {}
    for run in planned:
        artefacts = dict.fromkeys(f"{step.name}/{step.key}" for step in run.plan.steps.values())
        served = Served(run.plan.run, run.pipeline, str(run.folder.absolute()), list(artefacts), run.summary.name)
        remember(session.store.root, run.plan.key, served)
    with session.display.running(sum(not run.of_controls for run in planned)) as take:
        for happened in session.pool.run(planned, session.store, timeout_s):
            if isinstance(happened, Recorded):
                records[happened.run.plan.run] = happened.record
                if happened.made:
                    session.ledger.add_run(happened.record, happened.run.folder)
            take(happened)  # last: nobody may be there any more to read what it prints
    return [Finished(run, records[run.plan.run]) for run in planned]


def summarised(session: Session, task: Task, chosen: Chosen) -> Known:
    """Data and descriptions of what was chosen; shows what the data are."""
    request, store = session.request, session.store
    with session.display.summarising() as watch:
        asked = Summarise(dataset_of(request, task), task.split.seed, str(store.root))
        seen = session.worker.ask(asked, Summarised, watch)
        if without := in_no_class(task, seen.summary.labels, seen.summary.separator):
            kept = msgspec.structs.replace(seen.dataset, ignore=[*seen.dataset.ignore, *without])
            seen = session.worker.ask(msgspec.structs.replace(asked, dataset=kept), Summarised, watch)
        described = Descriptions(store.root / "descriptions", describing(session.worker, watch), session.index)
        described.fetch(chosen.components())
    source = "" if request.data else " (no --data: synthetic phantom images)"
    setting = "tuned" if task.tuned else "quick" if request.is_quick else "full"
    pixels = f"{task.images.size} pixels, {setting} setting"
    session.display.say(f"{seen.summary.name}{source}: {seen.summary.images:,} images, {pixels}")
    session.display.understood(seen.summary, task.split.parts)
    if not asked.dataset.name and (guess := taken_for(seen.summary.name)):
        session.display.say(f"  note: {guess}")
    return Known(seen.dataset, seen.summary, described)
