"""Records of runs -> tables that may be read side by side: same question, same images, same split."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from benchmark.comparison.aggregates import Aggregates, mean
from benchmark.comparison.controls import control_rows
from benchmark.comparison.grouping import LOCALISATION, Grouping, TableKey
from benchmark.comparison.names import pipeline_meant, unique_names, unknown_pipeline
from benchmark.comparison.tables import Comparison, Failed, Leader, Row, Table
from benchmark.records.differences import Difference, PairedTest
from benchmark.records.metrics import direction
from benchmark.records.notes import shared_notes
from benchmark.records.record import Cost, Record
from benchmark.records.speed import architecture
from registry.errors import unknown_name

CONTENDERS = 5  # at most so many are tested against the leader: each test may take seconds

MIXED_CODE = "its runs used different code: repeat them before trusting the mean"
MIXED_HARDWARE = "its runs used different hardware, so they have no training time in common"


def compare(
    records: Iterable[Record],
    *,
    metric: str | None = None,
    against: str | None = None,
    difference: PairedTest | None = None,
) -> Comparison:
    """Tables by question, dataset and split; of two records of one run the good one counts, then the later one.

    Args:
        metric: what rows are ranked by; None takes the metric of most runs.
        against: a pipeline, or the beginning of its name, that every other one is tested against.
        difference: the test of two pipelines; None tests nothing.

    Raises:
        UnknownNameError: no record has a metric, or no table a pipeline, of that name.
        ConfigError: several pipelines of a table begin with `against`.
    """
    grouping = Grouping(records)
    if metric is not None and metric not in grouping.metrics and grouping.metrics:
        raise unknown_name("metric", metric, grouping.metrics, "bench compare --format csv lists all of them")
    test = difference or _no_test
    tables = [_table(key, pipelines, grouping, metric, test) for key, pipelines in grouping.tables().items()]
    if against is not None and tables:
        tables = _against(against, tables, test)
    return Comparison(sorted(tables, key=lambda table: table.tasks))


def _no_test(first: Sequence[Record], second: Sequence[Record], metric: str) -> Difference:
    return Difference(None, note="predictions not read")


def _table(
    key: TableKey, pipelines: dict[str, list[Record]], grouping: Grouping, metric: str | None, test: PairedTest
) -> Table:
    facts = grouping.facts[key]
    asked = Counter(run.metric for runs in pipelines.values() for run in runs)
    primary = metric or min(asked, key=lambda name: (-asked[name], name))
    names = unique_names({digest: runs[0].pipeline for digest, runs in pipelines.items()}, grouping.specs)
    folds = facts.split.folds if facts.split else 1
    rows = []
    for digest, runs in pipelines.items():
        codes = list(grouping.codes.get(digest, {}).values())
        row = _row(names[digest], sorted(grouping.tasks[key, digest]), runs, primary, folds, len(set(codes)) > 1)
        own = architecture(grouping.specs.get(digest, {}))
        rows.append(msgspec.structs.replace(row, architecture=own, codes=codes[-1] if codes else ()))
    rows.sort(key=lambda row: _rank(row, primary))
    return Table(
        tasks=sorted({task for row in rows for task in row.tasks}),
        metric=primary,
        dataset=facts.dataset,
        split=facts.split,
        classes=facts.classes,
        positive=facts.positive,
        rows=rows + control_rows(facts, primary, list(grouping.controls.get(key, {}).values())),
        leader=_leader(rows, primary, test),
    )


def _row(name: str, tasks: list[str], runs: list[Record], primary: str, folds: int, mixed_code: bool) -> Row:
    good = [run for run in runs if run.status == "ok"]
    pooled = [run for run in good if folds == 1 or run.fold is None]
    single = [run for run in good if folds > 1 and run.fold is not None]
    counted = pooled or single
    failures = [Failed(run.seed, run.fold, run.failure) for run in runs if run.failure is not None]
    unfinished = Counter(run.seed for run in single)
    for seed in {run.seed for run in pooled}:
        del unfinished[seed]
    notes = [MIXED_CODE] if mixed_code else []
    notes += [MIXED_HARDWARE] if len({run.cost.hardware for run in counted}) > 1 else []
    notes += shared_notes([run.notes for run in counted], "runs")
    row = Row(
        pipeline=name,
        control=False,
        status="failed" if not good else "partial" if unfinished or len(good) < len(runs) else "ok",
        tasks=tasks,
        seeds=sorted({run.seed for run in counted}),
        expected=sorted({run.seed for run in runs}),
        folds=folds,
        unfinished=dict(sorted(unfinished.items())),
        metrics=Aggregates(counted, single),
        localisation=_localisation(pooled) or _localisation(single),
        map_method=next((run.map_method for run in [*single, *pooled]), ""),
        cost=_mean_cost([run.cost for run in counted]),
        tuned=next((run.tuned for run in runs if run.tuned), None),
        failures=failures,
        notes=notes,
        runs=counted,
    )
    one = row.metric(primary)
    return msgspec.structs.replace(row, n=one.n) if one else row


def _localisation(runs: list[Record]) -> dict[str, float]:
    """Statistics of the runs' maps, averaged."""
    values = {kind: [run.gradcam[kind].value for run in runs if kind in run.gradcam] for kind in LOCALISATION}
    known = {kind: [value for value in found if value is not None] for kind, found in values.items()}
    return {kind: mean(found) for kind, found in known.items() if found}


def _mean_cost(costs: list[Cost]) -> Cost:
    if not costs:
        return Cost()
    times = [cost.training_s for cost in costs if cost.training_s is not None]
    alike = len({cost.hardware for cost in costs}) == 1
    hardware = costs[0].hardware if alike else ""
    return msgspec.structs.replace(costs[0], training_s=mean(times) if times and alike else None, hardware=hardware)


def _rank(row: Row, metric: str) -> tuple[bool, bool, float, str]:
    value = row.value(metric)
    if value is None:
        return True, True, float(row.status == "failed"), row.pipeline
    return False, not row.pooled, -direction(metric) * value, row.pipeline


def _leader(rows: list[Row], metric: str, test: PairedTest) -> Leader | None:
    """Who leads, tested against those that follow until one differs significantly."""
    ranked = [row for row in rows if row.pooled and row.value(metric) is not None]
    if not ranked:
        return None
    first, *others = ranked
    if not others:
        return Leader(first.pipeline)
    leader = _gain(first, others[0], metric, test)
    tied = []
    for other in others[1:CONTENDERS] if leader.low is not None and not leader.significant else []:
        next_one = _gain(first, other, metric, test)
        if next_one.low is None or next_one.significant:
            break
        tied.append(other.pipeline)
    return msgspec.structs.replace(leader, tied=tied)


def _gain(first: Row, second: Row, metric: str, test: PairedTest) -> Leader:
    sign = direction(metric)
    found = test(first.runs, second.runs, metric)
    if found.value is None or found.low is None or found.high is None:
        gap = abs((first.value(metric) or 0.0) - (second.value(metric) or 0.0))
        return Leader(first.pipeline, second.pipeline, gap, untested=found.note or "no interval")
    low, high = sorted((sign * found.low, sign * found.high))
    return Leader(
        first.pipeline, second.pipeline, sign * found.value, low, high, found.minimum_detectable, found.n, found.note
    )


def _against(text: str, tables: list[Table], test: PairedTest) -> list[Table]:
    """The tables that have the pipeline, with every other row's difference to it; the others as they are."""
    names = [[row.pipeline for row in table.rows if not row.control] for table in tables]
    meant = [pipeline_meant(text, own) for own in names]
    if not any(meant):
        raise unknown_pipeline(text, (name for own in names for name in own))
    return [table if name is None else _compared(table, name, test) for table, name in zip(tables, meant, strict=True)]


def _compared(table: Table, name: str, test: PairedTest) -> Table:
    other = next(row for row in table.rows if row.pipeline == name and not row.control)
    rows = [
        row
        if row.control or row is other or not row.runs
        else msgspec.structs.replace(row, against=_difference(row, other, table.metric, test))
        for row in table.rows
    ]
    return msgspec.structs.replace(table, rows=rows, against=name)


def _difference(row: Row, other: Row, metric: str, test: PairedTest) -> Difference:
    if not other.runs:
        return Difference(None, note=f"{other.pipeline} has no numbers")
    return test(row.runs, other.runs, metric)
