"""Text broken into lines of so many columns: prose, names of pipelines, titles of columns."""

import re
from collections.abc import Iterator

from rich.cells import cell_len, chop_cells

INDENT = 2  # of the lines of a name but the first


def wrapped(text: str, room: int, *, cut: bool = False) -> list[str]:
    """Lines of at most `room` columns, broken at spaces, and in a word that is longer after ``+``, ``,`` or ``/``.

    Args:
        cut: where a piece is longer still, break it anywhere; otherwise it stays whole on a line of its own.
    """
    lines = [""]
    for word in text.split():
        for place, piece in enumerate(_pieces_of_word(word, room, cut)):
            joint = " " if place == 0 and lines[-1] else ""
            if lines[-1] and (place or cell_len(lines[-1] + joint + piece) > room):
                lines.append(piece)
            else:
                lines[-1] += joint + piece
    return [line for line in lines if line]


def plain(text: str) -> str:
    """Text on one line, without characters that steer a terminal or turn the direction of writing."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def prose(text: str, width: int, indent: str = "") -> str:
    """A paragraph, see `wrapped`."""
    return "\n".join(indent + line for line in wrapped(text, max(1, width - len(indent))))


def wrapped_name(name: str, room: int) -> list[str]:
    """A name in lines of at most `room`, the later ones indented; a piece that is longer stays whole.

    It is broken at spaces, and a word that is too long also after ``+``, ``,``, ``(`` or ``[``.
    """
    if cell_len(name) <= room:
        return [name]
    lines = [""]
    for word in name.split(" "):
        pieces = [word] if cell_len(word) + INDENT <= room else pieces_of_name(word)
        for place, piece in enumerate(pieces):
            begun, new = bool(lines[-1].strip()), place == 0
            joint = " " if begun and new else ""
            if begun and ((new and len(pieces) > 1) or cell_len(lines[-1] + joint + piece) > room):
                lines.append(" " * INDENT + piece)
            else:
                lines[-1] += joint + piece
    return lines


def pieces_of_name(word: str) -> list[str]:
    """What a word of a name can be broken into."""
    return re.findall(r"[^+,(\[]*[+,(\[]+|[^+,(\[]+", word)


def wrapped_title(title: str, size: int) -> list[str]:
    """A title broken after spaces, ``@`` and what joins the parts of a name, into lines of at most `size`."""
    lines = [""]
    for word in re.findall(r"[^ @+,(\[]+[ @+,(\[]*|[ @+,(\[]+", title):
        if lines[-1] and cell_len(lines[-1] + word.rstrip()) > size:
            lines.append("")
        lines[-1] += word
    return [line.rstrip() for line in lines]


def _pieces_of_word(word: str, room: int, cut: bool) -> Iterator[str]:
    """The word where it fits; else what each line takes of it."""
    taken = ""
    for piece in [word] if cell_len(word) <= room else re.findall(r"[^+,/]+[+,/]?|[+,/]", word):
        if taken and cell_len(taken + piece) > room:
            yield taken
            taken = ""
        taken += piece
        if cut and cell_len(taken) > room:
            *whole, taken = chop_cells(taken, room)
            yield from whole
    yield taken
