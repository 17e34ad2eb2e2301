"""Whether stored outputs give the curves that lie beside them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from benchmark.evaluation.controls import MAJORITY
from benchmark.evaluation.curves import Outputs, curves
from benchmark.records.curves import FILE, Band, ClassCurves, read_curves
from benchmark.records.record import Record

ROUNDED = 1.5e-3  # values are kept to three decimals


def curve_contradictions(
    record: Record, folder: Path, targets: np.ndarray, outputs: Mapping[str, Outputs], groups: np.ndarray
) -> Iterator[str]:
    """Where the values of curves, their bands apart, are not what the outputs of the test images give.

    Args:
        targets, groups: (n,) of the test images.
        outputs: rule -> its outputs, as of `benchmark.evaluation.curves.curves`.
    """
    if not (folder / FILE).is_file():
        return  # older records have none, and a copy may leave it out
    stored = read_curves(folder)
    if stored is None:
        yield f"{FILE} cannot be read"
        return
    judged = {rule: one for rule, one in outputs.items() if rule != MAJORITY}
    again = curves(record.classes, record.positive, targets, judged, groups, record.seed, 0)
    grids = ("false_positive_rate", "recall", "threshold")
    if stored.of.keys() != again.of.keys() or any(getattr(stored, one) != getattr(again, one) for one in grids):
        yield f"{FILE} is of other rules or lies over other points"
        return
    for rule, classes in again.of.items():
        names = [one.name for one in stored.of[rule]], [one.name for one in classes]
        of_rule = f" of {rule}" if rule else ""
        if names[0] != names[1]:
            yield f"{FILE}{of_rule}: of the classes {names[0]}, the outputs give {names[1]}"
            continue
        for one, other in zip(stored.of[rule], classes, strict=True):
            if not _alike(one, other):
                yield f"{FILE}{of_rule}: the outputs give other curves of {one.name}"


def _alike(one: ClassCurves, other: ClassCurves) -> bool:
    bands = ("sensitivity", "precision", "net_benefit")
    counts = (one.positives, one.n, one.reliability.n) == (other.positives, other.n, other.reliability.n)
    values = all(_close(getattr(one, name), getattr(other, name)) for name in bands)
    return counts and values and _close(one.reliability.observed, other.reliability.observed)


def _close(one: Band, other: Band) -> bool:
    values, others = (np.array(band.value, float) for band in (one, other))  # None is NaN
    return len(values) == len(others) and np.allclose(values, others, rtol=0, atol=ROUNDED, equal_nan=True)
