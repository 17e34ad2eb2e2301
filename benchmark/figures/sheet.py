"""A page of figures: axes and words placed in inches, saved as a PNG that depends on nothing but its content."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager, get_font

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


class Sheet:
    """A page under construction; places are inches from the left and from the top of its body."""

    def __init__(self, figure: Figure, top: float):
        self.figure = figure
        self.top = top

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes whose frame has that place and size."""
        wide, high = self.figure.get_size_inches()
        bottom = high - self.top - top - height
        return self.figure.add_axes((left / wide, bottom / high, width / wide, height / high))

    def picture(self, place: tuple[float, float, float, float], image: np.ndarray) -> Axes:
        """A film uint8 (H,W) in its own grey levels, a mask bool (H,W), or colours uint8 (H,W,3)."""
        axes = self.axes(*place)
        axes.imshow(image.astype(np.uint8) * 255 if image.dtype == bool else image, cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
        return axes

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
        """Lines of words (see `fold`) whose upper left corner has that place."""
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
    heading, footing = fold(title, width, LARGE), fold(caption, width, SMALL)
    above = MARGIN + text_height(len(heading), LARGE) + 0.1
    below = MARGIN + (text_height(len(footing), SMALL) + 0.1) * bool(footing)
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


def contour(axes: Axes, mask: np.ndarray, color: str, *, dashed: bool = False, width: float = 1.1) -> None:
    """The outline of a mask bool (H,W) over its film; nothing where the mask is empty."""
    if not mask.any():
        return
    framed = np.pad(mask.astype(float), 1)
    height, wide = mask.shape
    axes.contour(
        np.arange(-1, wide + 1),
        np.arange(-1, height + 1),
        framed,
        levels=[0.5],
        colors=[color],
        linewidths=width,
        linestyles="dashed" if dashed else "solid",
    )
    axes.set(xlim=(-0.5, wide - 0.5), ylim=(height - 0.5, -0.5))


def fold(text: str, width: float, size: float) -> list[str]:
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
