"""One real kill per tuner, outside the suite: `python tests/perf/tuner_kills.py [--work DIR]`, some ten minutes.

For each tuner a search of tiny networks on drawn films runs undisturbed, and again in folders of its own with its
worker killed (SIGKILL) in the middle of a training; Hyperband's in one that was paused and promoted.  Then, ledger
against ledger, durations apart:

    same       the same trials with the same scores in the same order, so none was lost and the same one is best
    once       no trial was created, or ended, twice
    taken up   the trial that was killed went on after its last finished epoch: no epoch of it was trained twice
    untried    the best is a trial that finished

Prints a table, and exits with 1 where something does not hold.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmark.tuning.brackets import trials_of
from benchmark.tuning.ledger import read
from benchmark.tuning.search import State, TrialState

History = list[dict[str, float]]
TUNERS = ("hyperband", "bayesian", "random", "grid")
EPOCHS = 4
TRIALS = dict.fromkeys(TUNERS, 5) | {"hyperband": 8}  # its smallest bracket has 5 of 2 epochs and 2 that go on to 4
TASK = """
title = "kills"
metric = "balanced-accuracy"
positive = "COVID"
dataset = "phantom[count=96,size=32]"
resamples = 200
[classes]
rest = ["*"]
COVID = ["COVID"]
[[pipelines]]
segmenter = "none"
backbone = "sepcnn[filters=8,pairs=1]"
head = "dense"
[images]
size = 32
[training]
minimum_steps = 1
batch_size = 16
[split]
train = 0.5
validation = 0.25
test = 0.25
[tuning]
searched = ["head", "training"]
"""


def main() -> int:
    """Run every tuner twice; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="folder for caches and results; a temporary one by default")
    parser.add_argument("--tuner", choices=TUNERS, action="append", help="only this one; repeatable")
    asked = parser.parse_args()
    work = asked.work or Path(tempfile.mkdtemp(prefix="tuner-kills-"))
    work.mkdir(parents=True, exist_ok=True)
    (work / "kills.toml").write_text(TASK)
    print(f"{'tuner':<10} {'trials':>6} {'killed in':>16} {'same':>5} {'once':>5} {'taken up':>9} {'untried':>8}")
    held = [_tried(tuner, work) for tuner in asked.tuner or TUNERS]
    return int(not all(held))


def _tried(tuner: str, work: Path) -> bool:
    undisturbed, _ = _search(tuner, work / tuner / "undisturbed", kill=False)
    killed, where = _search(tuner, work / tuner / "killed", kill=True)
    told = {
        "same": _bare(undisturbed) == _bare(killed),
        "once": max(Counter((type(event), event.trial) for event in killed.events).values()) == 1,
        "taken up": where is not None and _goes_on(work / tuner / "killed" / "cache", where[1]),
        "untried": killed.best() is not None and killed.best().status == "finished",
    }
    place = f"trial {where[0]}, epoch {len(where[1]) + 1}" if where else "–"
    words = ["yes" if value else "NO" for value in told.values()]
    print(f"{tuner:<10} {len(killed.trials):>6} {place:>16} {words[0]:>5} {words[1]:>5} {words[2]:>9} {words[3]:>8}")
    sys.stdout.flush()
    return all(told.values())


def _goes_on(cache: Path, rows: History) -> bool:
    """Whether a training has these epochs, to the microsecond that each took: trained again they would take others."""
    histories = (json.loads(path.read_text()) for path in cache.glob("*/fit/*/**/history.json"))
    return any(history[: len(rows)] == rows and len(history) > len(rows) for history in histories)


def _search(tuner: str, place: Path, *, kill: bool) -> tuple[State, tuple[int, History] | None]:
    """A search from its beginning to its end; the trial whose worker was killed, and the epochs that it had by then."""
    place.mkdir(parents=True)
    line = [sys.executable, "-m", "benchmark", "tune", "--task", "../../kills.toml", "--full", "--deterministic"]
    line += ["--tuner", tuner, "--trials", str(TRIALS[tuner]), "--set", f"training.epochs={EPOCHS}"]
    environment = {**os.environ, "BENCH_CACHE": str(place / "cache"), "BENCH_RESULTS": str(place / "results")}
    with (place / "log").open("w") as log:
        command = subprocess.Popen(line, cwd=place, env=environment, stdout=log, stderr=log)
        where = _kill_in_a_training(command, place, tuner) if kill else None
        if command.wait():
            raise SystemExit(f"bench tune ended with {command.returncode}; see {place / 'log'}")
    (ledger,) = place.glob("results/tuning/kills/*/ledger.jsonl")
    return read(ledger.parent), where


def _kill_in_a_training(command: subprocess.Popen, place: Path, tuner: str) -> tuple[int, History] | None:
    """Kill the worker in a trial that is worth it, once a training there has an epoch behind it."""
    while command.poll() is None:
        time.sleep(0.02)
        found = list(place.glob("results/tuning/kills/*/ledger.jsonl"))
        running = [trial for trial in read(found[0].parent).trials if trial.status == "running"] if found else []
        if not running or not _worth_it(running[0], TRIALS[tuner]):
            continue
        done = max(_histories(place, since=found[0].stat().st_mtime), key=len, default=[])
        if running[0].start < len(done) < running[0].epochs:
            children = Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split()
            for child in children:
                os.kill(int(child), signal.SIGKILL)
            return running[0].number, done
    return None


def _worth_it(trial: TrialState, trials: int) -> bool:
    """Whether a kill there shows most: in a promoted trial or, where there were none or it was missed, in a late one.

    Without brackets any trial after the default is as good.
    """
    halved = trials >= trials_of(1, EPOCHS)
    return trial.parent is not None or trial.number >= (trials - 1 if halved else 1)


def _histories(place: Path, since: float) -> Iterator[History]:
    """The epochs of each checkpoint that was written since; the trainer may remove one while it is read."""
    checkpoints: list[Path] = []
    with contextlib.suppress(FileNotFoundError):
        checkpoints = list(place.glob("cache/partial/fit/*/epoch-????/history.json"))
    for path in checkpoints:
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime > since:
                yield json.loads(path.read_text())


def _bare(state: State) -> list[object]:
    """What happened, without how long it took."""
    return [
        [getattr(event, name) for name in event.__struct_fields__ if name != "duration_s"] for event in state.events
    ]


if __name__ == "__main__":
    sys.exit(main())
