"""Content-addressed artefacts: folders that appear whole or not at all.

    <cache>/objects/<stage>/<key>/      finished; never changed; the folder's time says when it was last used
    <cache>/partial/<stage>/<key>/      a stage's own checkpoints, kept across crashes
    <cache>/building/                   half-built or half-removed; left-overs of this host are swept
    <cache>/locks/                      see `benchmark.storage.locks`; removed in `Store.alone`

Correctness of what is built rests on rename alone: the locks spare building a thing twice, and keep those who remove
artefacts (`Store.alone`) away from those who read them (`Store.in_use`).  Where the file system has no locks, nothing
of another command is swept, taken up or removed: checkpoints then bear the owner's name.
"""

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import overload

import msgspec

from benchmark.storage import locks
from benchmark.storage.files import RANDOM, new_folder
from benchmark.storage.owner import host, owner
from benchmark.storage.refusals import storage_errors
from registry.errors import StorageError

DURATION = "step.json"
EVERYTHING = "cache"  # the lock on the whole of it; those on artefacts are named <stage>-<key>


class Store:
    """The artefacts below one cache folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._building = root / "building"
        self._locks = root / "locks"
        self._has_locks = True  # until one cannot be had

    def has(self, stage: str, key: str) -> bool:
        """Whether the finished artefact is there."""
        return os.path.isdir(self._at(stage, key))  # noqa: PTH112 (str paths, hot)

    def find(self, stage: str, key: str) -> Path | None:
        """The finished artefact, or None."""
        return Path(self._at(stage, key)) if self.has(stage, key) else None

    def touch(self, stage: str, key: str) -> None:
        """Mark the artefact as used now, where it is there."""
        with contextlib.suppress(OSError):  # a folder of another user is as good to read
            os.utime(self._at(stage, key))

    def use(self, stage: str, key: str) -> Path | None:
        """The finished artefact, marked as used now, or None."""
        path = self.find(stage, key)
        if path:
            self.touch(stage, key)
        return path

    def _at(self, stage: str, key: str) -> str:
        return f"{self.root}/objects/{stage}/{key}"  # a `Path` for each costs more than asking the disk

    def partial(self, stage: str, key: str) -> Path:
        """A folder for a stage's checkpoints, created if need be; removed when the artefact is finished."""
        path = self._partial(stage, key)
        with storage_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        return path

    def _partial(self, stage: str, key: str) -> Path:
        return Path(f"{self.root}/partial/{stage}/{key if self._has_locks else f'{key}-{owner()}'}")

    def duration(self, stage: str, key: str) -> float | None:
        """Seconds that making the artefact took; None where it is not there or does not say."""
        found = _duration(f"{self._at(stage, key)}/{DURATION}")
        return found.seconds if found else None

    def last_durations(self, stage: str, most: int = 16) -> dict[str, float]:
        """Subject -> seconds, of the artefacts of a stage that were used last."""
        folder = f"{self.root}/objects/{stage}"
        try:
            with os.scandir(folder) as entries:
                names = sorted(((entry.stat().st_mtime, entry.name) for entry in entries), reverse=True)[:most]
        except OSError:
            return {}
        durations = [_duration(f"{folder}/{name}/{DURATION}") for _, name in reversed(names)]
        return {one.subject: one.seconds for one in durations if one}

    @overload
    def build(self, stage: str, key: str, make: Callable[[Path], None]) -> Path: ...
    @overload
    def build(self, stage: str, key: str, make: Callable[[Path], None], *, wait: bool) -> Path | None: ...
    def build(self, stage: str, key: str, make: Callable[[Path], None], *, wait: bool = True) -> Path | None:
        """The artefact, made by `make(folder)` if it is not there yet.

        Args:
            wait: for a process that is making it; without, there is None then.

        Raises:
            StorageError: the disk is full or the cache cannot be written.
        """
        with storage_errors(self.root), contextlib.ExitStack() as held:
            try:
                held.enter_context(self.lock(f"{stage}-{key}", wait=wait))
            except BlockingIOError:
                return None
            return self.use(stage, key) or self._made(stage, key, make)

    def _made(self, stage: str, key: str, make: Callable[[Path], None]) -> Path:
        """The artefact, made by whoever holds its lock."""
        target = Path(self._at(stage, key))
        self._building.mkdir(parents=True, exist_ok=True)
        there = next((folder for folder in target.parents if folder.is_dir()), target)
        if not os.access(there, os.W_OK):  # known before hours are spent
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(there / target.name))
        prefix = f"{stage}-{key[:16]}-"
        self._sweep(prefix)
        folder = new_folder(self._building, prefix)
        try:
            make(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            publish(folder, target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self._partial(stage, key), ignore_errors=True)
        self.touch(stage, key)
        return target

    def _sweep(self, prefix: str) -> None:
        """Remove what killed processes of this host left of an artefact whose lock is ours."""
        ours = re.compile(rf"{prefix}({re.escape(host())}-\d+-)?{RANDOM}")
        for left in self._building.iterdir() if self._has_locks else ():
            if ours.fullmatch(left.name):
                shutil.rmtree(left, ignore_errors=True)

    @contextlib.contextmanager
    def in_use(self) -> Iterator[bool]:
        """Keep what is in the cache there: a run holds this from its planning to its end.

        Gives False where the file system has no locks, so that nobody may remove anything.

        Raises:
            StorageError: the cache cannot be written.
        """
        with contextlib.ExitStack() as held:
            with storage_errors(self.root):
                locked = held.enter_context(self.lock(EVERYTHING, shared=True))
            yield locked

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Exclusive use of the cache; does not wait.

        Raises:
            StorageError: another process uses it, or nobody can tell; or it cannot be written.
        """
        with contextlib.ExitStack() as held:
            try:
                with storage_errors(self.root):
                    locked = held.enter_context(self.lock(EVERYTHING, wait=False))
            except BlockingIOError as error:
                raise StorageError(f"a run is at work in {self.root}; wait or use another BENCH_CACHE") from error
            if not locked:
                raise StorageError(
                    f"nothing is removed from {self.root}: its file system has no locks (flock), so nobody can tell "
                    f"whether a run is at work; when none is, remove folders below {self.root / 'objects'} yourself"
                )
            yield

    @contextlib.contextmanager
    def lock(self, name: str, *, shared: bool = False, wait: bool = True) -> Iterator[bool]:
        """Hold a lock, which the kernel releases if the process dies; gives False where the file system has none.

        Raises:
            BlockingIOError: another process holds it, and nobody waits.
        """
        self._locks.mkdir(parents=True, exist_ok=True)
        with locks.held(self._locks / name, shared=shared, wait=wait) as self._has_locks:
            yield self._has_locks


class Duration(msgspec.Struct, frozen=True):
    """How long making an artefact took, and what it was about, which others of its stage may share."""

    subject: str
    seconds: float


def write_duration(folder: Path, subject: str, seconds: float) -> None:
    """Say in a folder that is to be an artefact how long making it took."""
    (folder / DURATION).write_bytes(msgspec.json.encode(Duration(subject, seconds)))


def _duration(path: str) -> Duration | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (hot)
            return _DURATIONS.decode(file.read())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


_DURATIONS = msgspec.json.Decoder(Duration)


def publish(folder: Path, target: Path) -> None:
    """Rename a finished folder into place, its bytes on disk first; where it is there already, that one stays.

    The name itself may be lost with the power, as it is not flushed: what it names is then built again.
    """
    _sync_files(folder)
    _put(folder, target)


def replace_folder(folder: Path, target: Path) -> None:
    """Rename a finished folder over an older one of the same name, which others may replace meanwhile."""
    _sync_files(folder)
    olds = []
    while True:
        if target.exists():
            olds.append(new_folder(target.parent, ".old-"))
            with contextlib.suppress(FileNotFoundError):
                target.rename(olds[-1] / target.name)
        if _put(folder, target):
            break
    _sync(target.parent)
    for old in olds:
        shutil.rmtree(old, ignore_errors=True)


def _put(folder: Path, target: Path) -> bool:
    """Rename a folder; False where one of that name is there."""
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            return False
        raise
    return True


def _sync_files(folder: Path) -> None:
    """Flush every file below a folder."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)  # noqa: PTH118 (str paths, hot)
            if os.path.isfile(path):  # noqa: PTH113
                _sync(path)


def _sync(path: Path | str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
