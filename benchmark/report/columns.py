"""The columns of a comparison; every table format draws from them."""

from collections.abc import Callable, Iterator
from functools import partial

import msgspec

from benchmark.comparison.tables import Ranking, Row, Table
from benchmark.records.metrics import SECONDARY
from benchmark.report import captions, wording

BEFORE_COST = 2  # of the other metrics, those that cost gives way to
SHOWN = 4  # of the other metrics; --format csv has all

# Priorities of columns, the highest first; what is the same in every row is in the caption too.
ESSENTIAL, FIRST, COUNTS, SECOND, MAPS, REPEATED, COST, REST = range(8)


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
    title = wording.metric(table.metric)
    yield Column(title, lambda row: _ranked(table, row), ESSENTIAL, metric=table.metric, left=True)
    ranking = table.ranking
    if ranking is not None and any(row.verdict is not None and row.verdict.value is not None for row in table.rows):
        priority = ESSENTIAL if ranking.named else SECOND
        name = f"Δ vs {ranking.reference}" if ranking.named else captions.TO_FIRST
        yield Column(name, lambda row: _difference(ranking, row), priority, left=True)
        if ranking.named:
            yield Column("minimum detectable", _detectable, ESSENTIAL)
    if any(wording.spread(row, table.metric) is not None for row in table.rows):
        yield Column("SD over seeds", lambda row: "" if row.control else _spread(row, table.metric), ESSENTIAL)
    yield Column("n", lambda row: "" if row.n is None else f"{row.n:,}", COUNTS)
    yield Column("seeds", wording.seeds, COUNTS if _seeds_differ(table) else REPEATED)
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


def _ranked(table: Table, row: Row) -> str:
    """The table's metric, with an interval that holds retraining where that was tested."""
    one, standing = row.metric(table.metric), row.standing
    if one is None or one.value is None or standing is None or standing.low is None:
        return wording.estimate(one)
    return f"{wording.number(one.value)} {wording.interval(standing.low, standing.high)}"


def _difference(ranking: Ranking, row: Row) -> str:
    if row.pipeline == ranking.reference and not row.control:
        return "reference" if ranking.named else "first"
    if row.verdict is not None and row.verdict.identical:
        return f"the same on all {row.verdict.n:,}"
    if row.verdict is None:
        return ""
    return wording.difference(row.verdict) + (f" {captions.COMMON}" if row.verdict.common_trainings else "")


def _detectable(row: Row) -> str:
    found = row.verdict
    return "" if found is None or found.minimum_detectable is None else wording.number(found.minimum_detectable)


def _seeds_differ(table: Table) -> bool:
    """Whether any row has other seeds, or other ones left, than the caption says that all were trained with."""
    return len({(wording.seeds(row), *row.expected) for row in table.rows if not row.control}) > 1


def _spread(row: Row, metric: str) -> str:
    return wording.number(wording.spread(row, metric))
