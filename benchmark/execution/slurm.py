"""The engine ``slurm``: an array of jobs, each of which runs the same line on its node until no step is left.

Jobs share the steps by the cache alone, and outlive whoever submitted them; the driver looks for records.
"""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated

import msgspec

from benchmark.execution.engines import Given, extra
from benchmark.execution.pool import Happening, Pool, Recorded
from benchmark.execution.process import Outcome, Worker
from benchmark.execution.protocol import Event, Request, RunTrial, TrialBegan, Watch
from benchmark.execution.slurmarray import Array, Resources, UnfinishedError
from benchmark.planning.durations import parse_duration
from benchmark.planning.graph import Step
from benchmark.planning.request import AUTO
from benchmark.planning.runs import Planned
from benchmark.records.files import FILE, read
from benchmark.records.record import Record
from benchmark.storage.cache import Store
from registry.errors import BenchError, ConfigError
from registry.options import Range


@contextlib.contextmanager
def opened_pool(
    given: Given,
    *,
    slots: Annotated[int, Range(1, 10_000)] = 1,
    cores: Annotated[int, Range(1, 1024)] = 1,
    gpus: Annotated[int, Range(0, 64)] = 0,
    memory: Annotated[int | None, Range(1, 100_000)] = None,
    time: str = "4h",
    partition: str | None = None,
    account: str | None = None,
    qos: str | None = None,
    constraint: str | None = None,
) -> Iterator[Pool]:
    """A pool whose runs are made by jobs.

    Args:
        slots: jobs of the array.
        cores, gpus, memory: of each job; the last in GB, by default the partition's.
        time: after which Slurm ends a job, as ``4h``; the line goes on in another.
        partition, account, qos, constraint: as of sbatch.

    Raises:
        ConfigError: submitit or Slurm is not there, or the request cannot be answered by jobs.
    """
    request = given.request
    if not request.line:
        raise ConfigError("slurm submits a line of `bench`, and from Python there is none; use another engine")
    if request.precision == AUTO:
        raise ConfigError("--precision auto asks the device, which only the jobs have; say which with --precision")
    minutes = max(1, round(parse_duration(str(time), "slurm[time=…]") / 60))
    asked = {"partition": partition, "account": account, "qos": qos, "constraint": constraint}
    named = {name: str(value) for name, value in asked.items() if value is not None}
    resources = Resources(slots, cores, gpus, memory, minutes, named)
    submitit = extra("submitit", "slurm")
    array = Array(submitit, given, resources)
    with JobPool(Planner(array, given), array) as pool:
        yield pool


class Planner(Worker):
    """A worker of the driver's, which plans; a search begins its trials in jobs, and here none."""

    def __init__(self, array: Array, given: Given) -> None:
        super().__init__(given.store.root / "logs", given.environment)
        self.array = array

    def serve(self, request: Request, watch: Watch = lambda event: None, timeout_s: float | None = None) -> Outcome:
        """Serve what is asked before and after jobs run.

        Raises:
            UnfinishedError: jobs have ended before all trials had.
        """
        if not isinstance(request, RunTrial):
            return super().serve(request, watch, timeout_s)

        def see(event: Event) -> None:
            if isinstance(event, TrialBegan):
                raise UnfinishedError(f"the search has trials left: {self.array.last_words()}")
            watch(event)

        for _ in self.array.followed():
            pass
        return super().serve(request, see, timeout_s)


class JobPool(Pool):
    """Runs that jobs make; see `benchmark.execution.pool.Pool`."""

    def __init__(self, planner: Worker, array: Array) -> None:
        super().__init__([planner])
        self.array = array

    def build(self, steps: Mapping[str, Step], store: Store, timeout_s: float | None = None) -> Iterator[Happening]:
        """Nothing: whichever job needs a step builds it."""
        yield from ()

    def run(self, planned: Sequence[Planned], store: Store, timeout_s: float | None = None) -> Iterator[Happening]:
        """Every run that gets a record, when it has one; jobs are submitted as long as they come any further.

        Raises:
            UnfinishedError: they do not.
        """
        yield from (Recorded(run, run.record) for run in planned if run.record)
        left = {run.plan.run: run for run in planned if not run.record}
        before = {name: _stamp(run) for name, run in left.items()}
        missing = _missing(left.values(), store) + 1
        while left and (now := _missing(left.values(), store)) < missing:
            missing = now
            for is_over in self.array.followed():
                for name, run in list(left.items()):
                    record = _made(run, before[name])
                    if record and (record.status == "ok" or is_over):  # what failed may succeed in another job
                        del left[name]
                        yield Recorded(run_as_found(run, record), record)
        if left:
            raise UnfinishedError(f"{len(left)} of {len(planned)} runs have no record: {self.array.last_words()}")


def run_as_found(run: Planned, record: Record) -> Planned:
    """A run whose record another process made, and wrote down in the ledger."""
    return msgspec.structs.replace(run, record=record)


def _missing(runs: Collection[Planned], store: Store) -> int:
    """How many steps of these runs are not there, with one for the record of each."""
    steps = {key: step for run in runs for key, step in run.missing.items()}
    return sum(not store.has(step.name, key) for key, step in steps.items()) + len(runs)


def _stamp(run: Planned) -> tuple[int, int] | None:
    """What changes when somebody writes a run's record."""
    try:
        found = (run.folder / FILE).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _made(run: Planned, before: tuple[int, int] | None) -> Record | None:
    """A run's record by these steps, if it was written since."""
    if _stamp(run) in (None, before):
        return None
    try:
        record = read(run.folder / FILE)
    except (OSError, BenchError):  # another process is about to put it there
        return None
    return record if record.key == run.plan.key else None
