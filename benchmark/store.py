"""Content-addressed artefacts: folders that appear whole or not at all.

    <cache>/objects/<stage>/<key>/      finished; never changed
    <cache>/partial/<stage>/<key>/      a stage's own checkpoints, kept across crashes
    <cache>/building/                   half-built; left-overs are swept
    <cache>/locks/                      flock files: the kernel releases them with the process

Correctness rests on rename alone; the locks only spare building a thing twice.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from registry.errors import StorageError


class Store:
    """The artefacts below one cache folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, stage: str, key: str) -> Path | None:
        """The finished artefact, or None."""
        path = self.root / "objects" / stage / key
        return path if path.is_dir() else None

    def partial(self, stage: str, key: str) -> Path:
        """A folder for a stage's checkpoints, created if need be; removed when the artefact is finished."""
        path = self.root / "partial" / stage / key
        with storage_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        return path

    def build(self, stage: str, key: str, make: Callable[[Path], None]) -> Path:
        """The artefact, made by `make(folder)` if it is not there yet; waits for a process that is making it.

        Raises:
            StorageError: the disk is full or the cache cannot be written.
        """
        target = self.root / "objects" / stage / key
        with storage_errors(self.root), self.lock(f"{stage}-{key}"):
            found = self.find(stage, key)
            if found:
                return found
            building = self.root / "building"
            building.mkdir(parents=True, exist_ok=True)
            for left in building.glob(f"{stage}-{key[:16]}-*"):  # by a killed process: the lock is ours
                shutil.rmtree(left, ignore_errors=True)
            folder = Path(tempfile.mkdtemp(prefix=f"{stage}-{key[:16]}-", dir=building))
            try:
                make(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                publish(folder, target)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(self.root / "partial" / stage / key, ignore_errors=True)
        return target

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock that dies with the process."""
        folder = self.root / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def publish(folder: Path, target: Path) -> None:
    """Rename a finished folder into place, its bytes on disk first; whoever comes second yields."""
    for path in folder.rglob("*"):
        if path.is_file():
            _sync(path)
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
    _sync(target.parent)


def replace_folder(folder: Path, target: Path) -> None:
    """Rename a finished folder over an older one of the same name."""
    for path in folder.rglob("*"):
        if path.is_file():
            _sync(path)
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


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
