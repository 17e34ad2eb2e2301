"""The order of rows of images of elsewhere, tested: all at once, each against the one that stands first."""

from collections.abc import Sequence

import msgspec

from benchmark.comparison.aggregates import Aggregate
from benchmark.comparison.external_tables import ExternalRow, ExternalTable, Found, Statistics
from benchmark.comparison.ranking import ranked_by
from benchmark.comparison.tables import Ranking, Row, Table
from benchmark.records.verdicts import Contender, Verdicts

Evaluated = tuple[ExternalRow, list[Found]]  # a row and the evaluations behind it
Ordered = tuple[list[ExternalRow], Ranking | None]


def in_order(found: Sequence[Evaluated], metric: str, statistics: Statistics) -> Ordered:
    """The rows with what was found of each, and what can be said of their order.

    Args:
        found: best first.
    """
    behind = {row.name: (row.recalibrated > 0, [(one.external, one.folder) for one in runs]) for row, runs in found}

    def test(contenders: Sequence[Contender], _: str, reference: int, named: bool) -> Verdicts:
        names = [one.name for one in contenders]
        local, trainings = zip(*(behind[name] for name in names), strict=True)
        return statistics.rows_verdicts(names, trainings, local, reference)

    rows = [as_row(row, metric) for row, _ in found]
    tested = [row for row in rows if row.value(metric) is not None]
    if not tested:
        return [row for row, _ in found], None
    ordered = ranked_by(rows, tested, metric, test)
    return [_with(row, of, metric) for (row, _), of in zip(found, ordered.rows, strict=True)], ordered.ranking


def as_row(row: ExternalRow, metric: str) -> Row:
    """The row as one of any table, by the table's metric."""
    one = row.metrics.get(metric)
    known = {} if one is None else {metric: Aggregate(one.value, one.low, one.high, one.n, note=one.note)}
    return Row(row.name, control=False, status="ok", metrics=known, standing=row.standing, verdict=row.verdict)


def as_table(table: ExternalTable) -> Table:
    """The table as any other, by its metric alone, for what is said of the order of rows."""
    return Table(
        tasks=table.tasks,
        metric=table.metric,
        dataset=None,
        split=None,
        classes=table.classes,
        positive=table.positive,
        rows=[as_row(row, table.metric) for row in table.rows],
        ranking=table.ranking,
    )


def _with(row: ExternalRow, tested: Row, metric: str) -> ExternalRow:
    """The row with its standing, whose interval over images and retraining becomes that of the metric."""
    standing, metrics = tested.standing, row.metrics
    if standing is not None and standing.retrained:
        metrics = {**metrics, metric: msgspec.structs.replace(metrics[metric], low=standing.low, high=standing.high)}
    return msgspec.structs.replace(row, metrics=metrics, standing=standing, verdict=tested.verdict)
