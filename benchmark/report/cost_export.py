"""Cost tables for programs: CSV with one line per measurement, JSON with everything; numbers are not rounded."""

from typing import Any

import msgspec

from benchmark.comparison.costs import CostRow, CostTable
from benchmark.records.speed import Latency, Rate
from benchmark.report.costs import columns, remarks
from benchmark.report.csv_text import csv_text
from benchmark.report.markup import visible_json

RATES = ("training", "inference", "segmentation", "classification")
PARTS = ("segmenter", "backbone", "head")


def costs_csv(tables: list[CostTable]) -> str:
    """One line per pipeline and conditions; rates in images per second, times in seconds, memory in bytes."""
    rows = [_flat(place, table, row) for place, table in enumerate(tables, 1) for row in _rows(table)]
    return csv_text(rows)


def costs_json(tables: list[CostTable]) -> str:
    """A list of tables, indented."""
    return visible_json(msgspec.json.format(msgspec.json.encode(costs_content(tables)), indent=1).decode()) + "\n"


def costs_content(tables: list[CostTable]) -> list[dict[str, Any]]:
    """The same as lists, dictionaries and structs: rows in groups of one hardware each."""
    return [_table(table) for table in tables]


def _table(table: CostTable) -> dict[str, Any]:
    groups = [{"conditions": group.conditions, "rows": [_row(row) for row in group.rows]} for group in table.groups]
    about = {"tasks": table.tasks, "dataset": table.dataset or None, "metric": table.metric or None}
    return {
        **about,
        "groups": groups,
        "unmeasured": table.unmeasured,
        "remarks": remarks(table, [column.title for column in columns(table)]),
    }


def _rows(table: CostTable) -> list[CostRow]:
    return [row for group in table.groups for row in group.rows]


def _row(row: CostRow) -> dict[str, Any]:
    score = row.score and {"value": row.score.value, "low": row.score.low, "high": row.score.high, "n": row.score.n}
    named = {"pipeline": row.pipeline, "short_name": row.short_name or row.pipeline}
    fields = {**named, "score": score, "pareto_optimal": row.best, "notes": row.notes}
    return {**fields, "total": row.speed.total, "speed": row.speed}


def _flat(place: int, table: CostTable, row: CostRow) -> dict[str, Any]:
    speed, total = row.speed, row.speed.total
    flat = {
        "task": ", ".join(table.tasks),
        "table": place,
        "dataset": table.dataset,
        "pipeline": row.pipeline,
        "short_name": row.short_name or row.pipeline,
        "metric": table.metric,
        "score": row.score and row.score.value,
        "score low": row.score and row.score.low,
        "score high": row.score and row.score.high,
        "pareto_optimal": " ".join(row.best),
        **msgspec.structs.asdict(speed.conditions),
        "image_size": speed.image_size,
        "num_classes": speed.num_classes,
        "parameters": total.parameters,
        "trainable_parameters": total.trainable_parameters,
        "macs": total.macs,
        "plain_macs": total.plain_macs,
        "model_bytes": total.model_bytes,
    }
    for part in PARTS:
        work = speed.work.get(part)
        flat |= {f"{part} parameters": work and work.parameters, f"{part} macs": work and work.macs}
    for name in RATES:
        flat |= _rate(name, getattr(speed, name))
    flat |= _latency("latency", speed.latency) | _latency("classification latency", speed.classification_latency)
    flat |= {"inference memory": speed.memory["inference"], "training memory": speed.memory.get("training")}
    graphed = speed.graphed
    flat |= {"ONNX Runtime": graphed and graphed.version, "ONNX batch": graphed and graphed.batch}
    flat |= _rate("ONNX", graphed.inference if graphed else None)
    flat |= _latency("ONNX latency", graphed.latency if graphed else None)
    return {**flat, "uncounted": "; ".join(total.uncounted), "notes": "; ".join([*speed.notes, *row.notes])}


def _rate(name: str, found: Rate | None) -> dict[str, Any]:
    names = (f"{name} images/s", f"{name} low", f"{name} high", f"{name} n")
    values = (found.median, found.low, found.high, found.n) if found else (None,) * 4
    return dict(zip(names, values, strict=True))


def _latency(name: str, found: Latency | None) -> dict[str, Any]:
    names = (f"{name} p50", f"{name} p95", f"{name} n")
    values = (found.p50_s, found.p95_s, found.n) if found else (None,) * 3
    return dict(zip(names, values, strict=True))
