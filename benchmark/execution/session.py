"""A request at work: the cache in use, workers at hand, and somebody who is shown what happens."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec

from benchmark.execution.descriptions import describing
from benchmark.execution.pool import Crew
from benchmark.execution.process import Worker
from benchmark.planning.components import Descriptions
from benchmark.planning.graph import Survey
from benchmark.planning.request import AUTO, Asked, Request, dataset_of, runtime_of
from benchmark.planning.resolve import Chosen, resolve
from benchmark.planning.schedule import Planned, look, schedule
from benchmark.records.record import Record
from benchmark.storage.cache import Store
from benchmark.tasks.schema import Task
from benchmark.tasks.spec import DatasetChoice, Runtime, Spec

Watch = Callable[[dict[str, Any]], None]  # sees the events of a worker
Take = Callable[[str, Planned, Any], None]  # sees the events of a crew


class Display(Protocol):
    """Where it is shown what happens, while it happens; the command line and `benchmark.api` bring theirs."""

    def say(self, text: str) -> None:
        """Show a line."""

    def surveying(self) -> AbstractContextManager[Watch]:
        """Show how far a look at the dataset is; gives who sees its events."""

    def running(self, total: int) -> AbstractContextManager[Take]:
        """Show how far so many runs are; gives who sees their events."""


@dataclass(frozen=True)
class Session:
    """What a request works with until it is answered; `opened` gives one."""

    request: Request
    display: Display
    store: Store
    crew: Crew

    @property
    def worker(self) -> Worker:
        """Who is asked before anything runs."""
        return self.crew.workers[0]

    @property
    def results(self) -> Path:
        """Folder of the records."""
        return Path(self.request.results)


class Look(NamedTuple):
    """What is known of data and components before anything is trained."""

    choice: DatasetChoice
    survey: Survey
    described: Descriptions


class Finished(NamedTuple):
    """A run and its record."""

    run: Planned
    record: Record


@contextmanager
def opened(request: Request, display: Display) -> Iterator[Session]:
    """A request's session; its workers end with it.

    Raises:
        ConfigError: the backend is not installed, or there are fewer cores than jobs.
        StorageError: the cache cannot be written.
    """
    environment = {"KERAS_BACKEND": runtime_of(request).backend}
    store = Store(Path(request.cache))
    with store.in_use(), Crew(request.jobs, store.root / "logs", environment) as crew:
        yield Session(request, display, store, crew)


def specified(session: Session, asked: Asked, chosen: Chosen, seeds: Sequence[int]) -> tuple[list[Spec], Look]:
    """A specification per chosen pipeline or vote, seed and fold, and what they rest on.

    Raises:
        BenchError: the data, a component or a setting cannot be used.
    """
    runtime = settled(session)
    choice, survey, described = found = _look(session, asked.task, chosen)
    specs = resolve(
        asked.task, asked.name, chosen, choice, survey, described, forced=asked.forced, seeds=seeds, runtime=runtime
    )
    if runtime.deterministic:  # describing may have started the backend, which then takes no other threads
        session.worker.stop()
    return specs, found


def settled(session: Session) -> Runtime:
    """The request's runtime; ``auto`` has become the precision that the device does well, and that is shown."""
    runtime = runtime_of(session.request)
    if session.request.precision != AUTO:
        return runtime
    told = session.worker.ask({"op": "device"})
    session.display.say(f"precision {told['precision']}, chosen for {told['device']}")
    return msgspec.structs.replace(runtime, precision=told["precision"])


def scheduled(session: Session, specs: Iterable[Spec], survey: Survey, described: Descriptions) -> list[Planned]:
    """The runs of specifications, and what is pooled of them."""
    return schedule(specs, survey, described, session.store, session.results)


def executed(session: Session, planned: Sequence[Planned], timeout_s: float | None = None) -> list[Finished]:
    """Every run with its record, in the order of the plan; a failed one has a record too.

    Raises:
        BenchError: the data or the disk make every run impossible.
    """
    records = {}
    with session.display.running(len(planned)) as take:
        for what, run, told in session.crew.run(planned, session.store, timeout_s):
            take(what, run, told)
            if what == "end":
                records[run.plan.run] = told
    return [Finished(run, records[run.plan.run]) for run in planned]


def _look(session: Session, task: Task, chosen: Chosen) -> Look:
    """Data and descriptions; shows what the data are."""
    request, store = session.request, session.store
    with session.display.surveying() as watch:
        choice, survey = look(session.worker, dataset_of(request, task), task.split.seed, store.root, watch)
        described = Descriptions(store.root / "descriptions", describing(session.worker))
        described.fetch(chosen.components())
    drawn = "" if request.data else " (no --data: the built-in films)"
    setting = "tuned" if task.tuned else "quick" if request.is_quick else "full"
    pixels = f"{task.images.size} pixels, {setting} setting"
    session.display.say(f"{survey.name}{drawn}: {survey.images:,} images, {pixels}")
    return Look(choice, survey, described)
