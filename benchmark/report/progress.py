"""What `bench run` prints while it runs: one line per run, a bar with the time left for the stage at work."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from benchmark.execution.pool import Begun, Ended, Happening, Recorded, Reported
from benchmark.execution.protocol import Event
from benchmark.execution.protocol import Progress as Advance
from benchmark.planning.graph import RECORD, Step, subject
from benchmark.planning.runs import Planned
from benchmark.records.record import Record
from benchmark.report.markup import visible, visible_json
from benchmark.report.notebook import Page
from benchmark.report.wording import duration, plural

WORDS = {
    "prepare": "preparing images",
    "copies": "searching copies",
    "split": "splitting",
    "paths": "listing files",
    "segmenter": "training the segmenter",
    "masks": "predicting masks",
    "inputs": "applying masks",
    "fit": "training",
    "features": "pooling features",
    "familiarity": "learning what images look like",
    "predict": "predicting",
    "vote": "voting",
    "explain": "drawing heat maps",
    "score": "scoring",
    "draw": "drawing",
    "originals": "reading grey levels",
    "controls": "fitting",
    "record": "writing the record",
}

UNSEEDED = (  # steps that are the same for all training seeds
    "prepare", "copies", "split", "paths", "segmenter", "masks", "inputs", "originals", "controls", "familiarity",
)  # fmt: skip
UNSEARCHED = (
    "No copies of films were looked for, only patients and files: a run looks, and stops (exit code 4) where the parts "
    "as given have some in test and elsewhere."
)
UNJUDGED = (
    "The dataset's lung masks were not looked at: a run looks while it prepares the images, and stops (exit code 2) "
    "where nearly all are empty, full or white outside the lungs; bench data check looks too."
)
IN_PERCENT = ("copies",)  # steps that count parts of their work, not images
QUIET_S = 10  # at most, where no bar can be drawn


class Progress:
    """Follows a pool: which worker is at which step, how many steps of all are done, how each run ended."""

    def __init__(self, console: Console, total: int) -> None:
        self.console = console
        self.total = total
        self.ended = 0
        self.at_work: dict[int, _AtWork] = {}
        self.busy: set[str] = set()  # keys of steps that others are at, which was said
        self.bars = bars_on(console)
        self.steps: TaskID | None = None
        self.said = time.monotonic()
        self.over = threading.Event()

    def __enter__(self) -> "Progress":
        self.bars.start()
        if not self.console.is_terminal:
            threading.Thread(target=self._break_silence, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.bars.stop()

    def _break_silence(self) -> None:
        while not self.over.wait(1):
            with contextlib.suppress(OSError):  # whoever prints next beside this thread is told
                self.report()

    def report(self) -> None:
        """Say what every worker is at, if nothing has been said for long; where bars show it, nothing."""
        if not self.console.is_terminal and time.monotonic() - self.said >= QUIET_S:
            for active in list(self.at_work.values()):
                self._say(active.line())

    def take(self, happened: Happening) -> None:
        """Take what happened in the pool."""
        if isinstance(happened, Begun):
            words = step_words(happened.step)
            self.at_work[happened.worker] = _AtWork(
                words,
                self.bars.add_task(escape(visible(words)), total=None, note=""),
                percent=happened.step.name in IN_PERCENT,
            )
        elif isinstance(happened, Reported):
            self._follow(self.at_work[happened.worker], happened.event)
        elif isinstance(happened, Ended):
            self._end_step(happened)
        else:
            self._end_run(happened)

    def _follow(self, active: "_AtWork", event: Event) -> None:
        if not isinstance(event, Advance):
            return
        if event.notice:
            self._say(f"  {active.words}: {event.notice}")
        if event.done is None or event.total is None:
            return
        done, total = event.done, event.total
        if active.percent and total:
            done, total = 100 * done // total, 100
        self.bars.update(active.bar, completed=done, total=total, note="%" if active.percent else _note(event))
        come_to = f"{done} %" if active.percent else f"{done:,} of {total:,}"
        active.come_to = f"{come_to}  {_note(event)}".rstrip()

    def _end_step(self, ended: Ended) -> None:
        if self.steps is None:
            self.steps = self.bars.add_task("steps", total=ended.total, note="")
        self.bars.update(self.steps, completed=ended.done, total=ended.total)
        active = self.at_work.pop(ended.worker) if ended.worker is not None else None
        if active is not None:
            self.bars.remove_task(active.bar)
        if ended.status == "busy":
            self._say_busy(ended)
        elif active is None:
            return
        elif ended.status == "lost":
            self._say(f"  {active.words}: its node died; it is begun again, from its last checkpoint")
        elif ended.status == "built" and ended.step.name != RECORD and not self.console.is_terminal:
            self._say(f"  {active.words}: done ({duration(ended.duration_s)})")

    def _say_busy(self, ended: Ended) -> None:
        """Say once of a step that another process is at it."""
        if ended.step.key not in self.busy:
            self.busy.add(ended.step.key)
            whose = ended.whose or "another process"
            self._say(f"  {step_words(ended.step)}: {whose} is at it; going on with what is ready meanwhile")

    def _end_run(self, recorded: Recorded) -> None:
        run, record = recorded.run, recorded.record
        self.ended += not run.of_controls
        line = f"{'' if run.of_controls else f'[{self.ended}/{self.total}] '}{run.label}: "
        if record.failure:
            at = f" at {record.failure.stage}" if record.failure.stage else ""
            self._say(f"{line}failed ({record.failure.cause}{at}) {record.failure.message}")
            return
        made = recorded.made and not run.record
        self._say(f"{line}{_scores(record)} ({duration(recorded.duration_s) if made else 'cached'})")

    def _say(self, text: str) -> None:
        self.said = time.monotonic()
        self.console.print(visible(text), highlight=False, markup=False, soft_wrap=True)


def _scores(record: Record) -> str:
    """What a run has come to by the task's metric; of controls each rule, but for one that is the line's subject."""
    found = record.controls if record.of_controls else {record.pipeline: record.metrics}
    values = {name: metrics[record.metric].value for name, metrics in found.items() if record.metric in metrics}
    known = {name: f"{value:.3f}" for name, value in values.items() if value is not None}
    if list(known) == [record.pipeline]:
        return f"{record.metric} {known[record.pipeline]}"
    return ", ".join([record.metric, *(f"{name} {value}" for name, value in known.items())])


def step_words(step: Step) -> str:
    """What a step does, and for what: ``training (unet+sepcnn+dense, COVID, seed 0)``."""
    seeded = step.name not in UNSEEDED
    about = f", {step.spec.positive}" if seeded and step.spec.positive else ""
    seed = f", seed {step.spec.seed}" if seeded else ""
    fold = f", fold {step.spec.fold}" if step.spec.split.folds > 1 and step.spec.fold is not None else ""
    return f"{WORDS.get(step.name, step.name)} ({subject(step)}{about}{seed}{fold})"


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


class _AtWork:
    """A worker's step in words, its bar, and how far it has come, where it has said so: counted, or in percent."""

    def __init__(self, words: str, bar: TaskID, *, percent: bool) -> None:
        self.words, self.bar, self.percent = words, bar, percent
        self.begun = time.monotonic()
        self.come_to = ""

    def line(self) -> str:
        """What a file is told."""
        return f"  {self.words}: {self.come_to or f'begun {duration(time.monotonic() - self.begun)} ago'}"


def print_plan(console: Console, planned: list[Planned]) -> None:
    """One line per run: its name and what would be built."""
    for run in planned:
        text = "cached, nothing to do" if run.state == "cached" else f"builds {', '.join([*run.to_build, 'record'])}"
        if run.plan.uncacheable:
            text += f"; made anew each time: the source of {', '.join(run.plan.uncacheable)} cannot be read"
        console.print(visible(f"{run.label}: {text}"), highlight=False, markup=False, soft_wrap=True)
    runs = [run for run in planned if not run.of_controls]
    left = [run for run in runs if run.state != "cached"]
    console.print(f"{plural(len(runs), 'run')}, {len(runs) - len(left)} cached", highlight=False)
    for note in _open_questions(planned):
        console.print(note, highlight=False, soft_wrap=True)


def _open_questions(planned: Sequence[Planned]) -> Iterator[str]:
    """What may stop a run and no plan looks for."""
    if unsearched(planned):
        yield UNSEARCHED
    if any("prepare" in run.to_build and run.summary.masks for run in planned):
        yield UNJUDGED


def unsearched(planned: Sequence[Planned]) -> bool:
    """Whether a run may stop for copies that given parts have in common, which no plan looks for."""
    splits = [run.spec.split for run in planned if run.state != "cached"]
    return any(one.parts == "given" and one.leaks == "refuse" for one in splits)


def plan_json(planned: Sequence[Planned]) -> str:
    """``{"runs": [{"run", "pipeline", "state", "to_build"}, …], "controls": [the same], "dataset": …}``, on one line.

    The last says how the data were understood; see `benchmark.records.summary.DatasetSummary`.
    """
    listed: dict[str, Any] = {"runs": [], "controls": []}
    for one in planned:
        told: dict[str, Any] = {"run": one.plan.run, "pipeline": one.pipeline}
        told |= {"state": one.state, "to_build": one.to_build}
        listed["controls" if one.of_controls else "runs"].append(told)
    if planned:
        listed["dataset"] = planned[0].summary
    if notes := list(_open_questions(planned)):
        listed["note"] = "; ".join(notes)
    return visible_json(msgspec.json.encode(listed).decode())


def _note(event: Advance) -> str:
    parts = [f"loss {event.loss:.3f}" if event.loss is not None else ""]
    if event.val_loss is not None:
        parts.append(f"validation {event.val_loss:.3f}")
    return "  ".join(filter(None, parts))
