"""Figures for a paper, as PDF with fonts inside: all rows with their intervals; ROC and reliability with bands."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure as Page

from benchmark.figures.sheet import BLUE, FAINT, GREEN, INK, ORANGE, QUIET, SKY, VERMILION, wrapped
from benchmark.records.drawings import ClassPanel, CurveFigure, CurveLine, Figure, IntervalFigure, IntervalRow
from registry.errors import StorageError

WIDE = 6.3  # inches, the text of an A4 page
ROW, AROUND = 0.27, 0.75
NAMES = 2.5  # inches
PANEL, LEGEND = 2.7, 0.17
COLOURS, DASHES = (BLUE, VERMILION, GREEN, ORANGE, SKY, INK), ("solid", "dashed", "dashdot", "dotted")
LOOK = {
    "text.parse_math": False,  # a name may hold dollar signs
    "pdf.fonttype": 42,  # fonts that journals take
    "font.size": 8,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.7,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "axes.labelcolor": INK,
}


def draw(figure: Figure, path: Path) -> None:
    """Write a figure as PDF.

    Raises:
        StorageError: the file cannot be written.
    """
    with matplotlib.style.context(["default", LOOK]):
        page = _intervals(figure) if isinstance(figure, IntervalFigure) else _curves(figure)
        try:
            page.savefig(path, format="pdf", metadata={"CreationDate": None, "Producer": None, "Creator": None})
        except OSError as error:
            raise StorageError(f"{path} cannot be written ({error.strerror})") from error


def _page(wide: float, high: float) -> Page:
    page = Page(figsize=(wide, high))
    FigureCanvasPdf(page)
    return page


def _intervals(figure: IntervalFigure) -> Page:
    """A row per pipeline, then the controls, from the top."""
    names = ["\n".join(wrapped(row.name, NAMES, 7.5)) for row in figure.rows]
    depth = np.array([1 + 0.45 * name.count("\n") for name in names])
    places = np.cumsum(depth) - depth / 2
    high = ROW * float(depth.sum()) + AROUND
    page = _page(WIDE, high)
    axes = page.add_axes((NAMES / WIDE, 0.5 / high, 1 - (NAMES + 0.15) / WIDE, 1 - AROUND / high))
    for place, row in zip(places, figure.rows, strict=True):
        _interval(axes, float(place), row)
    axes.set_ylim(float(depth.sum()), 0)
    axes.set_yticks(places, names, fontsize=7.5)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_xlabel(figure.axis)
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    _key(axes, figure.rows)
    return page


def _interval(axes: Axes, place: float, row: IntervalRow) -> None:
    colour = QUIET if row.control else BLUE
    if row.low is not None and row.high is not None:
        axes.plot([row.low, row.high], [place, place], color=colour, linewidth=1.4, solid_capstyle="butt")
    filled = row.tied or row.control
    axes.plot(
        row.value, place, "s" if row.control else "o",
        color=colour, markersize=4.5, markerfacecolor=colour if filled else "white",
    )  # fmt: skip


def _key(axes: Axes, rows: Sequence[IntervalRow]) -> None:
    marks = {
        "cannot be told apart from the first": ("o", BLUE, BLUE, any(row.tied for row in rows)),
        "other pipeline": ("o", BLUE, "white", any(not row.tied and not row.control for row in rows)),
        "rule that sees no disease": ("s", QUIET, QUIET, any(row.control for row in rows)),
    }
    for label, (mark, colour, face, there) in marks.items():
        if there:
            axes.plot([], [], mark, color=colour, markerfacecolor=face, markersize=4.5, label=label)
    axes.legend(loc="lower right", bbox_to_anchor=(1.02, 1), ncols=3, frameon=False, fontsize=7, handletextpad=0.2)


def _curves(figure: CurveFigure) -> Page:
    names = list(dict.fromkeys(line.name for panel in figure.panels for line in panel.roc))
    across = len(figure.panels)
    below = LEGEND * len(names) + 0.15
    wide, high = max(1, across) * PANEL + 0.1, 2 * PANEL + below
    page = _page(wide, high)
    for column, panel in enumerate(figure.panels):
        for row, draw_panel in enumerate((_roc, _reliability)):
            left, bottom = column * PANEL + 0.55, below + (1 - row) * PANEL + 0.5
            axes = page.add_axes((left / wide, bottom / high, (PANEL - 0.65) / wide, (PANEL - 0.75) / high))
            draw_panel(axes, panel, names)
    for place, name in enumerate(names):
        y = (below - 0.1 - LEGEND * (place + 0.5)) / high
        page.add_artist(matplotlib.lines.Line2D([0.12 / wide, 0.5 / wide], [y, y], **_style(place)))
        page.text(0.58 / wide, y, wrapped(name, wide - 0.7, 7.5)[0], fontsize=7.5, va="center", color=INK)
    return page


def _style(place: int) -> dict[str, object]:
    return {
        "color": COLOURS[place % len(COLOURS)],
        "linestyle": DASHES[place // len(COLOURS) % len(DASHES)],
        "linewidth": 1.3,
    }


def _roc(axes: Axes, panel: ClassPanel, names: list[str]) -> None:
    axes.set_title(wrapped(panel.title, PANEL - 0.6, 8)[0], fontsize=8, loc="left")
    _lines(axes, panel.roc, names)
    axes.set(xlabel="1 − specificity", ylabel="sensitivity")
    _square(axes)


def _reliability(axes: Axes, panel: ClassPanel, names: list[str]) -> None:
    _lines(axes, panel.reliability, names, marker="o")
    axes.set(xlabel="stated probability", ylabel="observed share")
    _square(axes)


def _lines(axes: Axes, lines: Sequence[CurveLine], names: list[str], marker: str = "") -> None:
    for line in lines:
        style = _style(names.index(line.name))
        x, value = np.array(line.x, float), _numbers(line.value)
        axes.plot(x, value, marker=marker, markersize=2.5, **style)
        if line.low and line.high:
            low, high = _numbers(line.low), _numbers(line.high)
            axes.fill_between(x, low, high, color=style["color"], alpha=0.13, linewidth=0)


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], float)


def _square(axes: Axes) -> None:
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.7, linestyle="dotted", zorder=0)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    axes.spines[["top", "right"]].set_visible(False)
