"""Rows of a table, whatever it was saved as: CSV, TSV, blank-separated text, Excel, Parquet.

A table is read row by row, so that one of hundreds of thousands of rows takes no more memory than what is kept of it.
What cannot be a table is a `DataError` of one line that names it.
"""

import codecs
import csv
import importlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from registry.errors import DataError

TEXT = frozenset({".csv", ".tsv", ".txt"})
SUFFIXES = TEXT | {".xlsx", ".xlsm", ".parquet"}
OTHERS = frozenset({".xls", ".ods"})  # tables that have to be saved as one of those first

_SEPARATORS = (",", ";", "\t", "|")
_LONGEST = 1 << 20  # characters of a line
_GUESSED = "cp1252"  # where a text is not UTF-8
_CELL = 4096  # bytes of a text that is stored as bytes
_WIDEST = 5000  # columns
_UNPACKED = 1 << 30  # bytes of an Excel file's parts
_SEEN = 200  # rows that tell how a text is separated
_AGREE = 0.9  # of these, so many have the width of the first

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows can be gone through as often as one likes.

    Attributes:
        path: of its file.
        width: columns of its first row.
        encoding: of a text that is not UTF-8, as it was taken for; empty of any other table.
        rows: gives every row, the first too (which may be a header), with its number in the file; cells are stripped,
            rows without any text left out.
    """

    path: Path
    width: int
    rows: Callable[[], Iterator[tuple[int, Row]]]
    encoding: str = ""

    @property
    def is_text(self) -> bool:
        """Whether a separator that nobody quoted would shift the cells of a row."""
        return self.path.suffix.lower() in TEXT

    def first(self, count: int) -> list[Row]:
        """Some rows from the beginning."""
        return [row for _, row in islice(self.rows(), count)]


def open_table(path: Path) -> Table:
    """The table in a file.

    Raises:
        DataError: it is none, is damaged, is not text, or is too wide or too long in a line to be one.
    """
    suffix = path.suffix.lower()
    if suffix in OTHERS:
        raise DataError(f"{path.name} is a table of an old format; save it as .xlsx or .csv")
    if suffix == ".parquet":
        return _checked(path, _parquet(path))
    if suffix in (".xlsx", ".xlsm"):
        loaded = cache(lambda: _without_formulas(path, list(_excel(path))))  # slow to read: once
        return _checked(path, lambda: iter(loaded()))
    encoding = _encoding(path)
    split = _splitting(path, encoding)
    table = _checked(path, lambda: _text(path, encoding, split))
    return replace(table, encoding=encoding) if encoding == _GUESSED else table


def _checked(path: Path, rows: Callable[[], Iterator[tuple[int, Row]]]) -> Table:
    first = next(rows(), None)
    if first is None:
        raise DataError(f"table {path.name} holds no row")
    width = len(first[1])
    if width > _WIDEST:
        raise DataError(f"table {path.name} has {width:,} columns; expected at most {_WIDEST:,}")
    return Table(path, width, rows)


def _encoding(path: Path) -> str:
    """By its byte-order mark; else UTF-8 where all of it is that, else what Windows writes."""
    try:
        with path.open("rb") as file:
            start = file.read(4096)
            if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                return "utf-16"
            if b"\0" in start:
                return _without_mark(path, start)
            decoder = codecs.getincrementaldecoder("utf-8")()
            chunk = start
            while chunk:
                decoder.decode(chunk)
                chunk = file.read(1 << 20)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _western(path)
    except OSError as error:
        raise DataError(f"table {path.name} cannot be read ({error.strerror})") from error
    return "utf-8-sig"


def _western(path: Path) -> str:
    """The encoding of Western European Windows, of a text that is not UTF-8.

    Raises:
        DataError: a byte stands for nothing in it.
    """
    try:
        with path.open(encoding=_GUESSED, newline="") as file:
            while file.read(1 << 20):
                pass
    except UnicodeDecodeError as error:
        raise DataError(
            f"table {path.name} is in an encoding that nobody can tell, neither UTF-8 nor Western European; save it as "
            "UTF-8"
        ) from error
    return _GUESSED


def _without_mark(path: Path, start: bytes) -> str:
    """UTF-16 of mostly Latin letters has a zero in every other byte."""
    for encoding, zeros, letters in (("utf-16-le", start[1::2], start[::2]), ("utf-16-be", start[::2], start[1::2])):
        if zeros.count(0) > 0.8 * len(zeros) and letters.count(0) == 0:
            return encoding
    raise DataError(f"table {path.name} holds NUL bytes: it is no text; restore it, or export it as CSV")


def _lines(path: Path, encoding: str) -> Iterator[str]:
    """Lines, none of them longer than a line of a table can be."""
    try:
        with path.open(encoding=encoding, errors="replace", newline="") as file:
            line = file.readline(_LONGEST)
            if len(line) < 9 and line.lower().startswith("sep="):  # for Excel, and no row
                line = file.readline(_LONGEST)
            while line:
                if len(line) >= _LONGEST:
                    raise DataError(f"table {path.name} has a line of {_LONGEST:,} characters or more: no table")
                if "\0" in line:
                    raise DataError(f"table {path.name} holds NUL bytes: it is no text; export it as CSV")
                yield line
                line = file.readline(_LONGEST)
    except OSError as error:
        raise DataError(f"table {path.name} cannot be read ({error.strerror})") from error


def _splitting(path: Path, encoding: str) -> str:
    """What separates the cells; a blank where nothing else does, and the whole line is one cell where that fails."""
    best, most = "", 1
    for separator in _SEPARATORS:
        widths = [len(row) for _, row in islice(_text(path, encoding, separator), _SEEN)]
        if widths and widths[0] > most and sum(w == widths[0] for w in widths) >= _AGREE * len(widths):
            best, most = separator, widths[0]
    if best or path.suffix.lower() != ".txt":
        return best or ","
    widths = [len(row) for _, row in islice(_text(path, encoding, " "), _SEEN)]
    return " " if widths and widths[0] > 1 and sum(w == widths[0] for w in widths) >= _AGREE * len(widths) else "\0"


def _text(path: Path, encoding: str, separator: str) -> Iterator[tuple[int, Row]]:
    if separator in (" ", "\0"):
        for number, line in enumerate(_lines(path, encoding), 1):
            if cells := tuple(line.split(None if separator == " " else "\0")):
                row = tuple(cell.strip() for cell in cells)
                if any(row):
                    yield number, row
        return
    reader = csv.reader(_lines(path, encoding), delimiter=separator, skipinitialspace=True)
    try:
        for found in reader:
            row = tuple(cell.strip() for cell in found)
            if any(row):
                yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"table {path.name} cannot be read: {error} (line {reader.line_num})") from error


def _without_formulas(path: Path, rows: list[tuple[int, Row]]) -> list[tuple[int, Row]]:
    """The rows, where no column is empty because nobody computed what stands in it.

    Raises:
        DataError: one is.
    """
    width = len(rows[0][1]) if rows else 0
    empty = [at for at in range(width) if rows[0][1][at] and not any(row[at] for _, row in rows[1:] if at < len(row))]
    if empty and len(rows) > 1:
        for number, row in islice(_excel(path, values=False), 1, 50):
            if formulas := [row[at] for at in empty if at < len(row) and row[at].startswith("=")]:
                raise DataError(
                    f"table {path.name} has a formula without a value in row {number}, {formulas[0][:40]!r}; "
                    "open and save it in a spreadsheet, or save it as CSV"
                )
    return rows


def _excel(path: Path, *, values: bool = True) -> Iterator[tuple[int, Row]]:
    """Rows of the first sheet with anything in it.

    Args:
        values: of formulas, as the program which wrote them found them; else the formulas.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():  # openpyxl leaves open what it cannot read
            with ZipFile(file) as parts:
                if sum(part.file_size for part in parts.infolist()) > _UNPACKED:
                    raise DataError(f"table {path.name} unpacks to more than {_UNPACKED >> 30} GiB; save it as CSV")
            warnings.simplefilter("ignore")  # sheets written without styles are complete all the same
            book = load_workbook(file, read_only=True, data_only=values)
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # some writers record a wrong extent
            for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
                row = tuple(map(_cell, cells))
                if any(row):
                    yield number, row
            book.close()
    except (BadZipFile, InvalidFileException, LookupError, OSError, SyntaxError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path.name} is not a readable Excel sheet ({error}); restore it, or save it as CSV"
        ) from error


def _cell(value: Any) -> str:
    """A cell of a sheet as text: 7.0 is 7, a list of words as Python writes it; a picture or a record is nothing."""
    if isinstance(value, (list, tuple, set)):
        inner = [_cell(one) for one in value]
        return str(inner) if inner and all(inner) else ""
    if isinstance(value, bytes):
        return _words(value)
    if value is None or isinstance(value, dict) or value != value:  # NaN
        return ""
    if isinstance(value, bool) or (isinstance(value, (float, Decimal)) and isfinite(value) and value == int(value)):
        return str(int(value))
    return str(value).strip()


def _words(value: bytes) -> str:
    """What bytes say, as some writers store texts; nothing where they are no text."""
    try:
        text = value[:_CELL].decode()
    except UnicodeDecodeError:
        return ""
    return text.strip() if len(value) <= _CELL and text.isprintable() else ""


def _parquet(path: Path) -> Callable[[], Iterator[tuple[int, Row]]]:
    try:
        module = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DataError(
            f'{path.name} is a Parquet table; to read it: pip install "cxr-bench[parquet]", or save it as CSV'
        ) from error

    def rows() -> Iterator[tuple[int, Row]]:
        try:
            with module.ParquetFile(path) as file:
                yield 1, tuple(map(str, file.schema_arrow.names))
                number = 1
                for batch in file.iter_batches():
                    columns: list[Sequence[Any]] = [column.to_pylist() for column in batch.columns]
                    for cells in zip(*columns, strict=True):
                        number += 1
                        row = tuple(map(_cell, cells))
                        if any(row):
                            yield number, row
        except (OSError, ValueError) as error:
            said = " ".join(str(error).split())
            raise DataError(f"{path.name} is not a readable Parquet table ({said}); restore it") from error

    return rows
