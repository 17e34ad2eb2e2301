"""A file system that machines share without locks, in memory: what one has made others see late, replies get lost.

Builders take turns at its operations, in an order that a test chooses; any of them may be stopped, woken or killed
between two of them.
"""

import errno
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmark.storage.disk import RENEWALS, Living, still_s

LATE_S = 60.0  # for so long a machine answers from memory what is where


class Killed(BaseException):
    """The end of a builder's thread, which does nothing more."""


@dataclass
class Server:
    """What is there.

    Attributes:
        entries: path -> whether it is a folder.
        checks: called after each change.
        loses: asked at each rename of leases and claims: whether its reply is lost.
    """

    entries: dict[str, bool] = field(default_factory=dict)
    clock: float = 0.0
    checks: list[Callable[[], None]] = field(default_factory=list)
    loses: Callable[[], bool] = lambda: False

    def below(self, folder: str) -> list[str]:
        return [path for path in self.entries if path.startswith(f"{folder}/")]

    def names(self, folder: str) -> list[str]:
        return [
            path.removeprefix(f"{folder}/") for path in self.below(folder) if path.count("/") == folder.count("/") + 1
        ]

    def make(self, folder: str) -> None:
        above = folder.split("/")
        for depth in range(1, len(above)):
            self.entries.setdefault("/".join(above[:depth]), True)
        self._new(folder, True)

    def note(self, path: str) -> None:
        self._new(path, False)

    def make_in(self, folder: str) -> None:
        """As `os.mkdir` does: in a folder that is there."""
        self._new(folder, True)

    def rename(self, old: str, new: str) -> None:
        if old not in self.entries or new.rpartition("/")[0] not in self.entries:
            raise FileNotFoundError(errno.ENOENT, "none", old)
        if self.entries[old] and self.below(new):
            raise OSError(errno.ENOTEMPTY, "not empty", new)
        moved = {path: self.entries.pop(path) for path in [old, *self.below(old)]}
        self.entries |= {new + path.removeprefix(old): kind for path, kind in moved.items()}
        self._check()

    def delete(self, path: str) -> None:
        for one in [*self.below(path), path]:
            self.entries.pop(one, None)
        self._check()

    def _new(self, path: str, folder: bool) -> None:
        if path in self.entries:
            raise FileExistsError(errno.EEXIST, "there", path)
        if path.rpartition("/")[0] not in self.entries:
            raise FileNotFoundError(errno.ENOENT, "none", path)
        self.entries[path] = folder
        self._check()

    def _check(self) -> None:
        for check in self.checks:
            check()


class Machine:
    """What one process sees: a `benchmark.storage.disk.Disk` each of whose operations waits for its turn."""

    def __init__(self, server: Server, name: str) -> None:
        self.server, self.name = server, name
        self.seen: dict[str, tuple[str, float]] = {}
        self.held: dict[Living, None] = {}
        self.remembered: dict[str, tuple[bool, float]] = {}
        self.killed = self.stopped = self.over = False
        self.renewed = 0.0
        self.error: BaseException | None = None
        self._go, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._renewing = False

    def begin(self, work: Callable[[], None]) -> None:
        def run() -> None:
            self._go.acquire()
            try:
                work()
            except Killed:
                pass
            except BaseException as error:
                self.error = error
            self.over = True
            self._done.release()

        threading.Thread(target=run, daemon=True).start()

    def step(self) -> None:
        """Let it do what it was waiting to do, up to its next operation."""
        self._go.release()
        self._done.acquire()
        if self.error:
            raise self.error

    def beat(self) -> None:
        """Renew what it holds, as its thread does whatever else it is at."""
        if self.stopped or self.killed or self.server.clock - self.renewed < still_s() / RENEWALS:
            return
        self.renewed, self._renewing = self.server.clock, True
        for living in tuple(self.held):
            if not living._lock.locked():  # else it is at just that itself, and waits for its turn
                living.renew()
        self._renewing = False

    def turn(self) -> None:
        """Wait for the next turn."""
        if self._renewing:
            return
        if not self.killed:
            self._done.release()
            self._go.acquire()
        if self.killed:
            raise Killed

    def make(self, folder: str) -> None:
        self.turn()
        self.server.make(folder)
        self.remembered[folder] = True, self.server.clock

    def make_in(self, folder: str) -> None:
        self.turn()
        self.server.make_in(folder)

    def note(self, path: str) -> None:
        self.turn()
        self.server.note(path)

    def move(self, old: str, new: str) -> None:
        """As a stage does it."""
        self.turn()
        self.server.rename(old, new)

    def rename(self, old: str, new: str) -> None:
        self.turn()
        try:
            self.server.rename(old, new)
        finally:
            for path in (old, new):
                self._forget(path)
        if self.server.loses():
            raise FileNotFoundError(errno.ENOENT, "the reply was lost", old)

    def names(self, folder: str) -> list[str]:
        self.turn()
        for path in list(self.remembered):
            if path.rpartition("/")[0] == folder:
                del self.remembered[path]
        return self.server.names(folder)

    def look(self, folder: str) -> None:
        self.names(folder)

    def has(self, path: str) -> bool:
        self.turn()
        known, since = self.remembered.get(path, (False, -LATE_S))
        if self.server.clock - since < LATE_S:
            return known
        self.remembered[path] = path in self.server.entries, self.server.clock
        return self.remembered[path][0]

    def flush(self, folder: str) -> None:
        self.turn()

    def delete(self, path: str) -> None:
        for one in sorted([*self.server.below(path), path], key=len, reverse=True):  # file after file
            self.turn()
            self.server.delete(one)
            self._forget(one)

    def drop(self, folder: str) -> None:
        self.turn()
        if not self.server.below(folder):
            self.server.delete(folder)
            self._forget(folder)

    def ended(self, name: str) -> bool:
        return False  # all are of other machines

    def now(self) -> float:
        return self.server.clock

    def hold(self, living: Living) -> None:
        self.held[living] = None

    def release(self, living: Living) -> None:
        self.held.pop(living, None)

    def _forget(self, path: str) -> None:
        self.remembered.pop(path, None)


def fresh(machine: str) -> str:
    """A name for a claim."""
    return f"{machine}-00000000-1-{os.urandom(4).hex()}"
