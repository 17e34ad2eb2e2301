"""The columns of a comparison, the most important first; every table format draws from them."""

from collections.abc import Callable

import msgspec

from benchmark.compare import Row, Table
from benchmark.report import wording

SECONDARY = ("sensitivity", "specificity", "auroc", "macro-f1", "accuracy", "balanced-accuracy", "mcc")
BEFORE_COST = 2  # of the other metrics, those that cost gives way to
SHOWN = 4  # of the other metrics; --format csv has all


class Column(msgspec.Struct, frozen=True):
    """One column.

    Attributes:
        metric: the metric it shows; empty for the others.
        text: the cell of a row.
    """

    title: str
    text: Callable[[Row], str]
    metric: str = ""


def essential(table: Table) -> list[Column]:
    """The table's metric and what qualifies it: spread, seeds, images."""
    chosen = [_metric(table.metric)]
    if any(wording.spread(row, table.metric) is not None for row in table.rows):
        chosen.append(Column("SD over seeds", lambda row: "" if row.control else _spread(row, table.metric)))
    return [
        *chosen,
        Column("seeds", wording.seeds),
        Column("n", lambda row: "" if row.n is None else f"{row.n:,}"),
    ]


def secondary(table: Table) -> list[Column]:
    """Other metrics over all images."""
    measured = [name for name in SECONDARY if any(row.metric(name) for row in table.rows)]
    chosen = [name for name in measured if name != table.metric]
    return [_metric(name) for name in chosen[:SHOWN]]


def cost() -> list[Column]:
    """What a pipeline costs."""
    return [
        Column("parameters", lambda row: "" if row.control else wording.count(row.cost.parameters)),
        Column("training time", lambda row: "" if row.control else wording.duration(row.cost.training_s)),
        Column("model size", lambda row: "" if row.control else wording.size(row.cost.model_bytes)),
    ]


def every(table: Table) -> list[Column]:
    """All columns in the order in which they are worth showing."""
    more = secondary(table)
    return [*essential(table), *more[:BEFORE_COST], *cost(), *more[BEFORE_COST:]]


def usual(table: Table) -> int:
    """How many of `every` make a full table; the rest is for wide screens."""
    return len(essential(table)) + len(secondary(table)[:BEFORE_COST]) + len(cost())


def _metric(name: str) -> Column:
    return Column(name, lambda row: wording.estimate(row.metric(name)), metric=name)


def _spread(row: Row, metric: str) -> str:
    return wording.number(wording.spread(row, metric))
