"""One command at a time at something, where the file system has no locks by which several could share it.

A file that is made only where there is none says who is at work.  What a dead process of this host left is taken over;
whether one of another host lives nobody can tell here.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmark.storage.locks import there_are_locks
from benchmark.storage.owner import host, lives, owner
from benchmark.storage.refusals import storage_errors
from registry.errors import StorageError

LOCK, MARKER = "lock", "process"  # files in the folder


class AtWork(msgspec.Struct, frozen=True):
    """What a marker holds.

    Attributes:
        numbers: where the process has its number: containers on one host number theirs apart.
    """

    host: str
    numbers: str
    pid: int
    owner: str

    @property
    def is_dead(self) -> bool:
        """Whether the process certainly is no more."""
        return (self.host, self.numbers) == (host(), _numbers()) and not lives(self.pid)


@contextlib.contextmanager
def alone(folder: Path, what: str) -> Iterator[None]:
    """Keep other commands from what is in a folder, where no lock does; where there are locks, they share it.

    Args:
        what: it is, as ``search``.

    Raises:
        StorageError: another command is at it, or the folder cannot be written.
    """
    marker = folder / MARKER
    with storage_errors(marker):
        folder.mkdir(parents=True, exist_ok=True)
        has_locks = there_are_locks(folder / LOCK)
        if not has_locks and not _mark(marker):
            _set_aside(marker, what)
            if not _mark(marker):
                raise _busy(marker, _read(marker), what)
    try:
        yield
    finally:
        if not has_locks:
            marker.unlink(missing_ok=True)


def _mark(marker: Path) -> bool:
    """Make the marker; False where there is one."""
    try:
        descriptor = os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return False
    try:
        os.write(descriptor, msgspec.json.encode(AtWork(host(), _numbers(), os.getpid(), owner())))
    finally:
        os.close(descriptor)
    return True


def _set_aside(marker: Path, what: str) -> None:
    """Remove a dead process's marker.

    Raises:
        StorageError: the process lives, or nobody can tell.
    """
    found = _read(marker)
    if found is None or not found.is_dead:
        raise _busy(marker, found, what)
    aside = marker.with_name(f"{MARKER}-{owner()}")
    try:
        marker.rename(aside)
    except FileNotFoundError:  # another command was faster
        return
    moved = _read(aside)
    if moved != found:  # that command's own
        aside.rename(marker)
        raise _busy(marker, moved, what)
    aside.unlink()


def _read(marker: Path) -> AtWork | None:
    """What a marker says; None where there is none or where it is half written."""
    try:
        return msgspec.json.decode(marker.read_bytes(), type=AtWork)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _busy(marker: Path, at_work: AtWork | None, what: str) -> StorageError:
    who = f"process {at_work.pid} on {at_work.host}" if at_work else "another process"
    return StorageError(
        f"{who} is at the {what} in {marker.parent}, whose file system has no locks (flock) by which two could share "
        f"it; wait for its end or, if it runs no more, remove {marker}"
    )


def _numbers() -> str:
    """What names the numbering of processes; empty where there is one of them."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
