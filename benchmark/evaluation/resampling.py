"""Groups of images, resampled whole: images of one patient fail together, so they are drawn together.

Weights (r, n) say how often each of r resamples drew each image; a statistic is recomputed from them, all
resamples at once.  `seed` is an int or a `numpy.random.Generator`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

Seed = int | np.random.Generator
Groups = Sequence[Any] | np.ndarray  # one name or number per image

CHUNK = 1 << 20  # weights held at once


def group_codes(groups: Groups) -> tuple[np.ndarray, np.ndarray]:
    """Group index (n,) of every image, and the group sizes (G,)."""
    _, codes, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    return codes.reshape(-1), sizes


def group_sums(values: np.ndarray, groups: Groups) -> np.ndarray:
    """(G,) sums of (n,) values over the images of each group."""
    return np.bincount(group_codes(groups)[0], values)


def group_weights(groups: Groups, resamples: int, seed: Seed) -> Iterator[np.ndarray]:
    """Chunks (r, n) of image weights, `resamples` rows in all: how often a resample drew the image's group."""
    rng = np.random.default_rng(seed)
    codes, sizes = group_codes(groups)
    count = len(sizes)
    step = max(1, CHUNK // len(codes))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count)
        yield weights.astype(float)[:, codes]


def bootstrap(
    statistic: Callable[[np.ndarray], np.ndarray], groups: Groups, seed: Seed, resamples: int = 2000
) -> np.ndarray:
    """`statistic` of every resample of groups: (resamples,) or (resamples, M).

    Args:
        statistic: image weights (r, n) -> (r,) or (r, M); NaN where a resample leaves it undefined.
    """
    return np.concatenate([statistic(weights) for weights in group_weights(groups, resamples, seed)])


def standard_error(draws: np.ndarray) -> float:
    """Standard deviation over resamples, undefined ones left out; 0 where fewer than two are defined."""
    defined = draws[np.isfinite(draws)]
    return float(defined.std(ddof=1)) if len(defined) > 1 else 0.0


def without_each_group(groups: Groups) -> Iterator[np.ndarray]:
    """Chunks (r, n) of weights, one row per group: 0 for its images, 1 for the others."""
    codes, sizes = group_codes(groups)
    step = max(1, CHUNK // len(codes))
    for start in range(0, len(sizes), step):
        rows = np.arange(start, min(start + step, len(sizes)))
        yield (codes[None, :] != rows[:, None]).astype(float)


def correlations(draws: np.ndarray, unknown: float) -> np.ndarray:
    """Correlation (M, M) between the columns of (resamples, M); `unknown` where a column never varies."""
    complete = draws[np.isfinite(draws).all(axis=1)]
    columns = draws.shape[1]
    matrix = np.full((columns, columns), unknown)
    varies = np.flatnonzero(complete.std(axis=0) > 1e-12) if len(complete) > 1 else np.array([], int)
    if len(varies):
        matrix[np.ix_(varies, varies)] = np.corrcoef(complete[:, varies], rowvar=False).reshape(len(varies), -1)
    np.fill_diagonal(matrix, 1.0)
    return matrix
