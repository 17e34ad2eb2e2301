"""The columns of a comparison; every table format draws from them."""

from collections.abc import Callable, Iterator
from functools import partial

import msgspec

from benchmark.comparison.tables import Row, Table
from benchmark.records.metrics import SECONDARY
from benchmark.report import captions, wording

BEFORE_COST = 2  # of the other metrics, those that cost gives way to
SHOWN = 4  # of the other metrics; --format csv has all

ESSENTIAL, FIRST, COUNTS, SECOND, MAPS, COST, REST = range(7)  # priorities of columns, the highest first


class Column(msgspec.Struct, frozen=True):
    """One column.

    Attributes:
        text: the cell of a row.
        priority: where there is not enough width, columns of higher numbers are left out first, of equal ones the last.
        metric: the metric it shows; empty for the others.
        left: whether its cells are aligned left, since their intervals may be missing.
    """

    title: str
    text: Callable[[Row], str]
    priority: int
    metric: str = ""
    left: bool = False


def every(table: Table) -> list[Column]:
    """All columns from left to right."""
    return list(_every(table))


def importance(columns: list[Column]) -> list[int]:
    """Places of the columns, the highest priority first."""
    return sorted(range(len(columns)), key=lambda place: columns[place].priority)


def _every(table: Table) -> Iterator[Column]:
    yield _metric(table.metric, ESSENTIAL)
    if table.against:
        yield Column(f"Δ vs {table.against}", lambda row: _against(table, row), ESSENTIAL, left=True)
        yield Column("minimum detectable", _detectable, ESSENTIAL)
    if any(wording.spread(row, table.metric) is not None for row in table.rows):
        yield Column("SD over seeds", lambda row: "" if row.control else _spread(row, table.metric), ESSENTIAL)
    yield Column("n", lambda row: "" if row.n is None else f"{row.n:,}", COUNTS)
    yield Column("seeds", wording.seeds, COUNTS)
    others = [name for name in SECONDARY if name != table.metric and any(name in row.metrics for row in table.rows)]
    for place, name in enumerate(others[:BEFORE_COST]):
        yield _metric(name, SECOND if place else FIRST)
    if any(row.tuned for row in table.rows):
        yield Column(captions.TUNING, lambda row: "" if row.control else wording.tuning(row.tuned), FIRST)
    for kind in captions.localisation_kinds(table.rows):
        yield Column(captions.localisation_title(kind), partial(wording.localisation, kind=kind), MAPS)
    yield Column("parameters", lambda row: "" if row.control else wording.count(row.cost.parameters), COST)
    yield Column(captions.TRAINING_TIME, lambda row: "" if row.control else wording.duration(row.cost.training_s), COST)
    yield Column("model size", lambda row: "" if row.control else wording.size(row.cost.model_bytes), COST)
    for name in others[BEFORE_COST:SHOWN]:
        yield _metric(name, REST)


def _metric(name: str, priority: int) -> Column:
    return Column(
        wording.metric(name), lambda row: wording.estimate(row.metric(name)), priority, metric=name, left=True
    )


def _against(table: Table, row: Row) -> str:
    if row.control:
        return ""
    return "reference" if row.pipeline == table.against else wording.difference(row.against)


def _detectable(row: Row) -> str:
    return (
        ""
        if row.against is None or row.against.minimum_detectable is None
        else wording.number(row.against.minimum_detectable)
    )


def _spread(row: Row, metric: str) -> str:
    return wording.number(wording.spread(row, metric))
