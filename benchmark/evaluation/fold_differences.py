"""Differences over the folds of a cross-validation, whose trainings share images (Nadeau & Bengio 2003).

What varies from fold to fold holds images, trainings and training sets alike; because the folds' training sets overlap,
the mean of k differences varies by more than 1 / k of it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmark.evaluation.pairs import image_errors
from benchmark.evaluation.simultaneous import CHUNK, root


@dataclass(frozen=True)
class FoldPairs:
    """(R, R) matrices of all pairs.

    Attributes:
        value: of the first less the second.
        tested: pairs of the family.
        images2: variance I² by images of one fold's difference, as that of all folds' images tells it.
        ratio: r', how many times as much the folds' differences vary; no less than the mean over the family.
        folds: k.
        share: test images by training images of a fold.
    """

    value: np.ndarray
    tested: np.ndarray
    images2: np.ndarray
    ratio: np.ndarray
    folds: int
    share: float

    @cached_property
    def error(self) -> np.ndarray:
        """Standard errors E."""
        return np.sqrt((1 / self.folds + self.share) * self.ratio * self.images2)

    @cached_property
    def deviates(self) -> np.ndarray:
        """|d| / E, which is what is drawn."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.abs(self.value) / self.error)


def fold_pairs(
    values: np.ndarray, moves: np.ndarray, by_fold: np.ndarray, tested: np.ndarray, fewest: int, share: float
) -> FoldPairs:
    """All pairs of rows.

    Args:
        values: (R,) what the rows score.
        moves: (R, G) influences, means over trainings.
        by_fold: (R, k) what they score in each fold, means over trainings.
        tested: (R, R) symmetric: the family.
        share: test images by training images of a fold.
    """
    tested = tested & ~np.eye(len(values), dtype=bool)
    images2, _ = image_errors(moves, fewest)
    covariance = np.cov(by_fold)
    ratio = np.maximum(_between(covariance), 0.0) / images2
    ratio = np.maximum(ratio, ratio[tested].mean() if tested.any() else 0.0)
    return FoldPairs(values[:, None] - values[None, :], tested, images2, ratio, by_fold.shape[1], share)


def largest_of_folds(
    covariance: np.ndarray, pairs: FoldPairs, seed: int | np.random.Generator, draws: int
) -> np.ndarray:
    """(draws,) the largest |mean| / error over the tested pairs where no difference is true, ascending."""
    rng = np.random.default_rng(seed)
    firsts, seconds = np.nonzero(np.triu(pairs.tested))
    scale = 1 / max(float(np.sqrt(np.median(pairs.images2[pairs.tested]))), 1e-30)
    made_of = root(covariance * scale**2)
    images2 = (pairs.images2[firsts, seconds] * scale**2).astype(np.float32)[:, None]
    step = max(1, CHUNK // max(len(firsts), 1))
    found = []
    for start in range(0, draws, step):
        count = min(step, draws - start)
        drawn = rng.standard_normal((pairs.folds, len(made_of), count), np.float32)
        rows = np.matmul(made_of, drawn)  # (k, R, count)
        mean = rows.mean(axis=0)
        rows -= mean
        variances = np.einsum("kic,kic->ic", rows, rows) / (pairs.folds - 1)
        crossed = np.zeros((len(firsts), count), np.float32)
        for each in rows:
            crossed += each[firsts] * each[seconds]
        spread2 = variances[firsts] + variances[seconds] - 2 * crossed / (pairs.folds - 1)
        ratio = np.maximum(spread2, 0.0) / images2
        ratio = np.maximum(ratio, ratio.mean(axis=0))
        deviates = np.abs(mean[firsts] - mean[seconds]) / np.sqrt(ratio * images2 / pairs.folds)
        found.append(deviates.max(axis=0))
    return np.sort(np.concatenate(found))


def _between(covariance: np.ndarray) -> np.ndarray:
    """(R, R) variances of differences."""
    own = np.diagonal(covariance)
    return np.asarray(own[:, None] + own[None, :] - 2 * covariance)
