"""Comparisons for programs: CSV with one line per row of a table, JSON with everything; numbers are not rounded."""

import csv
import io
from typing import Any

import msgspec

from benchmark.compare import Comparison, Row, Table
from benchmark.report import wording

FACTS = ("task", "dataset", "dataset_digest", "split", "pipeline", "control", "status", "seeds", "failures", "n")
COSTS = ("parameters", "trainable_parameters", "model_bytes", "training_s")


def to_csv(comparison: Comparison) -> str:
    """One line per pipeline or control; a metric has the columns ``NAME``, ``NAME low``, ``NAME high``, ``NAME SD``."""
    names = dict.fromkeys(name for table in comparison.tables for row in table.rows for name in row.metrics)
    titles = [title for name in names for title in (name, f"{name} low", f"{name} high", f"{name} SD")]
    out = io.StringIO()
    writer = csv.DictWriter(out, [*FACTS, *COSTS, *titles], lineterminator="\n")
    writer.writeheader()
    for table in comparison.tables:
        for row in table.rows:
            writer.writerow(_flat(table, row))
    return out.getvalue()


def to_json(comparison: Comparison) -> str:
    """``{"tables": [{"task", "dataset", "split", "rows": […], …}], "left_out": […]}``, indented."""
    tables = [msgspec.Raw(msgspec.json.encode(_table(table))) for table in comparison.tables]
    document = msgspec.json.encode({"tables": tables, "left_out": comparison.left_out})
    return msgspec.json.format(document, indent=1).decode() + "\n"


def _identity(table: Table) -> dict[str, Any]:
    return {
        "task": table.task,
        "dataset": table.dataset.name if table.dataset else None,
        "dataset_digest": table.dataset.digest if table.dataset else None,
        "split": table.split.digest if table.split else None,
    }


def _table(table: Table) -> dict[str, Any]:
    lead = {**msgspec.to_builtins(table.lead), "separable": table.lead.separable} if table.lead else None
    return {
        **_identity(table),
        "metric": table.metric,
        "caption": wording.caption(table),
        "rows": [_row(row) for row in table.rows],
        "lead": lead,
        "conclusion": wording.closing(table),
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "pipeline": row.pipeline,
        "control": row.control,
        "status": row.status,
        "seeds": row.seeds,
        "n": row.n,
        "metrics": {
            name: {
                "value": one.value, "low": one.low, "high": one.high, "spread": one.spread, "n": one.n, "note": one.note
            }
            for name, one in row.metrics.items()
        },
        "failures": [_failure(row, place) for place in range(len(row.failures))],
        "notes": row.notes,
        "cost": {name: getattr(row.cost, name) for name in COSTS},
    }  # fmt: skip


def _failure(row: Row, place: int) -> dict[str, Any]:
    one = row.failures[place]
    return {
        "seed": one.seed,
        "fold": one.fold,
        "cause": one.failure.cause,
        "stage": one.failure.stage,
        "message": one.failure.message,
    }


def _flat(table: Table, row: Row) -> dict[str, Any]:
    flat: dict[str, Any] = {
        **_identity(table),
        "pipeline": row.pipeline,
        "control": row.control,
        "status": row.status,
        "seeds": " ".join(map(str, row.seeds)),
        "failures": "; ".join(f"s{one.seed} f{one.fold} {one.failure.cause}" for one in row.failures),
        "n": row.n,
    }
    if row.seeds:
        flat |= {name: getattr(row.cost, name) for name in COSTS}
    for name, one in row.metrics.items():
        flat |= {name: one.value, f"{name} low": one.low, f"{name} high": one.high, f"{name} SD": one.spread}
    return flat
