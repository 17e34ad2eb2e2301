"""Evaluations on images of elsewhere for programs: CSV with a line per row, JSON with everything."""

from collections.abc import Sequence
from typing import Any

import msgspec

from benchmark.comparison.external_tables import ExternalRow, ExternalTable
from benchmark.records.estimate import Estimate
from benchmark.records.verdicts import Verdict
from benchmark.report.csv_text import csv_text
from benchmark.report.markup import visible_json


def external_csv(tables: Sequence[ExternalTable]) -> str:
    """A line per row: each metric with low and high, its drop and the run's own value; numbers are not rounded."""
    rows = [_flat(place, table, row) for place, table in enumerate(tables, 1) for row in table.rows]
    return csv_text(rows)


def external_json(tables: Sequence[ExternalTable]) -> str:
    """``{"external": [{"dataset", "mapping", "rows": […], …}]}``, indented."""
    content = msgspec.json.encode({"external": external_content(tables)})
    return visible_json(msgspec.json.format(content, indent=1).decode()) + "\n"


def external_content(tables: Sequence[ExternalTable]) -> list[dict[str, Any]]:
    """The tables as dictionaries."""
    return [{**msgspec.to_builtins(table), "rows": list(map(_content, table.rows))} for table in tables]


def _content(row: ExternalRow) -> dict[str, Any]:
    """The row, and the name by which the ranking of its table knows it."""
    return {"name": row.name, **msgspec.to_builtins(row)}


def _flat(place: int, table: ExternalTable, row: ExternalRow) -> dict[str, Any]:
    flat: dict[str, Any] = {
        "table": place, "kind": table.kind, "tasks": " ".join(table.tasks), "dataset": table.dataset,
        "dataset_digest": table.digest, "n": table.n, "groups": table.groups, "pipeline": row.pipeline,
        "short_name": row.short_name, "recalibrated": row.recalibrated, "trainings": " ".join(row.trainings),
    }  # fmt: skip
    for metric, one in row.metrics.items():
        flat |= _ends(metric, one)
    for metric, one in row.drop.items():
        flat |= _ends(f"drop {metric}", one)
    flat |= {f"own test {metric}": value for metric, value in row.internal.items()}
    found = row.verdict or Verdict()
    first = Estimate(found.value, found.low, found.high)
    return flat | _ends("difference to first", first) | {"difference to first p": found.p}


def _ends(title: str, one: Estimate) -> dict[str, Any]:
    return {title: one.value, f"{title} low": one.low, f"{title} high": one.high}
