"""Where the log-odds of each class come from on average: a map per class over the outline of the average lungs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.figures.overlays import PALETTE
from benchmark.figures.sheet import GREEN, MARGIN, NORMAL, QUIET, SKY, SMALL, Sheet, sheet, wrapped

SIDE, GAP, HEAD, LEGEND, PER_ROW = 2.1, 0.25, 0.56, 0.45, 4  # inches; panels
HALF = 0.5  # of the images must have lung, or marks, where the outline says so


@dataclass(frozen=True, slots=True)
class MeanHeat:
    """The heat map of one class, averaged over its images.

    Attributes:
        heat: (S, S), 1 where there is as much as if it were spread evenly; zero everywhere where every map is empty.
        lungs, marks: (S, S), share of the images with lung there, or with lettering and frame; None where they are
            unknown.
        images, empty: how many maps were averaged, and how many were left out for being zero everywhere.
    """

    class_name: str
    heat: np.ndarray
    lungs: np.ndarray | None
    images: int
    empty: int
    marks: np.ndarray | None = None


def mean_heat_sheet(path: Path, panels: Sequence[MeanHeat], caption: str, method: str = "Grad-CAM") -> None:
    """Write a PNG with a panel per class, all on one scale.  It holds no image of the dataset."""
    top = max([1.0, *(float(panel.heat.max()) for panel in panels)])
    rows = -(-len(panels) // PER_ROW)
    width = max(2, min(len(panels), PER_ROW)) * (SIDE + GAP)
    height = rows * (HEAD + SIDE + GAP) + LEGEND
    with sheet(path, title=f"Mean heat map ({method})", caption=caption, width=width, height=height) as page:
        for place, panel in enumerate(panels):
            row, column = divmod(place, PER_ROW)
            _draw(page, panel, MARGIN + column * (SIDE + GAP), row * (HEAD + SIDE + GAP), top)
        _legend(page, rows * (HEAD + SIDE + GAP), top, panels)


def _draw(page: Sheet, panel: MeanHeat, left: float, above: float, top: float) -> None:
    page.write(left, above, wrapped(panel.class_name, SIDE, NORMAL)[:1], size=NORMAL, weight="bold")
    left_out = f", {panel.empty} empty left out" if panel.empty else ""
    words = wrapped(f"maps of the true class, n = {panel.images}{left_out}", SIDE, SMALL)
    page.write(left, above + 0.22, words, color=QUIET)
    shades = PALETTE[np.rint(255 * (panel.heat / top).clip(0, 1)).astype(int)]
    picture = page.picture(left, above + HEAD, SIDE, SIDE, shades)
    if panel.lungs is not None:
        picture.outline(panel.lungs >= HALF, SKY, width=1.4)
    if panel.marks is not None:
        picture.outline(panel.marks >= HALF, GREEN, width=1.4)


def _legend(page: Sheet, above: float, top: float, panels: Sequence[MeanHeat]) -> None:
    page.picture(MARGIN, above + 0.03, 1.2, 0.12, np.tile(PALETTE, (26, 1, 1)))
    page.write(MARGIN + 1.3, above, [f"0 to {top:.1f} × an even spread"], color=QUIET, size=SMALL)
    if any(panel.lungs is not None for panel in panels):
        page.write(MARGIN + 3.1, above, ["━━ lung in half the images"], color=SKY, size=SMALL, weight="bold")
    if any(panel.marks is not None and (panel.marks >= HALF).any() for panel in panels):
        text = "━━ lettering or frame in half the images"
        page.write(MARGIN, above + 0.22, [text], color=GREEN, size=SMALL, weight="bold")
