"""How long commands say nothing: the longest silence of each, in a terminal and where their words go into a file.

    .venv/bin/python -m tests.perf.silence --place DIR --only list,run,compare,verify,speed,evaluate,check

What is timed runs one after the other, since later ones read what the earlier ones wrote.
"""

import argparse
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.perf.comparing import write_runs
from tests.perf.timing import as_installed

TASK = ("--task", "binary", "--dataset", "phantom[count=300,size=64]", "--segmenter", "none")
PIPELINE = (*TASK, "--backbone", "sepcnn", "--head", "dense")
RECORDS, IMAGES = 2_000, 500
FILMS = 400  # in the folder that is checked


class Heard(NamedTuple):
    """What was heard of a command: seconds in all, the longest silence and when it began, exit status."""

    all_s: float
    silence_s: float
    since_s: float
    code: int


def listen(command: list[str], environment: dict[str, str], *, terminal: bool) -> Heard:
    """Run a command and time what it prints, to a terminal or into pipes; the last silence is that before its end."""
    reading, writing = pty.openpty() if terminal else os.pipe()
    started = last = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing)
    os.close(writing)
    longest, since = 0.0, 0.0
    while True:
        ready, _, _ = select.select([reading], [], [], 0.05)
        now = time.monotonic()
        try:
            heard = os.read(reading, 65536) if ready else None
        except OSError:  # a terminal whose last writer has gone
            heard = b""
        if heard is None:
            continue
        if now - last > longest:
            longest, since = now - last, last - started
        last = now
        if not heard:
            break
    os.close(reading)
    return Heard(time.monotonic() - started, longest, since, process.wait())


def commands(place: Path, bench: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Name -> command, each made when its turn comes; what it reads is written before."""
    results, records, films = place / "results", place / "records", place / "films"
    yield "list", [*bench, "list"]
    yield "run", [*bench, "run", *PIPELINE, "-o", str(results)]
    write_runs(records, 1, RECORDS, IMAGES)
    yield "compare", [*bench, "compare", str(records)]
    yield "verify", [*bench, "verify", str(records)]
    yield "speed", [*bench, "speed", *PIPELINE, "-o", str(results)]
    subprocess.run([sys.executable, "-c", DRAW, str(films), str(FILMS)], check=True, env=as_installed())
    found = sorted(path.parent for path in results.rglob("result.json") if "none-" in path.parent.name)
    yield "evaluate", [*bench, "evaluate", *map(str, found[:1]), "--data", str(films), "-o", str(results)]
    yield "check", [*bench, "data", "check", str(films)]


DRAW = """
import sys
from pathlib import Path
import cv2
from registry.datasets.phantom.catalogue import phantom
dataset = phantom(None, count=int(sys.argv[2]), size=256, seed=7)
for number, sample in enumerate(dataset.samples()):
    place = Path(sys.argv[1], sample.label)
    place.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(place / f"{number}.png"), sample.read_image())
"""


def main() -> None:
    """Print a line for each command and each way to look at it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", type=Path, required=True, help="an empty folder for cache, records and films")
    parser.add_argument("--only", default="", help="names, comma-separated")
    asked = parser.parse_args()
    bench = [sys.executable, "-m", "benchmark"]
    for terminal in (True, False):
        place = asked.place / ("terminal" if terminal else "file")
        place.mkdir(parents=True, exist_ok=True)
        environment = {**as_installed(), "BENCH_CACHE": str(place / "cache")}
        for name, command in commands(place, bench):
            if not asked.only or name in asked.only.split(","):
                heard = listen(command, environment, terminal=terminal)
                print(
                    f"{name:10}{'terminal' if terminal else 'file':10}{heard.all_s:8.1f} s in all, longest silence "
                    f"{heard.silence_s:6.1f} s from {heard.since_s:.1f} s on, exit {heard.code}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
