"""What a pipeline says of single images: the film, the mask that was drawn, and where it looked."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.figures.overlays import is_empty, overlay
from benchmark.figures.sheet import (
    INK,
    MARGIN,
    NORMAL,
    SKY,
    SMALL,
    VERMILION,
    Sheet,
    sheet,
    text_height,
    wrapped,
)
from benchmark.records.prediction import NOT_FOR_DIAGNOSIS, ImageAnswer

if TYPE_CHECKING:
    from benchmark.models.answers import Said

SIDE, GAP, HEAD = 2.9, 0.12, 0.3  # inches
BOLD = 6.5  # letters of a title in an inch, wide ones
MOST = 8  # classes whose probabilities are written out


def draw_predicted(said: "Said", names: Sequence[str], paths: Sequence[Path]) -> None:
    """Write a PNG for each image that can be used.

    Args:
        names, paths: of all images that were asked about, in their order.
    """
    for row, place in enumerate(said.places):
        _draw(said, row, said.answered.images[place], names[place], paths[place])


def _draw(said: "Said", row: int, answer: ImageAnswer, name: str, path: Path) -> None:
    arrays = said.arrays
    assert arrays is not None  # there is an image that can be used
    panels = ["image", *(["lung mask"] * (arrays.masks is not None)), *(["heat"] * (said.heat is not None))]
    width = max(2, len(panels)) * (SIDE + GAP) - GAP
    told = wrapped(_probabilities(said.classes, answer), width, NORMAL)
    warnings = [line for warning in answer.warnings for line in wrapped(f"Warning: {warning}.", width, NORMAL)]
    height = HEAD + SIDE + 0.15 + text_height(len(told) + len(warnings), NORMAL) + 0.05
    decided = said.classes[answer.decided]
    title = f"{shortened(name, int(width * BOLD) - len(decided) - 2)}: {decided}"
    with sheet(path, title=title, caption=_caption(said, answer), width=width, height=height) as page:
        for column, panel in enumerate(panels):
            page.write(MARGIN + column * (SIDE + GAP), 0.05, [panel], weight="bold", size=NORMAL)
        _pictures(page, said, row, panels)
        under = HEAD + SIDE + 0.12
        page.write(MARGIN, under, told, size=NORMAL, color=INK)
        page.write(MARGIN, under + text_height(len(told), NORMAL), warnings, size=NORMAL, color=VERMILION)


def shortened(name: str, most: int) -> str:
    """A name without its middle where it has more letters than that; its beginning and its end tell films apart."""
    half = max(most - 1, 16) // 2
    return name if len(name) <= 2 * half + 1 else f"{name[:half]}…{name[-half:]}"


def _pictures(page: Sheet, said: "Said", row: int, panels: Sequence[str]) -> None:
    arrays, film = said.arrays, said.prepared[row]
    assert arrays is not None
    for column, panel in enumerate(panels):
        left = MARGIN + column * (SIDE + GAP)
        if panel == "heat" and said.heat is not None:
            heat = said.heat[row]
            laid = page.picture(left, HEAD, SIDE, SIDE, overlay(arrays.views[row], heat))
            if is_empty(heat):
                laid.note(0.08, "empty map", color="white", size=SMALL, ground="black")
            continue
        shown = page.picture(left, HEAD, SIDE, SIDE, film)
        if panel != "image" and arrays.masks is not None:
            shown.outline(np.asarray(arrays.masks[row], bool), SKY, width=1.6)


def _probabilities(classes: Sequence[str], answer: ImageAnswer) -> str:
    likeliest = sorted(zip(answer.probabilities, classes, strict=True), reverse=True)[:MOST]
    more = ", …" if len(classes) > MOST else ""
    return "Probabilities: " + ", ".join(f"{name} {value:.3f}" for value, name in likeliest) + more


def _caption(said: "Said", answer: ImageAnswer) -> str:
    parts = ["Decided: the likeliest class at equal class shares; probabilities are at those of the training data."]
    if said.heat is not None:
        decided = said.classes[answer.decided]
        parts.append(f"Heat ({said.answered.method}): log-odds of {decided}, over what the classifier sees.")
    return " ".join([*parts, NOT_FOR_DIAGNOSIS])
