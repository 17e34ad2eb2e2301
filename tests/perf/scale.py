"""What 10^5 runs, 10^6 images and 100 machines cost, all of them made here: seconds, processor time, peak memory.

    python -m tests.perf.scale --place DIR [--runs 100000] [--images 1000000] [--nodes 100] [--only compare,ledger]

Each line is a process of its own, so that its peak is its own.  Records have no predictions, images no files; what
would read those is left out: it takes as many times as long as there are more of them.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from tests.perf.comparing import write_records
from tests.perf.startup import BENCH
from tests.perf.timing import as_installed, process

TASKS = 100
ONE = [sys.executable, "-m", "tests.perf.scaling"]
ROOT = Path(__file__).parent.parent.parent


def commands(place: Path, runs: int, images: int, nodes: int) -> dict[str, list[list[str]]]:
    """Name -> the processes that are measured under it, one after the other."""
    results, cache = str(place / "results"), str(place / "cache")
    return {
        "compare": [[*BENCH, "compare", results]] * 2,
        "verify": [[*BENCH, "verify", results]],
        "list": [[*BENCH, "list"]] * 2,
        "ledger": [
            [*ONE, "ledger", str(place / "few"), str(runs), "10"],
            [*ONE, "ledger", str(place / "many"), str(runs // 10), "1000"],
        ],
        "plan": [[*ONE, "plan", str(place), str(runs)]],
        "images": [[*ONE, "images", str(place), str(images)]],
        "nodes": [[*ONE, "nodes", cache, str(nodes)]],
        "cache": [[*BENCH, "cache", "ls"], [*BENCH, "cache", "clear", "--yes"]],
    }


@click.command()
@click.option(
    "--place", type=click.Path(path_type=Path), help="A folder for everything; by default one that goes again."
)
@click.option("--runs", default=100_000, show_default=True)
@click.option("--images", default=1_000_000, show_default=True)
@click.option("--nodes", default=100, show_default=True)
@click.option("--only", default="", help="Names of measurements, comma-separated.")
def main(place: Path | None, runs: int, images: int, nodes: int, only: str) -> None:
    """Measure what grows with runs, images and machines."""
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as passing:
        measured(place or Path(passing), runs, images, nodes, [*filter(None, only.split(","))], click.echo)


def measured(place: Path, runs: int, images: int, nodes: int, only: list[str], said: Callable[[str], None]) -> None:
    """Each measurement, as a line of a table."""
    if not (place / "results").is_dir():
        write_records(place / "results", runs, TASKS)
    environment = {**as_installed(), "BENCH_CACHE": str(place / "cache"), "PYTHONPATH": str(ROOT)}
    said("|  | seconds | processor | peak MB | exit |\n| --- | --- | --- | --- | --- |")
    for name, processes in commands(place, runs, images, nodes).items():
        for number, command in enumerate(processes if not only or name in only else ()):
            one = process(command, environment, os.fspath(ROOT), None)
            said(f"| {name} {number + 1} | {one.wall_s:.2f} | {one.cpu_s:.2f} | {one.peak_mb:,.0f} | {one.code} |")


if __name__ == "__main__":
    main()
