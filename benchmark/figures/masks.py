"""Lung masks beside their truth, worst first."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.figures.sheet import MARGIN, NORMAL, ORANGE, QUIET, SKY, SMALL, Sheet, sheet, wrapped

SIDE, GAP, NAMES, HEAD = 1.75, 0.1, 1.45, 0.3  # inches
COLUMNS = ("image", "truth", "prediction", "both outlines")


@dataclass(frozen=True, slots=True)
class MaskRow:
    """A predicted lung mask and its truth.

    Attributes:
        image: uint8 (S, S).
        truth, prediction: bool (S, S).
        dice: None or NaN where it is not defined.
    """

    sample_id: str
    label: str
    image: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray
    dice: float | None


def mask_sheet(path: Path, rows: Sequence[MaskRow], caption: str) -> None:
    """Write a PNG of image, truth, prediction and both outlines.

    Args:
        rows: worst first.
        caption: says of which images these are the worst.
    """
    title = f"Lung masks: the {len(rows)} worst Dice" if len(rows) > 1 else "Lung masks: the worst Dice"
    width = NAMES + len(COLUMNS) * (SIDE + GAP)
    with sheet(path, title=title, caption=caption, width=width, height=HEAD + len(rows) * (SIDE + GAP)) as page:
        for column, name in enumerate(COLUMNS):
            page.write(_left(column), 0.08, [name], weight="bold")
        page.write(_left(1) + 0.42, 0.08, ["━━"], color=ORANGE, weight="bold")
        page.write(_left(2) + 0.72, 0.08, ["╍╍"], color=SKY, weight="bold")
        for place, row in enumerate(rows):
            _row(page, row, HEAD + place * (SIDE + GAP))


def _left(column: int) -> float:
    return MARGIN + NAMES + column * (SIDE + GAP)


def _row(page: Sheet, row: MaskRow, top: float) -> None:
    page.write(MARGIN, top + 0.02, [_told(row.dice)], size=NORMAL + 1, weight="bold")
    words = [line for text in (row.sample_id, row.label) for line in wrapped(text, NAMES - GAP, SMALL)]
    page.write(MARGIN, top + 0.28, words, color=QUIET)
    for column, picture in enumerate((row.image, row.truth, row.prediction)):
        page.picture(_left(column), top, SIDE, SIDE, picture)
    both = page.picture(_left(3), top, SIDE, SIDE, row.image)
    both.outline(row.truth, ORANGE, width=1.6)
    both.outline(row.prediction, SKY, width=1.6, dashed=True)


def _told(dice: float | None) -> str:
    return "Dice undefined" if dice is None or not math.isfinite(dice) else f"Dice {dice:.3f}"
