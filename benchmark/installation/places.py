"""Folders for the cache, results and data: whether they can be used, and what lies below them."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmark.installation.findings import Finding
from benchmark.storage.disk import still_s
from benchmark.storage.locks import there_are_locks
from benchmark.storage.mounts import mount_of
from benchmark.storage.places import cache_folder
from benchmark.storage.refusals import check_can_be_written
from registry.errors import BenchError, DataNotFoundError

GIB = 1 << 30
LITTLE = 5 * GIB  # 21,165 films of 256 x 256 pixels, each with a mask and a masked copy, are 3.9
TOO_LITTLE = GIB // 10  # the cache of a run on 300 phantoms is the tenth part of that
CACHE = "set BENCH_CACHE to another folder"
RESULTS = "choose another folder with -o or BENCH_RESULTS"


def look(results: Path, data: str | None) -> Iterator[Finding]:
    """The folders that a run with these flags would use.

    Args:
        data: folder of X-rays; None where there is none.
    """
    yield from _cache()
    yield from _written("results", results.absolute(), RESULTS)
    if data is not None:
        yield from _read(Path(data))


def _cache() -> Iterator[Finding]:
    folder = cache_folder()
    for finding in _written("cache", folder, CACHE):
        yield finding
        if finding.status == "wrong":
            return
    mount = mount_of(folder)
    if mount and mount.is_network:
        text = f"{mount.kind} is a network file system: prepared images and checkpoints go over the network"
        yield Finding("cache", "warning", text, "set BENCH_CACHE to a folder on a disk of this machine")
    if mount and mount.is_memory:
        text = f"{mount.kind} lies in memory: it takes what trainings need, and is gone at the next start"
        yield Finding("cache", "warning", text, "set BENCH_CACHE to a folder on a disk")
    if not _locks(folder):
        text = f"its file system has no locks (flock): who builds what is told by signs of life, {still_s():g} s apart"
        yield Finding("cache", "ok", text)


def _written(about: str, folder: Path, remedy: str) -> Iterator[Finding]:
    """Whether files can be written there, and how much of them."""
    try:
        check_can_be_written(folder, remedy)
    except BenchError as error:
        yield Finding(about, "wrong", str(error).removesuffix(f"; {remedy}"), remedy)
        return
    free = shutil.disk_usage(_there(folder)).free
    text = f"{folder} can be written, {_kind(folder)}, {free / GIB:.1f} GiB free"
    if free < TOO_LITTLE:
        yield Finding(about, "wrong", f"{text}: too little for a run", f"free some space, or {remedy}")
    elif free < LITTLE:
        yield Finding(about, "warning", f"{text}: little for a database of X-rays", f"free some space, or {remedy}")
    else:
        yield Finding(about, "ok", text)


def _read(folder: Path) -> Iterator[Finding]:
    if not folder.exists():
        raise DataNotFoundError(f"there is no {folder}; give the folder of the X-rays with --data or BENCH_DATA")
    try:
        if folder.is_dir():
            with os.scandir(folder) as entries:
                next(entries, None)
        else:
            folder.open("rb").close()
    except OSError as error:
        yield Finding(
            "data", "wrong", f"{folder} cannot be read ({error.strerror})", "let its owner open it: chmod -R go+rX"
        )
        return
    mount = mount_of(folder)
    slow = "; every image is read over the network once" if mount and mount.is_network else ""
    yield Finding("data", "ok", f"{folder} can be read, {_kind(folder)}{slow}")


def _locks(folder: Path) -> bool:
    """Whether files there can be locked; a file to try it on is made and removed."""
    try:
        with tempfile.NamedTemporaryFile(dir=_there(folder), prefix=".cxr-bench-") as file:
            return there_are_locks(Path(file.name))
    except OSError as error:
        return error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP)


def _kind(folder: Path) -> str:
    mount = mount_of(folder)
    return f"{mount.kind} at {mount.point}" if mount else "on a file system that this system does not name"


def _there(folder: Path) -> Path:
    """The folder, or that in which it would be made."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())
