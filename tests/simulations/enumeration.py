"""How often one training's own interval holds the truth: summed over all outcomes, nothing is drawn."""

from math import lgamma

import numpy as np

from benchmark.evaluation.inference import TestedRow, own_intervals
from benchmark.evaluation.intervals import wilson
from benchmark.evaluation.retraining import retraining
from benchmark.evaluation.scale import Z

NEGLIGIBLE = 1e-9  # chance of an outcome that may be left out


def covered(metric: str, negatives: int, positives: int, shares: np.ndarray) -> np.ndarray:
    """(p,) chance that the interval of a row of one training, alone in its table, holds its true score.

    Args:
        shares: (p,) chance that an image of either class is judged rightly.
    """
    return np.array([_covered(metric, negatives, positives, float(share)) for share in shares])


def _covered(metric: str, negatives: int, positives: int, share: float) -> float:
    if metric == "accuracy":
        n = negatives + positives
        hits, chances = _outcomes(n, share)
        ends = np.array([wilson(hit / n, n) for hit in hits.tolist()])
        return float(chances @ _holds(hits / n, ends, share))
    (low_hits, low_chances), (high_hits, high_chances) = (_outcomes(n, share) for n in (negatives, positives))
    first, second = low_hits / negatives, high_hits / positives
    ends_first = np.array([wilson(value, negatives) for value in first.tolist()])
    ends_second = np.array([wilson(value, positives) for value in second.tolist()])
    value = (first[:, None] + second[None, :]) / 2
    reach = [
        np.hypot((first - ends_first[:, side])[:, None], (second - ends_second[:, side])[None, :]) / 2
        for side in (0, 1)
    ]
    ends = np.stack([(value - reach[0]).ravel(), (value + reach[1]).ravel()], axis=1)
    return float(np.outer(low_chances, high_chances).ravel() @ _holds(value.ravel(), ends, share))


def _holds(values: np.ndarray, ends: np.ndarray, truth: float) -> np.ndarray:
    """Whether the intervals of rows alone in their tables, with these over images, hold the truth."""
    alone = retraining([np.zeros(1)], [False])
    held = []
    for value, (low, high) in zip(values.tolist(), ends.tolist(), strict=True):
        row = TestedRow(np.array([value]), np.zeros((1, 1)), low, high)
        ((low, high),) = own_intervals([row], alone, Z)
        held.append(low <= truth <= high)
    return np.array(held, float)


def _outcomes(n: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of hits that are not negligible, and their binomial chances."""
    hits = np.arange(n + 1)
    logarithm = np.array([lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for k in hits.tolist()])
    chances = np.exp(logarithm + hits * np.log(share) + (n - hits) * np.log1p(-share))
    kept = chances > NEGLIGIBLE
    return hits[kept], chances[kept]
