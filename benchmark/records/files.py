"""A run's `result.json`: what was measured, on what, by which code, sealed against silent edits."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from benchmark.records.contents import RECORD
from benchmark.records.plausible import record_fault
from benchmark.records.record import SCHEMA, Record
from benchmark.records.upgrade import upgraded
from benchmark.storage.files import Broken, encode, fault, load, put, read_document
from registry.errors import DataNotFoundError, StorageError, VerificationError

FILE = RECORD
PREDICTIONS = "predictions.npz"  # beside it


class Named(Protocol):
    """What is read of a record: it tells whose it is."""

    @property
    def run(self) -> str:
        """Name of the run, and of its own folder."""


R = TypeVar("R", bound=Named)


def write(record: Record, folder: Path, *, flush: bool = True) -> Path:
    """Seal a record and put it into its run's folder, whole or not at all; gives the file.

    A failed run never replaces a good one: where the folder holds a readable good record, that one stays.

    Args:
        flush: its bytes reach the disk before this returns; not where whoever asks flushes the folder as a whole.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = folder / FILE
    if record.status == "failed" and path.is_file():
        found = _load(str(path), False)
        if isinstance(found, Record) and found.status == "ok":
            return path
    try:
        put(record, path, flush=flush)
    except OSError as error:
        raise StorageError(f"{path} cannot be written ({error.strerror}); choose another folder with -o") from error
    return path


def read(path: Path) -> Record:
    """The record in a file, its seal not checked (see `verify`).

    Raises:
        DataNotFoundError: there is no such file.
        VerificationError: the file is no record, or one of a newer schema.
    """
    return _loaded(path, False)


class Written(msgspec.Struct):
    """What a record's file itself says of it, whatever fields have got other names since."""

    schema: int = 0
    seal: str = ""


def as_written(path: Path) -> Written:
    """Schema and seal of a record that could be read."""
    return _WRITTEN.decode(read_document(str(path)))


def verify(what: Record | Path) -> Record:
    """A record, or the one in a file, whose seal matches its content.

    Raises:
        DataNotFoundError: there is no such file.
        VerificationError: it was changed after it was sealed, was never sealed, or is no record.
    """
    if isinstance(what, Path):
        return _loaded(what, True)
    reason = fault(encode(what))
    if reason:
        raise VerificationError(f"the record of {what.run} {reason}")
    return what


def about(root: Path) -> int:
    """How many records there are below a folder, guessed without reading: folders in the folders of tasks, in it."""
    try:
        with os.scandir(root) as tasks:
            folders = [one.path for one in tasks if one.is_dir(follow_symlinks=False) and not one.name.startswith(".")]
        return sum(1 for folder in folders for one in os.scandir(folder) if one.is_dir(follow_symlinks=False)) or 1
    except OSError:
        return 1


def scan(
    root: Path, *, verified: bool = True, others: Mapping[str, Callable[[Path], None]] = {}
) -> Iterator[tuple[str, Record | Broken]]:
    """Every record below a folder (or the one in a file) in the order of names, one at a time.

    Links to folders and hidden folders are not followed.  Files are named by strings: of many thousand records a
    twelfth of the time would go into a `Path` each.

    Args:
        verified: a record whose seal does not match is `Broken`.
        others: names of other files -> called with each that is met; those in a run's own folder are not.
    """
    return scan_by(lambda path: load_whole(path, verified=verified), root, others)


def scan_by(
    load: Callable[[str], R | Broken | None], root: Path, others: Mapping[str, Callable[[Path], None]]
) -> Iterator[tuple[str, R | Broken]]:
    """The same of what is read of each record.

    Args:
        load: path -> what is read, or why it cannot be used; None where nothing has that name.
    """
    place = str(root)
    if root.is_file():
        if (found := load(place)) is not None:
            yield place, found
        return
    path = f"{place}/{FILE}"
    if (found := load(path)) is not None:
        yield path, found
    if not _owns(found, root.name):
        yield from _below(load, place, others)


def load_whole(path: str, *, verified: bool = True) -> Record | Broken | None:
    """The record in a file, or why it cannot be used; None where nothing has that name.

    Args:
        verified: a record whose seal does not match is `Broken`.
    """
    return _load(path, verified) if os.path.lexists(path) else None


def as_sealed(content: bytes) -> Record | None:
    """The record in a document of today's schema that nothing speaks against; of any other None, and not why."""
    try:
        found = _DECODER.decode(content)
        usable = found.schema == SCHEMA and not fault(content) and not record_fault(found)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if usable else None


_DECODER = msgspec.json.Decoder(Record)
_WRITTEN = msgspec.json.Decoder(Written)


def _load(path: str, verified: bool) -> Record | Broken:
    return load(path, _DECODER, "a record", SCHEMA, verified, upgraded, record_fault)


def _below(
    load: Callable[[str], R | Broken | None], folder: str, others: Mapping[str, Callable[[Path], None]]
) -> Iterator[tuple[str, R | Broken]]:
    try:
        with os.scandir(folder) as entries:
            listed = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    except OSError as error:
        yield folder, Broken(f"cannot be listed ({error.strerror})")
        return
    for name, is_folder in listed:
        inner = f"{folder}/{name}"
        if name in others and not is_folder:
            others[name](Path(inner))
        elif is_folder and not name.startswith("."):
            path = f"{inner}/{FILE}"
            if (found := load(path)) is not None:
                yield path, found
            if not _owns(found, name):
                yield from _below(load, inner, others)


def _owns(found: Named | Broken | None, name: str) -> bool:
    """Whether a folder is a run's own: models and figures, and listing it costs more than reading its record."""
    return found is not None and not isinstance(found, Broken) and found.run == name


def _loaded(path: Path, verified: bool) -> Record:
    if not path.is_file():
        raise DataNotFoundError(f"no record at {path}; expected a {FILE}")
    found = _load(str(path), verified)
    if isinstance(found, Broken):
        raise VerificationError(f"{path} {found.reason}")
    return found
