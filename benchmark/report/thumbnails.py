"""Grad-CAM overlays in a terminal: two pixels a character, or words where there is no colour."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.color import Color
from rich.style import Style
from rich.text import Text

from benchmark.report.lines import prose, wrapped
from benchmark.report.wording import number

GAP, CLASS_GAP = 1, 3  # two classes of three thumbnails of 22 fit into 140 columns

Thumbnail = Mapping[str, Any]  # see `benchmark.figures.thumbnails`


def blocks(thumbnails: Sequence[Thumbnail], width: int, *, colour: bool) -> Text:
    """Every class with its thumbnails side by side, as many as `width` columns allow, captions under them.

    Args:
        colour: whether the terminal shows colours; without them, or where not even one thumbnail fits, each is a
            sentence.
    """
    if not colour or any(one["width"] > width for one in thumbnails):
        return Text("".join(prose(_sentence(one), width) + "\n" for one in thumbnails))
    classes: dict[str, dict[str, Thumbnail]] = {}
    for one in thumbnails:
        classes.setdefault(one["class"], {})[one["kind"]] = one
    kinds = list(dict.fromkeys(kind for own in sorted(classes.values(), key=len, reverse=True) for kind in own))
    sections = [_section(name, own, kinds, width) for name, own in classes.items()]
    return Text("\n").join([*_flow(sections, width, CLASS_GAP), Text()])


def _section(name: str, own: Mapping[str, Thumbnail], kinds: Sequence[str], width: int) -> list[Text]:
    """Lines of one class: its name, its thumbnails."""
    room = max(one["width"] for one in own.values())
    cells = [_cell(own[kind]) if kind in own else _words([f"{kind}: none"], room) for kind in kinds]
    pictures = _flow(cells, width, GAP)
    return [Text(line, "bold") for line in wrapped(name, _size(pictures), cut=True)] + pictures


def _cell(one: Thumbnail) -> list[Text]:
    caption = [one["kind"], one["id"], f"→ {one['decided']} {number(one['probability'])}"]
    return _picture(one) + _words([*caption, "empty map"] if one["empty"] else caption, one["width"])


def _picture(one: Thumbnail) -> list[Text]:
    """Lines of upper half blocks: the foreground is the upper pixel, the background the lower one."""
    wide, high = one["width"], one["height"]
    pixels = bytes.fromhex(one["pixels"])
    colours = [Color.from_rgb(*pixels[place : place + 3]) for place in range(0, len(pixels), 3)]
    lines = []
    for top in range(0, high, 2):
        upper, lower = colours[top * wide : (top + 1) * wide], colours[(top + 1) * wide : (top + 2) * wide]
        line = Text()
        for above, below in zip(upper, lower, strict=True):
            line.append("▀", Style(color=above, bgcolor=below))
        lines.append(line)
    return lines


def _words(paragraphs: Sequence[str], room: int) -> list[Text]:
    return [
        Text(line, "dim" if place else "")
        for place, text in enumerate(paragraphs)
        for line in wrapped(text, room, cut=True)
    ]


def _flow(cells: Sequence[Sequence[Text]], width: int, gap: int) -> list[Text]:
    """Lines of cells side by side, as many as fit, the rest below an empty line."""
    rows: list[list[Sequence[Text]]] = [[]]
    taken = 0
    for cell in cells:
        size = _size(cell)
        if rows[-1] and taken + gap + size > width:
            rows.append([])
            taken = 0
        taken += size + (gap if rows[-1] else 0)
        rows[-1].append(cell)
    return [line for row in rows for line in [*_beside(row, gap), Text()]][:-1]


def _beside(cells: Sequence[Sequence[Text]], gap: int) -> list[Text]:
    lines = []
    for place in range(max(map(len, cells), default=0)):
        line = Text()
        for cell in cells:
            own = cell[place] if place < len(cell) else Text()
            line.append_text(own)
            line.append(" " * (_size(cell) - own.cell_len + gap))
        line.rstrip()
        lines.append(line)
    return lines


def _size(cell: Sequence[Text]) -> int:
    return max((line.cell_len for line in cell), default=0)


def _sentence(one: Thumbnail) -> str:
    verdict = f"decided {one['decided']}, probability {number(one['probability'])}"
    empty = ", empty map" if one["empty"] else ""
    return f"{one['class']}, {one['kind']}: {one['id']}, {verdict}{empty}"
