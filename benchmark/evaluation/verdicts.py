"""What an inference says of a row and of a pair of rows, in the words of the records."""

import msgspec
import numpy as np

from benchmark.evaluation.contenders import Told
from benchmark.evaluation.fold_differences import FoldPairs
from benchmark.evaluation.inference import Inference
from benchmark.evaluation.pairs import Pairs
from benchmark.records.verdicts import POWER, Standing, Verdict

RANGES = {"mcc": (-1.0, 1.0), "log-loss": (0.0, np.inf)}  # of all other metrics 0 to 1

UNTOLD = "no image tells the two apart"
CONTROLS = "rules are not tested against each other"


def standing(told: Told, found: Inference, i: int, metric: str, note: str) -> Standing:
    """A row's own interval.

    Args:
        i: its place in the inference.
    """
    ends = [_inside(metric, found.values[i], interval[i]) for interval in (found.intervals, found.first_intervals)]
    (low, high), (first_low, first_high) = ends
    in_folds = isinstance(found.pairs, FoldPairs)
    return Standing(
        low=low,
        high=high,
        first_low=first_low,
        first_high=first_high,
        trainings=told.trainings,
        retrained=not (told.row.control or in_folds or bool(found.trained.unknown[i])),
        borrowed=bool(found.trained.borrowed[i]),
        constant=told.constant,
        note=note,
    )


def _inside(metric: str, value: float, interval: tuple[float, float]) -> tuple[float, float]:
    """An interval within the metric's range; its value is, but for rounding."""
    least, most = RANGES.get(metric, (0.0, 1.0))
    return min(max(interval[0], least), float(value)), max(min(interval[1], most), float(value))


def difference(found: Inference, i: int, j: int, n: int) -> Verdict:
    """Row i less row j.

    Args:
        n: images.
    """
    pairs = found.pairs
    value = float(pairs.value[i, j])
    if found.identical[i, j]:
        return Verdict(value=value, identical=True, n=n)
    if not pairs.tested[i, j]:
        return Verdict(value=value, n=n, note=CONTROLS)
    if not len(found.largest):
        return Verdict(value=value, n=n)
    error, critical = float(pairs.error[i, j]), float(found.critical[i, j])
    verdict = {
        "value": value,
        "low": value - critical * error,
        "high": value + critical * error,
        "p": found.p(float(pairs.deviates[i, j])),
        "error": error,
        "critical": critical,
        "quantile": found.quantile,
        "minimum_detectable": error * (critical + POWER),
        "n": n,
    }
    parts = _of_folds(pairs, i, j) if isinstance(pairs, FoldPairs) else _parts(found, i, j)
    return msgspec.convert(verdict | parts, Verdict)


def _parts(found: Inference, i: int, j: int) -> dict[str, object]:
    """How much of the error is images, how much retraining, and whether that is known."""
    pairs, trained = found.pairs, found.trained
    assert isinstance(pairs, Pairs)
    common = pairs.common.get((min(i, j), max(i, j)))
    alone = bool(trained.unknown[i] or trained.unknown[j]) if common is None else not common
    return {
        "image_error": float(np.sqrt(pairs.images2[i, j])),
        "training_error": float(np.sqrt(pairs.training2[i, j])),
        "training_variance": None if alone else float(pairs.variance[i, j]),
        "these_trainings": alone,
        "common_trainings": common is not None,
        "note": UNTOLD if pairs.widen[i, j] == 0 else "",
    }


def _of_folds(pairs: FoldPairs, i: int, j: int) -> dict[str, object]:
    """All images tell of their part; the rest is what else moves the folds: trainings and training sets."""
    error2 = float(pairs.error[i, j]) ** 2
    images2 = min(float(pairs.images2[i, j]), error2)
    return {"image_error": images2**0.5, "training_error": (error2 - images2) ** 0.5}
