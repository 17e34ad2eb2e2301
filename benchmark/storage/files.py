"""Seals of JSON documents, which make edits evident, and files that are written whole or not at all."""

import contextlib
import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from benchmark.storage.owner import place

MOST_BYTES = 1 << 25  # of a document: a hundred times the largest that was ever written


class Document(Protocol):
    """What is read back: a document that says by which schema it was written."""

    @property
    def schema(self) -> int:
        """Its number; a higher one is of a newer version."""


class Broken(msgspec.Struct, frozen=True):
    """A document that cannot be used, and why: a verb phrase about its file."""

    reason: str


D = TypeVar("D", bound=Document)
S = TypeVar("S", bound=msgspec.Struct)  # whose last field is `seal`: SHA-256 of the compact document without it


def sealed(record: S) -> S:
    """The record with the seal that fits its content."""
    bare = msgspec.structs.replace(record, seal="")
    return msgspec.structs.replace(record, seal=hashlib.sha256(encode(bare)).hexdigest())


def encode(record: msgspec.Struct) -> bytes:
    """The compact document."""
    return _ENCODER.encode(record)


def fault(document: bytes) -> str:
    """Why the seal of a JSON document, its white space apart, does not fit; empty where it fits."""
    content, mark, seal = msgspec.json.format(document, indent=-1).rpartition(b',"seal":"')
    if not mark:
        return "has no seal; run it again, or read it with bench compare --no-verify"
    if seal != hashlib.sha256(content + b"}").hexdigest().encode() + b'"}':
        return "was changed after it was sealed; run it again, or read it with bench compare --no-verify"
    return ""


def load(
    path: str,
    decoder: msgspec.json.Decoder[D],
    what: str,
    schema: int,
    verified: bool,
    upgrade: Callable[[bytes], D] | None = None,
    contradiction: Callable[[D], str] = lambda document: "",
) -> D | Broken:
    """The document in a file, or why it cannot be used.

    Args:
        what: it is, as ``a record``.
        schema: the newest that this version reads.
        verified: one whose seal does not fit cannot be used.
        upgrade: called with a document of an older schema; None where there is none that differs.
        contradiction: why what it says cannot be, a verb phrase about its file; empty where it can.
    """
    try:
        content = read_document(path)
        found = _decoded(content, decoder, schema, upgrade)
        reason = (fault(content) if verified else "") or contradiction(found)
    except OSError as error:
        return Broken(f"cannot be read ({error.strerror})")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Broken(f"is not {what} ({error})")
    if found.schema > schema:
        return Broken(f"was written by a newer version (schema {found.schema}, here {schema}); update cxr-bench")
    return Broken(reason) if reason else found


def read_document(path: str) -> bytes:
    """What is in a document's file.

    Raises:
        OSError: it cannot be read; it is larger than a document is, or a pipe or a device, which might never end.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a Path costs as much as the reading; a pipe would wait
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, and no file", path)
        if status.st_size > MOST_BYTES:
            raise OSError(errno.EFBIG, f"{status.st_size:,} bytes, expected at most {MOST_BYTES:,}", path)
        return file.read()


def _decoded(content: bytes, decoder: msgspec.json.Decoder[D], schema: int, upgrade: Callable[[bytes], D] | None) -> D:
    """The document, upgraded where an older schema wrote it; that may lack a name that this one requires."""
    try:
        found = decoder.decode(content)
    except msgspec.ValidationError:
        if upgrade is None or not 0 < _SCHEMA.decode(content).schema < schema:
            raise
        return upgrade(content)
    return upgrade(content) if upgrade is not None and found.schema < schema else found


class _Schema(msgspec.Struct):
    schema: int = 0


_SCHEMA = msgspec.json.Decoder(_Schema)


def put(record: msgspec.Struct, path: Path, *, flush: bool = True) -> None:
    """Seal a record and put it where a file may be, whole or not at all.

    Args:
        flush: see `write_whole`.

    Raises:
        OSError: it cannot be written.
    """
    content = msgspec.json.format(encode(sealed(record)), indent=1) + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content, flush=flush)


def write_whole(path: Path, content: bytes, *, flush: bool = True) -> None:
    """Write a file whole or not at all.

    Args:
        flush: its bytes reach the disk before its name does, so that it is whole after a power failure too; what can
            be had again at little cost need not wait for the disk.

    Raises:
        OSError: it cannot be written; what was there is there still.
    """
    temporary = path.with_suffix(f".{place()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            if flush:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename is not None:
            error.filename = str(path)  # nobody knows the other name
        raise


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a new folder of files whole or not at all.

    Raises:
        FileExistsError: something of that name is there; it stays as it is.
        OSError: it cannot be written.
    """
    temporary = new_folder(path.parent, ".new-")
    try:
        for name, content in files.items():
            (temporary / name).write_bytes(content)
        path.mkdir()  # fails where anything is, which a rename would not
        try:
            temporary.rename(path)
        except BaseException:
            path.rmdir()
            raise
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(path), None  # nobody knows the other name
        raise


def append_line(path: Path, line: bytes, check: Callable[[], None] = lambda: None) -> None:
    """Add a line to a file, on disk when this returns; the file comes with its first one.

    Args:
        check: called when the file is open; what it raises keeps the line from being written.  Whoever puts a copy in
            the file's place before that loses no line, and gets none after it.

    Raises:
        OSError: the disk is full or the file cannot be written.
    """
    content = line + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        check()
        if os.write(descriptor, content) != len(content):  # as a disk does that is about to be full
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def new_folder(parent: Path, prefix: str) -> Path:
    """A new folder of a name that nobody else has, and that says whose it is.

    Who may read and write it follows the umask, as of everything else; what `tempfile` makes is its owner's alone.

    Raises:
        OSError: it cannot be made.
    """
    while True:
        path = parent / f"{prefix}{place()}-{os.urandom(4).hex()}"
        with contextlib.suppress(FileExistsError):
            path.mkdir()
            return path


def _python_number(value: Any) -> Any:
    # A number of an array library must not cost a finished run its record.
    if hasattr(value, "item"):
        return value.item()
    raise NotImplementedError(f"a record cannot hold {type(value).__name__}")


_ENCODER = msgspec.json.Encoder(enc_hook=_python_number)
