"""Rows whose runs were edited, or contradict their predictions: shown, marked, and not ranked."""

from collections.abc import Callable, Sequence

import msgspec

from benchmark.comparison.tables import Row
from benchmark.records.record import Record

Distrust = Callable[[Record, str], str]  # a run, a metric -> why it cannot be ranked by it; empty where it can
MARK = "not ranked: {} ({})"


def marked(row: Row, metric: str, distrust: Distrust) -> Row:
    """The row, with a note and out of the ranking where one of its runs cannot be trusted."""
    found = [(reason, run.run) for run in row.runs if (reason := distrust(run, metric))]
    if not found:
        return row
    texts = [MARK.format(reason, run) for reason, run in found]
    return msgspec.structs.replace(row, untrusted=found[0][0], notes=[*texts, *row.notes])


def untrusted(rows: Sequence[Row]) -> bool:
    """Whether any row cannot be trusted."""
    return any(row.untrusted for row in rows)


def trust_all(run: Record, metric: str) -> str:
    """Nobody asked whether runs can be trusted."""
    return ""
