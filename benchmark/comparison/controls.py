"""The rules that pipelines must beat as rows of a table."""

from collections.abc import Mapping, Sequence

from benchmark.comparison.aggregates import Aggregate
from benchmark.comparison.lean import speaks_of_all
from benchmark.comparison.names import unique_names
from benchmark.comparison.tables import Row
from benchmark.records.estimate import Estimate
from benchmark.records.record import Record

ORACLE, LARGEST = "source-oracle", "majority"


def control_rows(facts: Record, metric: str, beside: Sequence[Record]) -> list[Row]:
    """The rules of the records of controls, and of the table's own record what these lack.

    Args:
        beside: records of controls of the same question, data and split.
    """
    rows = [_row(name, rule, record.controls[rule], metric, [record]) for name, rule, record in _rules(beside)]
    judged = {rule for record in beside for rule in record.controls}
    older = facts.controls if speaks_of_all(facts) else {}
    # What majority answers follows from the split; other rules of older records left no outputs, so nothing tests them.
    rows += [
        _row(rule, rule, found, metric, [facts] if rule == LARGEST else [])
        for rule, found in older.items()
        if rule not in judged
    ]
    if ORACLE not in judged | older.keys():
        known = facts.dataset is not None and facts.dataset.sources
        computable = speaks_of_all(facts) or beside
        reason = "source unknown" if not known else "no run computed it" if computable else "folds not pooled"
        rows.append(Row(ORACLE, control=True, status="not-computable", notes=[reason]))
    return rows


def _rules(records: Sequence[Record]) -> list[tuple[str, str, Record]]:
    """Name in the table, rule, record; those on masks last; a rule that several records have alike is there once."""
    found: dict[str, tuple[str, Record]] = {}
    for record in sorted(records, key=lambda record: (len(record.rules) < 2, record.pipeline_digest)):
        for rule, metrics in record.controls.items():
            if not any(rule == other and metrics == one.controls[rule] for other, one in found.values()):
                found[f"{record.pipeline_digest} {rule}"] = rule, record
    names = unique_names(
        {own: rule for own, (rule, _) in found.items()}, {own: one.spec for own, (_, one) in found.items()}
    )
    return [(names[own].full, rule, record) for own, (rule, record) in found.items()]


def _row(name: str, rule: str, found: Mapping[str, Estimate], metric: str, runs: list[Record]) -> Row:
    metrics = {name: Aggregate(one.value, one.low, one.high, one.n, None, one.note) for name, one in found.items()}
    n = metrics[metric].n if metric in metrics else None
    return Row(name, control=True, status="ok", n=n, metrics=metrics, rule=rule, runs=runs)
