"""What the system refuses, in one line: which file, which operation, whose it is, what to do."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from registry.errors import StorageError

OTHERS = "choose another folder with -o, BENCH_RESULTS or BENCH_CACHE"
DENIED = (errno.EACCES, errno.EPERM)


def check_writable(folder: Path, remedy: str) -> None:
    """Create a folder where it is absent and see that files can be written in it.

    Raises:
        StorageError: they cannot; the message ends in the remedy.
    """
    with _refusals_of(folder, remedy):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


def check_can_be_written(folder: Path, remedy: str) -> None:
    """See that files can be written in a folder or, where it is absent, that it can be made; nothing is made.

    Raises:
        StorageError: they cannot; the message ends in the remedy.
    """
    with _refusals_of(folder, remedy):
        there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
        with tempfile.TemporaryFile(dir=there):
            pass


@contextlib.contextmanager
def _refusals_of(folder: Path, remedy: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = "it is a file" if os.path.isfile(folder) else error.strerror  # noqa: PTH113 (raises nothing)
        raise StorageError(f"folder {folder} cannot be written ({reason}{_whose(folder)}); {remedy}") from error


@contextlib.contextmanager
def storage_errors(place: Path) -> Iterator[None]:
    """Turn the system's refusals to read or write into a `StorageError` that says where and what to do."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        where = error.filename2 or error.filename or place  # of a copy, where to
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(f"the disk is full at {where}; free some space, then run the same line again") from error
        if error.errno in DENIED:
            raise StorageError(_denied(Path(os.fsdecode(where)), f"{error.strerror}")) from error
        if error.errno in (errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise StorageError(f"{where} cannot be written ({error.strerror}); {OTHERS}") from error
        raise


def _denied(path: Path, reason: str) -> str:
    """The line about a permission that is lacking; the system names the path, not what it refused of it."""
    for folder in reversed(path.parents):
        if folder.is_dir() and not os.access(folder, os.X_OK):
            return _unreadable(folder, "entered", reason)
    if os.path.lexists(path) and not os.access(path, os.R_OK):
        return _unreadable(path, "read", reason)
    if not os.path.lexists(path) and path.parent.is_dir():
        path = path.parent  # where it cannot be made
    return f"{path} cannot be written ({reason}{_whose(path)}); {OTHERS}"


def _unreadable(path: Path, verb: str, reason: str) -> str:
    return f"{path} cannot be {verb} ({reason}{_whose(path)}); let its owner open it (chmod -R go+rX), or {OTHERS}"


def _whose(path: Path) -> str:
    """Who else owns a path; empty where that is nobody else, or where nobody can tell."""
    try:
        owner = path.stat().st_uid
    except OSError:
        return ""
    try:
        return f"; it is {path.owner()}'s" if owner != os.geteuid() else ""
    except KeyError:
        return f"; it is user {owner}'s"
