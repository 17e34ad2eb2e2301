"""Deaths of whole machines, played by namespaces: `python -m tests.perf.deaths kills|real|stopped|speed`.

    kills [--count 90]     all processes of a random machine are killed at random times, its cable pulled first every
                           other time, while a grid with folds and then a search run on trainings that sleep: nothing
                           may be lost, one epoch at most repeated per kill, equal bits
    real [--count 10]      the same while `bench run` and `bench tune` train, --deterministic: `tests.perf.realdeaths`
    stopped                a machine that is stopped is given up, and woken writes nothing: `tests.perf.waking`
    speed [--repeats 2]    two machines on steps that sleep, beside one, in turns

With `--engine ray` there is a head without cores, where the command runs, and two nodes of one core; with `none` the
same line runs on two machines.  A step has failed when two nodes died at it in a row, and a command may die with all of
its nodes: then, as a user would, the same line is given again, and counted.  What this needs, and that nothing of it is
left behind: `tests.perf.namespaces`.
"""

import argparse
import contextlib
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.storage.disk import STILL
from tests.perf import atwork, checkpointing, namespaces, nodes, realdeaths, searching, sleeping, waking
from tests.perf.clusters import KINDS, Cluster, SameLine
from tests.perf.namespaces import until

STILL_S, EPOCH_S, EPOCHS = 6.0, 0.5, 6
PAUSE_S = {"ray": 14.0, "none": 3.5}


class Blow(NamedTuple):
    """A machine that was killed."""

    name: str
    at: float
    unplugged: bool


def settings(place: Path, seeds: int, trials: int) -> dict[str, object]:
    """Variables of all machines."""
    return {
        atwork.SEEDS: seeds,
        atwork.TRIALS: trials,
        STILL: STILL_S, checkpointing.EPOCHS: EPOCHS, checkpointing.EPOCH_S: EPOCH_S,
        checkpointing.LOG: place / "trained",
    }  # fmt: skip


def struck(machines: Cluster | SameLine, most: int, pause_s: tuple[float, float], rng: random.Random) -> list[Blow]:
    """Kill one of them again and again until the line has ended; each is switched on again."""
    blows: list[Blow] = []
    while len(blows) < most:
        time.sleep(rng.uniform(*pause_s))
        node, unplugged = rng.choice(machines.nodes), rng.random() < 0.5
        if machines.is_over():
            break
        blows.append(Blow(node.name, time.time(), unplugged))
        node.kill(unplugged=unplugged)
        time.sleep(rng.choice((0, 2 * STILL_S)) * rng.random())
        machines.start(node)
    return blows


def noticed(blows: Sequence[Blow], told: Sequence[dict[str, Any]]) -> list[tuple[Blow, float]]:
    """Seconds until the command knew of a death, of each that hit a node at work: the first after that work began."""
    found = []
    for lost in (one for one in told if "lost" in one):
        hits = [blow for blow in blows if blow.name == lost["lost"] and lost["began"] < blow.at < lost["at"]]
        found += [(blow, lost["at"] - blow.at) for blow in hits[:1]]
    return found


def kills(engine: str, base: Path, variables: dict[str, object], count: int, pause_s: float, rng: random.Random) -> str:
    """So many kills, in as many rounds as that takes; gives what did not hold, empty if all did."""
    place = base / "round"
    machines = KINDS[engine](base, variables)
    totals = {"kills": 0, "rounds": 0, "repeated": 0, "again": 0}
    heard: list[tuple[Blow, float]] = []
    while totals["kills"] < count:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        tuner = atwork.TUNERS[totals["rounds"] % len(atwork.TUNERS)]
        line = [sys.executable, "-m", "tests.perf.atwork", str(place), machines.engine, tuner]
        machines.begin(line)
        if totals["rounds"] % 2 == 0:  # in the others what is just being set up is hit too
            until((place / "trained").exists, 120, "the first training")
        blows = struck(machines, count - totals["kills"], (0.5, pause_s), rng)
        ends = machines.ends()
        heard += noticed(blows, machines.told())
        if any(ends) or machines.failed():
            totals["again"] += 1
            print(f"again: {ends}, {machines.why()}", flush=True)
            machines.begin(line)
            ends = machines.ends()
        seeds = range(1, int(str(variables[atwork.SEEDS])) + 1)
        wrong = nodes.fault(place, ends, len(blows), EPOCHS, seeds)
        wrong = wrong or searching.fault(place / "search", tuner, place / "trained-by-search", len(blows))
        if wrong or not blows:
            return wrong or "nothing was killed"
        totals["kills"] += len(blows)
        totals["rounds"] += 1
        totals["repeated"] += repeated(place, EPOCHS * 2 * len(seeds))
        print(json.dumps(totals | told_of(heard)), flush=True)
    machines.close()
    return ""


def repeated(place: Path, needed: int) -> int:
    """How many epochs were begun more than once, in grid and search."""
    lines = (place / "trained").read_text().splitlines()
    return len(lines) - needed + searching.repeated(place / "trained-by-search")


def told_of(heard: Sequence[tuple[Blow, float]]) -> dict[str, str]:
    """How soon deaths were noticed, by what kind they were."""
    found = {}
    for words, unplugged in (("connections ended", False), ("cable pulled", True)):
        if times := [seconds for blow, seconds in heard if blow.unplugged == unplugged]:
            spread = f"{statistics.median(times):.1f} s ({min(times):.1f}-{max(times):.1f})"
            found[words] = f"{len(times)} noticed after {spread}"
    return found


def speed(engine: str, base: Path, scale: float) -> str:
    """How much sooner two machines are done than one, and what a step costs one besides sleeping."""
    spans, idle = [], 0.0
    for count in (1, 2):
        place = base / str(count)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        machines = KINDS[engine](place, {sleeping.SCALE: scale}, count)
        machines.begin([sys.executable, "-m", "tests.perf.atwork", str(place), machines.engine, atwork.SPEED])
        if any(machines.ends()):
            raise RuntimeError(machines.why())
        told = [one for one in machines.told() if "began" in one and "ended" in one]
        spans.append(max(one["ended"] for one in told) - max(one["began"] for one in told))
        idle = 1 - sum(one["busy"] for one in told) / (count * spans[-1])
        machines.close()
    slept, steps = nodes.slept_s(base / "none", scale)
    alone, both = spans
    beside = 1e3 * (alone - slept) / steps
    apart = f"{beside:.1f} ms a step besides sleeping; two are idle for {100 * idle:.1f} %"
    return f"one {alone:.1f} s, two {both:.1f} s: {alone / both:.2f} ×; {apart}"


def main() -> int:
    """Run what is asked for; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("kills", "real", "stopped", "speed"))
    parser.add_argument("--engine", choices=tuple(KINDS), default="ray")
    parser.add_argument("--count", type=int, help="of kills")
    parser.add_argument("--pause", type=float, help="seconds between kills, at most")
    parser.add_argument("--seed", type=int, default=0, help="of the kills")
    parser.add_argument("--seeds", type=int, default=6, help="of the grid, whose trainings sleep, in two folds")
    parser.add_argument("--trials", type=int, default=12, help="of the search, whose trainings sleep")
    parser.add_argument("--repeats", type=int, default=2, help="of the speed")
    parser.add_argument("--scale", type=float, default=2.0, help="of the lengths in tests/perf/sleeping.py")
    parser.add_argument("--place", type=Path, help="folder for what is left; a temporary one by default")
    asked = parser.parse_args()
    if namespaces.is_inside():
        return tried(asked)
    if lacking := namespaces.lacking():
        raise SystemExit(f"machines cannot be played here without {lacking}")
    with tempfile.TemporaryDirectory(prefix="bench-deaths-") as folder, contextlib.suppress(KeyboardInterrupt):
        place = [] if asked.place else ["--place", folder]
        return namespaces.inside([sys.executable, "-m", "tests.perf.deaths", *sys.argv[1:], *place])
    return 130


def tried(asked: argparse.Namespace) -> int:
    """Run it where machines are; gives the exit status."""
    namespaces.bridge()
    base, rng, wrong = asked.place.absolute(), random.Random(asked.seed), ""
    variables = settings(base / "round", asked.seeds, asked.trials)
    base.mkdir(parents=True, exist_ok=True)
    if asked.what == "kills":
        wrong = kills(asked.engine, base, variables, asked.count or 90, asked.pause or PAUSE_S[asked.engine], rng)
    elif asked.what == "real":
        wrong = realdeaths.kills(asked.engine, base, asked.count or 10, rng)
    elif asked.what == "stopped":
        wrong = waking.stopped(asked.engine, base, variables)
    else:
        for _ in range(asked.repeats):
            print(speed(asked.engine, base, asked.scale), flush=True)
        return 0
    print(wrong or "nothing was lost, at most one epoch repeated per blow, equal bits")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
