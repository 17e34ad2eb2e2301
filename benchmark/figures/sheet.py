"""A page of figures: axes and words placed in inches, saved as a PNG that depends on nothing but its content."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import contourpy
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager, get_font
from matplotlib.image import BboxImage
from matplotlib.transforms import Bbox, BboxTransformTo, TransformedBbox

from registry.errors import StorageError

DPI = 110
MARGIN = 0.2
LINE = 1.35  # height of a line of text in its font size
EM = 0.58  # mean width of a character of DejaVu Sans in its font size, on the wide side
SMALL, NORMAL, LARGE = 8, 9, 13  # points

INK, QUIET, FAINT = "#1a1a1a", "#595959", "#b0b0b0"
# Okabe & Ito 2008, "Color universal design": told apart with any colour vision.
ORANGE, SKY, BLUE, VERMILION, GREEN = "#E69F00", "#56B4E9", "#0072B2", "#D55E00", "#009E73"

_LOOK = {
    "text.parse_math": False,  # a sample's id may hold dollar signs
    "font.size": NORMAL,
    "text.color": INK,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.8,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
}


class Picture:
    """An image on a page, and what is laid over it.  Axes would do, and take several times as long to draw."""

    def __init__(self, figure: Figure, place: Bbox, image: np.ndarray):
        self._figure = figure
        self._shape = image.shape[:2]
        self._box = TransformedBbox(place, figure.transFigure)
        shown = BboxImage(self._box, cmap="gray")
        shown.set_data(image.astype(np.uint8) * 255 if image.dtype == bool else image)
        shown.set_clim(0, 255)
        figure.add_artist(shown)

    def outline(self, mask: np.ndarray, color: str, *, dashed: bool = False, width: float = 1.1) -> None:
        """The outline of a mask bool (H,W) over its radiograph; nothing where the mask is empty."""
        if not mask.any():
            return
        high, wide = self._shape
        # The frame of zeros closes outlines at the border; a pixel's value is that of its centre.
        lines = contourpy.contour_generator(z=np.pad(mask.astype(float), 1)).lines(0.5)
        places = [(line - 0.5) / (wide, -high) + (0, 1) for line in lines]
        style = "dashed" if dashed else "solid"
        across = BboxTransformTo(self._box)
        self._figure.add_artist(
            LineCollection(places, colors=[color], linewidths=width, linestyles=style, transform=across)
        )

    def note(self, height: float, text: str, *, color: str, size: float = NORMAL, ground: str | None = None) -> None:
        """Words across the middle, at a height from 0 to 1, on a ground of their own where one is named."""
        box = {"facecolor": ground, "edgecolor": "none", "pad": 2} if ground else None
        self._figure.text(
            0.5, height, text, transform=BboxTransformTo(self._box),
            ha="center", va="center", fontsize=size, color=color, bbox=box,
        )  # fmt: skip


class Sheet:
    """A page under construction; places are inches from the left and from the top of its body."""

    def __init__(self, figure: Figure, top: float):
        self.figure = figure
        self.top = top

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes whose frame has that place and size."""
        return self.figure.add_axes(self._place(left, top, width, height).bounds)

    def picture(self, left: float, top: float, width: float, height: float, image: np.ndarray) -> Picture:
        """An image uint8 (H,W) in its own grey levels, a mask bool (H,W), or colours uint8 (H,W,3).

        As large as there is room for, and in the middle of it.
        """
        rows, columns = image.shape[:2]
        scale = min(width / columns, height / rows)
        wide, high = scale * columns, scale * rows
        return Picture(
            self.figure, self._place(left + (width - wide) / 2, top + (height - high) / 2, wide, high), image
        )

    def _place(self, left: float, top: float, width: float, height: float) -> Bbox:
        wide, high = self.figure.get_size_inches()
        return Bbox.from_bounds(left / wide, (high - self.top - top - height) / high, width / wide, height / high)

    def write(
        self,
        left: float,
        top: float,
        lines: Sequence[str],
        *,
        size: float = SMALL,
        color: str = INK,
        weight: str = "normal",
    ) -> None:
        """Lines of words (see `wrapped`) whose upper left corner has that place."""
        wide, high = self.figure.get_size_inches()
        for place, line in enumerate(lines, 1):  # one by one: lines beside each other share their baselines
            baseline = self.top + top + text_height(place, size) - 0.35 * size / 72
            self.figure.text(
                left / wide,
                1 - baseline / high,
                line,
                fontsize=size,
                color=color,
                weight=weight,
                va="baseline",
            )


@contextmanager
def sheet(path: Path, *, title: str, caption: str, width: float, height: float) -> Iterator[Sheet]:
    """A page with a title above and a caption below a body of that size in inches; written when the block ends.

    Raises:
        StorageError: the file cannot be written.
    """
    wide = width + 2 * MARGIN
    heading, footing = wrapped(title, width, LARGE), wrapped(caption, width, SMALL)
    above = MARGIN + text_height(len(heading), LARGE) + 0.1
    below = MARGIN + (text_height(len(footing), SMALL) + 0.1 if footing else 0)
    with matplotlib.style.context(["default", _LOOK]):
        figure = Figure(figsize=(wide, above + height + below), dpi=DPI)
        FigureCanvasAgg(figure)
        page = Sheet(figure, above)
        page.write(MARGIN, MARGIN - above, heading, size=LARGE, weight="bold")
        page.write(MARGIN, height + 0.1, footing, color=QUIET)
        yield page
        try:
            figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})
        except OSError as error:
            raise StorageError(f"{path} cannot be written ({error.strerror})") from error


def wrapped(text: str, width: float, size: float) -> list[str]:
    """Lines that fit a width in inches at a font size.

    A word that is longer than a line is broken; characters that the font lacks become their codes, so that names stay
    apart.
    """
    room = max(4, math.floor(width * 72 / (size * EM)))
    return [line for part in text.split("\n") for line in textwrap.wrap(_legible(part), room)]


def text_height(lines: int, size: float) -> float:
    """Inches that so many lines take."""
    return lines * size * LINE / 72


def _legible(text: str) -> str:
    known = get_font(fontManager.findfont(FontProperties(family="DejaVu Sans"))).get_char_index
    return "".join(
        letter if known(ord(letter)) else letter.encode("ascii", "backslashreplace").decode() for letter in text
    )
