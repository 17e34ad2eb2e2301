"""Comparisons for programs: CSV with one line per row of a table, JSON with everything; numbers are not rounded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from benchmark.comparison.aggregates import Aggregate, Aggregates
from benchmark.comparison.shortening import shortened
from benchmark.comparison.tables import Comparison, Row, Table
from benchmark.report import captions
from benchmark.report.conclusion import conclusion
from benchmark.report.csv_text import csv_text
from benchmark.report.markup import visible_json

FACTS = (
    "task", "table", "dataset", "dataset_digest", "split", "folds", "pipeline", "short_name", "control", "status",
    "seeds", "failures", "n",
)  # fmt: skip
COSTS = ("parameters", "trainable_parameters", "model_bytes", "training_s", "hardware")
TUNING = ("tuning_trials", "tuning_unfinished", "tuning_s", "tuning_default_stayed")
TESTED = ("retrained low", "retrained high")
DIFFERENCE = ("against", "difference", "difference low", "difference high", "difference p", "minimum detectable")


def to_csv(comparison: Comparison) -> str:
    """One line per pipeline or control; see `flat`."""
    titles, rows = flat(comparison)
    return csv_text(rows, titles)


def flat(comparison: Comparison) -> tuple[list[str], Iterator[dict[str, Any]]]:
    """Titles of columns, and a row per pipeline or control, which may hold more.

    A metric has the columns ``NAME``, ``NAME low`` and ``NAME high`` (95 % over images) and, where there are several
    seeds, ``NAME SD`` and the 95 % interval of the mean over three seeds or more, ``NAME seeds low`` and
    ``NAME seeds high``.  Of the table's metric ``retrained low`` and ``retrained high`` are the 95 % interval over
    images and retraining, and ``difference`` is to the row ``against``, simultaneous with all other pairs.
    """
    rows = [(place, table, row) for place, table in enumerate(comparison.tables, 1) for row in table.rows]
    names = dict.fromkeys(name for *_, row in rows for name in row.metrics)
    most = max((len(row.seeds) for *_, row in rows), default=0)
    ends = ["", " low", " high"]
    ends += [" SD"] if most > 1 else []
    ends += [" seeds low", " seeds high"] if most > 2 else []
    tested = TESTED if any(row.standing for *_, row in rows) else ()
    against = DIFFERENCE if any(row.verdict for *_, row in rows) else ()
    tuning = TUNING if any(row.tuned for *_, row in rows) else ()
    marks = [kind for kind in captions.MARKS if any(kind in row.localisation for *_, row in rows)]
    titles = [
        *FACTS,
        *(["reference"] if any(table.reference for table in comparison.tables) else []),
        *COSTS,
        *tuning,
        *captions.LOCALISATION,
        *marks,
        *tested,
        *against,
        *(name + end for name in names for end in ends),
    ]
    return titles, (_flat(place, table, row) for place, table, row in rows)


def to_json(comparison: Comparison) -> str:
    """``{"tables": [{"task", "dataset", "split", "rows": […], …}], "costs": […], "left_out": […]}``, indented."""
    return "".join(json_pieces(comparison))


def json_pieces(comparison: Comparison, costs: Sequence[Any] = (), external: Sequence[Any] = ()) -> Iterator[str]:
    """The same piece by piece, so that thousands of rows need not be in memory at once.

    Args:
        costs: measured speed, see `benchmark.report.cost_export.costs_content`.
        external: evaluations on images of elsewhere, see `benchmark.report.external_export.external_content`.
    """
    fields = {
        **({"selected": [_json(comparison.selected, 1)]} if comparison.selected else {}),
        "tables": _array((_table(table, 2) for table in comparison.tables), 1),
        "costs": [_json(costs, 1)],
        **({"external": [_json(external, 1)]} if external else {}),
        "left_out": [_json(comparison.left_out, 1)],
    }
    yield from _object(fields, 0)
    yield "\n"


def _table(table: Table, depth: int) -> Iterator[str]:
    fields: dict[str, Iterable[str]] = {name: [_json(one, depth + 1)] for name, one in _about(table).items()}
    fields["rows"] = _array(([_json(_row(row), depth + 2)] for row in table.rows), depth + 1)
    return _object(fields, depth)


def _object(fields: Mapping[str, Iterable[str]], depth: int) -> Iterator[str]:
    """A JSON object whose values come in pieces; `depth` is that of its braces."""
    yield "{"
    for place, (name, pieces) in enumerate(fields.items()):
        yield f'{"," if place else ""}{_line(depth + 1)}"{name}": '
        yield from pieces
    yield f"{_line(depth)}}}"


def _array(elements: Iterable[Iterable[str]], depth: int) -> Iterator[str]:
    """A JSON array whose elements come in pieces; `depth` is that of its brackets."""
    begun = False
    yield "["
    for pieces in elements:
        yield ("," if begun else "") + _line(depth + 1)
        yield from pieces
        begun = True
    yield f"{_line(depth)}]" if begun else "]"


def _json(value: Any, depth: int) -> str:
    text = visible_json(msgspec.json.format(msgspec.json.encode(value), indent=1).decode())
    return text.replace("\n", _line(depth))


def _line(depth: int) -> str:
    return "\n" + " " * depth


def _about(table: Table) -> dict[str, Any]:
    return {
        "task": ", ".join(table.tasks),
        "tasks": table.tasks,
        **_identity(table),
        "metric": table.metric,
        "own_metric": table.own_metric,
        "margin": table.margin,
        "groups": table.groups,
        "scored": table.scored,
        "differing": table.differing,
        "caption": captions.caption(table),
        "rows": [],
        "ranking": table.ranking,
        "conclusion": conclusion(shortened(table)),
    }


def _identity(table: Table) -> dict[str, Any]:
    return {
        "dataset": table.dataset.name if table.dataset else None,
        "dataset_digest": table.dataset.digest if table.dataset else None,
        "split": table.split.digest if table.split else None,
        "folds": table.folds,
        **({"reference": True} if table.reference else {}),
    }


def _metrics(row: Row) -> Iterator[tuple[str, Aggregate]]:
    """Each computed when it is written, and not kept."""
    metrics = row.metrics
    yield from ((name, metrics.fresh(name) if isinstance(metrics, Aggregates) else metrics[name]) for name in metrics)


def _row(row: Row) -> dict[str, Any]:
    return {
        "pipeline": row.pipeline,
        "short_name": row.name,
        "tasks": row.tasks,
        "control": row.control,
        "status": row.status,
        "seeds": row.seeds,
        "unfinished": row.unfinished,
        "n": row.n,
        "interval": row.standing,
        "difference": row.verdict,
        "metrics": {name: _metric(one) for name, one in _metrics(row)},
        "maps": {"method": row.map_method, **row.localisation} if row.localisation else None,
        "failures": [_failure(row, place) for place in range(len(row.failures))],
        "notes": row.notes,
        **({"untrusted": row.untrusted} if row.untrusted else {}),
        "cost": _cost(row),
        **({"tuning": row.tuned} if row.tuned else {}),
    }


def _cost(row: Row) -> dict[str, Any]:
    """None for what nobody counted, which records keep as 0 or nothing; of a network that is known 0 may be trained."""
    found = {name: getattr(row.cost, name) or None for name in COSTS}
    return found | ({"trainable_parameters": row.cost.trainable_parameters} if found["parameters"] else {})


def _metric(one: Aggregate) -> dict[str, Any]:
    return {
        "value": one.value,
        "low": one.low,
        "high": one.high,
        "spread": one.spread,
        "seed_interval": one.seed_interval,
        "spread_over_folds": one.spread_over_folds,
        "n": one.n,
        "note": one.note,
    }


def _failure(row: Row, place: int) -> dict[str, Any]:
    one = row.failures[place]
    return {
        "seed": one.seed,
        "fold": one.fold,
        "cause": one.failure.cause,
        "stage": one.failure.stage,
        "message": one.failure.message,
    }


def _flat(place: int, table: Table, row: Row) -> dict[str, Any]:
    flat: dict[str, Any] = {
        "task": ", ".join(row.tasks or table.tasks),
        "table": place,
        **_identity(table),
        "pipeline": row.pipeline,
        "short_name": row.name,
        "control": row.control,
        "status": row.status,
        "seeds": " ".join(map(str, row.seeds)),
        "failures": "; ".join(f"s{one.seed} {_fold(one.fold)} {one.failure.cause}" for one in row.failures),
        "n": row.n,
        **row.localisation,
    }
    if row.seeds:
        flat |= _cost(row)
    if row.tuned:
        cost = row.tuned
        flat |= dict(zip(TUNING, (cost.trials, cost.unfinished, cost.duration_s, cost.stayed), strict=True))
    if row.standing and row.standing.retrained:
        flat |= dict(zip(TESTED, (row.standing.low, row.standing.high), strict=True))
    if row.verdict and table.ranking:
        one = row.verdict
        found = (table.ranking.reference, one.value, one.low, one.high, one.p, one.minimum_detectable)
        flat |= dict(zip(DIFFERENCE, found, strict=True))
    for name, metric in _metrics(row):
        flat |= {
            name: metric.value, f"{name} low": metric.low, f"{name} high": metric.high, f"{name} SD": metric.spread,
        }  # fmt: skip
        if metric.seed_interval:
            flat[f"{name} seeds low"], flat[f"{name} seeds high"] = metric.seed_interval
    return flat


def _fold(fold: int | None) -> str:
    return "pooled" if fold is None else f"f{fold}"
