"""The curves of a run, thinned: what `curves.json` in its folder holds, so that pages are drawn without predictions."""

from pathlib import Path

import msgspec

FILE = "curves.json"
MOST_BYTES = 64 << 10  # three times what is ever written
MOST_IMAGES = 10**9


class Band(msgspec.Struct, frozen=True):
    """Values over a grid with their 95 % band; None where a value is not defined."""

    value: list[float | None]
    low: list[float | None] = []
    high: list[float | None] = []


class Reliability(msgspec.Struct, frozen=True):
    """Bins of equal mass by the class's probability: its mean, and the share of the class with its interval."""

    predicted: list[float]
    observed: Band
    n: list[int]


class ClassCurves(msgspec.Struct, frozen=True):
    """One class against the others, on the test images.

    Attributes:
        name: of the class.
        positives, n: test images of the class, and all.
        sensitivity: over `Curves.false_positive_rate`.
        precision: over `Curves.recall`, at the test images' own prevalence.
        net_benefit: over `Curves.threshold`, per test image, at their own prevalence.
    """

    name: str
    positives: int
    n: int
    sensitivity: Band
    precision: Band
    reliability: Reliability
    net_benefit: Band


class Curves(msgspec.Struct, frozen=True):
    """The curves of a run.

    Attributes:
        false_positive_rate, recall, threshold: the grids that values lie over; a threshold is a probability.
        of: rule -> its classes; of a pipeline, a vote or pooled folds the one rule is called "".
    """

    false_positive_rate: list[float]
    recall: list[float]
    threshold: list[float]
    of: dict[str, list[ClassCurves]]
    schema: int = 1


def read_curves(folder: Path) -> Curves | None:
    """The curves in a run's folder; None where there are none, or none that fit.

    A page says which runs have none; what is wrong with a file, ``bench verify`` says.
    """
    path = folder / FILE
    if not path.is_file():  # opening a pipe would wait for its other end
        return None
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        found = msgspec.json.decode(content, type=Curves) if len(content) <= MOST_BYTES else None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if found is not None and _fits(found) else None


def _fits(found: Curves) -> bool:
    """Whether every list is as long as its grid, and every number is one that a curve can have."""
    grids = (found.false_positive_rate, found.recall, found.threshold)
    for one in (one for classes in found.of.values() for one in classes):
        bands = (one.sensitivity, one.precision, one.net_benefit, one.reliability.observed)
        own = one.reliability
        for grid, band in zip((*grids, own.predicted), bands, strict=True):
            if any(len(values) != len(grid) for values in (band.value, band.low, band.high)):
                return False
        counted = len(own.n) == len(own.predicted) and all(0 < count <= one.n for count in own.n)
        if not counted or not 0 < one.positives < one.n <= MOST_IMAGES:
            return False
    return all(0 <= x <= 1 for grid in grids for x in grid)
