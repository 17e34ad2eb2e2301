"""Charts as inline SVG: no scripts, no styles of their own, every text escaped; colours are classes of the page."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from benchmark.report.markup import escaped

WIDTH, HEIGHT = 260, 236
CHARACTER = 6  # about the width of one
LEFT, RIGHT, TOP, BOTTOM = 48, 10, 8, 38
TICKS = ((0, "0"), (0.25, ".25"), (0.5, ".5"), (0.75, ".75"), (1, "1"))

Numbers = Sequence[float | None]
Ticks = Sequence[tuple[float, str]]


class Axes(NamedTuple):
    """What a chart shows from where to where, with the ticks of each axis."""

    x_title: str
    y_title: str
    x: tuple[float, float] = (0, 1)
    y: tuple[float, float] = (0, 1)
    x_ticks: Ticks = TICKS
    y_ticks: Ticks = TICKS

    def across(self, value: float) -> float:
        """Of a value on the horizontal axis, in the units of the drawing; cut at the ends."""
        low, high = self.x
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1, max(0, (value - low) / (high - low)))

    def up(self, value: float) -> float:
        """Of a value on the vertical axis."""
        low, high = self.y
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(1, max(0, (value - low) / (high - low)))


def chart(axes: Axes, label: str, parts: Iterable[str]) -> Markup:
    """A chart with its axes.

    Args:
        label: what it shows, for those who do not see it.
        parts: pieces of SVG, the lowest first, as the functions below give them.
    """
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escaped(label)}">'
    return Markup("".join([head, *_frame(axes), *parts, "</svg>"]))


def line(axes: Axes, xs: Numbers, ys: Numbers, css: str) -> str:
    """A line through what is defined."""
    points = _points(axes, xs, ys)
    return f'<path class="{escaped(css)}" d="M{"L".join(points)}"/>' if len(points) > 1 else ""


def band(axes: Axes, xs: Numbers, lows: Numbers, highs: Numbers, css: str) -> str:
    """The area between two lines."""
    there, back = _points(axes, xs, highs), _points(axes, xs, lows)[::-1]
    return f'<path class="{escaped(css)}" d="M{"L".join(there + back)}Z"/>' if len(there) > 1 else ""


def dots(axes: Axes, xs: Numbers, ys: Numbers, css: str, radius: float = 3) -> str:
    """A point for each pair."""
    made = (point.split(",") for point in _points(axes, xs, ys))
    return "".join(f'<circle class="{escaped(css)}" cx="{x}" cy="{y}" r="{radius}"/>' for x, y in made)


def bars(axes: Axes, xs: Sequence[float], lows: Numbers, highs: Numbers, css: str) -> str:
    """An upright line for each interval."""
    ends = [
        (_points(axes, [x], [low]), _points(axes, [x], [high])) for x, low, high in zip(xs, lows, highs, strict=True)
    ]
    drawn = "".join(f"M{one[0]}L{other[0]}" for one, other in ends if one and other)
    return f'<path class="{escaped(css)}" d="{drawn}"/>' if drawn else ""


def text(x: float, y: float, words: str, anchor: str = "start") -> str:
    """Words at a place in the units of the drawing."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escaped(words)}</text>'


def _frame(axes: Axes) -> Iterable[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for value, words in axes.x_ticks:
        x = axes.across(value)
        fits = x + CHARACTER * len(words) / 2 <= WIDTH
        anchor, place = ("middle", x) if fits else ("end", WIDTH - 1.0)
        yield f'<path class="g" d="M{x:.1f},{TOP}V{bottom}"/>' + text(place, bottom + 13, words, anchor)
    for value, words in axes.y_ticks:
        y = axes.up(value)
        yield f'<path class="g" d="M{LEFT},{y:.1f}H{right}"/>' + text(LEFT - 5, y + 3.5, words, "end")
    yield text((LEFT + right) / 2, HEIGHT - 8, axes.x_title, "middle")
    middle = (TOP + bottom) / 2
    yield f'<g transform="rotate(-90 10 {middle:.0f})">{text(10, middle + 3, axes.y_title, "middle")}</g>'


def _points(axes: Axes, xs: Numbers, ys: Numbers) -> list[str]:
    pairs = ((x, y) for x, y in zip(xs, ys, strict=True) if x is not None and y is not None)
    return [f"{axes.across(x):.1f},{axes.up(y):.1f}" for x, y in pairs]
