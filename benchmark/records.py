"""A run's `result.json`: what was measured, on what, by which code, sealed against silent edits."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from benchmark.record import SCHEMA, Record
from registry.errors import DataNotFoundError, StorageError, VerificationError

FILE = "result.json"
PREDICTIONS = "predictions.npz"  # beside it


class Broken(msgspec.Struct, frozen=True):
    """A `result.json` that cannot be used, and why: a verb phrase about the file."""

    reason: str


def sealed(record: Record) -> Record:
    """The record with the seal that fits its content."""
    bare = msgspec.structs.replace(record, seal="")
    return msgspec.structs.replace(record, seal=hashlib.sha256(_encode(bare)).hexdigest())


def write(record: Record, folder: Path) -> Path:
    """Seal a record and put it into its run's folder, whole or not at all; gives the file.

    A failed run never replaces a good one: where the folder holds a readable good record, that one stays.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = folder / FILE
    if record.status == "failed" and path.is_file():
        found = _load(str(path), False)
        if isinstance(found, Record) and found.status == "ok":
            return path
    content = msgspec.json.format(_encode(sealed(record)), indent=1) + b"\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
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


def verify(what: Record | Path) -> Record:
    """A record, or the one in a file, whose seal matches its content.

    Raises:
        DataNotFoundError: there is no such file.
        VerificationError: it was changed after it was sealed, was never sealed, or is no record.
    """
    if isinstance(what, Path):
        return _loaded(what, True)
    reason = _seal_fault(_encode(what))
    if reason:
        raise VerificationError(f"the record of {what.run} {reason}")
    return what


def scan(root: Path, *, verified: bool = True) -> Iterator[tuple[Path, Record | Broken]]:
    """Every record below a folder (or the one in a file) in the order of names, one at a time.

    Links to folders and hidden folders are not followed.

    Args:
        verified: a record whose seal does not match is `Broken`.
    """
    if root.is_file():
        yield root, _load(str(root), verified)
    else:
        yield from _scan(str(root), root.name, verified)


def load_all(root: Path, *, verified: bool = True) -> list[tuple[Path, Record | Broken]]:
    """`scan` at once, some 25 kB of memory a record; iterate over `scan` where there may be many thousands."""
    return list(scan(root, verified=verified))


def _encode(record: Record) -> bytes:
    return _ENCODER.encode(record)


def _python_number(value: Any) -> Any:
    # A number of an array library must not cost a finished run its record.
    if hasattr(value, "item"):
        return value.item()
    raise NotImplementedError(f"a record cannot hold {type(value).__name__}")


_ENCODER = msgspec.json.Encoder(enc_hook=_python_number)
_DECODER = msgspec.json.Decoder(Record)


def _seal_fault(document: bytes) -> str:
    """Why the seal of a JSON document, its white space apart, does not fit; empty where it fits."""
    content, mark, seal = msgspec.json.format(document, indent=-1).rpartition(b',"seal":"')
    if not mark:
        return "has no seal; run it again, or read it with --no-verify"
    if seal != hashlib.sha256(content + b"}").hexdigest().encode() + b'"}':
        return "was changed after it was sealed; run it again, or read it with --no-verify"
    return ""


def _load(path: str, verified: bool) -> Record | Broken:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 -- a Path costs as much as the reading
            document = file.read()
        record = _DECODER.decode(document)
        fault = _seal_fault(document) if verified else ""
    except OSError as error:
        return Broken(f"cannot be read ({error.strerror})")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Broken(f"is not a record ({error})")
    if record.schema > SCHEMA:
        return Broken(f"was written by a newer version (schema {record.schema}, here {SCHEMA}); update cxr-bench")
    return Broken(fault) if fault else record


def _scan(folder: str, name: str, verified: bool) -> Iterator[tuple[Path, Record | Broken]]:
    path = f"{folder}/{FILE}"
    if os.path.lexists(path):
        found = _load(path, verified)
        yield Path(path), found
        if isinstance(found, Record) and found.run == name:
            return  # a run's own folder: models and figures, and listing it costs more than reading its record
    try:
        with os.scandir(folder) as entries:
            inner = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError as error:
        yield Path(folder), Broken(f"cannot be listed ({error.strerror})")
        return
    for entry in inner:
        if not entry.startswith("."):
            yield from _scan(f"{folder}/{entry}", entry, verified)


def _loaded(path: Path, verified: bool) -> Record:
    if not path.is_file():
        raise DataNotFoundError(f"no record at {path}; expected a {FILE}")
    found = _load(str(path), verified)
    if isinstance(found, Broken):
        raise VerificationError(f"{path} {found.reason}")
    return found


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: its bytes reach the disk before its name does."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
