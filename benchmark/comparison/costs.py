"""Measured speed beside scores: tables in groups of one hardware each, and which pipelines are Pareto-optimal."""

from collections.abc import Iterable, Sequence

import msgspec

from benchmark.comparison.aggregates import Aggregate
from benchmark.comparison.shortening import left_out_of_names, short_names
from benchmark.comparison.tables import Row, Table
from benchmark.records.metrics import direction
from benchmark.records.speed import Conditions, Speed

SIZES = ("parameters", "macs")  # the same on every machine
EDITED = "measured with other code than its runs: measure it again"


class CostRow(msgspec.Struct, frozen=True):
    """One pipeline under one set of conditions.

    Attributes:
        pipeline: unique within its group.
        score: None where no run of it is compared.
        best: of ``parameters``, ``macs`` and ``latency`` those in which no other row scores as much for less: in sizes
            among all rows of the table, in latency within the group.
        short_name: of the pipeline, unique within the table.
    """

    pipeline: str
    speed: Speed
    score: Aggregate | None = None
    best: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    short_name: str = ""


class CostGroup(msgspec.Struct, frozen=True):
    """Rows that were measured alike, so that their times may be compared."""

    conditions: Conditions
    rows: list[CostRow]


class CostTable(msgspec.Struct, frozen=True):
    """What the pipelines of one comparison cost, those with the best score first.

    Attributes:
        tasks, dataset, metric: of the comparison; empty where no run stands beside the measurements.
        unmeasured: pipelines of the comparison that have no measurement; `short` has their short names.
        unnamed: component -> the options that short names leave out, as every row with it has them.
    """

    groups: list[CostGroup]
    tasks: list[str] = []
    dataset: str = ""
    metric: str = ""
    unmeasured: list[str] = []
    short: dict[str, str] = {}
    unnamed: dict[str, str] = {}


def cost_tables(tables: Sequence[Table], speeds: Iterable[Speed]) -> list[CostTable]:
    """One table per comparison that has a measured pipeline, one of the measurements that stand beside no run.

    Of measurements of the same pipeline under the same conditions the latest counts.
    """
    latest: dict[str, Speed] = {}
    for speed in sorted(speeds, key=lambda one: one.created):
        latest[speed.digest] = speed
    measured: dict[str, list[Speed]] = {}
    for speed in sorted(latest.values(), key=lambda one: (one.pipeline, one.digest)):
        measured.setdefault(speed.architecture, []).append(speed)
    joined = [_joined(table, measured) for table in tables]
    beside = {row.architecture for table in tables for row in table.rows}
    alone = [one for own, found in measured.items() if own not in beside for one in found]
    return [table for table in joined if table.groups] + ([_alone(alone)] if alone else [])


def pareto_optimal(points: Sequence[tuple[float, float] | None]) -> list[bool]:
    """Of each point (score, cost): whether no other one has at least its score for at most its cost.

    Equal points do not beat each other; a point that is None is dominated, and dominates none.
    """

    def beats(other: tuple[float, float], one: tuple[float, float]) -> bool:
        return other != one and other[0] >= one[0] and other[1] <= one[1]

    known = [point for point in points if point is not None]
    return [point is not None and not any(beats(other, point) for other in known) for point in points]


def _alone(speeds: Sequence[Speed]) -> CostTable:
    """Measurements that stand beside no run."""
    names = dict.fromkeys(one.pipeline for one in speeds)
    short = short_names(list(names))
    rows = [CostRow(one.pipeline, one, short_name=short[one.pipeline]) for one in speeds]
    return CostTable(_groups(rows), unnamed=left_out_of_names(names))


def _joined(table: Table, measured: dict[str, list[Speed]]) -> CostTable:
    contenders = [row for row in table.rows if row.architecture]
    rows = [
        CostRow(row.pipeline, speed, row.metric(table.metric), notes=_edited(row, speed), short_name=row.name)
        for row in contenders
        for speed in measured.get(row.architecture, ())
    ]
    sign = direction(table.metric)
    for size in SIZES:
        rows = _marked(rows, size, sign)
    groups = [CostGroup(group.conditions, _marked(group.rows, "latency", sign)) for group in _groups(rows)]
    return CostTable(
        groups,
        table.tasks,
        table.dataset.name if table.dataset else "",
        table.metric,
        [row.pipeline for row in contenders if row.architecture not in measured],
        {row.pipeline: row.name for row in contenders},
        table.unnamed,
    )


def _groups(rows: Sequence[CostRow]) -> list[CostGroup]:
    """Rows by conditions, in their order; never one group for two kinds of hardware."""
    groups: dict[Conditions, list[CostRow]] = {}
    for row in rows:
        groups.setdefault(row.speed.conditions, []).append(row)
    return [CostGroup(conditions, groups[conditions]) for conditions in sorted(groups)]


def _marked(rows: Sequence[CostRow], cost: str, sign: float) -> list[CostRow]:
    points = [_point(row, cost, sign) for row in rows]
    return [
        msgspec.structs.replace(row, best=(*row.best, cost)) if best else row
        for row, best in zip(rows, pareto_optimal(points), strict=True)
    ]


def _point(row: CostRow, cost: str, sign: float) -> tuple[float, float] | None:
    """Score and cost; None where either is not known, or only in part."""
    if row.score is None or row.score.value is None:
        return None
    total = row.speed.total
    if cost == "latency":
        return sign * row.score.value, row.speed.latency.p50_s
    if cost == "macs":
        return None if total.uncounted or total.macs is None else (sign * row.score.value, total.macs)
    known = all(part.parameters for name, part in row.speed.work.items() if name == "backbone")
    return (sign * row.score.value, total.parameters) if known else None


def _edited(row: Row, speed: Speed) -> tuple[str, ...]:
    codes = {part.code for part in speed.components.values()}
    return (EDITED,) if row.codes and not codes <= set(row.codes) else ()
