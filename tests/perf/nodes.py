"""The same line on several machines that share a folder, outside the suite: `python -m tests.perf.nodes kills|speed`.

All machines are played on this one: a setting (`BENCH_NODE`) gives each a name of its own and takes the locks away.

    kills [--count 100]     all processes of one machine are killed, again and again, while a grid with folds runs on
                            trainings that sleep: nothing may be lost, one epoch at most repeated per kill, equal bits
    speed                   two machines on steps that sleep, beside one, in turns; and what a step costs besides
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmark.execution.pool import Ended, Pool, Recorded
from benchmark.execution.process import side_by_side
from benchmark.planning.runs import Planned, plan_runs
from benchmark.storage.cache import Store
from benchmark.storage.disk import STILL
from benchmark.storage.owner import NODE
from benchmark.tasks.schema import Component, Split
from tests.perf import checkpointing, sleeping
from tests.perf.standin import replaced
from tests.specs import index, spec, summary
from tests.workers import Plain

ROOT = str(Path(__file__).parents[2])


class Machine:
    """A machine that runs the line, with every process below it."""

    def __init__(self, name: str, place: Path, module: str, **settings: object) -> None:
        self.name, self.place, self.module = name, place, module
        self.settings = {key: str(value) for key, value in settings.items()}
        self.log = place / f"{name}.log"
        self.start()

    def start(self) -> None:
        """Give the line, again too."""
        path = os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path, NODE: self.name, **self.settings}
        line = [sys.executable, "-m", "tests.perf.nodes", "node", self.module, str(self.place)]
        with self.log.open("a") as log:
            self.command = subprocess.Popen(line, env=environment, stdout=log, stderr=log, start_new_session=True)

    def processes(self) -> list[int]:
        """Numbers of all of its processes."""
        found = {self.command.pid}
        for status in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError, IndexError):
                if int(status.read_text().rpartition(")")[2].split()[1]) in found:
                    found.add(int(status.parent.name))
        return sorted(found)

    def signal(self, number: int) -> None:
        """Send a signal to all of them."""
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def kill(self) -> None:
        """As a power failure does."""
        self.signal(signal.SIGKILL)
        self.command.wait()

    def end(self, timeout_s: float) -> int:
        """Its exit status."""
        try:
            return self.command.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"{self.name} did not end; see {self.log}") from None

    def told(self) -> list[dict[str, object]]:
        """What its commands said."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


def grid(module: str, seeds: Sequence[int] = ()) -> list[object]:
    """Specifications: of trainings with folds, or of many that need little in common."""
    none = Component("none", {})
    if module == checkpointing.__name__:
        folds = Split(folds=2)
        return [spec(seed=seed, fold=fold, segmenter=none, split=folds) for seed in seeds or (1, 2) for fold in (0, 1)]
    return [spec(seed=seed, segmenter=none) for seed in seeds or range(24)]


def planned_runs(module: str, place: Path, seeds: Sequence[int] = ()) -> tuple[list[Planned], Store]:
    """What each machine plans."""
    store = Store(place / "cache")
    runs = plan_runs(grid(module, seeds), summary(), Plain(), store, place / "results", index())
    return [replaced(run, module) for run in runs], store


def node(module: str, place: Path) -> None:
    """Give the line; says what came of each step and run, and how long all of it took once the worker was warm."""
    planned, store = planned_runs(module, place)
    with store.in_use(), Pool(side_by_side(1, place / "logs", {})) as pool:
        pool.workers[0]._start()
        time.sleep(float(os.environ.get("BENCH_PERF_WARM_S", 0)))
        started = time.monotonic()
        for one in pool.run(planned, store):
            if isinstance(one, Ended):
                _say(step=one.step.name, key=one.step.key, status=one.status, whose=one.whose)
            elif isinstance(one, Recorded):
                _say(run=one.run.plan.run, status=one.record.status, made=one.made)
        _say(began=started, ended=time.monotonic())


def killed(place: Path, count: int, still_s: float, epoch_s: float, epochs: int, rng: random.Random) -> str:
    """So many kills while the grid runs, in as many rounds as that takes; gives what did not hold, empty if all did."""
    kills = 0
    while kills < count:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        settings = {
            STILL: still_s, checkpointing.EPOCHS: epochs, checkpointing.EPOCH_S: epoch_s,
            checkpointing.LOG: place / "trained",
        }  # fmt: skip
        machines = [Machine(name, place, checkpointing.__name__, **settings) for name in ("one", "two")]
        now = 0
        while kills + now < count and all(one.command.poll() is None for one in machines):
            time.sleep(rng.uniform(0.5, 1.5) + 4 * epoch_s * rng.random())
            machine = rng.choice(machines)
            if machine.command.poll() is None:
                machine.kill()
                now += 1
                time.sleep(rng.choice((0, 2 * still_s)) * rng.random())
                machine.start()
        ends = [machine.end(120 + 8 * still_s) for machine in machines]
        if (wrong := fault(place, ends, now, epochs)) or not now:
            return wrong or "nothing was killed"
        kills += now
        print(f"{kills} of {count} kills", flush=True)
    return ""


def fault(place: Path, ends: Sequence[int], blows: int, epochs: int, seeds: Sequence[int] = ()) -> str:
    """What does not hold after all machines have ended; empty where everything does."""
    planned, store = planned_runs(checkpointing.__name__, place, seeds)
    if any(ends):
        return f"exit statuses {ends}"
    if lost := [run.plan.run for run in planned if run.record is None or run.record.status != "ok"]:
        return f"no record of {lost}"
    for run in planned:
        step = run.plan.step("fit")
        if step is None:  # folds that are pooled
            continue
        learnt = str(run.spec.seed)
        for epoch in range(1, epochs + 1):
            learnt = checkpointing.after(learnt, epoch)
        if (store.root / "objects/fit" / step.key / "weights").read_text() != learnt:
            return f"{run.label} has learnt something else"
    trained = Counter((place / "trained").read_text().split("\n"))
    more = (
        sum(trained.values()) - 1 - epochs * len({run.plan.step("fit").key for run in planned if run.plan.step("fit")})
    )
    if more > blows:
        return f"{more} epochs were repeated after {blows} blows"
    left = [str(path) for name in ("leases", "partial/fit") for path in (store.root / name).glob("*")]
    return f"left over: {left}" if left else ""


def speed(place: Path, scale: float) -> tuple[list[float], float]:
    """Seconds of one machine and of two, and milliseconds that a step costs one machine besides sleeping."""
    found = []
    for names in (("one",), ("one", "two")):
        folder = place / "-".join(names)
        folder.mkdir(parents=True)
        settings = {sleeping.SCALE: scale, "BENCH_PERF_WARM_S": 6}
        machines = [Machine(name, folder, sleeping.__name__, **settings) for name in names]
        if max(machine.end(600) for machine in machines):
            raise RuntimeError(f"a machine failed; see {folder}")
        spans = [next(one for one in reversed(machine.told()) if "began" in one) for machine in machines]
        found.append(max(one["ended"] for one in spans) - max(one["began"] for one in spans))
    slept, steps = slept_s(place / "none", scale)
    return found, 1e3 * (found[0] - slept) / steps


def slept_s(place: Path, scale: float) -> tuple[float, int]:
    """How many seconds all steps sleep one after another, and how many steps there are, records included."""
    planned, _ = planned_runs(sleeping.__name__, place)
    steps = {key: step for run in planned for key, step in run.missing.items()}
    slept = sum(sleeping.seconds(step.name, step.spec) for step in steps.values())
    return scale * (slept + sleeping.LENGTHS["record"] * len(planned)), len(steps) + len(planned)


def _say(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


def main() -> int:
    """Run what is asked for; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    one = commands.add_parser("node")
    one.add_argument("module")
    one.add_argument("place", type=Path)
    kills = commands.add_parser("kills")
    kills.add_argument("--count", type=int, default=100)
    kills.add_argument("--seed", type=int, default=0)
    fast = commands.add_parser("speed")
    fast.add_argument("--scale", type=float, default=2.0, help="of the lengths in tests/perf/sleeping.py")
    fast.add_argument("--repeats", type=int, default=2)
    asked = parser.parse_args()
    if asked.what == "node":
        node(asked.module, asked.place)
        return 0
    with tempfile.TemporaryDirectory(prefix="bench-nodes-") as folder:
        if asked.what == "kills":
            wrong = killed(Path(folder) / "grid", asked.count, 6.0, 0.3, 6, random.Random(asked.seed))
            print(wrong or "nothing was lost, at most one epoch repeated per kill, equal bits")
            return int(bool(wrong))
        for number in range(asked.repeats):
            (alone, both), overhead = speed(Path(folder) / str(number), asked.scale)
            print(f"one {alone:.1f} s, two {both:.1f} s: {alone / both:.2f} ×; {overhead:.1f} ms a step", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
