"""What the network sees: an image of every class on its way from the file to the first layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from benchmark.data.frames import within
from benchmark.figures.sheet import BLUE, MARGIN, NORMAL, QUIET, SMALL, Sheet, sheet, text_height, wrapped

SIDE, GAP, NAMES, HISTOGRAM = 1.6, 0.1, 1.35, 2.3  # inches
HEAD, UNDER = 0.45, 0.3
BIN = 8  # grey levels
STEPS = ("raw image", "resized, equalised", "lung mask", "masked\n(seen in testing)", "augmented\n(seen in training)")
CAPTION = (
    "One image a class. Grey levels: share of pixels in steps of 8, over the whole frame; a bar that leaves the frame "
    "has its share written beside it."
)


@dataclass(frozen=True, slots=True)
class View:
    """One image in every state.

    Attributes:
        raw: uint8 (H, W), as read from the file.
        equalised, masked, augmented: uint8 (S, S).
        mask: bool (S, S), true inside the lungs; None where the whole frame is used.
        frame: top, left, height and width of the film in it; None where no bars are beside it.
    """

    class_name: str
    sample_id: str
    raw: np.ndarray
    equalised: np.ndarray
    mask: np.ndarray | None
    masked: np.ndarray
    augmented: np.ndarray
    frame: np.ndarray | None = None

    @property
    def film(self) -> tuple[slice, slice]:
        """Rows and columns of the film."""
        return within((0, 0, *self.equalised.shape) if self.frame is None else self.frame)


def network_view_sheet(path: Path, views: Sequence[View]) -> None:
    """Write a PNG with one row per view: raw, equalised, mask, masked, augmented, and the grey levels."""
    row = SIDE + UNDER
    width = NAMES + len(STEPS) * (SIDE + GAP) + GAP + HISTOGRAM
    with sheet(
        path, title="What the network sees", caption=CAPTION, width=width, height=HEAD + len(views) * row
    ) as page:
        _headings(page, views)
        for place, view in enumerate(views):
            _row(page, view, HEAD + place * row)


def grey_levels(image: np.ndarray) -> np.ndarray:
    """Share of the pixels of a uint8 image in each bin of `BIN` grey levels, (256 / BIN,)."""
    return np.bincount(image.ravel() // BIN, minlength=256 // BIN) / image.size


def _left(column: int) -> float:
    return MARGIN + NAMES + column * (SIDE + GAP)


def _headings(page: Sheet, views: Sequence[View]) -> None:
    whole = all(view.mask is None for view in views)
    for column, step in enumerate(STEPS):
        page.write(
            _left(column), 0.08, (step.replace("masked", "as it is") if whole else step).split("\n"), weight="bold"
        )
    left = _left(len(STEPS)) + GAP
    page.write(left, 0.08, ["grey levels"], weight="bold")
    page.write(left, 0.08 + text_height(1, SMALL), ["■ raw"], color=QUIET)
    page.write(left + 0.6, 0.08 + text_height(1, SMALL), ["━ equalised"], color=BLUE)


def _row(page: Sheet, view: View, top: float) -> None:
    name = wrapped(view.class_name, NAMES - GAP, NORMAL)
    page.write(MARGIN, top, name, size=NORMAL, weight="bold")
    page.write(
        MARGIN, top + text_height(len(name), NORMAL) + 0.05, wrapped(view.sample_id, NAMES - GAP, SMALL), color=QUIET
    )
    mask = np.ones(view.equalised.shape, bool) if view.mask is None else view.mask
    pictures = (view.raw, view.equalised, mask, view.masked, view.augmented)
    for column, picture in enumerate(pictures):
        shown = page.picture(_left(column), top, SIDE, SIDE, picture)
        if column == 2 and view.mask is None:
            shown.note(0.5, "whole frame", color=QUIET)
    share = "" if view.mask is None else f"{mask[view.film].mean():.0%} of the frame"
    notes = (_pixels(view.raw), _pixels(view.equalised[view.film]), share)
    for column, note in enumerate(notes):
        page.write(_left(column), top + SIDE + 0.03, [note], color=QUIET)
    _histogram(page.axes(_left(len(STEPS)) + GAP, top, HISTOGRAM, SIDE), view.raw, view.equalised[view.film])


def _pixels(image: np.ndarray) -> str:
    return f"{image.shape[1]} × {image.shape[0]} pixels"


def _histogram(axes: Axes, raw: np.ndarray, equalised: np.ndarray) -> None:
    before, after = grey_levels(raw), grey_levels(equalised)
    edges = np.arange(0, 257, BIN)
    axes.stairs(before, edges, fill=True, color="#c8c8c8")
    axes.stairs(after, edges, color=BLUE, linewidth=1.3)
    # Black borders and burnt-in white would flatten everything between them.
    ceiling = 1.3 * max(before[1:-1].max(), after[1:-1].max(), 1 / len(before))
    for shares, height, color in ((before, 0.93, QUIET), (after, 0.82, BLUE)):
        for place, aside, align in ((0, 0.03, "left"), (-1, 0.97, "right")):
            if shares[place] > ceiling:
                axes.text(
                    aside, height, f"{shares[place]:.0%}", transform=axes.transAxes,
                    ha=align, va="center", fontsize=SMALL, color=color,
                )  # fmt: skip
    axes.set(xlim=(0, 256), ylim=(0, ceiling), xticks=[0, 64, 128, 192, 255], yticks=[])
    axes.spines[["top", "right", "left"]].set_visible(False)
