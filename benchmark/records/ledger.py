"""Which runs commands have made below a results folder: an append-only file a command, or a few, chained by hashes.

    <results>/ledger/<UTC>-<random>.jsonl

A file's first line names the last hash of every other file that lay there, each further line is a run that the command
has made, with the hash of the line before.  So a line cannot be changed, nor a file go, without another one saying so,
but for the newest.  There is no lock: nobody writes another's file, and folders that git or rsync merge are a union.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec

from benchmark.records.files import FILE, as_written
from benchmark.records.record import Record
from benchmark.storage.files import append_line, encode, fault, read_document, sealed
from benchmark.storage.refusals import storage_errors

FOLDER = "ledger"  # below the results
SUFFIX = ".jsonl"
SCHEMA = 1
MOST_BYTES = 1 << 24  # of a file, half of what is read of any document: then the command goes on in another one


class Opening(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first line of a file.

    Attributes:
        heads: other file -> its last hash.
    """

    schema: int
    opened: str
    heads: dict[str, str] = {}
    seal: str = ""


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run that a command has made, or what has become of one.

    Attributes:
        status: of the run; ``removed`` where a command of ours took it away, ``acknowledged`` where somebody has
            written down why it, or what `file` names, is gone.
        record: seal of the record; empty where a failed run left the good record of an earlier one in its place.
        test: digest of the images that it was tested on.
        previous: hash of the line before, which is that line's own seal.
    """

    run: str
    status: Literal["ok", "failed", "removed", "acknowledged"]
    record: str
    previous: str
    test: str = ""
    written: str = ""
    file: str = ""
    reason: str = ""
    seal: str = ""


class Entries(msgspec.Struct, frozen=True, dict=True):
    """What one file says.

    Attributes:
        heads: other file -> the hash that the first line knew of it.
        hashes: of its whole lines, the first one included.
        lines: after the first; each is at the place of its hash less one.
        faults: why it cannot be trusted; empty where it can.
        torn: whether a last line was written half, which does not count.
    """

    name: str
    heads: dict[str, str] = {}
    hashes: list[str] = []
    lines: list[Line] = []
    faults: list[str] = []
    torn: bool = False

    @cached_property
    def places(self) -> dict[str, int]:
        """Hash of a line -> its place; of one that stands twice the first."""
        return {one: place for place, one in reversed(list(enumerate(self.hashes)))}


class Ledger:
    """The file of one command, or several of one that makes very many runs; it comes with the first line.

    Args:
        results: folder of the records.
    """

    def __init__(self, results: Path) -> None:
        self.folder = results / FOLDER
        self._last, self._bytes = "", 0

    def add_run(self, record: Record, folder: Path) -> None:
        """Write down a run that was just made.

        Raises:
            StorageError: the disk is full or the folder cannot be written.
        """
        seal = sealed(record).seal
        if record.status == "failed" and not _lies_in(folder, seal):  # it leaves a good record where it is
            seal = ""
        self.add(record.run, record.status, seal, test=record.test)

    def add(
        self,
        run: str,
        status: Literal["ok", "failed", "removed", "acknowledged"],
        seal: str,
        *,
        test: str = "",
        file: str = "",
        reason: str = "",
    ) -> None:
        """Append a line, on disk when this returns; see `Line`."""
        with storage_errors(self.folder):
            path = self._path
            line = sealed(Line(run, status, seal, self._last, test, _now(), file, reason))
            content = encode(line)
            append_line(path, content)
            self._last, self._bytes = line.seal, self._bytes + len(content)
            if self._bytes > MOST_BYTES:
                del self._path
                self._bytes = 0

    @cached_property
    def _path(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        heads = {one.name: one.hashes[-1] for one in entries(self.folder.parent) if one.hashes}
        opening = sealed(Opening(SCHEMA, _now(), heads))
        while True:
            path = self.folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.urandom(4).hex()}{SUFFIX}"
            if not path.exists():
                append_line(path, encode(opening))
                self._last = opening.seal
                return path


def entries(results: Path) -> list[Entries]:
    """What the files of a results folder's ledger say, in the order of names; none where there is no ledger.

    Raises:
        OSError: one cannot be read.
    """
    folder = results / FOLDER
    return [_entries(path) for path in sorted(folder.glob(f"*{SUFFIX}"))] if folder.is_dir() else []


def times_scored(ledger: Iterable[Entries], test: str, aside: Callable[[str], bool] = lambda run: False) -> int:
    """How often these test images were scored, at the least: by so many runs that the ledger knows.

    Args:
        aside: whether a run of that name does not count, such as one of rules.
    """
    lines = (line for one in ledger for line in one.lines if not aside(line.run))
    return sum(line.status == "ok" and line.test == test for line in lines)


def tips(ledger: Sequence[Entries]) -> dict[str, str]:
    """File -> last hash, of the files that no other one names to its end: who keeps these elsewhere can see a cut."""
    named = {pair for one in ledger for pair in one.heads.items()}
    return {one.name: one.hashes[-1] for one in ledger if one.hashes and (one.name, one.hashes[-1]) not in named}


def precedes(ledger: Mapping[str, Entries], first: tuple[str, int], second: tuple[str, int]) -> bool:
    """Whether a line, by its file and place, was there before another one's file was begun, or stands above it.

    Args:
        ledger: name of a file -> what it says.
    """
    if first[0] == second[0]:
        return first[1] < second[1]
    head = ledger[second[0]].heads.get(first[0])
    return head is not None and first[1] + 1 <= ledger[first[0]].places.get(head, -1)


def _entries(path: Path) -> Entries:
    try:
        content = read_document(str(path))
    except OSError as error:
        return Entries(path.name, faults=[f"cannot be read ({error.strerror})"])
    *whole, rest = content.split(b"\n")
    torn = False
    if rest:
        try:
            msgspec.json.decode(rest)
            whole.append(rest)  # only its end is lacking
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            torn = "truncated" in str(error)
            whole += [] if torn else [rest]
    return _chained(path.name, whole, torn)


def _chained(name: str, lines: Sequence[bytes], torn: bool) -> Entries:
    found = Entries(name, torn=torn)
    if not lines:
        return found
    try:
        opening = _OPENING.decode(lines[0])
        later = [_LINE.decode(line) for line in lines[1:]]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return msgspec.structs.replace(found, faults=[f"has a line that is none of a ledger ({error})"])
    hashes = [opening.seal, *(line.seal for line in later)]
    faults = [f"line {place} was changed" for place, line in enumerate(lines, 1) if fault(line)]
    linked = zip(later, hashes[:-1], strict=True)
    faults += [f"line {place} does not follow" for place, (line, one) in enumerate(linked, 2) if line.previous != one]
    if opening.schema > SCHEMA:
        faults.append(f"was written by a newer version (schema {opening.schema}, here {SCHEMA})")
    return Entries(name, opening.heads, hashes, later, faults, torn)


def _lies_in(folder: Path, seal: str) -> bool:
    try:
        return as_written(folder / FILE).seal == seal
    except OSError:  # another process is about to put a record there
        return False


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


_OPENING = msgspec.json.Decoder(Opening)
_LINE = msgspec.json.Decoder(Line)
