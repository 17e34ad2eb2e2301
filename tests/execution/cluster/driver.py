"""A driver that is to be killed: one run on an engine, by the steps of `tests.execution.cluster.steps`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmark.execution.engines import Given, engine_of, pool_of
from benchmark.execution.pool import Pool
from benchmark.planning.request import requested
from benchmark.planning.runs import Planned
from benchmark.storage.cache import Store
from tests.perf.standin import replaced
from tests.specs import spec
from tests.workers import plans

ROOT = Path(__file__).parent.parent.parent.parent
STEPS = "tests.execution.cluster.steps"


@contextmanager
def opened(place: Path, engine: str, **variables: str) -> Iterator[Pool]:
    """The pool of an engine, for a cache and results below a place; steps leave a trace there."""
    request = requested(task="binary", cache=str(place / "cache"), results=str(place / "results"))
    environment = {"PYTHONPATH": str(ROOT), "TRACE": str(place / "trace"), **variables}
    with pool_of(engine_of(engine), Given(request, Store(place / "cache"), environment, print)) as pool:
        yield pool


def planned(place: Path, seeds: int = 1) -> tuple[list[Planned], Store]:
    """Runs of one pipeline, each of its own seed."""
    runs, store = plans(place, [spec(seed=seed) for seed in range(seeds)])
    return [replaced(run, STEPS) for run in runs], store


def trace(place: Path) -> list[list[str]]:
    """What the steps have done."""
    path = place / "trace"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


if __name__ == "__main__":
    here = Path(sys.argv[1])
    with opened(here, sys.argv[2], EPOCH_S="30") as held:
        print("held", flush=True)
        for _ in held.run(*planned(here)):
            pass
