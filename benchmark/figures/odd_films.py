"""A contact sheet: small pictures in rows below titles, a line or two below each."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmark.figures.sheet import MARGIN, NORMAL, SMALL, sheet, text_height, wrapped

CELL, GAP, ACROSS = 1.35, 0.12, 6  # inches a picture, inches between two, pictures in a row
LINES = 3  # below a picture


class Film(Protocol):
    """A picture uint8 (H, W) and what is said of it."""

    @property
    def image(self) -> np.ndarray: ...  # noqa: D102
    @property
    def words(self) -> str: ...  # noqa: D102


class Section(Protocol):
    """Films below a title; of pairs, two and two stand closer."""

    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def films(self) -> Sequence[Film]: ...  # noqa: D102
    @property
    def in_pairs(self) -> bool: ...  # noqa: D102


def contact_sheet(path: Path, title: str, caption: str, sections: Sequence[Section]) -> None:
    """Write the sheet.

    Raises:
        StorageError: the file cannot be written.
    """
    width = ACROSS * CELL + (ACROSS - 1) * GAP
    height = sum(map(_height, sections))
    with sheet(path, title=title, caption=caption, width=width, height=height) as page:
        top = 0.0
        for section in sections:
            page.write(MARGIN, top, wrapped(section.title, width, NORMAL), size=NORMAL, weight="bold")
            for left, below, film in _places(section):
                page.picture(MARGIN + left, top + below, CELL, CELL, film.image)
                lines = [line for text in film.words.split("\n") for line in wrapped(_end(text), CELL - GAP, SMALL)][
                    :LINES
                ]
                page.write(MARGIN + left, top + below + CELL + 0.03, lines)
            top += _height(section)


def _places(section: Section) -> Iterator[tuple[float, float, Film]]:
    """Where each film stands below the section's top."""
    heading = text_height(1, NORMAL) + 0.08
    for place, film in enumerate(section.films):
        row, column = divmod(place, ACROSS)
        closer = GAP - 0.03 if section.in_pairs and column % 2 else 0.0
        yield column * (CELL + GAP) - closer, heading + row * _row(), film


def _row() -> float:
    return CELL + 0.1 + text_height(LINES, SMALL)


def _height(section: Section) -> float:
    rows = -(-len(section.films) // ACROSS)
    return text_height(1, NORMAL) + 0.2 + rows * _row()


def _end(text: str, room: int = 34) -> str:
    """The end of a long name, which tells most."""
    return text if len(text) <= room else f"…{text[1 - room :]}"
