"""Deaths of whole machines, played by namespaces: `python -m tests.perf.deaths kills|real|stopped|speed`.

    kills [--engine ray|none] [--count 90]    all processes of a random machine are killed at random times, its cable
                                              pulled first every other time, while a grid with folds and then a search
                                              run on trainings that sleep: nothing may be lost, one epoch at most
                                              repeated per kill, equal bits
    real [--engine ray|none] [--count 10]     the same while `bench run` and `bench tune` train, --deterministic
    stopped [--engine ray|none]               a machine that is stopped is given up, and woken writes nothing
    speed [--engine ray|none] [--repeats 2]   two machines on steps that sleep, beside one, in turns

With `ray` there is a head without cores, where the command runs, and two nodes of one core; with `none` the same line
runs on two machines.  A step has failed when two nodes died at it in a row: then, as a user would, the same line is
given again, and counted.  What this needs, and what becomes of it: `tests.perf.namespaces`.
"""

import argparse
import json
import os
import random
import secrets
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.storage.disk import STILL
from tests.perf import atwork, checkpointing, namespaces, nodes, searching, sleeping
from tests.perf.namespaces import Namespace, until

PORT = 6379
STILL_S, EPOCH_S, EPOCHS = 6.0, 0.5, 6
LONGEST_S = 400.0  # that a line takes after the last kill
RAY = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]
RAY += ["--object-store-memory", "100000000"]
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}


class Blow(NamedTuple):
    """A machine that was killed."""

    name: str
    at: float
    unplugged: bool


class Cluster:
    """A head of Ray without cores, where a line runs, and nodes of one core."""

    def __init__(self, base: Path, variables: dict[str, object], count: int = 2) -> None:
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}  # on all machines, or none gets in
        self.base, self.variables = base, {**QUIET, **token, **variables}
        self.count = 0  # of lines
        self.head = Namespace("head", 1, base)
        self.nodes = [Namespace(name, 2 + place, base, place) for place, name in enumerate(("one", "two")[:count])]
        self.engine = f"ray[address={self.head.address}:{PORT},slots={count},wait=120]"
        head = ["--head", "--port", str(PORT), "--num-cpus", "0", "--include-dashboard=false"]
        self.head.start([*RAY, *head, f"--node-ip-address={self.head.address}"], self.variables)
        self._until_open()
        for node in self.nodes:
            self.start(node)

    def start(self, node: Namespace) -> None:
        """Switch a node on, again too."""
        line = [*RAY, "--num-cpus", "1", f"--address={self.head.address}:{PORT}", f"--node-ip-address={node.address}"]
        node.start(line, self.variables)

    def begin(self, line: Sequence[str]) -> None:
        """Give the line."""
        self.count += 1
        self.log = self.base / f"driver-{self.count}.log"
        self._command = self.head.command(line, self.variables, self.log)

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._command.poll() is not None

    def ends(self) -> list[int]:
        """Its exit status."""
        return [self._command.wait(LONGEST_S)]

    def told(self) -> list[dict[str, Any]]:
        """What it said."""
        return said(self.log)

    def why(self) -> str:
        """What it said last, or of what failed."""
        failed = [one for one in self.told() if one.get("status") == "failed"]
        return str(failed or self.log.read_text().splitlines()[-1:])

    def close(self) -> None:
        """Switch everything off."""
        for machine in (*self.nodes, self.head):
            machine.kill()

    def _until_open(self) -> None:
        probe = f"import socket; socket.create_connection(('{self.head.address}', {PORT}), 1)"
        until(lambda: self.head.command([sys.executable, "-c", probe], {}, Path(os.devnull)).wait() == 0, 90, "the head")


class SameLine:
    """Machines that are given the same line."""

    engine = atwork.NONE

    def __init__(self, base: Path, variables: dict[str, object], count: int = 2) -> None:
        self.base, self.variables = base, variables
        self.nodes = [Namespace(name, 2 + place, base, place) for place, name in enumerate(("one", "two")[:count])]

    def begin(self, line: Sequence[str]) -> None:
        """Give the line on each."""
        self.line = list(line)
        for node in self.nodes:
            node.log.unlink(missing_ok=True)
            self.start(node)

    def start(self, node: Namespace) -> None:
        """Switch a machine on and give it the line."""
        node.start(self.line, self.variables)

    def is_over(self) -> bool:
        """Whether it has ended somewhere."""
        return not all(node.is_on() for node in self.nodes)

    def ends(self) -> list[int]:
        """Exit statuses."""
        return [node.wait(LONGEST_S) for node in self.nodes]

    def told(self) -> list[dict[str, Any]]:
        """What they said."""
        return [one for node in self.nodes for one in said(node.log)]

    def why(self) -> str:
        """What they said last, or of what failed."""
        failed = [one for one in self.told() if one.get("status") == "failed"]
        return str(failed or [node.log.read_text().splitlines()[-1:] for node in self.nodes])

    def close(self) -> None:
        """Switch everything off."""
        for node in self.nodes:
            node.kill()


KINDS: dict[str, type[Cluster] | type[SameLine]] = {"ray": Cluster, "none": SameLine}


def said(log: Path) -> list[dict[str, Any]]:
    """The lines of a log that are JSON."""
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


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


def kills(engine: str, base: Path, count: int, rng: random.Random) -> str:
    """So many kills, in as many rounds as that takes; gives what did not hold, empty if all did."""
    place = base / "round"
    variables = settings(place)
    machines = KINDS[engine](base, variables)
    totals: dict[str, Any] = {"kills": 0, "repeated": 0, "again": 0, "rounds": 0}
    heard: list[tuple[Blow, float]] = []
    while totals["kills"] < count:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        tuner = list(atwork.TRIALS)[totals["rounds"] % len(atwork.TRIALS)]
        line = [sys.executable, "-m", "tests.perf.atwork", str(place), machines.engine, tuner]
        machines.begin(line)
        blows = struck(machines, count - totals["kills"], PAUSES[engine], rng)
        ends = machines.ends()
        heard += noticed(blows, machines.told())
        if any(ends) or any(one.get("status") == "failed" for one in machines.told()):
            totals["again"] += 1
            print(f"again: {ends}, {machines.why()}", flush=True)
            machines.begin(line)
            ends = machines.ends()
        wrong = nodes.fault(place, ends, len(blows), EPOCHS, atwork.SEEDS)
        wrong = wrong or searching.fault(place / "search", tuner, place / "trained-by-search", len(blows))
        if wrong or not blows:
            return wrong or "nothing was killed"
        totals["kills"] += len(blows)
        totals["rounds"] += 1
        totals["repeated"] += repeated(place)
        print(json.dumps(totals | told_of(heard)), flush=True)
    machines.close()
    return ""


PAUSES = {"ray": (0.5, 14.0), "none": (0.5, 3.5)}  # seconds between kills


def settings(place: Path) -> dict[str, object]:
    """Variables of all machines."""
    return {
        STILL: STILL_S, checkpointing.EPOCHS: EPOCHS, checkpointing.EPOCH_S: EPOCH_S,
        checkpointing.LOG: place / "trained",
    }  # fmt: skip


def repeated(place: Path) -> int:
    """How many epochs were trained more than once, in grid and search."""
    lines = (place / "trained").read_text().splitlines()
    needed = EPOCHS * 2 * len(atwork.SEEDS)
    return len(lines) - needed + searching.repeated(place / "trained-by-search")


def told_of(heard: Sequence[tuple[Blow, float]]) -> dict[str, str]:
    """How soon deaths were noticed, by what kind they were."""
    found = {}
    for words, unplugged in (("connections ended", False), ("cable pulled", True)):
        if times := [seconds for blow, seconds in heard if blow.unplugged == unplugged]:
            spread = f"{statistics.median(times):.1f} s ({min(times):.1f}-{max(times):.1f})"
            found[words] = f"{len(times)} noticed after {spread}"
    return found


def main() -> int:
    """Run what is asked for; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("kills",))
    parser.add_argument("--engine", choices=tuple(KINDS), default="ray")
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--place", type=Path, help="folder for what is left; a temporary one by default")
    asked = parser.parse_args()
    if not namespaces.is_inside():
        if lacking := namespaces.lacking():
            raise SystemExit(f"machines cannot be played here without {lacking}")
        with tempfile.TemporaryDirectory(prefix="bench-deaths-") as folder:
            place = [] if asked.place else ["--place", folder]
            return namespaces.inside([sys.executable, "-m", "tests.perf.deaths", *sys.argv[1:], *place])
    namespaces.bridge()
    base = asked.place.absolute()
    base.mkdir(parents=True, exist_ok=True)
    wrong = kills(asked.engine, base, asked.count or 90, random.Random(asked.seed))
    print(wrong or "nothing was lost, at most one epoch repeated per kill, equal bits")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
