"""What a paper's figures are drawn from: numbers and names, no image of anybody."""

import msgspec


class IntervalRow(msgspec.Struct, frozen=True):
    """A row of a table: its value with an interval; `tied` rows cannot be told apart from the first."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    control: bool = False
    tied: bool = False


class IntervalFigure(msgspec.Struct, frozen=True, tag_field="kind", tag="intervals"):
    """All rows of a table, best first.

    Attributes:
        file: name of the PDF.
        axis: the metric.
    """

    file: str
    axis: str
    rows: list[IntervalRow]


class CurveLine(msgspec.Struct, frozen=True):
    """A line over x with its band; None where it is not defined.  Bands may be empty."""

    name: str
    x: list[float]
    value: list[float | None]
    low: list[float | None] = []
    high: list[float | None] = []


class ClassPanel(msgspec.Struct, frozen=True):
    """One class against the others: sensitivity over the false positive rate, observed over stated probability."""

    title: str
    roc: list[CurveLine]
    reliability: list[CurveLine]


class CurveFigure(msgspec.Struct, frozen=True, tag_field="kind", tag="curves"):
    """A column of two panels per class."""

    file: str
    panels: list[ClassPanel]


Figure = IntervalFigure | CurveFigure
