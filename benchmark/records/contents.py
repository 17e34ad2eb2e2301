"""What lies in a run's folder beside its record, file by file, and how that differs from what the record lists."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

RECORD = "result.json"


class FileEntry(msgspec.Struct, frozen=True):
    """Size in bytes of a file that a run wrote, and the SHA-256 of its bytes."""

    size: int
    sha256: str


class Differences(NamedTuple):
    """Names of files whose bytes are others than listed, that are gone, and that nobody lists."""

    edited: list[str]
    missing: list[str]
    unlisted: list[str]


def listing(folder: Path) -> dict[str, FileEntry]:
    """Every file below a folder but the record in it, by its name from there.

    Raises:
        OSError: one cannot be read.
    """
    return {name: entry(folder / name) for name in _names(folder) if name != RECORD}


def entry(path: Path) -> FileEntry:
    """Size and digest of a file.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileEntry(os.fstat(file.fileno()).st_size, digest)


def differences(files: Mapping[str, FileEntry], folder: Path) -> Differences:
    """How a folder differs from a list of its files; what cannot be read is another file than was listed."""
    present = set(_names(folder)) - {RECORD}
    edited = [name for name, listed in files.items() if name in present and not fits(listed, folder / name)]
    return Differences(edited, sorted(files.keys() - present), sorted(present - files.keys()))


def fits(listed: FileEntry, path: Path) -> bool:
    """Whether a file has the bytes that were listed; what is no file, such as a pipe or a device, has none."""
    try:
        return path.is_file() and path.stat().st_size == listed.size and entry(path) == listed
    except OSError:
        return False


def images_digest(ids: Iterable[str], groups: Iterable[str], targets: Iterable[int]) -> str:
    """Of some images in any order: who they are, of which groups, and of which classes."""
    rows = sorted("\t".join(map(str, row)) for row in zip(ids, groups, targets, strict=True))
    return hashlib.sha256("\n".join(rows).encode(errors="surrogateescape")).hexdigest()


def _names(folder: Path) -> list[str]:
    return sorted(
        Path(place, name).relative_to(folder).as_posix() for place, _, names in os.walk(folder) for name in names
    )
