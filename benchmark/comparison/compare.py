"""Records of runs -> tables that may be read side by side: same question, same images, same split."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from benchmark.comparison.aggregates import Aggregates, mean
from benchmark.comparison.controls import control_rows
from benchmark.comparison.grouping import Grouping
from benchmark.comparison.lean import LOCALISATION, Lean, TableKey
from benchmark.comparison.names import differing, pipeline_meant, unique_names, unknown_pipeline
from benchmark.comparison.notes import row_notes
from benchmark.comparison.ranking import ranked
from benchmark.comparison.shortening import left_out_of_names
from benchmark.comparison.tables import MARGIN, Comparison, Failed, Row, Table
from benchmark.comparison.trust import Distrust, marked, trust_all
from benchmark.records.metrics import direction, ranks
from benchmark.records.record import Cost, Record
from benchmark.records.speed import architecture
from benchmark.records.verdicts import Contender, FamilyTest, Standing, Verdict, Verdicts
from registry.errors import ConfigError, unknown_name

MIXED_CODE = "its runs used different code: repeat them before trusting the mean"
MIXED_HARDWARE = "its runs used different hardware, so they have no training time in common"


def compare(
    records: Iterable[Record | Lean],
    *,
    metric: str | None = None,
    against: str | None = None,
    margin: float = MARGIN,
    test: FamilyTest | None = None,
    distrust: Distrust = trust_all,
) -> Comparison:
    """Tables by question, dataset and split; of two records of one run the good one counts, then the later one.

    Args:
        metric: what rows are ranked by; None takes the metric of most runs.
        against: a pipeline, or the beginning of its name, that every other one is tested against; None takes, in each
            table, the one that stands first.
        margin: by no more than which a cheaper row may be worse.
        test: of all rows of a table at once; None tests nothing.
        distrust: tells why a run cannot be ranked.

    Raises:
        UnknownNameError: no record has a metric, or no table a pipeline, of that name.
        ConfigError: several pipelines of a table begin with `against`, or nothing is ranked by the metric.
    """
    grouping = Grouping(records)
    if metric is not None and metric not in grouping.metrics and grouping.metrics:
        raise unknown_name("metric", metric, grouping.metrics, "bench compare --format csv lists all of them")
    if metric is not None and not ranks(metric):
        raise ConfigError(f"no rows are ranked by {metric}, of which more is neither better nor worse; choose another")
    tables = [
        _table(key, pipelines, grouping, metric, margin, distrust) for key, pipelines in grouping.tables().items()
    ]
    meant = _meant(against, tables)
    tested = [_tested(table, test or _no_test, name, against) for table, name in zip(tables, meant, strict=True)]
    return Comparison(sorted(tested, key=lambda table: table.tasks))


def _no_test(rows: Sequence[Contender], metric: str, reference: int, named: bool) -> Verdicts:
    return Verdicts([Standing() for _ in rows], [Verdict() for _ in rows], note="predictions not read")


def _meant(against: str | None, tables: list[Table]) -> list[str | None]:
    """Of each table the pipeline that the others are tested against, where one was named and is there."""
    if against is None or not tables:
        return [None for _ in tables]
    names = [{row.pipeline: row.name for row in table.rows if not row.control} for table in tables]
    meant = [pipeline_meant(against, list(own), own) for own in names]
    if not any(meant):
        rules = {row.pipeline for table in tables for row in table.rows if row.control}
        if (rule := against.removeprefix("control: ")) in rules:
            raise ConfigError(
                f"--against {rule!r} is a control, which every row is tested with in any case; name a pipeline, "
                f"such as {next(iter(names[0]))!r}"
            )
        raise unknown_pipeline(against, (name for own in names for name in own.values()))
    return meant


def _tested(table: Table, test: FamilyTest, against: str | None, named: str | None) -> Table:
    rows, ranking, groups = ranked(table.rows, table.metric, test, against)
    absent = named if named and against is None else ""
    return msgspec.structs.replace(table, rows=rows, ranking=ranking, groups=groups, absent=absent)


def _table(
    key: TableKey,
    pipelines: dict[str, list[Record]],
    grouping: Grouping,
    metric: str | None,
    margin: float,
    distrust: Distrust,
) -> Table:
    facts = grouping.facts[key]
    asked = Counter(run.metric for runs in pipelines.values() for run in runs)
    own = min(asked, key=lambda name: (-asked[name], name))
    primary = metric or own
    rows = _pipeline_rows(key, pipelines, grouping, primary, distrust)
    return Table(
        tasks=sorted({task for row in rows for task in row.tasks}),
        metric=primary,
        dataset=facts.dataset,
        split=facts.split,
        classes=facts.classes,
        positive=facts.positive,
        rows=rows + _control_rows(key, grouping, primary, distrust),
        ranking=None,
        own_metric=own,
        margin=margin,
        scored=sum(len(row.runs) for row in rows),
        retrained_segmenter=_retrained_segmenter(
            [grouping.specs[one] for one in pipelines if one in grouping.segmented]
        ),
        differing=differing(pipelines, grouping.specs),
        unnamed=left_out_of_names(runs[0].pipeline for runs in pipelines.values()),
    )


def _pipeline_rows(
    key: TableKey, pipelines: dict[str, list[Record]], grouping: Grouping, metric: str, distrust: Distrust
) -> list[Row]:
    """A row for each pipeline, best first."""
    split = grouping.facts[key].split
    names = unique_names({digest: runs[0].pipeline for digest, runs in pipelines.items()}, grouping.specs)
    rows = []
    for digest, runs in pipelines.items():
        codes = list(grouping.codes.get(digest, {}).values())
        tasks, folds = sorted(grouping.tasks[key, digest]), split.folds if split else 1
        named = names[digest]
        row = _row(named.full, tasks, runs, metric, folds, len(set(codes)) > 1)
        network = architecture(grouping.specs.get(digest, {}))
        row = msgspec.structs.replace(
            row,
            architecture=network,
            codes=codes[-1] if codes else (),
            short=named.short if named.short != named.full else "",
        )
        rows.append(marked(row, metric, distrust))
    return sorted(rows, key=lambda row: _rank(row, metric))


def _control_rows(key: TableKey, grouping: Grouping, metric: str, distrust: Distrust) -> list[Row]:
    """The rules, those with outputs of their own marked where these were edited."""
    rows = control_rows(grouping.facts[key], metric, list(grouping.controls.get(key, {}).values()))
    return [marked(row, metric, distrust) if any(run.of_controls for run in row.runs) else row for row in rows]


def _retrained_segmenter(specs: Iterable[Mapping[str, Any]]) -> bool | None:
    """Whether segmenters are trained with every seed anew; None where no pipeline trains one."""
    seeds = [spec.get("segmentation", {}).get("seed", 0) for spec in specs]
    return any(seed == "training" for seed in seeds) if seeds else None


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
    notes += row_notes([run.notes for run in counted], "runs")
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
    return False, bool(row.untrusted) or not row.pooled, -direction(metric) * value, row.pipeline
