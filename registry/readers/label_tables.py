"""Tables beside the folders of images that say what these are: where one lies, folder names may be no labels."""

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from registry.errors import DataError
from registry.readers.layout import name_key
from registry.readers.patients import TABLE
from registry.readers.tables import SUFFIXES, Row, open_table
from registry.readers.walk import File

LARGEST = 64 << 20  # bytes of a table that is looked into
ROWS = 20_000  # of a table that are looked at
ENOUGH = 0.2  # the share of the images, or else the half of the rows, that a column of file names fits

_LABEL = re.compile(r"label|class|finding|diagnos|target|categor|patholog|disease|condition", re.IGNORECASE)


def naming(tables: Iterable[File], images: Collection[str]) -> list[str]:
    """The tables that name the images.

    Args:
        images: their file names.
    """
    return [table.name for table in tables if _file_column(_rows(table), images) is not None]


def contradicting(tables: Iterable[File], images: Collection[str], labels: Collection[str]) -> list[str]:
    """The tables that name the images and give them labels, of which no folder has the name."""
    return [table.name for table in tables if _contradicts(_rows(table), images, set(map(_plain, labels)))]


def _contradicts(rows: Sequence[Sequence[str]], images: Collection[str], labels: set[str]) -> bool:
    place = _file_column(rows, images)
    if place is None:
        return False
    header, *body = rows
    said = [column for column, name in enumerate(header) if column != place and _LABEL.search(name)]
    flags = [column for column in range(len(header)) if column != place and _is_flag(body, column)]
    if not said and len(flags) < 2:
        return False
    words = {_plain(name) for name in header}
    words |= {_plain(folder) for row in body if place < len(row) for folder in re.split(r"[/\\]", row[place])[:-1]}
    words |= {
        _plain(word)
        for row in body
        for column in said
        if column < len(row)
        for word in (row[column], *re.split(r"[|;,]", row[column]))
    }
    return not labels & words


def _file_column(rows: Sequence[Sequence[str]], images: Collection[str]) -> int | None:
    """The column with names of the images; None where there is none."""
    if len(rows) < 2:
        return None
    keys = set(map(name_key, images))
    for column in range(max(map(len, rows))):
        cells = [row[column] for row in rows[1:] if column < len(row) and row[column].strip()]
        hits = {key for key in (name_key(re.split(r"[/\\]", cell)[-1]) for cell in cells) if key in keys}
        if hits and (len(hits) >= ENOUGH * len(keys) or 2 * len(hits) >= len(cells)):
            return column
    return None


def _is_flag(rows: Sequence[Sequence[str]], column: int) -> bool:
    values = {row[column].strip() for row in rows if column < len(row)}
    return len(values) > 1 and values <= {"", "0", "1", "-1", "0.0", "1.0", "-1.0"}


def _rows(table: File) -> list[Row]:
    """The first rows of a table, the header among them; none of a file that is no table."""
    path = Path(table.path)
    try:
        if path.suffix.lower() not in SUFFIXES or path.name.lower().endswith(TABLE) or path.stat().st_size > LARGEST:
            return []
        return open_table(path).first(ROWS)
    except (DataError, OSError):
        return []


def _plain(word: str) -> str:
    return re.sub(r"[\W_]+", "", word).casefold()
