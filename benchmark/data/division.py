"""Who is where, as other programs are told it and as they name images back: spreadsheets are left nothing to execute.

A cell that begins like a formula has an apostrophe before it, by which spreadsheets know it for text; so has one that
would be taken for such a cell.  What stands after the first apostrophe is exact.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # beginnings of a cell that a spreadsheet would execute
QUOTE = "'"
TEST = "test"
NAMES = {"train": "train", "validation": "select", "calibration": "fit", TEST: TEST}  # subset -> what files call it


class Placed(NamedTuple):
    """An image as the split has it; `subset` is a key of `NAMES`, or says that it was left out."""

    label: str
    source: str
    group: str
    subset: str


def read_division(artefact: Path) -> dict[str, Placed]:
    """Id -> the image, of all that were prepared, from the artefact of a split."""
    with (artefact / "split.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return {row["id"]: Placed(*(row[name] for name in Placed._fields)) for row in csv.DictReader(file)}


def safe(text: str) -> str:
    """A text as a cell that no spreadsheet executes."""
    return f"{QUOTE}{text}" if text.lstrip(QUOTE).startswith(FORMULA) else text


def meant(cell: str, known: Mapping[str, object]) -> str | None:
    """The name among `known` that a cell means, written by `safe` or as it is; None where there is none."""
    unquoted = cell.removeprefix(QUOTE)
    if safe(unquoted) == cell and unquoted in known:
        return unquoted
    return cell if cell in known else None
