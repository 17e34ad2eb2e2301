"""Columns and rows laid out for a width: columns are left out, names are wrapped, no cell is ever cut."""

import itertools
from collections.abc import Sequence
from functools import cache, cached_property

import msgspec
from rich.cells import cell_len
from rich.text import Text

from benchmark.report.lines import INDENT, pieces_of_name, prose, wrapped_name, wrapped_title

GAP = 2
NARROWEST = 24  # no name is wrapped to less while there is room


class Cell(msgspec.Struct, frozen=True):
    """What stands in a column, with a rich style; `left` for values whose intervals may be missing."""

    text: str = ""
    style: str = ""
    left: bool = False


class Line(msgspec.Struct, frozen=True):
    """A row: its name, one cell per column, and the notes under it.

    Attributes:
        span: stands across the columns instead of cells.
        rule: draw a rule above it.
    """

    name: Cell
    cells: list[Cell] = []
    span: Cell | None = None
    notes: list[str] = []
    rule: bool = False


class Grid(msgspec.Struct, frozen=True, dict=True):
    """Titles of the columns, the first one that of the names, and the rows below them."""

    corner: str
    titles: list[str]
    lines: list[Line]

    @cached_property
    def widths(self) -> list[int]:
        """Of each column: its widest cell, or its title in two lines."""
        return [
            max(_title_width(title), _widest([line.cells[place].text for line in self.lines if line.cells]))
            for place, title in enumerate(self.titles)
        ]

    def lefts(self) -> list[bool]:
        """Of each column: whether it is aligned left."""
        return [any(line.cells[place].left for line in self.lines if line.cells) for place in range(len(self.titles))]

    def name_width(self, room: int | None = None) -> int:
        """Of the names, in lines of at most `room` where that is given."""
        names = [line.name.text for line in self.lines]
        lines = names if room is None else [text for name in names for text in wrapped_name(name, room)]
        return max([cell_len(self.corner), *map(cell_len, lines)])

    def narrowest(self) -> int:
        """The least width to which all names can be wrapped."""
        words = {word for line in self.lines for word in line.name.text.split(" ")}
        pieces = {piece for word in words for piece in pieces_of_name(word)}
        return max([cell_len(self.corner), *(cell_len(piece) + INDENT for piece in pieces)])

    def only(self, places: list[int]) -> "Grid":
        """The grid with some of its columns."""
        lines = [
            msgspec.structs.replace(line, cells=[line.cells[place] for place in places] if line.cells else [])
            for line in self.lines
        ]
        return self._alike([self.titles[place] for place in places], lines, [self.widths[place] for place in places])

    def noted(self, notes: list[list[str]]) -> "Grid":
        """The grid with notes under its rows."""
        lines = [msgspec.structs.replace(line, notes=own) for line, own in zip(self.lines, notes, strict=True)]
        return self._alike(self.titles, lines, self.widths)

    def _alike(self, titles: list[str], lines: list[Line], widths: list[int]) -> "Grid":
        """A grid of the same names and cells, which are not measured again."""
        grid = Grid(self.corner, titles, lines)
        grid.__dict__["widths"] = widths  # where `cached_property` keeps it
        return grid


def choose(grid: Grid, width: int, order: Sequence[int], essential: int) -> tuple[list[int], int]:
    """Which columns fit, and the width of the names beside them; 0 puts names on lines of their own.

    Names are wrapped where that makes room for more columns, and moved to their own lines where the essential columns
    do not fit beside them even so.

    Args:
        order: places of the columns, those that are taken first in front.
        essential: how many of those must stand beside the names.
    """
    sizes = grid.widths
    needed_for_essential = sum(sizes[place] + GAP for place in order[:essential])
    whole, narrowest = grid.name_width(), grid.narrowest()
    tight = max(min(whole, width - needed_for_essential), narrowest)
    candidates = (whole, _wrapped_width(whole, narrowest, width), tight)
    fitting = [names for names in candidates if names + needed_for_essential <= width]
    if not fitting:
        return _taken(sizes, width, order), 0
    names = max(fitting, key=lambda names: (len(_taken(sizes, width - names, order)), names))
    return _taken(sizes, width - names, order), names if names == whole else grid.name_width(names)


def needed(grid: Grid) -> int:
    """The least width at which all columns stand beside the names."""
    room = sum(size + GAP for size in grid.widths)
    whole, narrowest = grid.name_width(), grid.narrowest()
    return next(width for width in itertools.count(room) if room + _wrapped_width(whole, narrowest, width) <= width)


def draw(grid: Grid, width: int, names: int) -> Text:
    """The grid as lines of text, names wrapped to `names` columns; 0 puts each on its own line above its numbers."""
    sizes = grid.widths
    out = Text()
    for text in _header(grid, sizes, names):
        out.append(text.rstrip() + "\n", "bold")
    rule = "─" * min(width, names + sum(size + GAP for size in sizes))
    out.append(rule + "\n", "dim")
    for line in grid.lines:
        if line.rule:
            out.append(rule + "\n", "dim")
        _draw_line(out, line, sizes, names, width)
    return out


def _draw_line(out: Text, line: Line, sizes: list[int], names: int, width: int) -> None:
    if not names:
        out.append(prose(line.name.text, width) + "\n", line.name.style)
    first, *others = wrapped_name(line.name.text, names) if names else [""]
    pieces = [(first + " " * (names - cell_len(first)), line.name.style)]
    if line.span is not None:
        beside = cell_len(line.span.text) <= width - names - GAP
        below = ("\n" if names else "") + prose(line.span.text, width, "  ")
        pieces.append((" " * GAP + line.span.text if beside else below, line.span.style))
    for cell, size in zip(line.cells, sizes, strict=False):
        room = " " * (size - _length(cell.text))
        pieces.append((" " * GAP + (cell.text + room if cell.left else room + cell.text), cell.style))
    while len(pieces) > 1 and not pieces[-1][0].strip():
        pieces.pop()
    pieces[-1] = (pieces[-1][0].rstrip() + "\n", pieces[-1][1])
    # A style at a time: rich takes longer for ten pieces than for the rest of the row.
    for style, same in itertools.groupby(pieces, key=lambda piece: piece[1]):
        out.append("".join(text for text, _ in same), style)
    for other in others:
        out.append(other + "\n", line.name.style)
    for note in line.notes:
        out.append(prose(note, width, "  ") + "\n", "dim")


def _length(text: str) -> int:
    """Columns of a cell's text; most are plain numbers, which need no look into tables of characters."""
    return len(text) if text.isascii() and text.isprintable() else cell_len(text)


def _widest(texts: list[str]) -> int:
    """Columns of the widest text, 0 of none; mostly all are plain, which is asked of all at once."""
    plain = "".join(texts)
    lengths = map(len, texts) if plain.isascii() and plain.isprintable() else map(_length, texts)
    return max(lengths, default=0)


def _wrapped_width(whole: int, narrowest: int, width: int) -> int:
    """The width that names are wrapped to so that more columns fit."""
    return max(min(whole, max(NARROWEST, width // 4)), narrowest)


def _taken(sizes: list[int], room: int, order: Sequence[int]) -> list[int]:
    """Places, ascending, of the columns that fit, one at least."""
    taken: list[int] = []
    for place in order:
        if sizes[place] + GAP <= room or not taken:
            taken.append(place)
            room -= sizes[place] + GAP
    return sorted(taken)


def _header(grid: Grid, sizes: list[int], names: int) -> list[str]:
    titles = [wrapped_title(title, size) for title, size in zip(grid.titles, sizes, strict=True)]
    height = max([1, *map(len, titles)])
    lines = []
    for place in range(height):
        corner = grid.corner if place == 0 and names else ""
        parts = [corner + " " * (names - cell_len(corner))]
        for title, size, left in zip(titles, sizes, grid.lefts(), strict=True):
            text = title[place] if place < len(title) else ""
            room = " " * (size - cell_len(text))
            parts.append(" " * GAP + (text + room if left else room + text))
        lines.append("".join(parts))
    return lines if names else [grid.corner, *lines]


@cache
def _title_width(title: str) -> int:
    """The least width in which a title takes at most two lines; four, where those would be long."""
    breaks = [wrapped_title(title, size) for size in range(1, cell_len(title) + 1)]
    two, four = (min(max(map(cell_len, lines)) for lines in breaks if len(lines) <= most) for most in (2, 4))
    return min(two, max(NARROWEST, four))
