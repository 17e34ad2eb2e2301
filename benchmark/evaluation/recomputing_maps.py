"""Statistics of heat maps and masks anew, from the values of single images that a run stored."""

from collections.abc import Iterator

import numpy as np

from benchmark.evaluation.differing import differing
from benchmark.evaluation.intervals import mean_estimate
from benchmark.evaluation.localisation import median_estimate
from benchmark.evaluation.stored import Stored
from benchmark.records.estimate import Estimate
from benchmark.records.record import Record

EMPTY, MISSES, DICE = "-empty", "-misses", "dice"
FEW_RESAMPLES = 20  # only values are asked for, which no resample moves


def map_contradictions(record: Record, stored: Stored) -> Iterator[str]:
    """Where statistics of maps, by class, are not what the stored values give."""
    found = dict(_maps(record, stored))
    yield from differing("", record.gradcam, found, exact=False, whole=False)


def mask_contradictions(record: Record, stored: Stored) -> Iterator[str]:
    """Where the masks' Dice is not what the stored values give."""
    values = stored.more.get(DICE)
    if values is None or DICE not in record.masks:
        return
    known = (stored.subsets == "test") & ~np.isnan(values)
    if known.any():
        one = mean_estimate(values[known], stored.groups[known], 0, FEW_RESAMPLES)
        yield from differing("", record.masks, {DICE: one}, exact=False, whole=False)


def unstored(record: Record, stored: Stored) -> Iterator[str]:
    """Statistics of maps and masks whose values of single images are not stored."""
    columns = {name.partition("/")[0] for name in record.gradcam} - stored.more.keys()
    if columns:
        yield f"statistics of heat maps ({', '.join(sorted(columns))}): no values of single images are stored"
    rest = [name for name in record.masks if name != DICE or DICE not in stored.more]
    if rest:
        yield "mask quality but for the mean Dice: no values of single images are stored"


def _maps(record: Record, stored: Stored) -> Iterator[tuple[str, Estimate]]:
    classes = np.array(record.classes)[stored.targets]
    for name in record.gradcam:
        column, _, label = name.partition("/")
        values = stored.more.get(column)
        if values is not None:
            known = (stored.subsets == "test") & (classes == label) & ~np.isnan(values)
            yield name, _estimate(column, values[known], stored.groups[known])


def _estimate(column: str, values: np.ndarray, groups: np.ndarray) -> Estimate:
    if column.endswith(EMPTY):
        return Estimate(float(values.sum()), n=len(values))
    if not len(values):
        return Estimate(None)
    if column.endswith(MISSES):
        return Estimate(float(values.mean()), n=len(values))
    return median_estimate(values, groups, 0, FEW_RESAMPLES)
