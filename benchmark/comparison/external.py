"""Evaluations on images of elsewhere -> tables: of the same images, classes and map of labels, and no others."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from benchmark.comparison.aggregates import mean
from benchmark.comparison.external_order import Evaluated, in_order
from benchmark.comparison.external_tables import Divided, ExternalRow, ExternalTable, Found, Statistics
from benchmark.comparison.shortening import left_out_of_names, short_names
from benchmark.records.estimate import Estimate
from benchmark.records.external import MASKS, External
from benchmark.records.metrics import CALIBRATION_INTERCEPT, CALIBRATION_SLOPE, OF_CALIBRATION, direction

OF_MASKS = ("dice", "iou", "pixel-accuracy", "implausible")
UNBOUNDED = ("log-loss", "brier", "mcc")
BESIDE = ("sensitivity", "specificity", "auroc", CALIBRATION_SLOPE, CALIBRATION_INTERCEPT)


def external_tables(found: Iterable[Found], statistics: Callable[[], Statistics]) -> list[ExternalTable]:
    """Tables by external dataset, map and images; of two evaluations of one run the later one counts.

    Args:
        statistics: asked for only where there are evaluations.
    """
    grouped: dict[tuple[Any, ...], dict[tuple[Any, ...], dict[Hashable, Found]]] = {}
    for one in sorted(found, key=lambda one: one.external.created):
        external = one.external
        local = external.recalibration.images if external.recalibration else 0
        runs = grouped.setdefault(_key(external), {}).setdefault((external.pipeline_digest, local), {})
        runs[_training(external)] = one
    asked = statistics() if grouped else None
    tables = [_table([list(runs.values()) for runs in rows.values()], asked) for rows in grouped.values() if asked]
    return sorted(tables, key=lambda table: (table.reference, table.kind, table.dataset, table.tasks))


def metrics_shown(table: ExternalTable) -> list[str]:
    """The metrics of a table from left to right."""
    if table.kind == MASKS:
        return list(OF_MASKS)
    recalls = [f"recall/{name}" for name in table.classes] if len(table.classes) > 2 else []
    there = {name for row in table.rows for name in row.metrics}
    return [name for name in dict.fromkeys([table.metric, *BESIDE, *recalls]) if name in there]


def _key(one: External) -> tuple[Any, ...]:
    classes = tuple((name, tuple(sorted(labels))) for name, labels in one.labels.items())
    return one.kind, one.dataset.digest, classes, one.positive, tuple(sorted(one.mapping.items())), one.test


def _training(one: External) -> Hashable:
    """What tells trainings of a row apart; runs that share a segmenter are one training of it."""
    return one.segmenter if one.segmenter is not None else (one.seed, one.fold)


def _table(rows: list[list[Found]], statistics: Statistics) -> ExternalTable:
    first = rows[0][0].external
    named = list(zip(_names(rows), rows, strict=True))
    as_were = [(_row(name, runs, statistics), runs) for name, runs in named]
    again = [(row, runs) for name, runs in named if (row := _recalibrated(name, [one.external for one in runs]))]
    short = _short_names(rows)
    made = [
        (msgspec.structs.replace(row, short_name=short[row.pipeline]), runs)
        for row, runs in [*_widened(as_were, statistics), *_widened(again, statistics)]
    ]
    metric = "dice" if first.kind == MASKS else first.metric
    ordered, ranking = in_order(sorted(made, key=lambda one: _rank(one[0], metric)), metric, statistics)
    return ExternalTable(
        kind=first.kind,
        dataset=first.dataset.name,
        digest=first.dataset.digest,
        tasks=sorted({one.external.task for runs in rows for one in runs}),
        metric=metric,
        classes=first.classes,
        positive=first.positive,
        mapping=first.mapping,
        counts=first.counts,
        left_out=first.left_out,
        skipped=len(first.dataset.skipped),
        n=first.n,
        groups=first.groups,
        rows=ordered,
        notices=first.dataset.notices,
        ranking=ranking,
        unnamed=left_out_of_names(runs[0].external.pipeline for runs in rows),
        reference=all(one.reference for runs in rows for one in runs),
    )


def _names(rows: Sequence[Sequence[Found]]) -> list[str]:
    """Of each row the name of its pipeline, with a piece of its digest where others bear it too."""
    digests: dict[str, set[str]] = {}
    for runs in rows:
        digests.setdefault(runs[0].external.pipeline, set()).add(runs[0].external.pipeline_digest)
    return [
        one.pipeline if len(digests[one.pipeline]) == 1 else f"{one.pipeline} ({one.pipeline_digest[:6]})"
        for one in (runs[0].external for runs in rows)
    ]


def _short_names(rows: Sequence[Sequence[Found]]) -> dict[str, str]:
    """Name of a row -> short name; the piece of a digest that a name has stays behind it."""
    recorded = {name: found[0].external.pipeline for name, found in zip(_names(rows), rows, strict=True)}
    short = short_names(list(dict.fromkeys(recorded.values())))
    return {name: short[own] + name.removeprefix(own) for name, own in recorded.items()}


def _row(name: str, runs: Sequence[Found], statistics: Statistics) -> ExternalRow:
    """A row with means, whose intervals are those over images alone so far."""
    found = [one.external for one in runs]
    first = found[0]
    divided: Divided | None = first.subgroups, first.differences, first.tested
    if len(found) > 1:
        divided = statistics.rows_subgroups(found, [one.folder for one in runs]) if first.subgroups else None
    parts, differences, tested = divided or ([], [], 0)
    numbers = [one.masks if one.kind == MASKS else one.metrics for one in found]
    return ExternalRow(
        pipeline=name,
        pipeline_digest=first.pipeline_digest,
        recalibrated=0,
        trainings=_trainings(found),
        metrics=_means(numbers),
        drop=_means([one.drop for one in found]),
        internal=_values([one.internal for one in found]),
        shared=list(dict.fromkeys(_shared(one) for one in found)),
        notes=list(dict.fromkeys(note for one in found for note in one.notes)),
        needed={kind: max(one.needed.get(kind, 0) for one in found) for kind in first.needed},
        subgroups=parts,
        differences=differences,
        tested=tested,
    )


def _recalibrated(name: str, runs: Sequence[External]) -> ExternalRow | None:
    found = [one.recalibration for one in runs if one.recalibration is not None]
    if len(found) < len(runs):
        return None
    notes = [one.calibration.note for one in found if one.calibration.note]
    return ExternalRow(
        pipeline=name,
        pipeline_digest=runs[0].pipeline_digest,
        recalibrated=found[0].images,
        trainings=_trainings(runs),
        metrics=_means([one.metrics for one in found]),
        drop=_means([one.drop for one in found]),
        internal=_values([one.internal for one in runs]),
        shared=[],
        notes=list(dict.fromkeys(notes)),
        needed={},
    )


def _widened(made: list[Evaluated], statistics: Statistics) -> list[Evaluated]:
    """The rows with intervals that hold retraining, which all rows together tell of."""
    rows = [row for row, _ in made]
    for field in ("metrics", "drop"):
        own = [[_numbers(one.external, field, row.recalibrated) for one in runs] for row, runs in made]
        untrained = [runs[0].external.segmenter == "" for _, runs in made]
        names = dict.fromkeys(name for row in rows for name in getattr(row, field))
        for name in names:
            rows = _with_retraining(rows, own, untrained, field, name, statistics)
    return [(row, runs) for row, (_, runs) in zip(rows, made, strict=True)]


def _with_retraining(
    rows: list[ExternalRow],
    own: Sequence[Sequence[Mapping[str, Estimate]]],
    untrained: Sequence[bool],
    field: str,
    name: str,
    statistics: Statistics,
) -> list[ExternalRow]:
    places = [place for place, row in enumerate(rows) if _bounded(getattr(row, field).get(name))]
    values = [[found[name].value or 0.0 for found in own[place]] for place in places]
    known = [getattr(rows[place], field)[name] for place in places]
    ends, resting = [(one.low, one.high) for one in known], [untrained[place] for place in places]
    found = statistics.row_intervals(values, ends, resting) if places else []
    made = list(rows)
    for place, one, (low, high) in zip(places, known, found, strict=True):
        wider = msgspec.structs.replace(one, low=_inside(low, name, field), high=_inside(high, name, field))
        made[place] = msgspec.structs.replace(made[place], **{field: {**getattr(made[place], field), name: wider}})
    return made


def _inside(end: float, name: str, field: str) -> float:
    """An end where its metric can be: shares lie between 0 and 1."""
    if field == "drop" or name in OF_CALIBRATION or name.partition("@")[0] in UNBOUNDED:
        return end
    return min(1.0, max(0.0, end))


def _numbers(one: External, field: str, recalibrated: int) -> dict[str, Estimate]:
    if recalibrated and one.recalibration is not None:
        return one.recalibration.metrics if field == "metrics" else one.recalibration.drop
    if field == "drop":
        return one.drop
    return one.masks if one.kind == MASKS else one.metrics


def _bounded(one: Estimate | None) -> bool:
    return one is not None and one.value is not None and one.low is not None and one.high is not None


def _means(found: Sequence[Mapping[str, Estimate]]) -> dict[str, Estimate]:
    """Means of value and ends, of what all have."""
    first, *others = found
    means = {}
    for name, one in first.items():
        all_of = [one, *(other[name] for other in others if name in other)]
        if len(all_of) < len(found) or any(each.value is None for each in all_of):
            means[name] = next((each for each in all_of if each.value is None), one)
            continue
        ends = [[getattr(each, end) for each in all_of] for end in ("value", "low", "high")]
        value, low, high = (None if None in each else mean(each) for each in ends)
        means[name] = Estimate(value, low, high, one.n, one.note)
    return means


def _values(found: Sequence[Mapping[str, Estimate]]) -> dict[str, float]:
    means = _means(found)
    return {name: one.value for name, one in means.items() if one.value is not None}


def _trainings(found: Sequence[External]) -> list[str]:
    several = len({one.fold for one in found}) > 1
    return [f"{one.seed}, fold {one.fold}" if several else str(one.seed) for one in found]


def _shared(one: External) -> str:
    if not one.shared.checked:
        return f"films shared with training: {one.shared.how}"
    pairs = one.shared.pairs
    listed = ", ".join(f"{film} = {other}" for film, other in list(pairs.items())[:3])
    more = f" and {len(pairs) - 3} more in external.json" if len(pairs) > 3 else ""
    return f"films shared with training: {len(pairs)} left out ({one.shared.how})" + (f": {listed}{more}" * bool(pairs))


def _rank(row: ExternalRow, metric: str) -> tuple[bool, float, str, int]:
    one = row.metrics.get(metric)
    value = None if one is None else one.value
    return value is None, -direction(metric) * (value or 0.0), row.pipeline, row.recalibrated
