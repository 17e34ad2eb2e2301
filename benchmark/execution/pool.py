"""Several workers side by side, each with its share of the cores."""

import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.execution.process import Worker
from benchmark.planning.schedule import Planned, execute
from benchmark.records.record import Record
from benchmark.storage.cache import Store
from registry.errors import ConfigError

CORES = "BENCH_CORES"  # what a worker binds itself to, as 0,1,2
Event = tuple[str, Planned, Any]  # "begin" | "event" | "end", the run, an event of its worker or its record


class Crew:
    """Workers that take runs from one list.

    Args:
        jobs: how many; each gets as many of this process's cores as the others.
    """

    def __init__(self, jobs: int, log_folder: Path, environment: Mapping[str, str]) -> None:
        cores = sorted(os.sched_getaffinity(0))
        if jobs > len(cores):
            raise ConfigError(f"--jobs {jobs} is more than this machine has cores for ({len(cores)}); use fewer")
        shares = [cores[place::jobs] for place in range(jobs)]
        self.workers = [
            Worker(log_folder, {**environment, **({CORES: ",".join(map(str, share))} if jobs > 1 else {})})
            for share in shares
        ]

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:  # nothing is recorded of what was at work
            worker.close()

    def run(self, planned: Sequence[Planned], store: Store, timeout_s: float | None = None) -> Iterator[Event]:
        """Everything that happens until each run has its record; pooled results come after their folds.

        Raises:
            BenchError: the data or the disk make every run impossible.
        """
        for wave in ([run for run in planned if not run.folds], [run for run in planned if run.folds]):
            yield from self._wave(wave, store, timeout_s)

    def _wave(self, planned: Iterable[Planned], store: Store, timeout_s: float | None) -> Iterator[Event]:
        waiting: queue.SimpleQueue[Planned] = queue.SimpleQueue()
        told: queue.SimpleQueue[Event | BaseException] = queue.SimpleQueue()
        left = 0
        for run in planned:
            waiting.put(run)
            left += 1
        for worker in self.workers:
            arguments = (worker, waiting, told, store, timeout_s)
            threading.Thread(target=_serve, args=arguments, daemon=True).start()
        while left:
            event = told.get()
            if isinstance(event, BaseException):
                raise event
            left -= event[0] == "end"
            yield event


def _serve(
    worker: Worker,
    waiting: "queue.SimpleQueue[Planned]",
    told: "queue.SimpleQueue[Event | BaseException]",
    store: Store,
    timeout_s: float | None,
) -> None:
    """Take runs until there are none; a thread per worker."""
    try:
        while True:
            run = waiting.get_nowait()
            told.put(("begin", run, None))

            def watch(event: dict[str, Any], run: Planned = run) -> None:
                told.put(("event", run, event))

            told.put(("end", run, _record(run, worker, store, watch, timeout_s)))
    except queue.Empty:
        return
    except BaseException as error:  # it belongs to whoever waits for the runs
        told.put(error)


def _record(
    run: Planned, worker: Worker, store: Store, watch: Callable[[dict[str, Any]], None], timeout_s: float | None
) -> Record:
    if run.record:
        for _, stage in run.plan.every_stage():
            store.touch(stage.name, stage.key)
        return run.record
    return execute(run, worker, store, watch, timeout_s)
