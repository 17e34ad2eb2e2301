"""Columns and rows laid out for a width: columns are left out, names get lines of their own, no cell is ever cut."""

import itertools
import re
import textwrap

import msgspec
from rich.cells import cell_len
from rich.text import Text

GAP = 2


class Cell(msgspec.Struct, frozen=True):
    """What stands in a column, with a rich style; `left` for values whose intervals may be missing."""

    text: str = ""
    style: str = ""
    left: bool = False


class Line(msgspec.Struct, frozen=True):
    """A row: its name, one cell per column, and what is said under it.

    Attributes:
        span: stands across the columns instead of cells.
        rule: draw a rule above it.
    """

    name: Cell
    cells: list[Cell] = []
    span: Cell | None = None
    notes: list[str] = []
    rule: bool = False


class Grid(msgspec.Struct, frozen=True):
    """Titles of the columns, the first one that of the names, and the rows below them."""

    corner: str
    titles: list[str]
    lines: list[Line]

    def widths(self) -> list[int]:
        """Of each column: its widest cell, or its title in two lines."""
        return [
            max([_title_width(title), *(cell_len(line.cells[place].text) for line in self.lines if line.cells)])
            for place, title in enumerate(self.titles)
        ]

    def lefts(self) -> list[bool]:
        """Of each column: whether it is aligned left."""
        return [any(line.cells[place].left for line in self.lines if line.cells) for place in range(len(self.titles))]

    def name_width(self) -> int:
        """Of the names."""
        return max([cell_len(self.corner), *(cell_len(line.name.text) for line in self.lines)])

    def only(self, places: list[int]) -> "Grid":
        """The grid with some of its columns."""
        lines = [
            msgspec.structs.replace(line, cells=[line.cells[place] for place in places] if line.cells else [])
            for line in self.lines
        ]
        return Grid(self.corner, [self.titles[place] for place in places], lines)

    def noted(self, notes: list[list[str]]) -> "Grid":
        """The grid with notes under its rows."""
        lines = [msgspec.structs.replace(line, notes=own) for line, own in zip(self.lines, notes, strict=True)]
        return Grid(self.corner, self.titles, lines)


def choose(grid: Grid, width: int, essential: int) -> tuple[list[int], bool]:
    """Which columns fit, and whether names stand on lines of their own.

    Columns are taken in their order of importance.  Names move to their own lines where the first `essential`
    columns do not fit beside them.
    """
    sizes = grid.widths()
    beside = grid.name_width() + sum(size + GAP for size in sizes[:essential]) <= width
    room = width - (grid.name_width() if beside else 0)
    taken: list[int] = []
    for place, size in enumerate(sizes):
        if size + GAP <= room or not taken:
            taken.append(place)
            room -= size + GAP
    return taken, not beside


def needed(grid: Grid) -> int:
    """The width at which all columns stand beside the names."""
    return grid.name_width() + sum(size + GAP for size in grid.widths())


def draw(grid: Grid, width: int, *, stacked: bool) -> Text:
    """The grid as lines of text; `stacked` puts each name on its own line above its numbers."""
    sizes = grid.widths()
    names = 0 if stacked else grid.name_width()
    out = Text()
    for text in _header(grid, sizes, names, stacked):
        out.append(text.rstrip() + "\n", "bold")
    rule = "─" * min(width, names + sum(size + GAP for size in sizes))
    out.append(rule + "\n", "dim")
    for line in grid.lines:
        if line.rule:
            out.append(rule + "\n", "dim")
        _draw_line(out, line, sizes, names, width, stacked)
    return out


def prose(text: str, width: int, indent: str = "") -> str:
    """Text wrapped at spaces; a word that is longer than the line is broken after ``+``, ``,`` or ``/``."""
    room = max(1, width - len(indent))
    pieces = " ".join(_fold(word, room) for word in text.split(" "))
    wrapped = textwrap.wrap(pieces, room, break_long_words=False, break_on_hyphens=False)
    return "\n".join(indent + line for line in wrapped)


def _draw_line(out: Text, line: Line, sizes: list[int], names: int, width: int, stacked: bool) -> None:
    if stacked:
        out.append(prose(line.name.text, width) + "\n", line.name.style)
    pieces = [] if stacked else [(line.name.text + " " * (names - cell_len(line.name.text)), line.name.style)]
    if line.span is not None:
        beside = cell_len(line.span.text) <= width - names - GAP
        below = prose(line.span.text, width, "  ")
        pieces.append((" " * GAP + line.span.text if beside else below if stacked else f"\n{below}", line.span.style))
    for cell, size in zip(line.cells, sizes, strict=False):
        room = " " * (size - cell_len(cell.text))
        pieces.append((" " * GAP + (cell.text + room if cell.left else room + cell.text), cell.style))
    while len(pieces) > 1 and not pieces[-1][0].strip():
        pieces.pop()
    if pieces:
        pieces[-1] = (pieces[-1][0].rstrip() + "\n", pieces[-1][1])
    # A style at a time: rich takes longer for ten pieces than for the rest of the row.
    for style, same in itertools.groupby(pieces, key=lambda piece: piece[1]):
        out.append("".join(text for text, _ in same), style)
    for note in line.notes:
        out.append(prose(note, width, "  ") + "\n", "dim")


def _header(grid: Grid, sizes: list[int], names: int, stacked: bool) -> list[str]:
    titles = [_title_lines(title, size) for title, size in zip(grid.titles, sizes, strict=True)]
    height = max([1, *map(len, titles)])
    lines = []
    for place in range(height):
        corner = grid.corner if place == 0 else ""
        parts = [] if stacked else [corner + " " * (names - cell_len(corner))]
        for title, size, left in zip(titles, sizes, grid.lefts(), strict=True):
            text = title[place] if place < len(title) else ""
            room = " " * (size - cell_len(text))
            parts.append(" " * GAP + (text + room if left else room + text))
        lines.append("".join(parts))
    return [grid.corner, *lines] if stacked else lines


def _title_lines(title: str, size: int) -> list[str]:
    """A title broken after spaces and ``@`` into lines of at most `size`, a word never."""
    lines = [""]
    for word in re.findall(r"[^ @]+[ @]?|[ @]", title):
        if lines[-1] and cell_len(lines[-1] + word.rstrip()) > size:
            lines.append("")
        lines[-1] += word
    return [line.rstrip() for line in lines]


def _title_width(title: str) -> int:
    """The least width in which a title takes at most two lines."""
    sizes = (max(map(cell_len, lines)) for lines in _breaks(title) if len(lines) <= 2)
    return min(sizes)


def _breaks(title: str) -> list[list[str]]:
    return [_title_lines(title, size) for size in range(1, cell_len(title) + 1)]


def _fold(word: str, room: int) -> str:
    if cell_len(word) <= room:
        return word
    lines = [""]
    for piece in re.findall(r"[^+,/]+[+,/]?|[+,/]", word):
        if lines[-1] and cell_len(lines[-1] + piece) > room:
            lines.append("")
        lines[-1] += piece
    return " ".join(lines)
