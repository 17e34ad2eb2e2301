"""Where the model looks: heat maps on chosen images of every class."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.figures.overlays import is_empty, overlay
from benchmark.figures.sheet import (
    GREEN,
    INK,
    MARGIN,
    NORMAL,
    QUIET,
    SKY,
    SMALL,
    VERMILION,
    Sheet,
    sheet,
    text_height,
    wrapped,
)

SIDE, NAMES, HEAD, GAP, APART, LEGEND = 1.55, 1.4, 0.35, 0.05, 0.25, 0.3  # inches
PAIR = 2 * SIDE + GAP
ABSENT = {"surest right": "none right", "least sure": "none", "surest wrong": "none wrong"}  # the columns, in order


@dataclass(frozen=True, slots=True)
class Panel:
    """An image and the heat map of the class that was decided.

    Attributes:
        class_name: the true class.
        kind: a key of `ABSENT`.
        probability: of the decided class, in [0, 1].
        image: uint8 (S, S), as the network sees it.
        heat: (h, w), >= 0.
        lungs, lesion, marks: bool (S, S), None where unknown or where there are none; `marks` are lettering and frame.
    """

    class_name: str
    kind: str
    sample_id: str
    decided: str
    probability: float
    image: np.ndarray
    heat: np.ndarray
    lungs: np.ndarray | None
    lesion: np.ndarray | None
    marks: np.ndarray | None = None


def gradcam_sheet(path: Path, panels: Sequence[Panel], caption: str, method: str = "Grad-CAM") -> None:
    """Write a PNG with a row per class and a column per kind: image beside overlay, with outlines."""
    shown = {(panel.class_name, panel.kind): panel for panel in panels}
    classes = list(dict.fromkeys(panel.class_name for panel in panels))
    words = {place: _words(panel) for place, panel in shown.items()}
    row = SIDE + 0.1 + text_height(max(map(len, words.values()), default=0), SMALL) + 0.15
    width = NAMES + len(ABSENT) * PAIR + (len(ABSENT) - 1) * APART
    height = HEAD + len(classes) * row + LEGEND
    with sheet(path, title=f"Where the model looks ({method})", caption=caption, width=width, height=height) as page:
        for column, kind in enumerate(ABSENT):
            page.write(_left(column), 0.08, [kind], weight="bold", size=NORMAL)
        for place, name in enumerate(classes):
            top = HEAD + place * row
            page.write(MARGIN, top, wrapped(name, NAMES - 0.1, NORMAL + 1), size=NORMAL, weight="bold")
            for column, (kind, absent) in enumerate(ABSENT.items()):
                if (name, kind) in shown:
                    _pair(page, _left(column), top, shown[name, kind], words[name, kind])
                else:
                    page.write(_left(column), top + SIDE / 2, [absent], color=QUIET, size=NORMAL)
        _legend(page, HEAD + len(classes) * row, panels)


def _left(column: int) -> float:
    return MARGIN + NAMES + column * (PAIR + APART)


def _words(panel: Panel) -> list[str]:
    verdict = f"{panel.class_name} → {panel.decided}, p = {panel.probability:.3f}; map of {panel.decided}"
    return [*wrapped(panel.sample_id, PAIR, SMALL), *wrapped(verdict, PAIR, SMALL)]


def _pair(page: Sheet, left: float, top: float, panel: Panel, words: list[str]) -> None:
    page.picture(left, top, SIDE, SIDE, panel.image)
    laid = page.picture(left + SIDE + GAP, top, SIDE, SIDE, overlay(panel.image, panel.heat))
    if panel.lungs is not None:
        laid.outline(panel.lungs, SKY)
    if panel.lesion is not None:
        laid.outline(panel.lesion, "white", dashed=True)
    if panel.marks is not None:
        laid.outline(panel.marks, GREEN)
    if is_empty(panel.heat):
        laid.note(0.08, "empty map", color="white", size=SMALL, ground="black")
    wrong = panel.decided != panel.class_name
    page.write(left, top + SIDE + 0.05, words, color=VERMILION if wrong else INK)


def _legend(page: Sheet, top: float, panels: Sequence[Panel]) -> None:
    shades = np.tile(np.linspace(0, 1, 256, dtype=np.float32), (26, 1))
    page.picture(_left(0), top + 0.09, 1.2, 0.12, overlay(np.full(shades.shape, 128, np.uint8), shades))
    legend = "log-odds of the decided class, from none to each map's maximum; p: its probability"
    page.write(_left(0) + 1.3, top + 0.07, [legend], color=QUIET)
    if any(panel.lungs is not None for panel in panels):
        page.write(_left(2), top + 0.07, ["━━ lungs"], color=SKY, weight="bold")
    if any(panel.lesion is not None for panel in panels):
        page.write(_left(2) + 0.8, top + 0.07, ["╍╍ lesion (white)"], color=QUIET)
    if any(panel.marks is not None for panel in panels):
        page.write(_left(2) + 2.05, top + 0.07, ["━━ lettering, frame"], color=GREEN, weight="bold")
