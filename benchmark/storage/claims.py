"""The right to build an artefact, which bears a name; what is half-built and what checkpoints there are bear it too.

    <cache>/leases/<stage>-<key>/            held by whoever builds it: `benchmark.storage.leases`
    <cache>/building/<stage>-<key>-<name>/   what becomes the artefact
    <cache>/partial/<stage>/<key>/           checkpoints that are nobody's now
    <cache>/partial/<stage>/<key>-<name>/    those of a claim

Whoever takes a claim over renames what the last one had.  An owner that was stopped and wakes therefore finds neither
its checkpoints nor what it was building, and publishes nothing.  It may wake anywhere, so each renames only what it had
seen before it got the lease, which can be nobody's who came later.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from benchmark.storage.disk import Disk
from benchmark.storage.leases import TAKEN, Sign, taken
from benchmark.storage.owner import NAME, PLACE, RANDOM

DISCARDED = "discarded-"


class Place(NamedTuple):
    """Where an artefact, and what comes before it, lies."""

    root: str
    stage: str
    key: str

    @property
    def artefact(self) -> str:
        """The finished one."""
        return f"{self.root}/objects/{self.stage}/{self.key}"

    @property
    def lease(self) -> str:
        """Held by whoever builds it."""
        return f"{self.root}/leases/{self.stage}-{self.key}"

    @property
    def checkpoints(self) -> str:
        """Nobody's."""
        return f"{self.root}/partial/{self.stage}/{self.key}"

    def checkpoints_of(self, name: str) -> str:
        """Those of a claim."""
        return f"{self.checkpoints}-{name}"

    def half_built(self, name: str) -> str:
        """What a claim is building; short of the whole key, as names may not be as long as they like."""
        return f"{self.root}/building/{self.stage}-{self.key[:16]}-{name}"


class Left(NamedTuple):
    """What others have left of an artefact: folders."""

    half_built: list[str]
    checkpoints: list[str]


def built(
    disk: Disk,
    place: Place,
    name: str,
    make: Callable[[str, Sign], None],
    ended: Callable[[str], bool] | None = None,
) -> bool:
    """Whether an artefact is there, made by `make(folder, lease)` unless it was; False where the claim was lost.

    Raises:
        HeldError: another process builds it.
    """
    before = left(disk, place)
    with taken(disk, place.lease, name, ended) as lease:
        for folder in before.half_built:
            discard(disk, place.root, folder, name)
        if appeared(disk, place.artefact):
            return True
        with _checkpoints(disk, place, before.checkpoints, lease):
            return lease.is_ours() and _made(disk, place, lease, make)


def _made(disk: Disk, place: Place, lease: Sign, make: Callable[[str, Sign], None]) -> bool:
    folder = place.half_built(lease.name)
    disk.make(folder)
    try:
        make(folder, lease)
        return publish(disk, folder, place.artefact, lease.is_ours)
    except Exception:
        if lease.is_ours():
            raise
        return False  # it failed of what was taken from it
    finally:
        discard(disk, place.root, folder, lease.name)


def publish(disk: Disk, folder: str, target: str, may: Callable[[], bool]) -> bool:
    """Rename a finished folder into place, its bytes on disk first; where it is there already, that one stays.

    The name itself may be lost with the power, as it is not flushed: what it names is then built again.

    Args:
        may: asked last; False where it may not be published any more.
    """
    disk.flush(folder)
    if not may():
        return False
    try:
        disk.rename(folder, target)
    except FileNotFoundError:
        return disk.has(target)
    except OSError as error:
        if error.errno not in TAKEN:
            raise
    return True


def appeared(disk: Disk, path: str) -> bool:
    """Whether something is there, its folder looked at anew first: another machine may have put it there just now."""
    if disk.has(path):
        return True
    disk.look(path.rpartition("/")[0])
    return disk.has(path)


def left(disk: Disk, place: Place) -> Left:
    """What there is of an artefact besides itself."""
    building, _, start = place.half_built("").rpartition("/")
    half = [name for name in disk.names(building) if name.startswith(start) and _WHOSE.fullmatch(name[len(start) :])]
    partial, _, key = place.checkpoints.rpartition("/")
    kept = [name for name in disk.names(partial) if name == key or _OWN.fullmatch(name.removeprefix(key))]
    return Left([f"{building}/{name}" for name in half], [f"{partial}/{name}" for name in kept])


_WHOSE = re.compile(rf"({PLACE}-)?{RANDOM}")
_OWN = re.compile(f"-{NAME}")


def discard(disk: Disk, root: str, folder: str, name: str) -> None:
    """Remove a folder that another process may still be writing into: it goes as a whole, by another name."""
    aside = f"{root}/building/{DISCARDED}{name}"
    try:
        disk.rename(folder, aside)
    except OSError:  # another was faster, or a removal was cut short that had this name
        if not disk.has(aside):
            return
    disk.delete(aside)


@contextmanager
def _checkpoints(disk: Disk, place: Place, before: list[str], lease: Sign) -> Iterator[None]:
    """A folder of checkpoints for a claim, with what is left; gone with the artefact's end, else nobody's again."""
    own = place.checkpoints_of(lease.name)
    last = [place.checkpoints_of(lease.before)] if lease.before else []
    found = dict.fromkeys([*before, *last, place.checkpoints])
    if len(found) > 1:  # of several the one that came furthest
        found = dict.fromkeys(sorted(found, key=lambda one: max(disk.names(one), default=""), reverse=True))
    if not any(_moved(disk, one, own) for one in found):
        disk.make(own)
    try:
        yield
    finally:
        if disk.has(place.artefact):
            for one in (own, *found):
                disk.drop(one)
                if disk.has(one):
                    disk.delete(one)
        elif disk.names(own):
            _moved(disk, own, place.checkpoints)
        else:
            disk.drop(own)


def _moved(disk: Disk, old: str, new: str) -> bool:
    """Whether a folder was renamed; over one that holds something none is, which then stays."""
    try:
        disk.rename(old, new)
    except FileNotFoundError:
        return disk.has(new)
    except OSError as error:
        if error.errno not in TAKEN:
            raise
        return False
    return True
