"""Predictions of another program as a table: an id and a probability for each class of every image.

UTF-8, commas, decimal points; the whole may be gzipped.  Nothing in it is executed, and what is no number is refused.
"""

import csv
import difflib
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmark.data.division import safe
from registry.errors import DataError, DataNotFoundError
from registry.wording import plural

ID = "id"
FLOOR = 1e-12  # in place of a probability of 0, whose logarithm is no number
SUM_TOLERANCE = 0.01  # probabilities of a row may be rounded to two decimals
MOST_BYTES = 1 << 27  # unpacked: twice as many images as there may be lines
MOST_LINES = 1_000_000  # more than there are films in any collection
MOST_COLUMNS = 1000
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
GZIP, SHEET = b"\x1f\x8b", b"PK\x03\x04"
MARKS = (b"\xff\xfe", b"\xfe\xff")  # of UTF-16 and UTF-32
SHOWN = 3


class Table(NamedTuple):
    """What a file says.

    Attributes:
        ids: as they are written, one a row, none twice.
        probabilities: of each row, in the order of the classes.
        unread: columns that are neither id nor class.
        sha256: of the file's bytes.
    """

    ids: list[str]
    probabilities: list[tuple[float, ...]]
    unread: list[str]
    sha256: str


def read_predictions(path: Path, classes: Sequence[str]) -> Table:
    """The table in a file.

    Raises:
        DataError: it is no such table; one line says where and why.
    """
    content = _content(path)
    plain = io.BytesIO(_plain(path, content))
    # names of files may hold bytes that are not UTF-8, which are kept
    rows = csv.reader(io.TextIOWrapper(plain, "utf-8-sig", errors="surrogateescape", newline=""))
    try:
        header = next(rows, [])
        columns, unread = _columns(path, header, classes)
        ids, probabilities = [], []
        for line, cells in _numbered(path, rows):
            if len(cells) != len(header):
                raise DataError(f"{path} line {line} has {plural(len(cells), 'cell')}, expected {len(header)}")
            ids.append(cells[columns[0]])
            probabilities.append(_probabilities(path, line, [cells[k] for k in columns[1:]], classes))
    except csv.Error as error:
        raise DataError(f"{path} line {rows.line_num} is no line of CSV: {error}") from error
    if not ids:
        raise DataError(f"{path} has a header and no row; expected a row for each test image")
    if len(set(ids)) < len(ids):
        _refuse_repeated(path, ids)
    return Table(ids, probabilities, unread, hashlib.sha256(content).hexdigest())


def _content(path: Path) -> bytes:
    """What is in the file, no more than a table may have.

    Raises:
        DataError: it cannot be read.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # which might never end
            raise DataError(f"{path} is a pipe or a device; expected a CSV file of predictions")
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise DataNotFoundError(f"{path} is not there; expected a CSV file of predictions") from error
    except DataError:
        raise
    except (OSError, ValueError) as error:  # a name with a NUL
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _numbered(path: Path, rows: "Iterator[list[str]]") -> Iterator[tuple[int, list[str]]]:
    """Rows that hold anything, with the line where each ends.

    Raises:
        DataError: there is no end of them.
    """
    for cells in rows:
        line: int = rows.line_num  # type: ignore[attr-defined]
        if line > MOST_LINES:
            raise DataError(f"{path} has more than {MOST_LINES:,} lines; expected a row for each test image")
        if cells:
            yield line, cells


def _plain(path: Path, content: bytes) -> bytes:
    """The bytes of the text in a file.

    Raises:
        DataError: it is too large, packed wrongly, or no text.
    """
    if content.startswith(GZIP):
        content = _unpacked(path, content)
    if len(content) > MOST_BYTES:
        raise DataError(f"{path} holds more than {MOST_BYTES >> 20} MB; expected an id and probabilities of each image")
    if content.startswith(SHEET):
        raise DataError(f"{path} is a spreadsheet or an archive, expected CSV; save it as CSV in UTF-8, with commas")
    if content.startswith(MARKS) or b"\0" in content:
        raise DataError(f"{path} is no text in UTF-8; save it as CSV in UTF-8, with commas and decimal points")
    if not content.strip():
        raise DataError(f"{path} is empty; expected a header, {ID} and a column for each class, and a row an image")
    return content


def _unpacked(path: Path, content: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(content)) as file:
            return file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} begins like a gzip file and cannot be unpacked: {error}") from error


def _columns(path: Path, header: Sequence[str], classes: Sequence[str]) -> tuple[list[int], list[str]]:
    """Where the id and each class stand, and the names of what is not read.

    Raises:
        DataError: a column is missing or stands twice, or there are too many.
    """
    expected = f"{ID} and a column for each class: {', '.join(classes)}"
    if len(header) > MOST_COLUMNS:
        raise DataError(f"{path} has {len(header):,} columns, expected {expected}")
    for separator, word in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise DataError(f"{path} is divided by {word}, expected commas between cells and points in numbers")
    wanted = {ID: [ID], **{name: [name, safe(name)] for name in classes}}
    places = {name: [k for k, title in enumerate(header) if title in writings] for name, writings in wanted.items()}
    twice = [name for name, found in places.items() if len(found) > 1]
    if twice:
        raise DataError(f"{path} has {len(places[twice[0]])} columns {twice[0]!r}, expected one")
    used = {place for found in places.values() for place in found}
    unread = [title for k, title in enumerate(header) if k not in used]
    for name in (name for name, found in places.items() if not found):
        near = difflib.get_close_matches(name.lower(), [title.lower() for title in unread], n=1, cutoff=0.5)
        hint = next((f" (did you mean {title!r}?)" for title in unread if [title.lower()] == near), "")
        raise DataError(f"{path} has no column {name!r}{hint}; it has {few(header)}; expected {expected}")
    return [place for found in places.values() for place in found], unread


def _probabilities(path: Path, line: int, cells: Sequence[str], classes: Sequence[str]) -> tuple[float, ...]:
    """The numbers of a row.

    Raises:
        DataError: one is no probability, or together they are not one.
    """
    found = tuple(_number(path, line, cell.strip(), name) for cell, name in zip(cells, classes, strict=True))
    if abs(sum(found) - 1) > SUM_TOLERANCE:
        raise DataError(
            f"{path} line {line}: the probabilities of {', '.join(classes)} add up to {sum(found):.4g}, "
            f"expected 1 (to {SUM_TOLERANCE:g})"
        )
    return found


def _number(path: Path, line: int, cell: str, name: str) -> float:
    if not NUMBER.fullmatch(cell):
        hint = "; write decimals with a point" if NUMBER.fullmatch(cell.replace(",", ".")) else ""
        shown = cell if len(cell) <= 40 else f"{cell[:40]}…"
        raise DataError(f"{path} line {line}, {name}: {shown!r} is no number, expected a probability{hint}")
    if not 0 <= float(cell) <= 1:
        raise DataError(f"{path} line {line}, {name}: {cell} is no probability, expected a number from 0 to 1")
    return float(cell)


def _refuse_repeated(path: Path, ids: Sequence[str]) -> None:
    seen: set[str] = set()
    twice = list(dict.fromkeys(name for name in ids if name in seen or seen.add(name)))  # type: ignore[func-returns-value]
    raise DataError(f"{path} has {plural(len(twice), 'id')} in more than one row: {few(twice)}; expected one row each")


def few(names: Sequence[str]) -> str:
    """Some names, and how many there are besides."""
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(repr(name[:80]) for name in names[:SHOWN]) + more
