"""The charts of a page, from the curves that runs have stored."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from benchmark.comparison.costs import CostRow, CostTable
from benchmark.records.curves import ClassCurves, Curves
from benchmark.report import svg, wording
from benchmark.report.svg import Axes

COLOURS = 8  # classes c0 to c7 of the page's style
LOWEST = -0.05  # of net benefit
MOST_MACS = 10**18


class Chart(NamedTuple):
    """A drawing and what stands under it."""

    title: str
    drawing: Markup
    caption: str


class Drawn(NamedTuple):
    """The curves of one row.

    Attributes:
        curves: of its first run, whose grids hold for all.
        classes: of it.
        others: of its other runs, in thin lines.
    """

    curves: Curves
    classes: list[ClassCurves]
    others: list[tuple[Curves, list[ClassCurves]]]


def charts(drawn: Drawn, name: str) -> list[Chart]:
    """ROC, precision and recall, reliability, net benefit.

    Args:
        name: of the row.
    """
    return [_roc(drawn, name), _precision(drawn, name), _reliability(drawn, name), _net_benefit(drawn, name)]


def _roc(drawn: Drawn, name: str) -> Chart:
    axes = Axes("false positive rate (1 − specificity)", "sensitivity")
    parts, grid = [svg.line(axes, [0, 1], [0, 1], "r")], drawn.curves.false_positive_rate
    for number, one in enumerate(drawn.classes):
        own = one.sensitivity
        parts += _with_band(axes, grid, own.value, own.low, own.high, number)
    for curves, classes in drawn.others:
        for number, one in enumerate(classes):
            parts.append(svg.line(axes, curves.false_positive_rate, one.sensitivity.value, _thin(number)))
    values = {one.name: wording.number(_at(grid, one.sensitivity.value, 0.1)) for one in drawn.classes}
    known = ", ".join(f"{of_class} {value}" for of_class, value in values.items())
    said = f"ROC curve of {name}; sensitivity at a false positive rate of .1: {known}"
    return Chart(
        "ROC",
        svg.chart(axes, said, parts),
        "dashed: chance",
    )


def _precision(drawn: Drawn, name: str) -> Chart:
    axes = Axes("recall (sensitivity)", "precision (PPV)")
    parts = []
    for number, one in enumerate(drawn.classes):
        share = one.positives / one.n
        parts.append(svg.line(axes, [0, 1], [share, share], f"r {_line(number)}"))
        own = one.precision
        parts += _with_band(axes, drawn.curves.recall, own.value, own.low, own.high, number)
    for curves, classes in drawn.others:
        for number, one in enumerate(classes):
            parts.append(svg.line(axes, curves.recall, one.precision.value, _thin(number)))
    shares = ", ".join(f"{one.name} {one.positives / one.n:.1%}" for one in drawn.classes)
    said = f"Precision and recall of {name}, at the test images' prevalence ({shares})"
    return Chart(
        "Precision and recall", svg.chart(axes, said, parts), f"at the prevalence of the test images: {shares}"
    )


def _reliability(drawn: Drawn, name: str) -> Chart:
    axes = Axes("predicted probability", "observed share")
    parts = [svg.line(axes, [0, 1], [0, 1], "r")]
    for number, one in enumerate(drawn.classes):
        own = one.reliability
        parts.append(svg.bars(axes, own.predicted, own.observed.low, own.observed.high, _line(number)))
        parts.append(svg.dots(axes, own.predicted, own.observed.value, _dot(number)))
    counts = [count for one in drawn.classes for count in one.reliability.n]
    images = f"{min(counts):,} to {max(counts):,} images" if counts else "no images"
    said = f"Reliability of {name}: observed share over predicted probability, in bins of {images}"
    return Chart("Reliability", svg.chart(axes, said, parts), f"bins of {images}; dashed: perfect")


def _net_benefit(drawn: Drawn, name: str) -> Chart:
    highest = max((one.positives / one.n for one in drawn.classes), default=1.0)
    ticks = [(LOWEST, f"{LOWEST:g}"), (0, "0"), (highest / 2, f"{highest / 2:.2g}"), (highest, f"{highest:.2g}")]
    axes = Axes("threshold probability", "net benefit per image", y=(LOWEST, 1.1 * highest), y_ticks=ticks)
    grid = drawn.curves.threshold
    parts = [svg.line(axes, [0, 1], [0, 0], "r")]
    for number, one in enumerate(drawn.classes):
        share = one.positives / one.n
        everybody = [share - (1 - share) * x / (1 - x) if x < 1 else -math.inf for x in grid]
        shown = [value if value >= LOWEST else None for value in everybody]
        parts.append(svg.line(axes, grid, shown, f"r {_line(number)}"))
        own = one.net_benefit
        parts += _with_band(axes, grid, own.value, own.low, own.high, number)
    for curves, classes in drawn.others:
        for number, one in enumerate(classes):
            parts.append(svg.line(axes, curves.threshold, one.net_benefit.value, _thin(number)))
    said = f"Decision curve of {name}: net benefit over the threshold probability, beside treating all and nobody"
    caption = "dashed: calling everybody, and nobody (0); at the prevalence of the test images"
    return Chart("Net benefit", svg.chart(axes, said, parts), caption)


def pareto(table: CostTable) -> Chart | None:
    """Score over multiply-accumulates; None where fewer than two rows have both."""
    rows = [row for group in table.groups for row in group.rows if row.score is not None]
    places = ((row.pipeline, _place(row)) for row in rows)
    known = list(dict.fromkeys((name, *place) for name, place in places if place is not None))
    if len(known) < 2:
        return None
    best = {row.pipeline for row in rows if "macs" in row.best}
    xs, ys = [math.log10(x) for _, x, _ in known], [y for *_, y in known]
    low, high = min(ys), max(ys)
    room = max(0.02, 0.15 * (high - low))
    x_axis = (math.floor(min(xs)), math.ceil(max(xs) + 1e-9))
    axes = Axes(
        "MACs of one image", table.metric, x=x_axis, y=(low - room, high + room),
        x_ticks=[(x, wording.large(10**x)) for x in range(x_axis[0], x_axis[1] + 1)],
        y_ticks=[(y, wording.number(y)) for y in dict.fromkeys((low, high))],
    )  # fmt: skip
    parts = []
    for number, (name, _, _) in enumerate(known):
        parts.append(svg.dots(axes, [xs[number]], [ys[number]], "d0" if name in best else "dn", 4))
        place = axes.across(xs[number]), axes.up(ys[number])
        on_the_right = place[0] > svg.WIDTH / 2
        parts.append(svg.text(place[0] + (-7 if on_the_right else 7), place[1] + 3.5, str(number + 1),
                              "end" if on_the_right else "start"))  # fmt: skip
    key = "; ".join(f"{number + 1} {name}" for number, (name, _, _) in enumerate(known))
    said = f"{table.metric} over multiply-accumulates: {key}"
    return Chart(
        "Score and cost", svg.chart(axes, said, parts), f"{key}. Filled: no other scores as much for fewer MACs"
    )


def legend(classes: Sequence[ClassCurves]) -> list[tuple[str, str]]:
    """Style and name of each class's line, where there are several."""
    return [(_line(number), one.name) for number, one in enumerate(classes)] if len(classes) > 1 else []


def _with_band(
    axes: Axes, xs: Sequence[float], values: svg.Numbers, lows: svg.Numbers, highs: svg.Numbers, number: int
) -> Iterator[str]:
    yield svg.band(axes, xs, lows, highs, f"b{number % COLOURS}")
    yield svg.line(axes, xs, values, _line(number))


def _at(grid: Sequence[float], values: svg.Numbers, place: float) -> float | None:
    """The value at the last point of a grid that is no further than a place."""
    return next((value for x, value in zip(reversed(grid), reversed(values), strict=True) if x <= place), None)


def _place(row: CostRow) -> tuple[float, float] | None:
    macs, score = row.speed.total.macs, row.score.value if row.score else None
    return (float(macs), score) if macs is not None and 0 < macs < MOST_MACS and score is not None else None


def _line(number: int) -> str:
    return f"c{number % COLOURS}"


def _thin(number: int) -> str:
    return f"s c{number % COLOURS}"


def _dot(number: int) -> str:
    return f"d{number % COLOURS}"
