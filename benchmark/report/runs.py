"""What `bench run` says when all has run: the comparison, samples of the maps, where everything is."""

import json
from collections.abc import Sequence

from rich.console import Console

from benchmark.comparison.tables import Comparison
from benchmark.execution.session import Finished
from benchmark.report.markup import visible
from benchmark.report.terminal import print_comparison
from benchmark.report.thumbnails import blocks

FIGURES = ("gradcam.png", "mean-heat.png", "network-view.png", "masks.png", "curves.png")


def print_runs(console: Console, comparison: Comparison, finished: Sequence[Finished]) -> None:
    """The comparison of runs that have finished, and what they have left."""
    print_comparison(console, comparison)
    _print_samples(console, finished)
    _print_places(console, finished)


def _print_samples(console: Console, finished: Sequence[Finished]) -> None:
    """Samples of the maps of every pipeline's first run, where the console has colours."""
    colour = console.color_system is not None and not console.no_color
    shown: set[str] = set()
    for run, record in finished:
        path = run.folder / "gradcam.json"
        if colour and record.status == "ok" and record.pipeline_digest not in shown and path.is_file():
            shown.add(record.pipeline_digest)
            heading = f"\n{record.map_method} · {run.label}"
            console.print(visible(heading), highlight=False, markup=False, soft_wrap=True)
            pictures = json.loads(path.read_bytes())
            console.print(blocks(pictures, console.width, colour=colour), end="", soft_wrap=True)


def _print_places(console: Console, finished: Sequence[Finished]) -> None:
    """Where everything is, and how to try again what failed."""
    places = ", ".join(dict.fromkeys(str(run.folder.parent) for run, _ in finished))
    there = [name for name in FIGURES if any((run.folder / name).is_file() for run, _ in finished)]
    what = f"Records, models and figures ({', '.join(there)})" if there else "Records"
    console.print(visible(f"\n{what}: {places}"), markup=False, highlight=False, soft_wrap=True)
    failed = sum(record.status == "failed" and not run.of_controls for run, record in finished)
    if failed:
        runs = "1 run" if failed == 1 else f"{failed} runs"
        again = f"{runs} failed; the same line runs what is missing, --retry-failed what failed alone."
        console.print(visible(again), markup=False, highlight=False, soft_wrap=True)
