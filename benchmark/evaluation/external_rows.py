"""Rows of runs on images of elsewhere: what their trainings have in common, read from what evaluations stored."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmark.evaluation.external import outputs_of
from benchmark.evaluation.inference import TestedRow, own_intervals
from benchmark.evaluation.metrics import metric_named
from benchmark.evaluation.retraining import retraining
from benchmark.evaluation.scale import Z
from benchmark.evaluation.stored import UNREADABLE, read_columns
from benchmark.evaluation.stored_outputs import TOLERANCE
from benchmark.evaluation.subgroups import Seen, differences, subgroups
from benchmark.records.external import MASKS, External, Subgroup, SubgroupDifference
from benchmark.records.files import PREDICTIONS
from benchmark.records.metrics import OF_PROBABILITIES, SECONDARY

TRAIT = "trait:"


def row_intervals(values: Sequence[Sequence[float]], ends: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of each row the 95 % interval over images and retraining, as of a row of any table.

    Args:
        values: of each row those of its trainings.
        ends: of each row the 95 % interval over images alone.
    """
    rows = [
        TestedRow(values=np.array(own), moves=np.zeros((len(own), 1)), low=low, high=high)
        for own, (low, high) in zip(values, ends, strict=True)
    ]
    still = [len(own) > 1 and np.ptp(own) == 0 for own in values]
    return own_intervals(rows, retraining([row.values for row in rows], still), Z)


def rows_subgroups(
    runs: Sequence[External], folders: Sequence[Path]
) -> tuple[list[Subgroup], list[SubgroupDifference], int] | None:
    """Subgroups, differences and how many pairs were tested, of the mean over several trainings.

    Args:
        runs: that differ in their training alone, on the same images.

    Returns:
        None where the predictions of one cannot be read.
    """
    first = runs[0]
    try:
        stored = [_test_columns(folder / PREDICTIONS) for folder in folders]
    except UNREADABLE:
        return None
    columns = stored[0]
    if any(not np.array_equal(columns["ids"], one["ids"]) for one in stored):
        return None
    seen = Seen(
        classes=first.classes,
        positive=first.positive,
        targets=columns["targets"],
        groups=columns["groups"],
        divided={name.removeprefix(TRAIT): values for name, values in columns.items() if name.startswith(TRAIT)},
        outputs=[outputs_of(one["corrected_logits"], one["probabilities"]) for one in stored],
    )
    found = subgroups(seen, first.metric, 0)
    return found, *differences(seen, found, first.metric, int(first.test[:15], 16))


def contradictions(external: External, folder: Path) -> list[str]:
    """What the stored predictions of an evaluation say otherwise than its record: each metric that tables show."""
    try:
        columns = read_columns(folder / PREDICTIONS)
        found = _masks_again(columns) if external.kind == MASKS else _metrics_again(external, columns)
    except UNREADABLE as error:
        return [f"{PREDICTIONS} cannot be read ({error})"]
    recorded = external.masks if external.kind == MASKS else external.metrics
    return [
        f"{name} is {recorded[name].value:.4f} in the record and {value:.4f} by {PREDICTIONS}"
        for name, value in found.items()
        if name in recorded and not _same(recorded[name].value, value)
    ]


def _masks_again(columns: Mapping[str, np.ndarray]) -> dict[str, float]:
    dice = columns["dice"]
    return {"dice": float(dice[np.isfinite(dice)].mean())}


def _metrics_again(external: External, columns: Mapping[str, np.ndarray]) -> dict[str, float]:
    test = columns["subsets"] == "test"
    targets, once = columns["targets"][test], np.ones((1, int(test.sum())))
    names = [name for name in (external.metric, *SECONDARY, *OF_PROBABILITIES) if name in external.metrics]
    found = {}
    for name in dict.fromkeys(names):
        metric = metric_named(name, external.classes, external.positive)
        found[name] = float(metric.compute(targets, columns[metric.needs][test].astype(float), once)[0])
    return found


def _same(recorded: float | None, found: float) -> bool:
    if recorded is None or not np.isfinite(found):
        return recorded is None or not np.isfinite(recorded)
    return abs(recorded - found) <= TOLERANCE


def _test_columns(path: Path) -> dict[str, np.ndarray]:
    columns = read_columns(path)
    test = columns["subsets"] == "test"
    return {name: column[test] for name, column in columns.items()}
