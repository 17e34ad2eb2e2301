"""Whether every engine makes the same records: `python -m tests.perf.engines`, in the root of a checkout.

The same small line, ``--deterministic``, on two workers of this machine, by two commands at once on one cache, on Ray
(a cluster of this machine, two slots and one) and on a Slurm of one machine that is forty lines of shell; each has a
cache of its own.  Ray and Slurm are left out where they are not installed.  On two idle cores it takes five minutes.

Exit status: 0 all equal, 1 a difference, 2 a line failed.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).parent.parent.parent
SLURM = ROOT / "tests" / "execution" / "cluster" / "slurm"
COMMANDS = ("sbatch", "srun", "sacct", "scancel", "scontrol")
TASK = """
title = "tiny"
metric = "balanced-accuracy"
positive = "COVID"
dataset = "phantom[count=96,size=32]"
resamples = 200
[classes]
rest = ["*"]
COVID = ["COVID"]
[[pipelines]]
segmenter = "unet[filters=4]"
backbone = "sepcnn[filters=8,pairs=1]"
head = "dense"
[images]
size = 32
[split]
train = 0.5
validation = 0.25
test = 0.25
"""
LINE = "--task tiny.toml --full --epochs 1 --head dense --head xgboost --seeds 0,1 --deterministic"
SETTINGS = {  # name -> what is added to the line, and how many commands are given it at once
    "local": ("--jobs 2", 1),
    "twice": ("", 2),
    "ray-2": ("--engine ray[address=local,slots=2,wait=600]", 1),
    "ray-1": ("--engine ray[address=local,slots=1,wait=600]", 1),
    "slurm": ("--engine slurm[slots=2]", 1),
}
NEEDS = {"ray-2": "ray", "ray-1": "ray", "slurm": "submitit"}
# What it cost, when and on what; archives and histories hold times too.
APART = re.compile(
    r"/(created|seal|cost/.*|hardware.*|stages/.*|training/stage_duration_s/.*|.*(tracing_s|input_stall|duration_s)"
    r"|files/(model/.*\.keras|history\.csv)/.*|environment/.*)"
)


@click.command()
@click.option("--only", default="local,twice,ray-2,ray-1,slurm", show_default=True, help="Comma-separated.")
@click.option("--keep", type=click.Path(path_type=Path), help="A folder for what they leave; what it has is not run.")
def main(only: str, keep: Path | None) -> None:
    """Give the line to each engine, and compare what they leave with what the first leaves."""
    with tempfile.TemporaryDirectory(prefix="bench-engines-") as scratch:
        place = (keep or Path(scratch)).absolute()
        names = [name for name in only.split(",") if name not in NEEDS or find_spec(NEEDS[name])]
        found = {name: left(place, name) for name in names}
    first = found[names[0]]
    wrong = Counter(f"{name}: {path}" for name in names[1:] for path in differing(first, found[name]))
    for text, count in wrong.items():
        click.echo(f"{text} differs in {count} records")
    click.echo(f"{len(first)} records, {', '.join(names)}: {'all the same' if not wrong else 'not the same'}")
    sys.exit(bool(wrong))


def left(place: Path, name: str) -> dict[str, Any]:
    """Run's folder -> its record, of one engine; run where there are none yet."""
    folder = place / name
    if not folder.is_dir():
        folder.mkdir(parents=True)
        (folder / "tiny.toml").write_text(TASK)
        added, count = SETTINGS[name]
        environment = surroundings(folder)
        if name == "twice":  # each on a core of its own, as the workers of the first are
            environment["BENCH_THREADS"] = "1"
        command = [sys.executable, "-P", "-m", "benchmark", "run", *LINE.split(), *added.split(), "-o", "results"]
        logs = [(folder / f"said-{number}").open("w") for number in range(count)]
        begun = [subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log) for log in logs]
        codes = [process.wait() for process in begun]
        if any(codes):
            click.echo(f"{name}: failed, see {folder}/said-*")
            sys.exit(2)
        click.echo(f"{name}: ran")
    results = folder / "results"
    files = results.rglob("result.json")
    return {str(path.relative_to(results).parent): json.loads(path.read_bytes()) for path in files}


def surroundings(folder: Path) -> dict[str, str]:
    """Variables of a command: a cache of its own, and a Slurm of one machine."""
    programs, jobs = folder / "bin", folder / "jobs"
    programs.mkdir()
    jobs.mkdir()
    for name in COMMANDS:
        (programs / name).symlink_to(SLURM)
    path = f"{programs}:{os.environ['PATH']}"
    return {**os.environ, "BENCH_CACHE": str(folder / "cache"), "FAKE_SLURM": str(jobs), "PATH": path}


def differing(first: dict[str, Any], other: dict[str, Any]) -> Iterator[str]:
    """Where records differ, but for what they cost."""
    yield from (f"{run} is lacking" for run in first.keys() ^ other.keys())
    for run in first.keys() & other.keys():
        yield from (path for path in unlike(first[run], other[run]) if not APART.fullmatch(path))


def unlike(one: Any, two: Any, path: str = "") -> Iterator[str]:
    """Paths to what differs between two documents."""
    if isinstance(one, dict) and isinstance(two, dict):
        for key in one.keys() | two.keys():
            yield from unlike(one.get(key), two.get(key), f"{path}/{key}")
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for place, (left, right) in enumerate(zip(one, two, strict=True)):
            yield from unlike(left, right, f"{path}/{place}")
    elif one != two:
        yield path


if __name__ == "__main__":
    main()
