"""From the cells of a row to the findings of a film."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from registry.readers.columns import plain, whole

NOTHING = "No finding"  # of a row that denies every finding, where no column says so
UNKNOWN = frozenset({"", "nan", "na", "null", "todo", "unknown", "unlabeled", "unlabelled", "?", "-", "--", "–"})
NOBODY = frozenset({"none", "-1"})  # in place of a patient or a hospital
HEALTHY = frozenset({"nofinding", "nofindings", "normal", "healthy", "negative", "none", "nothing"})

Uncertain = Literal["drop", 0, 1]

_YES, _NO, _PERHAPS = {"1", "true", "yes", "y"}, {"0", "false", "no", "n", ""}, {"-1"}
_LISTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")


def is_unknown(text: str) -> bool:
    """Whether a cell says that nobody knows."""
    return text.casefold() in UNKNOWN or (bool(plain(text)) and plain(text) in UNKNOWN)


def names_nobody(text: str) -> bool:
    """Whether the cell of a patient or a hospital says that none is known."""
    return is_unknown(text) or text.casefold() in NOBODY


def is_list(text: str) -> bool:
    """Whether a cell is a list as Python writes it: ``['a', 'b']``."""
    return text.startswith("[") and text.endswith("]")


def split_findings(text: str, separator: str | None, depth: int) -> list[str]:
    """The findings of a cell, each cut at a depth where it is a path of terms; what says nothing is left out.

    Args:
        separator: between several; None where a cell is one finding.
        depth: terms to keep; 0 keeps all.
    """
    if is_list(text):
        parts = [one or other for one, other in _LISTED.findall(text)]
    else:
        parts = text.split(separator) if separator else [text]
    found = [" ".join(part.split()) for part in parts]
    cut = ["/".join(one.split("/")[:depth]) if depth else one for one in found]
    return list(dict.fromkeys(one for one in cut if not is_unknown(one)))


def marked_findings(cells: Mapping[str, str], uncertain: Uncertain) -> list[str] | None:
    """The findings of a row with a column each: 1 is there, 0 is not, -1 uncertain, blank not mentioned.

    Returns:
        None where a finding is uncertain and such films are left out; nothing where nothing is said.
    """
    words = {name: whole(text).casefold() for name, text in cells.items()}
    doubtful = [name for name, word in words.items() if word in _PERHAPS]
    if doubtful and uncertain == "drop":
        return None
    found = [name for name, word in words.items() if word in _YES or (name in doubtful and uncertain == 1)]
    if found or not any(words.values()):
        return found
    if any(plain(name) in HEALTHY for name in cells):
        return []  # neither healthy nor anything else: not labelled
    return [NOTHING] if len(cells) > 1 else [f"no {next(iter(cells))}"]


def separator_in(values: Iterable[str]) -> str | None:
    """What seems to stand between several findings of a cell; None where a cell holds one.

    ``|`` always does; ``;`` and ``,`` where most of the parts are cells elsewhere.
    """
    found = list(values)
    single = {value.casefold() for value in found}
    if any("|" in value or is_list(value) for value in found):
        return "|"
    for separator in (";", ","):
        parts = {part.strip().casefold() for value in found if separator in value for part in value.split(separator)}
        if len(parts & single) * 2 > len(parts):
            return separator
    return None


def united(rows: Sequence[Sequence[str]]) -> list[str]:
    """The findings of all rows of one film; that one of them finds nothing does not count against another that does."""
    every = list(dict.fromkeys(one for row in rows for one in row))
    nothing = [row for row in rows if all(plain(one) in HEALTHY for one in row)]
    if len(nothing) == len(rows):
        return every
    return list(dict.fromkeys(one for row in rows if row not in nothing for one in row))
