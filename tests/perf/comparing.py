"""(g) `bench compare` over many synthetic records, start included, beside a loop that only parses the same files."""

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmark.records.files import FILE
from benchmark.storage.files import sealed
from tests import factories
from tests.perf.startup import BENCH
from tests.perf.timing import Line, absolute, as_installed, process, ratio

SIZES = {1_000: (0.5, 7), 20_000: (4.0, 3)}  # records -> most seconds, repeats
SEEDS = 5
MOST_MB = 300.0
PARSE = """
import json, pathlib, sys
for path in pathlib.Path(sys.argv[1]).rglob("result.json"):
    json.loads(path.read_bytes())
"""


def measure(place: Path, told: Callable[[str], None]) -> list[Line]:
    """Seconds and peak memory for 1,000 and 20,000 records."""
    lines = []
    for count, (target, repeats) in SIZES.items():
        told(f"writing {count:,} records")
        folder = place / str(count)
        write_records(folder, count)
        walls, peaks, pairs = [], [], []
        for number in range(repeats):
            spent = process([*BENCH, "compare", str(folder)], as_installed())
            if spent.code:
                raise RuntimeError(f"bench compare ended with exit status {spent.code}")
            other = process([sys.executable, "-c", PARSE, str(folder)], as_installed())
            walls.append(spent.wall_s)
            peaks.append(spent.peak_mb)
            pairs.append((spent.cpu_s, other.cpu_s))
            told(f"{number + 1} of {repeats}: {spent.wall_s:.2f} s, {spent.peak_mb:.0f} MB")
        name = f"`bench compare`, {count:,} records"
        lines.append(absolute("g", name, "s", walls, target))
        lines.append(absolute("g", f"{name}: peak memory", "MB", peaks, MOST_MB))
        note = "theirs: `json.loads` of each file and nothing else"
        lines.append(ratio("g", f"{name}: processor time", "s", pairs, "<=", None, note))
    return lines


def write_records(folder: Path, count: int) -> None:
    """Sealed records as runs write them: five seeds of each pipeline, a task for every two hundred pipelines."""
    for number in range(count):
        pipeline, seed = divmod(number, SEEDS)
        name = f"unet+net{pipeline}+dense"
        value = 0.9 + 0.09 * ((pipeline * 7919) % 1000) / 1000 + 0.001 * seed
        made = sealed(factories.record(value, pipeline=name, seed=seed))
        place = folder / made.task / made.run
        place.mkdir(parents=True)
        (place / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
