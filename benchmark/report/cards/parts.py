"""What a card is made of: sections with entries that answer items of the guidelines, and tables."""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from benchmark.records.estimate import Estimate
from benchmark.report import wording

State = Literal["answered", "in part", "not done", "not known", "does not apply"]
STATES: tuple[State, ...] = ("answered", "in part", "does not apply", "not done", "not known")  # the most is said first


class Entry(msgspec.Struct, frozen=True):
    """What a run says on a subject.

    Attributes:
        what: the subject.
        text: sentences; of what was not done or is not known why, and what would do it.
        claim, tripod: numbers of the items that it is about, see `items`.
    """

    what: str
    text: str
    claim: tuple[str, ...] = ()
    tripod: tuple[str, ...] = ()
    state: State = "answered"


class Grid(msgspec.Struct, frozen=True):
    """A table: titles of the columns, and rows of as many cells."""

    titles: list[str]
    rows: list[list[str]]


class Section(msgspec.Struct, frozen=True):
    """Entries under a title, and the tables that follow them."""

    title: str
    entries: list[Entry]
    grids: list[Grid] = []


class Card(msgspec.Struct, frozen=True):
    """A run as a card.

    Attributes:
        warning: stands above everything.
        picture: a PNG to be shown that holds no image of a patient; empty for none.
    """

    title: str
    warning: str
    sections: list[Section]
    picture: bytes = b""


def entry(
    what: str,
    text: str | Iterable[str],
    *,
    claim: str = "",
    tripod: str = "",
    state: State = "answered",
) -> Entry:
    """An entry; items as ``"8 35"``, sentences that are empty are left out."""
    said = text if isinstance(text, str) else " ".join(filter(None, text))
    return Entry(what, said, tuple(claim.split()), tuple(tripod.split()), state)


def counted(counts: "dict[str, int]") -> str:
    """``COVID 30, Normal 41``."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def settings(values: "dict[str, object]", leave: Sequence[str] = ()) -> str:
    """``epochs 2, batch size 32``, without those to leave; booleans as yes and no."""
    return ", ".join(f"{key.replace('_', ' ')} {_setting(one)}" for key, one in values.items() if key not in leave)


def options(values: "dict[str, object]") -> str:
    """Options of a component; of a file its name alone, for where it lay is nobody's business."""
    return settings({key: _base(one) if isinstance(one, str) else one for key, one in values.items()})


def statistics(title: str, found: "dict[str, Estimate]") -> Grid:
    """Name, value with interval, images, and note of each statistic."""
    rows = [[wording.metric(name), wording.estimate(one), f"{one.n:,}", one.note] for name, one in found.items()]
    return Grid([title, "value [95 % interval]", "n", "note"], rows)


def _base(text: str) -> str:
    return text.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else "none" if value is None else str(value)
