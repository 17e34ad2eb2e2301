"""Content-addressed artefacts: folders that appear whole or not at all.

    <cache>/objects/<stage>/<key>/      finished; never changed; the folder's time says when it was last used
    <cache>/partial/<stage>/<key>/      a stage's own checkpoints, kept across crashes
    <cache>/building/                   half-built or half-removed; left-overs are swept
    <cache>/locks/                      flock files: the kernel releases them with the process; removed in `Store.alone`

Correctness of what is built rests on rename alone: the locks spare building a thing twice, and keep those who remove
artefacts (`Store.alone`) away from those who read them (`Store.in_use`).
"""

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import overload

import msgspec

from registry.errors import StorageError

DURATION = "step.json"
EVERYTHING = "cache"  # the lock on the whole of it; those on artefacts are named <stage>-<key>


class Store:
    """The artefacts below one cache folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._building = root / "building"
        self._locks = root / "locks"

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
        path = Path(f"{self.root}/partial/{stage}/{key}")
        with storage_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        return path

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
                held.enter_context(
                    self.lock(f"{stage}-{key}", fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
                )
            except BlockingIOError:
                return None
            return self.use(stage, key) or self._made(stage, key, make)

    def _made(self, stage: str, key: str, make: Callable[[Path], None]) -> Path:
        """The artefact, made by whoever holds its lock."""
        target = Path(self._at(stage, key))
        self._building.mkdir(parents=True, exist_ok=True)
        prefix = f"{stage}-{key[:16]}-"
        for left in self._building.iterdir():
            if left.name.startswith(prefix):  # by a killed process: the lock is ours
                shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=self._building))
        try:
            make(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            publish(folder, target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(f"{self.root}/partial/{stage}/{key}", ignore_errors=True)
        self.touch(stage, key)
        return target

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep what is in the cache there: a run holds this from its planning to its end.

        Raises:
            StorageError: the cache cannot be written.
        """
        with contextlib.ExitStack() as held:
            with storage_errors(self.root):
                held.enter_context(self.lock(EVERYTHING, fcntl.LOCK_SH))
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Exclusive use of the cache; does not wait.

        Raises:
            StorageError: another process uses it, or it cannot be written.
        """
        with contextlib.ExitStack() as held:
            try:
                with storage_errors(self.root):
                    held.enter_context(self.lock(EVERYTHING, fcntl.LOCK_EX | fcntl.LOCK_NB))
            except BlockingIOError as error:
                raise StorageError(f"a run is at work in {self.root}; wait or use another BENCH_CACHE") from error
            yield

    @contextlib.contextmanager
    def lock(self, name: str, how: int = fcntl.LOCK_EX) -> Iterator[None]:
        """Hold a lock, which the kernel releases if the process dies.

        Raises:
            BlockingIOError: another process holds it, and `how` says not to wait.
        """
        self._locks.mkdir(parents=True, exist_ok=True)
        with (self._locks / name).open("w") as file:
            fcntl.flock(file, how)
            yield


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
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


_DURATIONS = msgspec.json.Decoder(Duration)


def publish(folder: Path, target: Path) -> None:
    """Rename a finished folder into place, its bytes on disk first; where it is there already, that one stays.

    The name itself may be lost with the power, as it is not flushed: what it names is then built again.
    """
    _sync_files(folder)
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise


def replace_folder(folder: Path, target: Path) -> None:
    """Rename a finished folder over an older one of the same name."""
    _sync_files(folder)
    old = None
    if target.exists():
        old = Path(tempfile.mkdtemp(prefix=".old-", dir=target.parent))
        target.rename(old / target.name)
    folder.rename(target)
    _sync(target.parent)
    if old:
        shutil.rmtree(old, ignore_errors=True)


def check_writable(folder: Path, remedy: str) -> None:
    """Create a folder where it is absent and see that files can be written in it.

    Raises:
        StorageError: they cannot; the message ends in the remedy.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = "it is a file" if folder.is_file() else error.strerror
        raise StorageError(f"folder {folder} cannot be written ({reason}); {remedy}") from error


@contextlib.contextmanager
def storage_errors(place: Path) -> Iterator[None]:
    """Turn the system's refusals to write into a `StorageError` that says where and what to do."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        where = error.filename2 or error.filename or place  # of a copy, where to
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(f"the disk is full at {where}; free some space, then run the same line again") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise StorageError(
                f"{where} cannot be written ({error.strerror}); "
                "choose another folder with -o, BENCH_RESULTS or BENCH_CACHE"
            ) from error
        raise


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
