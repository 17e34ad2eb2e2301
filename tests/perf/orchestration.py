"""(f) What a run costs beyond its steps: planned, each step handed to a worker, recorded; or found and read again.

The planner, the pool, the worker, the store and the records are the real ones; the steps do nothing.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmark.execution.pool import Pool, Recorded
from benchmark.execution.process import Worker
from benchmark.planning.runs import plan_runs
from benchmark.storage.cache import Store
from benchmark.storage.code import CodeIndex
from tests.perf.standin import replaced
from tests.perf.timing import Line, absolute
from tests.specs import spec, survey
from tests.workers import Plain

RUNS = 100
REPEATS = 5
FLUSHES = 11  # of a run: two files of each of its five artefacts, and its record
MEMORY = Path("/dev/shm")
STANDIN = "tests.perf.standin"
ROOT = str(Path(__file__).parent.parent.parent)


def measure(place: Path, told: Callable[[str], None]) -> list[Line]:
    """Milliseconds a run, of runs that differ in their seed: in memory, then on the disk, which must flush them."""
    memory = tempfile.mkdtemp(prefix="bench-perf-", dir=MEMORY if MEMORY.is_dir() else place.parent)
    try:
        executed, cached, processor = _measured(Path(memory), told)
    finally:
        shutil.rmtree(memory)
    place.mkdir(exist_ok=True)
    on_disk = _measured(place, told)[0]
    flushed = [1e3 * _flushes(place / f"flushes-{number}", RUNS) / RUNS for number in range(REPEATS)]
    note = f"{RUNS} runs of one pipeline, each with five steps of its own that write one small file, and a record"
    return [
        absolute("f", "orchestration of an executed run", "ms", executed, 2.0, note),
        absolute("f", "orchestration of a cached run", "ms", cached, 0.3, note),
        absolute("f", "orchestration of a cached run: processor time", "ms", processor, None),
        absolute("f", "for comparison: executed, on a disk that flushes each file", "ms", on_disk, None),
        absolute("f", f"for comparison: {FLUSHES} small files flushed to that disk", "ms", flushed, None),
    ]


def _measured(place: Path, told: Callable[[str], None]) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of executed and of cached runs, and the processor time of the latter."""
    executed, cached, processor = [], [], []
    with Pool([Worker(place / "logs", {"PYTHONPATH": ROOT})]) as pool:
        _round(place, "first", pool, 1)  # starts the worker, which imports what it needs
        for number in range(REPEATS):
            executed.append(1e3 * _round(place, str(number), pool, RUNS) / RUNS)
            before = time.process_time()
            cached.append(1e3 * _round(place, str(number), pool, RUNS) / RUNS)
            processor.append(1e3 * (time.process_time() - before) / RUNS)
            told(f"{number + 1} of {REPEATS}: executed {executed[-1]:.2f} ms, cached {cached[-1]:.3f} ms a run")
            shutil.rmtree(place / str(number))
    return executed, cached, processor


def _round(place: Path, name: str, pool: Pool, count: int) -> float:
    """Seconds from the specifications to the last record; what source files say is known, as to any later command."""
    folder = place / name
    store = Store(folder / "cache")
    specs = [spec(seed=seed) for seed in range(count)]
    started = time.perf_counter()
    planned = plan_runs(specs, survey(), Plain(), store, folder / "results", CodeIndex(place))
    runs = [replaced(run, STANDIN) for run in planned]
    ends = [one.record for one in pool.run(runs, store) if isinstance(one, Recorded)]
    elapsed = time.perf_counter() - started
    wrong = [record for record in ends if record.status != "ok"]
    if len(ends) != count or wrong:
        raise RuntimeError(f"{len(ends)} of {count} runs ended; {wrong[:1]}")
    return elapsed


def _flushes(folder: Path, runs: int) -> float:
    """Seconds to flush the files of as many runs and nothing else."""
    folder.mkdir(exist_ok=True)
    started = time.perf_counter()
    for number in range(FLUSHES * runs):
        with (folder / str(number)).open("wb") as file:
            file.write(b"small")
            file.flush()
            os.fsync(file.fileno())
    return time.perf_counter() - started
