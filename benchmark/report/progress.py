"""What `bench run` says while it runs: one line per run, a bar with the time left for the stage at work."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from benchmark.planning.schedule import Planned
from benchmark.records.record import Record
from benchmark.report.notebook import Page

WORDS = {
    "prepare": "preparing images",
    "split": "splitting",
    "segmenter": "training the segmenter",
    "masks": "predicting masks",
    "inputs": "applying masks",
    "fit": "training",
    "features": "pooling features",
    "predict": "predicting",
    "vote": "voting",
    "explain": "mapping the evidence",
    "record": "scoring and drawing",
}

QUIET_S = 60  # where no bar can be drawn, no longer without a word


class Progress:
    """Follows the runs of a crew: what begins, what is at work, how it ended."""

    def __init__(self, console: Console, total: int) -> None:
        self.console = console
        self.total = total
        self.active: dict[str, _Active] = {}
        self.begun = 0
        self.bars = bars_on(console)

    def __enter__(self) -> "Progress":
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def take(self, what: str, run: Planned, told: Any) -> None:
        """Take one event of a crew: the `begin` of a run, an `event` of its worker, its `end` with the record."""
        takers: dict[str, Callable[[Planned, Any], None]] = {
            "begin": self._begin,
            "event": self._watch,
            "end": self._end,
        }
        takers[what](run, told)

    def _begin(self, run: Planned, _: None) -> None:
        self.begun += 1
        self.active[run.plan.run] = _Active(self.begun)
        if run.state != "cached":
            self._say(f"{self._number(run)} {run.label}")

    def _watch(self, run: Planned, event: dict[str, Any]) -> None:
        active = self.active[run.plan.run]
        if event["event"] == "stage":
            self._clear(active)
            words = WORDS.get(event["stage"], event["stage"])
            owner = f" ({event['owner']})" if event.get("owner") else ""
            if event["status"] == "building":
                active.words, active.told = f"{words}{owner}:", time.monotonic()
                active.bar = self.bars.add_task(self._which(run) + words + owner, total=None, note="")
            elif event["status"] == "built" and not self.console.is_terminal:
                self._say(f"  {self._which(run)}{words}{owner}: done")
        elif "notice" in event:
            self._say(f"  {self._which(run)}{WORDS.get(event['stage'], event['stage'])}: {event['notice']}")
        elif event["event"] == "progress" and active.bar is not None:
            self.bars.update(active.bar, completed=event["done"], total=event["total"], note=_note(event))
            now = time.monotonic()
            if not self.console.is_terminal and now - active.told >= QUIET_S:
                active.told = now
                done = f"{active.words} {event['done']:,} of {event['total']:,}  {_note(event)}"
                self._say(f"  {self._which(run)}{done.rstrip()}")

    def _end(self, run: Planned, record: Record) -> None:
        number = self._number(run)
        active = self.active.pop(run.plan.run)
        self._clear(active)
        told = f"{number} {run.label}: "
        if record.failure:
            self._say(f"{told}failed ({record.failure.cause}) {record.failure.message}")
            return
        found = record.metrics.get(record.metric)
        score = f"{record.metric} {found.value:.3f}" if found and found.value is not None else record.metric
        spent = "cached" if run.state == "cached" else f"{time.monotonic() - active.started:.0f} s"
        self._say(f"{told}{score} ({spent})")

    def _which(self, run: Planned) -> str:
        """Whose stage it is, where several runs are at work."""
        return f"{self._number(run)} " if len(self.active) > 1 else ""

    def _number(self, run: Planned) -> str:
        return f"[{self.active[run.plan.run].number}/{self.total}]"

    def _clear(self, active: "_Active") -> None:
        if active.bar is not None:
            self.bars.remove_task(active.bar)
            active.bar = None

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def bars_on(console: Console) -> Bars:
    """Bars with what is done and the time left, gone when they stop; none where the console cannot draw them."""
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}"),
    )
    if isinstance(console, Page):
        return console.bars(*columns)
    return Bars(*columns, console=console, transient=True, disable=not console.is_terminal)


class _Active:
    """A run at work: its number, when it began, the bar of its stage and its words, when a file was last told of it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.started = time.monotonic()
        self.bar: TaskID | None = None
        self.words = ""
        self.told = self.started


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
        console.print(f"{run.label}: {told}", highlight=False, markup=False, soft_wrap=True)
    left = [run for run in planned if run.state != "cached"]
    runs = "1 run" if len(planned) == 1 else f"{len(planned)} runs"
    console.print(f"{runs}, {len(planned) - len(left)} cached", highlight=False)


def plan_json(planned: Sequence[Planned]) -> str:
    """``{"runs": [{"run", "pipeline", "state", "to_build"}, …]}``, on one line."""
    told = [
        {"run": one.plan.run, "pipeline": one.pipeline, "state": one.state, "to_build": one.to_build} for one in planned
    ]
    return msgspec.json.encode({"runs": told}).decode()


def _note(event: dict[str, Any]) -> str:
    parts = [f"loss {event['loss']:.3f}" if "loss" in event else ""]
    if event.get("val_loss") is not None:
        parts.append(f"validation {event['val_loss']:.3f}")
    return "  ".join(filter(None, parts))
