"""Rows some of whose trainings were left out by flags."""

import msgspec

from benchmark.comparison.tables import Row, Table
from benchmark.records.selection import Selecting


def with_lacking(table: Table, selecting: Selecting) -> Table:
    """The table with a note under each row some of whose trainings are not among those that are meant."""
    if not selecting.lacking:
        return table
    rows = [row if row.control or not row.runs else _with_lacking(row, selecting) for row in table.rows]
    return msgspec.structs.replace(table, rows=rows)


def _with_lacking(row: Row, selecting: Selecting) -> Row:
    there = {(run.seed, run.fold) for run in row.runs}
    lacking = selecting.lacking.get(row.runs[0].pipeline_digest, {})
    by_flag: dict[str, list[str]] = {}
    for (seed, fold), flag in sorted(lacking.items(), key=lambda one: (one[0][0], one[0][1] or 0)):
        if (seed, fold) not in there:
            of_fold = "" if row.folds == 1 else " pooled" if fold is None else f" fold {fold}"
            by_flag.setdefault(flag, []).append(f"{seed}{of_fold}")
    notes = [
        f"stands on fewer trainings: seed{'s' * (len(ids) > 1)} {', '.join(ids)} left out by {flag}"
        for flag, ids in by_flag.items()
    ]
    return msgspec.structs.replace(row, notes=[*row.notes, *notes]) if notes else row
