"""What leases and claims ask of a file system, and that of this machine.

Tests put in another one, whose entries come late and whose clock they turn.
"""

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Sequence
from typing import Protocol

from benchmark.storage.durations import seconds_set
from benchmark.storage.owner import has_ended

STILL = "BENCH_LEASE_S"  # the same on all machines
STILL_S = 90.0  # three renewals, and the minute for which network file systems answer from memory
RENEWALS = 9  # in that time
UNSEEN = 2 / 3  # of that time; what another machine has published is seen after it
AT_ONCE = 8  # files that are flushed side by side


def still_s() -> float:
    """After how many seconds without a sign of life another machine's process is taken as dead: `BENCH_LEASE_S`.

    Raises:
        ConfigError: it is no positive number.
    """
    return seconds_set(STILL, STILL_S, "a silent machine is given up")


class Living(Protocol):
    """What must be renewed to be seen alive."""

    def renew(self) -> None:
        """Show that its owner lives."""


class Disk(Protocol):
    """The operations that leases and claims consist of; each raises as those of `os` do."""

    seen: dict[str, tuple[str, float]]  # place -> what was seen there last, and since when, on `now`

    def make(self, folder: str) -> None:
        """A new folder, and those above it."""

    def note(self, path: str) -> None:
        """A new empty file."""

    def rename(self, old: str, new: str) -> None:
        """Another name for a file or folder; over an empty folder too, over no other."""

    def names(self, folder: str) -> list[str]:
        """What is in a folder, as far as the server knows now; nothing where there is none."""

    def look(self, folder: str) -> None:
        """See a folder anew: `has` then tells what the server knows now."""

    def has(self, path: str) -> bool:
        """Whether that is there, as far as this machine knows."""

    def flush(self, folder: str) -> None:
        """The bytes of all files below a folder reach the disk."""

    def delete(self, path: str) -> None:
        """A file, or a folder and all below it, is gone."""

    def drop(self, folder: str) -> None:
        """A folder is gone if it is empty."""

    def ended(self, name: str) -> bool:
        """Whether the process that bears a name certainly is no more."""

    def now(self) -> float:
        """Seconds on a clock of this machine's own."""

    def hold(self, living: Living) -> None:
        """Renew this from now on."""

    def release(self, living: Living) -> None:
        """Renew it no more."""


class Local:
    """The file system as this machine sees it, and the thread that renews what this process holds."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[str, float]] = {}
        self._held: dict[Living, None] = {}
        self._beating = 0  # in the process of that number: a fork has no threads
        self.now = time.monotonic
        self.ended = has_ended
        self.has = os.path.lexists
        self.rename = os.rename

    def make(self, folder: str) -> None:  # noqa: D102
        try:
            os.mkdir(folder)  # noqa: PTH102 (str paths, hot)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(folder), exist_ok=True)  # noqa: PTH103, PTH120
            os.mkdir(folder)  # noqa: PTH102

    def note(self, path: str) -> None:  # noqa: D102
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))

    def names(self, folder: str) -> list[str]:  # noqa: D102
        try:
            return os.listdir(folder)  # noqa: PTH208 (str paths, hot)
        except FileNotFoundError:
            return []

    def look(self, folder: str) -> None:  # noqa: D102
        with contextlib.suppress(OSError):
            os.close(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))  # which asks a server whether it has changed

    def flush(self, folder: str) -> None:  # noqa: D102
        paths = (os.path.join(place, name) for place, _, names in os.walk(folder) for name in names)  # noqa: PTH118
        sync_all([path for path in paths if os.path.isfile(path)])  # noqa: PTH113

    def delete(self, path: str) -> None:  # noqa: D102
        with contextlib.suppress(OSError):
            try:
                os.unlink(path)  # noqa: PTH108
            except (IsADirectoryError, PermissionError):
                shutil.rmtree(path, ignore_errors=True)

    def drop(self, folder: str) -> None:  # noqa: D102
        with contextlib.suppress(OSError):
            os.rmdir(folder)  # noqa: PTH106

    def hold(self, living: Living) -> None:  # noqa: D102
        self._held[living] = None
        if self._beating != os.getpid():
            pace_s = still_s() / RENEWALS
            self._beating = os.getpid()
            threading.Thread(target=self._beat, args=(pace_s,), name="leases", daemon=True).start()

    def release(self, living: Living) -> None:  # noqa: D102
        self._held.pop(living, None)

    def _beat(self, pace_s: float) -> None:
        while True:
            time.sleep(pace_s)
            for living in tuple(self._held):
                living.renew()


DISK = Local()  # one for all that this process holds and watches


def sync_all(paths: Sequence[str]) -> None:
    """The bytes of all these files reach the disk.

    Side by side, so that they share what each alone would wait for: one commit of a journal, one trip to a server.

    Raises:
        OSError: those of one did not; of others nothing is known.
    """
    waiting = iter(paths)  # of a list: threads may share it
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for path in waiting:
                sync(path)
        except BaseException as error:  # it belongs to whoever waits for all
            failed.append(error)

    threads: list[threading.Thread] = []
    with contextlib.suppress(RuntimeError):  # no more threads are allowed: those there are do it
        for _ in range(min(AT_ONCE, len(paths)) - 1):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            threads.append(thread)
    work()
    for thread in threads:
        thread.join()
    for error in failed:
        raise error


def sync(path: str) -> None:
    """The bytes of a file, or the names in a folder, reach the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
