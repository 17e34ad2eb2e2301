"""Rows of names and values as CSV, which a spreadsheet may open: no cell of text is a formula, or hides anything."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmark.report.markup import visible

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # beginnings of a cell that a spreadsheet would execute


def csv_text(rows: Iterable[Mapping[str, Any]], titles: Sequence[str] = ()) -> str:
    """A header and a line per row; numbers are not rounded, and texts that begin like a formula get an apostrophe.

    Args:
        titles: of the columns, in whose place nothing else of a row is told; by default all names that rows have, in
            the order in which they first occur.
    """
    found = list(rows)
    names = list(titles) or list(dict.fromkeys(name for row in found for name in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(_cell, names))
    writer.writerows([_cell(row.get(name, "")) for name in names] for row in found)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return visible(f"'{value}" if value.startswith(_FORMULA) else value)
