"""(f) What a run costs beyond its stages: planned, handed to a worker, walked, recorded; or found and read again.

The planner, the crew, the worker, the store and the records are the real ones; the stages do nothing.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmark.execution.pool import Crew
from benchmark.planning.components import Descriptions
from benchmark.planning.graph import Plan, Traits
from benchmark.planning.schedule import Planned, schedule
from benchmark.storage.cache import Store
from tests.perf.timing import Line, absolute
from tests.specs import spec, summary

RUNS = 100
REPEATS = 5
FLUSHES = 4  # of a run: three artefacts and its record
MEMORY = Path("/dev/shm")
STANDIN = "tests.perf.standin"
ROOT = str(Path(__file__).parent.parent.parent)


class Plain(Descriptions):
    """What the components would say of themselves, without asking them."""

    def __init__(self) -> None: ...

    def traits(self, name: str, _: str = "") -> Traits:
        """Of a segmenter that is trained."""
        return Traits(trains=True)

    def defaults(self, kind: str, name: str) -> dict:
        """None."""
        return {}


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
    note = f"{RUNS} runs of one pipeline, each with three stages of its own that write one small file, and a record"
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
    with Crew(1, place / "logs", {"PYTHONPATH": ROOT}) as crew:
        _round(place / "first", crew, 1)  # starts the worker, which imports what it needs
        for number in range(REPEATS):
            folder = place / str(number)
            executed.append(1e3 * _round(folder, crew, RUNS) / RUNS)
            before = time.process_time()
            cached.append(1e3 * _round(folder, crew, RUNS) / RUNS)
            processor.append(1e3 * (time.process_time() - before) / RUNS)
            told(f"{number + 1} of {REPEATS}: executed {executed[-1]:.2f} ms, cached {cached[-1]:.3f} ms a run")
            shutil.rmtree(folder)
    return executed, cached, processor


def _round(folder: Path, crew: Crew, count: int) -> float:
    """Seconds from the specifications to the last record."""
    store = Store(folder / "cache")
    specs = [spec(seed=seed) for seed in range(count)]
    started = time.perf_counter()
    planned = schedule(specs, summary(), Plain(), store, folder / "results")
    ends = [told for what, _, told in crew.run([_idle(run) for run in planned], store) if what == "end"]
    elapsed = time.perf_counter() - started
    wrong = [record for record in ends if record.status != "ok"]
    if len(ends) != count or wrong:
        raise RuntimeError(f"{len(ends)} of {count} runs ended; {wrong[:1]}")
    return elapsed


def _idle(run: Planned) -> Planned:
    """The same run, its stages and its recorder replaced by those that do nothing."""
    plan: Plan = msgspec.structs.replace(
        run.plan, stages=[msgspec.structs.replace(stage, module=STANDIN) for stage in run.plan.stages], recorder=STANDIN
    )
    return msgspec.structs.replace(run, plan=plan)


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
