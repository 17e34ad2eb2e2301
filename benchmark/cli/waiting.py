"""What the command itself works at, shown on standard error; nothing is imported for what is soon over."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.execution.protocol import Event
    from benchmark.report.working import Work

AFTER_S = 1.0


class Patience:
    """Work that is shown once it has lasted a second.

    Args:
        label: what is done, in words.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self.told: tuple[Any, ...] = ()
        self.work: Work | None = None
        self.over = threading.Event()

    def tell(self, what: str = "", done: int | None = None, total: int | None = None) -> None:
        """Say what is being done, and how much of how much, where that is known."""
        self.told = (what, done, total)
        if self.work is not None:
            self.work.tell(*self.told)

    def watch(self, event: "Event") -> None:
        """Take an event of a worker."""
        if self.work is not None:
            self.work.watch(event)

    def show(self) -> None:
        """Wait until it has lasted, then show it until it is over."""
        if self.over.wait(AFTER_S):
            return
        from rich.console import Console

        from benchmark.report.working import Work

        with Work(Console(stderr=True), self.label) as self.work:
            self.work.tell(*self.told)
            self.over.wait()


@contextmanager
def waiting(label: str) -> Iterator[Patience]:
    """Show a piece of work of this process while it lasts; gives who is told how far it is."""
    patience = Patience(label)
    thread = threading.Thread(target=patience.show, daemon=True)
    thread.start()
    try:
        yield patience
    finally:
        patience.over.set()
        thread.join()
