"""The one way through a folder that every reader takes: what lies at which depth, and what is not looked at, and why.

Left aside are hidden and system files, the program's own results and caches, a link to a folder above it, and what lies
deeper than any collection.  A folder that cannot be listed is an error: half a dataset would be read as all of it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from registry.contracts import PassedOver
from registry.errors import DataNotFoundError
from registry.readers.folder_names import is_hidden, is_system
from registry.readers.kinds import SUFFIXES

DEEPEST = 32  # folders below the first
EXAMPLES = 3

_CACHE = {  # names in one of `bench`
    "objects", "partial", "building", "locks", "logs", "descriptions", "verdicts", "kept",
    "file-digests.json", "file-headers.json", "imports.json",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class File:
    """A file; `folders` are the names of those between it and the folder that was looked at."""

    path: str
    folders: tuple[str, ...]
    name: str


class Level(NamedTuple):
    """A folder below the one that was looked at, by the names down to it, and the files directly in it, by name."""

    folders: tuple[str, ...]
    files: tuple[File, ...]


@dataclass(slots=True)
class Aside:
    """What a walk did not look at, so far."""

    folders: list[PassedOver] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    @property
    def all(self) -> tuple[PassedOver, ...]:
        """All of it, hidden files together."""
        files: tuple[PassedOver, ...] = ()
        if self.hidden:
            examples = tuple(self.hidden[:EXAMPLES])
            files = (PassedOver("hidden files and a system's own", "no part of the data", len(self.hidden), examples),)
        return (*self.folders, *files)


def levels(root: Path, aside: Aside) -> Iterator[Level]:
    """A folder and all in it, each before those in it, by name; links to folders are followed.

    Args:
        aside: is told what was not looked at.

    Raises:
        DataNotFoundError: there is no such folder, or one of them cannot be listed.
    """
    yield from _levels(root, (), frozenset(), aside)


def _levels(folder: Path, names: tuple[str, ...], above: frozenset[tuple[int, int]], aside: Aside) -> Iterator[Level]:
    at = _identity(folder)
    said = "/".join(names)
    if at in above:
        aside.folders.append(PassedOver(f"folder {said}", "a link to a folder above it", 0))
        return
    if len(names) > DEEPEST:
        deeper = sum(len(files) for _, _, files in os.walk(folder))
        aside.folders.append(PassedOver(f"files of folder {said}", f"more than {DEEPEST} folders deep", deeper))
        return
    below, files = [], []
    for entry in entries(folder):
        if _is_folder(entry):
            if why := _why_not(entry):
                aside.folders.append(PassedOver(f"folder {'/'.join((*names, entry.name))}", why, 0))
            else:
                below.append(entry.name)
        elif is_hidden(entry.name) or (is_system(entry.name) and not _is_called_image(entry.name)):
            aside.hidden.append("/".join((*names, entry.name)))
        else:
            files.append(File(entry.path, names, entry.name))
    yield Level(names, tuple(files))
    for name in below:
        yield from _levels(folder / name, (*names, name), above | {at}, aside)


def _identity(folder: Path) -> tuple[int, int]:
    try:
        status = folder.stat()
    except OSError as error:
        raise _unlisted(folder, error) from error
    return status.st_dev, status.st_ino


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is directly in a folder, by name; of many thousand files a `Path` for each would take longer.

    Raises:
        DataNotFoundError: it cannot be listed.
    """
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise _unlisted(folder, error) from error


def _unlisted(folder: Path, error: OSError) -> DataNotFoundError:
    return DataNotFoundError(
        f"folder {folder} cannot be listed ({error.strerror}), so what it holds would be missing; make it readable, or "
        "move it away"
    )


def _why_not(entry: os.DirEntry[str]) -> str:
    """Why a folder is not looked into; empty where it is."""
    if is_hidden(entry.name) or is_system(entry.name):
        return "hidden, or a system's own"
    return "results or a cache that bench has written" if is_own(Path(entry.path)) else ""


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder, or a link to one; a link that leads nowhere or to itself is none.

    One called like an image counts as that, so that it is told by name when it is read.
    """
    try:
        return entry.is_dir() and not _is_called_image(entry.name)
    except OSError:
        return False


def _is_called_image(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES


def is_own(folder: Path) -> bool:
    """Whether `bench` has written a folder: a cache, results, or the results of one task."""
    try:
        with os.scandir(folder) as found:
            names = {entry.name: _is_folder(entry) for entry in found}
        if "ledger" in names and any((folder / "ledger").glob("*.jsonl")):
            return True
    except OSError:
        return False
    if len(_CACHE & names.keys()) > 1 or "result.json" in names:
        return True
    # A folder that may not be entered has none, and is told of where it is listed.
    results = (folder / name / "result.json" for name, is_folder in names.items() if is_folder)
    return any(os.path.isfile(path) for path in results)  # noqa: PTH113
