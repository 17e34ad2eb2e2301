"""What `bench run` says while it runs: one line per run, a bar with the time left for the stage at work."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from benchmark.records import Record
from benchmark.runs import Planned

WORDS = {
    "prepare": "preparing images",
    "split": "splitting",
    "segmenter": "training the segmenter",
    "masks": "predicting masks",
    "inputs": "applying masks",
    "fit": "training",
    "predict": "predicting",
    "explain": "Grad-CAM",
    "record": "scoring and drawing",
}


class Progress:
    """Follows the events of a worker."""

    def __init__(self, console: Console, planned: list[Planned]) -> None:
        self.console = console
        self.total = len(planned)
        self.number = 0
        self.started = 0.0
        self.bars = Bars(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.bar: TaskID | None = None

    def __enter__(self) -> "Progress":
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def begin(self, run: Planned) -> None:
        """Name the run that starts."""
        self.number += 1
        self.started = time.monotonic()
        if run.state != "cached":
            self._say(f"[{self.number}/{self.total}] {run.pipeline} · seed {run.spec.seed}")

    def watch(self, event: dict[str, Any]) -> None:
        """Take one event of the worker."""
        if event["event"] == "stage":
            self._clear()
            if event["status"] == "building":
                self.bar = self.bars.add_task(WORDS.get(event["stage"], event["stage"]), total=None, note="")
            elif event["status"] == "built" and not self.console.is_terminal:
                self._say(f"  {WORDS.get(event['stage'], event['stage'])}: done")
        elif event["event"] == "progress" and self.bar is not None:
            self.bars.update(self.bar, completed=event["done"], total=event["total"], note=_note(event))

    def end(self, run: Planned, record: Record) -> None:
        """Say how the run ended."""
        self._clear()
        told = f"[{self.number}/{self.total}] {run.pipeline} · seed {run.spec.seed}: "
        if record.failure:
            self._say(f"{told}failed ({record.failure.cause}) {record.failure.message}")
            return
        found = record.metrics.get(record.metric)
        score = f"{record.metric} {found.value:.3f}" if found and found.value is not None else record.metric
        spent = "cached" if run.state == "cached" else f"{time.monotonic() - self.started:.0f} s"
        self._say(f"{told}{score} ({spent})")

    def _clear(self) -> None:
        if self.bar is not None:
            self.bars.remove_task(self.bar)
            self.bar = None

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


@contextlib.contextmanager
def surveying(console: Console) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A spinner while the dataset is looked at; gives the watcher of its events."""
    with console.status("looking at the dataset") as status:

        def watch(event: dict[str, Any]) -> None:
            if event["event"] == "progress":
                status.update(f"reading {event['total']} files for their digest: {event['done']}")

        yield watch


def print_plan(console: Console, planned: list[Planned]) -> None:
    """One line per run: its name and what would be built."""
    for run in planned:
        told = "cached, nothing to do" if run.state == "cached" else f"builds {', '.join([*run.to_build, 'record'])}"
        console.print(f"{run.pipeline} · seed {run.spec.seed}: {told}", highlight=False, markup=False, soft_wrap=True)
    left = [run for run in planned if run.state != "cached"]
    runs = "1 run" if len(planned) == 1 else f"{len(planned)} runs"
    console.print(f"{runs}, {len(planned) - len(left)} cached", highlight=False)


def _note(event: dict[str, Any]) -> str:
    parts = [f"loss {event['loss']:.3f}" if "loss" in event else ""]
    if event.get("val_loss") is not None:
        parts.append(f"validation {event['val_loss']:.3f}")
    return "  ".join(filter(None, parts))
