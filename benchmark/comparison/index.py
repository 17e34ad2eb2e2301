"""Records that were read before: of a file with the same bytes, what a comparison keeps of it is not parsed again.

    <cache>/verdicts/<digest of the folders>.records

Every file is read and hashed each time, so an edit is noticed; what is spared is parsing, checking the seal and sorting
out what is kept.  Known are only records of today's schema that nothing speaks against.  A memory that is damaged, or
was made by other code, is as good as none.
"""

import contextlib
import hashlib
import itertools
import os
import stat
import struct
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import msgspec

from benchmark.comparison.lean import Lean, TableKey, lean
from benchmark.comparison.numbers import Numbers, Places
from benchmark.records.files import as_sealed, load_whole
from benchmark.records.record import Record
from benchmark.storage.code import CodeIndex
from benchmark.storage.files import Broken, read_document, write_whole

FOLDER = "verdicts"  # below the cache
MODULE = "benchmark.comparison.index"
SUFFIX = ".records"
FEW = 100  # so many records are parsed in less time than it takes to say so
FRESH = 20  # a memory that lacks less than one in so many records is not written anew
CHUNK = 2_000  # entries that are in memory as bytes at one time
HEAD = struct.Struct("<Q32s")  # size and SHA-256 of what follows
USUAL_BYTES = 1 << 16  # a record has less; one that has more is read in two goes
MOST_BYTES = 1 << 28  # of a piece


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is kept of one record; `key`, `code` and `names` are places in the lists of `Shared`.

    Attributes:
        file: SHA-256 of its bytes.
        kept: the record without bulk and metrics.
    """

    file: bytes
    key: int
    code: int
    names: int
    segmented: bool
    of_all: bool
    ruled: bool
    numbers: bytes
    notes: dict[int, str]
    kept: Record


class Shared(msgspec.Struct, frozen=True, array_like=True):
    """What many records have in common."""

    made_by: str
    keys: list[TableKey]
    codes: list[tuple[str, ...]]
    names: list[tuple[str, ...]]


class Index:
    """What was kept of the records below some folders.

    Args:
        roots: the folders.
        cache: where it is remembered; where that cannot be written, or the code that makes it cannot be read, each
            record is parsed.
    """

    def __init__(self, roots: Sequence[Path], cache: Path) -> None:
        self.code = CodeIndex(cache)
        code = self.code.code_digest(MODULE)
        self.made_by = f"{code} {sys.version} msgspec {msgspec.__version__}" if code else ""
        name = hashlib.sha256("\0".join(str(one.absolute()) for one in roots).encode("utf-8", "surrogateescape"))
        self.path = cache / FOLDER / f"{name.hexdigest()}{SUFFIX}"
        self.places = Places()
        self.met: dict[bytes, Lean] = {}
        self.fresh = 0
        self.known: dict[bytes, Lean] = {}
        if code:
            with contextlib.suppress(OSError, ValueError, LookupError, msgspec.MsgspecError):
                self.known = dict(_read(self.path, self.made_by, self.places))

    def load(self, path: str) -> Record | Lean | Broken | None:
        """What a comparison keeps of the record in a file, or why it cannot be used; None where nothing has that name.

        What is unusual, such as a record of rules or of an older schema, is given whole.
        """
        try:
            content = _content(path)
        except OSError:  # mostly there is no file; whatever it is, it is said there
            return load_whole(path)
        file = hashlib.sha256(content).digest()
        if (known := self.known.get(file)) is not None:
            self.met[file] = known
            return msgspec.structs.replace(known, source=content)
        record = as_sealed(content)
        if record is None or record.of_controls:
            return load_whole(path)
        found = lean(record, self.places)
        self.met[file] = msgspec.structs.replace(found, source=b"")
        self.fresh += 1
        return found

    def keep(self) -> None:
        """Remember for the next command what was met in this one."""
        with contextlib.suppress(OSError):
            self.code.keep()
        gone = len(self.known) - (len(self.met) - self.fresh)
        if not self.made_by or len(self.met) < FEW or max(self.fresh, gone) * FRESH <= len(self.met):
            with contextlib.suppress(OSError):
                os.utime(self.path)  # `bench cache prune` leaves what was used
            return
        with contextlib.suppress(OSError, OverflowError):  # a record may say a number that has no room in MessagePack
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, b"".join(_written(self.met, self.made_by)), flush=False)


def _content(path: str) -> bytes:
    """What is in a record's file: nothing of a pipe or folder, and not all of a file that was cut off meanwhile.

    Raises:
        OSError: it cannot be read; it is larger than any document.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        content = os.read(descriptor, USUAL_BYTES) if is_file else b""
    finally:
        os.close(descriptor)
    return content if len(content) < USUAL_BYTES else read_document(path)


def _read(path: Path, made_by: str, places: Places) -> Iterator[tuple[bytes, Lean]]:
    """SHA-256 of a file -> what is kept of its record; nothing where other code has made the memory.

    Raises:
        OSError: there is no memory.
        ValueError, LookupError, MsgspecError: it is damaged.
    """
    with path.open("rb") as file:
        pieces = _pieces(file.read)
        shared = _SHARED.decode(next(pieces, b""))
        if shared.made_by != made_by:
            return
        orders = [places.of(names) for names in shared.names]
        for piece in pieces:
            for one in _ENTRIES.decode(piece):
                # It was decoded a moment ago and is nobody else's yet; a copy of each takes as long as decoding it.
                msgspec.structs.force_setattr(one.kept, "metrics", Numbers(orders[one.names], one.numbers, one.notes))
                key, code = shared.keys[one.key], shared.codes[one.code]
                yield one.file, Lean(key, one.kept, code, one.segmented, one.of_all, one.ruled, b"")


def _pieces(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """What a file holds, a piece at a time.

    Raises:
        ValueError: a piece is not what was written.
    """
    while head := read(HEAD.size):
        size, seal = HEAD.unpack(head) if len(head) == HEAD.size else (0, b"")
        piece = read(min(size, MOST_BYTES))
        if hashlib.sha256(piece).digest() != seal:
            raise ValueError("damaged")
        yield piece


def _written(met: Mapping[bytes, Lean], made_by: str) -> Iterator[bytes]:
    """The pieces of a memory, each after its size and its SHA-256: what records share, then the records."""
    keys: dict[TableKey, int] = {}
    codes: dict[tuple[str, ...], int] = {}
    names: dict[tuple[str, ...], int] = {}
    for one in met.values():
        keys.setdefault(one.key, len(keys))
        codes.setdefault(one.code, len(codes))
        names.setdefault(tuple(one.kept.metrics), len(names))
    yield from _piece(Shared(made_by, list(keys), list(codes), list(names)))
    left = iter(met.items())
    while chunk := list(itertools.islice(left, CHUNK)):
        places = [(keys[one.key], codes[one.code], names[tuple(one.kept.metrics)]) for _, one in chunk]
        yield from _piece([_entry(file, one, *place) for (file, one), place in zip(chunk, places, strict=True)])


def _entry(file: bytes, one: Lean, key: int, code: int, names: int) -> Entry:
    metrics = cast("Numbers", one.kept.metrics)
    kept = msgspec.structs.replace(one.kept, metrics={})
    flags = one.segmented, one.of_all, one.ruled
    return Entry(file, key, code, names, *flags, metrics.numbers, dict(metrics.notes), kept)


def _piece(content: Shared | list[Entry]) -> Iterator[bytes]:
    encoded = msgspec.msgpack.encode(content)
    yield HEAD.pack(len(encoded), hashlib.sha256(encoded).digest())
    yield encoded


_SHARED = msgspec.msgpack.Decoder(Shared)
_ENTRIES = msgspec.msgpack.Decoder(list[Entry])
