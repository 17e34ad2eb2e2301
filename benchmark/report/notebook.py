"""Lines and bars in the output of a notebook's cell, which is drawn anew as they change; it needs no widgets."""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from rich.console import Console, RenderableType
from rich.markup import render
from rich.progress import Progress, ProgressColumn, TaskID

from benchmark.storage.garbage import imported

WIDTH = 100
PAUSE_S = 0.2  # between two drawings of a bar; lines are drawn at once
STYLE = "margin:0;white-space:pre-wrap"

Show = Callable[[str, str], None]  # puts plain text and HTML in the place of what was shown before


class Page(Console):
    """A console whose output is one place on a page: all lines so far, and the bars of the moment under them.

    Args:
        show: puts plain text and HTML there.
    """

    def __init__(self, show: Show) -> None:
        self.lines = io.StringIO()
        super().__init__(file=self.lines, width=WIDTH, color_system=None, force_terminal=True, force_jupyter=False)
        self.show = show
        self.below: Callable[[], str] = str
        self.drawn = float("-inf")

    def print(self, *objects: Any, **options: Any) -> None:
        """Add lines."""
        super().print(*objects, **options)
        self.draw()

    def bars(self, *columns: ProgressColumn) -> "PageBars":
        """Bars at the end of the page."""
        return PageBars(self, *columns)

    @contextmanager
    def status(self, status: RenderableType, **_: Any) -> Iterator["_Status"]:  # type: ignore[override]
        """A line at the end of the page that can be changed and goes when it is over."""
        shown = _Status(self, str(status))
        self.below = lambda: shown.text
        self.draw()
        try:
            yield shown
        finally:
            self.below = str
            self.draw()

    def draw(self, *, pause_s: float = 0.0) -> None:
        """Show the page as it is now, unless it was shown so shortly before."""
        now = time.monotonic()
        if now - self.drawn < pause_s:
            return
        self.drawn = now
        text = self.lines.getvalue() + self.below()
        self.show(text, f'<pre style="{STYLE}">{escape(text)}</pre>')


def cell_output() -> Show:
    """Puts plain text and HTML in one place of a notebook's cell; any front end can show that, without widgets."""
    display = imported("IPython.display").display
    handles: list[Any] = []

    def show(text: str, html: str) -> None:
        content = {"text/plain": text, "text/html": html}
        if handles:
            handles[0].update(content, raw=True)
        else:
            handles.append(display(content, raw=True, display_id=True))

    return show


class PageBars(Progress):
    """Bars that a page draws, in place of a thread that draws them on a terminal."""

    def __init__(self, page: Page, *columns: ProgressColumn) -> None:
        super().__init__(*columns, console=page, disable=True)
        self.page = page

    def start(self) -> None:
        """Show the bars."""
        self.page.below = self._text
        self.page.draw()

    def stop(self) -> None:
        """Take them away."""
        self.page.below = str
        self.page.draw()

    def refresh(self) -> None:
        """Draw them as they are now."""
        self.page.draw(pause_s=PAUSE_S)

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """Change a bar."""
        super().update(task_id, **changes)
        self.refresh()

    def _text(self) -> str:
        text = io.StringIO()
        Console(file=text, width=WIDTH, color_system=None, force_jupyter=False).print(self.get_renderable())
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines() if line.strip())


class _Status:
    def __init__(self, page: Page, text: str) -> None:
        self.page = page
        self.text = render(text).plain

    def update(self, status: RenderableType) -> None:
        """Change the line."""
        self.text = render(str(status)).plain
        self.page.draw(pause_s=PAUSE_S)
