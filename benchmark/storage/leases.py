"""Who is at something, on machines that share a folder and no locks, memory or clock.

A sign of life is an empty file whose name holds its owner and a counter; its owner renames it to count on.  A lease is
a folder with one such file in it:

    <lease>/<owner>.<counter>

It is made elsewhere and renamed into place, which fails where one is already; so it never lies there empty.  A watcher
who has seen the same counter for so long (`benchmark.storage.disk.still_s`, on the watcher's own clock) takes the lease
over: it renames that very file to one of its own, which one watcher alone can do, and none once the owner has counted
on.  Whoever was stopped and wakes finds its file gone.

The reply to a rename may be lost, and the repeated one then finds nothing to rename: so whoever fails looks whether
the new name is there.
"""

import contextlib
import errno
import threading
from collections.abc import Callable, Iterator

from benchmark.storage.disk import Disk, still_s
from benchmark.storage.owner import in_words

TRIES = 3  # at something that changes while it is looked at
TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.EISDIR)


class HeldError(Exception):
    """Another process holds it."""

    def __init__(self, whose: str) -> None:
        super().__init__(in_words(whose))
        self.whose = whose


class LostError(Exception):
    """Another process has taken this one for dead, and over what it held."""


class Sign:
    """A sign of life of this process.

    Attributes:
        lost: another process has taken it for dead.
        before: whose lease this was; empty where it was nobody's.
    """

    def __init__(self, disk: Disk, folder: str, name: str, before: str = "") -> None:
        self.disk, self.folder, self.name, self.before = disk, folder, name, before
        self.lost = False
        self._count = 0
        self._lock = threading.Lock()
        disk.hold(self)

    @property
    def path(self) -> str:
        """The file."""
        return f"{self.folder}/{self.name}.{self._count}"

    def renew(self) -> None:
        """Count on."""
        with self._lock:
            if self.lost:
                return
            new = f"{self.folder}/{self.name}.{self._count + 1}"
            try:
                self.disk.rename(self.path, new)
            except FileNotFoundError:
                if not self.disk.has(new):
                    self.lost = True
                    return
            except OSError:  # the server is away; the next time
                return
            self._count += 1

    def is_ours(self) -> bool:
        """Whether nobody has taken it over, seen on the disk."""
        with self._lock:
            self.lost = self.lost or not self.disk.has(self.path)
            return not self.lost

    def end(self) -> None:
        """Remove it, and its folder where nothing else is in it."""
        self.disk.release(self)
        with self._lock:
            self.lost = True
            self.disk.delete(self.path)
            self.disk.drop(self.folder)


@contextlib.contextmanager
def taken(disk: Disk, lease: str, name: str, ended: Callable[[str], bool] | None = None) -> Iterator[Sign]:
    """Hold a lease.

    Args:
        name: of this holding, which no other ever bears.
        ended: whether the process of a name certainly is no more; by default what the disk knows.

    Raises:
        HeldError: another process holds it.
        OSError: it cannot be written.
    """
    sign = take(disk, lease, name, ended)
    try:
        yield sign
    finally:
        sign.end()


def take(disk: Disk, lease: str, name: str, ended: Callable[[str], bool] | None = None) -> Sign:
    """See `taken`; for whoever ends it later."""
    whose = ""
    for _ in range(TRIES):
        if not disk.has(lease) and _put(disk, lease, name):
            return Sign(disk, lease, name)
        state = min(disk.names(lease), default="")
        if not state:
            if _put(disk, lease, name):  # it lies there empty, as its last owner was about to remove it
                return Sign(disk, lease, name)
            continue
        whose = state.rpartition(".")[0]
        if not ((ended or disk.ended)(whose) or unchanged_s(disk, lease, state) >= still_s()):
            break
        if _turned(disk, f"{lease}/{state}", f"{lease}/{name}.0"):
            return Sign(disk, lease, name, whose)
    raise HeldError(whose)


def watched(disk: Disk, lease: str) -> str:
    """Who holds a lease and may be alive; empty where nobody does.  Looking again is what finds the dead."""
    state = min(disk.names(lease), default="")
    whose = state.rpartition(".")[0]
    dead = not state or disk.ended(whose) or unchanged_s(disk, lease, state) >= still_s()
    return "" if dead else whose


def unchanged_s(disk: Disk, place: str, state: str) -> float:
    """For how long this process has seen no other state there."""
    known, since = disk.seen.get(place, ("", 0.0))
    if known != state:
        since = disk.now()
        disk.seen[place] = state, since
    return disk.now() - since


def _put(disk: Disk, lease: str, name: str) -> bool:
    """Put a lease where none is; False where one is."""
    made = f"{lease}.{name}"
    disk.make(made)
    disk.note(f"{made}/{name}.0")
    try:
        disk.rename(made, lease)
    except FileNotFoundError:  # where it did lie there, another may have taken it over by now
        return disk.has(f"{lease}/{name}.0")
    except OSError as error:
        if error.errno not in TAKEN:
            raise
        disk.delete(made)
        disk.drop(lease)  # where this file system renames over no folder, not over an empty one either
        return False
    return True


def _turned(disk: Disk, old: str, new: str) -> bool:
    """Whether the file was renamed, by us."""
    try:
        disk.rename(old, new)
    except FileNotFoundError:
        return disk.has(new)
    return True
