"""One piece of work on a console: a bar with the time left, and where none can be drawn a line every ten seconds."""

import contextlib
import threading
import time

from rich.console import Console
from rich.markup import escape

from benchmark.execution.protocol import Event
from benchmark.execution.protocol import Progress as Advance
from benchmark.report.markup import visible
from benchmark.report.progress import IN_PERCENT, QUIET_S, bars_on
from benchmark.report.wording import duration

AFTER_S = 1.0  # what ends sooner needs no word
LOOK_S = 0.2


class Work:
    """Shows how far a piece of work is, from a thread of its own: whoever works need not come back to it.

    Args:
        label: what is done, in words.
        said: when something was last said, by the monotonic clock; None: now.
    """

    def __init__(self, console: Console, label: str, said: float | None = None) -> None:
        self.console, self.label = console, label
        self.what, self.done, self.total, self.percent = "", 0, 0, False
        self.begun = self.since = time.monotonic()
        self.said = self.begun if said is None else said
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> "Work":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def tell(self, what: str = "", done: int | None = None, total: int | None = None, *, percent: bool = False) -> None:
        """Say what is being done, and how much of how much, where that is known, or in percent."""
        if what != self.what or (total or 0) != self.total:  # another part, which has another pace
            self.since = time.monotonic()
        self.what, self.done, self.total, self.percent = what, done or 0, total or 0, percent

    def watch(self, event: Event) -> None:
        """Take an event of a worker."""
        if isinstance(event, Advance):
            done, total = event.done, event.total
            if event.stage in IN_PERCENT and total:
                done, total = 100 * (done or 0) // total, 100
            self.tell(event.what or (self.what if total else ""), done, total, percent=event.stage in IN_PERCENT)

    @property
    def words(self) -> str:
        """What is done, and what of it."""
        return f"{self.label}: {self.what}" if self.what else self.label

    def line(self) -> str:
        """What a file is told."""
        now = time.monotonic()
        if not self.total:
            return f"{self.words}: begun {duration(now - self.begun)} ago"
        known = (
            0 < self.done < self.total and now - self.since >= AFTER_S
        )  # what was done before somebody counted has no pace
        left = (now - self.since) * (self.total - self.done) / self.done if known else None
        about = f", about {duration(left)} left" if left is not None else ""
        come_to = f"{self.done} %" if self.percent else f"{self.done:,} of {self.total:,}"
        return f"{self.words}: {come_to}{about}"

    def report(self) -> None:
        """Say how far it is, if nothing has been said for long."""
        if time.monotonic() - self.said >= QUIET_S:
            self.said = time.monotonic()
            self.console.print(visible(f"  {self.line()}"), highlight=False, markup=False, soft_wrap=True)

    def _show(self) -> None:
        if self.over.wait(AFTER_S):
            return
        with contextlib.suppress(OSError):  # whoever prints next beside this thread is told
            self._draw() if self.console.is_terminal else self._lines()

    def _lines(self) -> None:
        while not self.over.wait(LOOK_S):
            self.report()

    def _draw(self) -> None:
        with bars_on(self.console) as bars:
            bar, shown = bars.add_task(escape(self.words), total=None, note=""), self.words
            while not self.over.wait(LOOK_S):
                if shown != self.words:  # another part has another pace
                    bars.remove_task(bar)
                    bar, shown = bars.add_task(escape(self.words), total=None, note=""), self.words
                bars.update(bar, completed=self.done, total=self.total or None)
