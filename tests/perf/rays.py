"""What Ray costs a step: `python -m tests.perf.rays`, in the root of a checkout where Ray is installed.

Runs whose steps sleep for known times, on one slot and on two of a cluster of this machine, and on as many workers of
the local engine, each round on a cache of its own.  Pool, slots, workers and store are the real ones, and have begun
before the clock does; three rounds each.  Also what a request costs that finds its artefact, where no disk waits.
On two cores it takes about four minutes.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from benchmark.execution.engines import Given, engine_of, pool_of
from benchmark.execution.pool import Pool, Recorded
from benchmark.execution.protocol import Build, Built
from benchmark.planning.graph import Step
from benchmark.planning.request import requested
from benchmark.planning.runs import Planned, plan_runs
from benchmark.storage.cache import Store
from benchmark.tasks.schema import Component
from tests.perf import sleeping
from tests.perf.standin import replaced
from tests.specs import index, spec, summary
from tests.workers import Plain

ROOT = str(Path(__file__).parents[2])
ENGINES = {  # name -> engine and jobs
    "local, 1 worker": ("local", 1),
    "ray, 1 slot": ("ray[address=local,slots=1,wait=300]", 1),
    "local, 2 workers": ("local", 2),
    "ray, 2 slots": ("ray[address=local,slots=2,wait=300]", 1),
}
SEEDS = 24
ROUNDS = 3
REQUESTS = 200


def opened(place: Path, engine: str, jobs: int, scale: float) -> AbstractContextManager[Pool]:
    """The pool of an engine, its logs below a place."""
    request = requested(task="binary", cache=str(place / "cache"), results=str(place / "results"), jobs=jobs)
    environment = {"PYTHONPATH": ROOT, "KERAS_BACKEND": "tensorflow", sleeping.SCALE: str(scale)}
    return pool_of(engine_of(engine), Given(request, Store(place / "cache"), environment, print))


def planned(place: Path) -> tuple[list[Planned], Store, Mapping[str, Step]]:
    """Runs that share little, and their steps by key."""
    store = Store(place / "cache")
    specs = [spec(seed=seed, segmenter=Component("none", {})) for seed in range(SEEDS)]
    runs = plan_runs(specs, summary(), Plain(), store, place / "results", index())
    sleepers = [replaced(run, sleeping.__name__) for run in runs]
    return sleepers, store, {key: step for run in sleepers for key, step in run.missing.items()}


def warm(pool: Pool, place: Path, steps: Mapping[str, Step]) -> Build:
    """Have each worker build a step that needs none; gives that of the last."""
    first = next(step for step in steps.values() if not step.inputs)
    for number, worker in enumerate(pool.workers):
        asked = Build(first, str(place / f"warm-{number}"))
        worker.ask(asked, Built)
    return asked


def measured(place: Path, engine: str, jobs: int, scale: float) -> tuple[list[float], list[float], float]:
    """Of each round its seconds, and milliseconds a step besides sleeping; then those of a request that builds none."""
    ends, over = [], []
    with opened(place, engine, jobs, scale) as pool:
        asked = warm(pool, place, planned(place / "none")[2])
        times = []
        for _ in range(REQUESTS):
            started = time.perf_counter()
            pool.workers[-1].ask(asked, Built)
            times.append(time.perf_counter() - started)
        for number in range(ROUNDS):
            runs, store, steps = planned(place / str(number))
            slept = scale * sum(sleeping.seconds(step.name, step.spec) for step in steps.values())
            slept += scale * sleeping.LENGTHS["record"] * len(runs)
            started = time.monotonic()
            found = [one.record.status for one in pool.run(runs, store) if isinstance(one, Recorded)]
            ends.append(time.monotonic() - started)
            if found != ["ok"] * len(runs):
                raise RuntimeError(f"{engine}: {found}")
            over.append(1e3 * (len(pool.workers) * ends[-1] - slept) / (len(steps) + len(runs)))
    return ends, over, 1e3 * statistics.median(times)


def main() -> int:
    """Measure and say; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="of the lengths in tests/perf/sleeping.py")
    parser.add_argument("--place", type=Path, help="where caches are made; by default the folder for temporary files")
    asked = parser.parse_args()
    found = {}
    for name, (engine, jobs) in ENGINES.items():
        with tempfile.TemporaryDirectory(prefix="bench-rays-", dir=asked.place) as folder:
            ends, over, request_ms = found[name] = measured(Path(folder), engine, jobs, asked.scale)
        print(
            f"{name}: {', '.join(f'{end:.2f}' for end in ends)} s; besides sleeping "
            f"{', '.join(f'{one:.1f}' for one in over)} ms a step; {request_ms:.2f} ms a request",
            flush=True,
        )
    for engine in ("local", "ray"):
        one, two = (min(found[name][0]) for name in found if name.startswith(engine))
        print(f"{engine}: two are {one / two:.2f} x one")
    return 0


if __name__ == "__main__":
    sys.exit(main())
