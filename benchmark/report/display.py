"""What a command shows while it is at work, on one console."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.markup import escape

from benchmark.execution.protocol import Event, Watch
from benchmark.execution.session import Take
from benchmark.records.summary import DatasetSummary
from benchmark.report.markup import visible
from benchmark.report.notebook import Page
from benchmark.report.opening import opening
from benchmark.report.progress import Progress
from benchmark.report.tuning_progress import TuningProgress
from benchmark.report.working import Work


class ConsoleDisplay:
    """Lines, and bars where the console can draw them; see `benchmark.execution.session.Display`."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.said = time.monotonic()  # several short pieces of work are one silence

    def say(self, text: str) -> None:
        """Show a line."""
        self.said = time.monotonic()
        self.console.print(visible(text), highlight=False, markup=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """Show a line beside the answer: on standard error, in a notebook's cell as any other."""
        aside = self.console.stderr or self.console.quiet or isinstance(self.console, Page)
        ConsoleDisplay(self.console if aside else Console(stderr=True)).say(f"note: {text}")

    def understood(self, summary: DatasetSummary, parts: str) -> None:
        """Show how the data were understood; see `benchmark.report.opening`."""
        for line in opening(summary, parts):
            self.say(line)

    def summarising(self) -> AbstractContextManager[Watch]:
        """Show how far the summary of the dataset is; gives who sees its events."""
        return self.working("summarising the dataset")

    @contextmanager
    def working(self, label: str) -> Iterator[Watch]:
        """Show that a worker is at work, with what, and how far it is; gives who sees its events."""
        if not isinstance(self.console, Page):
            with Work(self.console, label, self.said) as work:
                try:
                    yield work.watch
                finally:
                    self.said = work.said
            return
        work = Work(self.console, label)  # a cell is drawn by who works for it, and by no other thread
        with self.console.status(escape(label)) as status:

            def watch(event: Event) -> None:
                work.watch(event)
                status.update(escape(work.line()))

            yield watch

    @contextmanager
    def running(self, total: int) -> Iterator[Take]:
        """Show how far so many runs are; gives who sees their events."""
        with Progress(self.console, total) as progress:
            yield progress.take

    def searching(self, trials: int, budget_s: float | None) -> TuningProgress:
        """Show how far the trials of a search are; see `benchmark.tuning.tune.Follower`."""
        return TuningProgress(self.console, trials, budget_s)


class Aside(ConsoleDisplay):
    """How far work is, and nothing of what it says: nobody asked for it by itself."""

    def say(self, text: str) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""

    def understood(self, summary: DatasetSummary, parts: str) -> None:
        """Show nothing."""
