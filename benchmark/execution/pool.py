"""Workers side by side, and the steps of planned runs given to them until each run has its record."""

import queue
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence

import msgspec

from benchmark.execution.expected import Expected
from benchmark.execution.failures import failed
from benchmark.execution.losses import Losses, NoNodesError
from benchmark.execution.process import Outcome
from benchmark.execution.protocol import Build, Built, Event, WriteRecord
from benchmark.execution.slots import NodeLostError, Slot
from benchmark.planning.graph import Step
from benchmark.planning.runs import Planned, recorded
from benchmark.planning.schedule import Schedule
from benchmark.records.files import FILE, read, write
from benchmark.records.record import Record
from benchmark.stages.context import RunFacts
from benchmark.storage.cache import Store
from registry.errors import ConfigError, RefusedError, StorageError

SHARED = ("prepare", "copies", "split")  # what fails here fails for every run


class Begun(msgspec.Struct, frozen=True):
    """A worker, by its place, was given a step."""

    worker: int
    step: Step


class Reported(msgspec.Struct, frozen=True):
    """An event that a worker reports of its step."""

    worker: int
    step: Step
    event: Event


class Ended(msgspec.Struct, frozen=True):
    """A step has ended: ``built``, ``cached``, ``busy``, ``failed`` or, where its node died, ``lost`` and begun again.

    Each that was begun ends, one that is busy as often as it is tried.

    Attributes:
        worker: None where none was needed.
        whose: who is at it, of a step that is busy on another machine.
        done, total: steps of all that there were to build, records included.
    """

    worker: int | None
    step: Step
    status: str
    duration_s: float
    done: int
    total: int
    whose: str = ""


class Recorded(msgspec.Struct, frozen=True):
    """A run has its record; `duration_s` of the steps that were built for it in this command.

    Attributes:
        made: whether the record was written by this command, not found.
    """

    run: Planned
    record: Record
    duration_s: float = 0.0
    made: bool = True


Happening = Begun | Reported | Ended | Recorded


class _Over(msgspec.Struct, frozen=True):
    """A worker's request has ended; without an outcome its node died, and it is being held anew."""

    worker: int
    step: Step
    outcome: Outcome | None


class _Back(msgspec.Struct, frozen=True):
    """A worker whose node died serves again, or does so no more."""

    worker: int
    serves: bool


class Pool:
    """Workers that take steps from one schedule.

    Args:
        workers: who serves, whoever holds them; they are closed with the pool.
    """

    def __init__(self, workers: Sequence[Slot]) -> None:
        self.workers = list(workers)

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:  # nothing is recorded of what was at work
            worker.close()

    def build(self, steps: Mapping[str, Step], store: Store, timeout_s: float | None = None) -> Iterator[Happening]:
        """Everything that happens until these steps, given by key, are built.

        Raises:
            ConfigError: one of them failed.
        """
        work = _Work([], steps, store, timeout_s)
        yield from work.go(self.workers)
        for outcome in work.failures.values():
            raise ConfigError(outcome.message)

    def run(self, planned: Sequence[Planned], store: Store, timeout_s: float | None = None) -> Iterator[Happening]:
        """Everything that happens until each run has its record.

        Args:
            timeout_s: after which a step is killed and has failed.

        Raises:
            BenchError: the data or the disk make every run impossible.
        """
        for run in planned:
            if run.record:
                for step in run.plan.steps.values():
                    store.touch(step.name, step.key)
                yield Recorded(run, run.record, made=False)
        left = [run for run in planned if not run.record]
        steps = {key: step for run in left for key, step in run.missing.items()}
        steps |= {run.plan.key: run.plan.record for run in left}
        yield from _Work(left, steps, store, timeout_s).go(self.workers)


class _Work:
    """The steps of one call, who is at which, and what has come of them."""

    def __init__(
        self, runs: Sequence[Planned], steps: Mapping[str, Step], store: Store, timeout_s: float | None
    ) -> None:
        self.runs = {run.plan.key: run for run in runs}
        self.store, self.timeout_s, self.total = store, timeout_s, len(steps)
        self.schedule = Schedule(steps, Expected(store))
        self.status: dict[str, Built] = {}
        self.failures: dict[str, Outcome] = {}
        self.losses = Losses()
        self.reports: queue.SimpleQueue[Reported | _Over | _Back | BaseException] = queue.SimpleQueue()

    def go(self, workers: Sequence[Slot]) -> Iterator[Happening]:
        """Give steps to workers that are idle until none is left."""
        idle = list(range(len(workers)))
        gone = 0
        while self.schedule.left:
            if gone == len(workers):
                raise NoNodesError
            while idle and (step := self.schedule.next(time.monotonic())):
                if (yield from self._elsewhere(step)):
                    continue
                place = idle.pop(0)
                yield Begun(place, step)
                arguments = (place, workers[place], step, self._request(step))
                threading.Thread(target=self._serve, args=arguments, daemon=True).start()
            if not self.schedule.left:  # the last one was found
                break
            happened = self._next(self.schedule.wait_s(time.monotonic()) if idle else None)
            if isinstance(happened, Reported):
                self.losses.see(happened.step.key, happened.event)
                yield happened
            elif isinstance(happened, _Back):
                idle += [happened.worker] * happened.serves
                gone += not happened.serves
            elif happened is not None:
                idle += [happened.worker] * (happened.outcome is not None)
                yield from self._take(happened.worker, happened.step, happened.outcome)

    def _elsewhere(self, step: Step) -> Generator[Happening, None, bool]:
        """Whether another process has made what a step makes, or one on another machine is making it."""
        run, whose = self.runs.get(step.key), self.store.others(step.name, step.key)
        if run and (record := recorded(run.folder, step.key)):
            yield from self._end(None, step, Built("cached"))
            yield Recorded(run, record, made=False)
            return True
        if not run and self.store.appeared(step.name, step.key):  # after who was at it: that may just have ended
            self.store.touch(step.name, step.key)
            yield from self._end(None, step, Built("cached"))
            return True
        if whose and self.schedule.defer(step.key, time.monotonic()):
            yield self._ended(None, step, Built("busy"), whose)
        return bool(whose)

    def _next(self, wait_s: float | None) -> Reported | _Over | _Back | None:
        """What happens next; None where nothing does for so long: a step of another process may be tried again."""
        try:
            happened = self.reports.get(timeout=wait_s)
        except queue.Empty:
            return None
        if isinstance(happened, BaseException):
            raise happened
        return happened

    def _serve(self, place: int, worker: Slot, step: Step, request: Build | WriteRecord) -> None:
        """One step in one worker; a thread of its own."""
        try:
            outcome = worker.serve(
                request, lambda event: self.reports.put(Reported(place, step, event)), self.timeout_s
            )
            self.reports.put(_Over(place, step, outcome))
        except NodeLostError:
            self.reports.put(_Over(place, step, None))
            self._revive(place, worker)
        except BaseException as error:  # it belongs to whoever waits for the runs
            self.reports.put(error)

    def _revive(self, place: int, worker: Slot) -> None:
        try:
            self.reports.put(_Back(place, worker.revive()))
        except BaseException as error:  # as above
            self.reports.put(error)

    def _request(self, step: Step) -> Build | WriteRecord:
        cache = str(self.store.root.absolute())
        if step.key not in self.runs:
            return Build(step, cache)
        run = self.runs[step.key]
        plan, roles = run.plan, run.plan.roles()
        stages = {roles[key]: self.status[key].status if key in self.status else "cached" for key in roles}
        facts = RunFacts(
            plan.run,
            plan.digest,
            plan.pipeline_digest,
            plan.key,
            run.pipeline,
            plan.code,
            run.summary,
            plan.uncacheable,
            stages,
            trainings=plan.trainings,
            scoring=plan.scoring,
        )
        keys = {roles[one.key]: f"{one.name}/{one.key}" for one in plan.steps.values()}
        return WriteRecord(step, cache, str(run.folder.absolute()), facts, keys, run.names)

    def _take(self, place: int, step: Step, outcome: Outcome | None) -> Iterator[Happening]:
        """What follows from the end of a request; a step whose node died is begun again, wherever there is room."""
        outcome = outcome or self.losses.count(step)
        if outcome is None:
            self.schedule.again(step.key)
            yield self._ended(place, step, Built("lost"))
            return
        if outcome.cause:
            yield from self._fail(place, step, outcome)
            return
        run = self.runs.get(step.key)
        built = msgspec.json.decode(outcome.value, type=Built)
        if built.status == "busy":
            self.schedule.defer(step.key, time.monotonic())
            yield self._ended(place, step, built)
            return
        yield from self._end(place, step, built)
        if run:
            yield Recorded(run, read(run.folder / FILE), self._spent_s(run), built.status == "built")

    def _end(self, place: int | None, step: Step, built: Built) -> Iterator[Happening]:
        self.status[step.key] = built
        self.schedule.end(step.key)
        yield self._ended(place, step, built)

    def _fail(self, place: int, step: Step, outcome: Outcome) -> Iterator[Happening]:
        """Each run that stands on a failed step is a failed row; all else goes on."""
        if outcome.cause == "storage":
            raise StorageError(outcome.message)
        if outcome.exit_code == 2 and step.name in SHARED:
            raise ConfigError(outcome.message)
        if outcome.exit_code == RefusedError.exit_code and step.name in SHARED:
            raise RefusedError(outcome.message)
        self.failures[step.key] = outcome
        lost = self.schedule.fail(step.key)
        yield self._ended(place, step, Built("failed"))
        for one in lost:
            run = self.runs.get(one.key)
            if run:
                record = failed(run, run.plan.roles().get(step.key, step.name), outcome, self.store)
                write(record, run.folder)
                yield Recorded(run, record, self._spent_s(run))

    def _ended(self, place: int | None, step: Step, built: Built, whose: str = "") -> Ended:
        done = self.total - len(self.schedule.left)
        return Ended(place, step, built.status, built.duration_s, done, self.total, whose)

    def _spent_s(self, run: Planned) -> float:
        return sum(self.status[key].duration_s for key in run.missing if key in self.status)
