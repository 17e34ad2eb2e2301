"""What a machine of `tests.perf.deaths` runs: `python -m tests.perf.atwork PLACE ENGINE TUNER`, or `… speed`.

First a grid with folds on trainings that sleep, then a search on such, with one pool; a line for what comes of each.
The engine is one of `bench run --engine`, or `none`: the same line on each machine, one worker each.
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from benchmark.execution.engines import Given, engine_of, pool_of
from benchmark.execution.pool import Ended, Pool, Recorded
from benchmark.execution.process import side_by_side
from benchmark.execution.protocol import Build
from benchmark.execution.slots import NodeLostError
from benchmark.planning.request import requested
from benchmark.storage.cache import Store
from benchmark.tuning.abreast import trials_of
from benchmark.tuning.runner import TrialRunner
from tests.perf import checkpointing, searching, sleeping
from tests.perf.nodes import planned_runs

NONE, SPEED = "none", "speed"
SEEDS, TRIALS = "BENCH_PERF_SEEDS", "BENCH_PERF_TRIALS"  # of grid and search: how many
TUNERS = ("random", "hyperband")
WARM_S = 6.0  # in which the other machine's worker has started too


class Heard:
    """A slot that says when its node is lost, and which one it was; `busy_s` is how long it has served."""

    def __init__(self, slot: Any) -> None:
        self._slot = slot
        self.busy_s = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._slot, name)

    def serve(self, *asked: Any) -> Any:
        """As the slot does."""
        node, began = getattr(self._slot, "_node", ""), time.time()
        try:
            return self._slot.serve(*asked)
        except NodeLostError:
            say(lost=node, began=began, at=time.time())
            raise
        finally:
            self.busy_s += time.time() - began


@contextlib.contextmanager
def opened(place: Path, engine: str) -> Iterator[Pool]:
    """The pool of an engine, or one worker of this machine."""
    if engine == NONE:
        with Pool([Heard(worker) for worker in side_by_side(1, place / "logs", {})]) as pool:
            yield pool
        return
    request = requested(task="binary", cache=str(place / "cache"), results=str(place / "results"))
    given = Given(request, Store(place / "cache"), {}, lambda line: say(said=line))
    with pool_of(engine_of(engine), given) as pool:
        pool.workers = [Heard(slot) for slot in pool.workers]
        yield pool


def grid(place: Path, pool: Pool) -> None:
    """A grid with folds."""
    planned, store = planned_runs(checkpointing.__name__, place, range(1, int(os.environ[SEEDS]) + 1))
    with store.in_use():
        _followed(pool, planned, store)


def search(place: Path, pool: Pool, tuner: str) -> None:
    """A search in a cache of its own, for what pauses in it stays there."""
    target = {"cache": str(place / "searched"), "log": str(place / "trained-by-search")}
    asked = searching.search(tuner, int(os.environ[TRIALS]))
    runners = [TrialRunner(place / "search", asked, target, worker, searching.__name__) for worker in pool.workers]
    for trial in trials_of(runners, lambda event: None):
        say(trial=trial.number, status=trial.status)


def speed(place: Path, pool: Pool) -> None:
    """Steps that only sleep, once every worker is warm; says when they began and ended, and how long workers served."""
    planned, store = planned_runs(sleeping.__name__, place)
    for number, worker in enumerate(pool.workers):
        (other,), elsewhere = planned_runs(sleeping.__name__, place / "warming", (1000 + number,))
        step = next(step for step in other.missing.values() if not step.inputs)
        step = msgspec.structs.replace(step, key=f"{number}-{os.getpid()}")
        worker.serve(Build(step, str(elsewhere.root)))
    time.sleep(WARM_S)
    with store.in_use():
        began, before = time.time(), sum(worker.busy_s for worker in pool.workers)
        _followed(pool, planned, store)
        busy_s = sum(worker.busy_s for worker in pool.workers) - before
        say(began=began, ended=time.time(), busy=busy_s)


def _followed(pool: Pool, planned: Any, store: Store) -> None:
    for one in pool.run(planned, store):
        if isinstance(one, Ended):
            say(step=one.step.name, key=one.step.key, status=one.status, whose=one.whose)
        elif isinstance(one, Recorded):
            say(run=one.run.plan.run, status=one.record.status, made=one.made)


def say(**fields: object) -> None:
    """A line of standard output."""
    print(json.dumps(fields), flush=True)


def main() -> None:
    """Run what the line says."""
    place, engine, what = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    with opened(place, engine) as pool:
        if what == SPEED:
            speed(place, pool)
            return
        grid(place, pool)
        search(place, pool, what)


if __name__ == "__main__":
    main()
