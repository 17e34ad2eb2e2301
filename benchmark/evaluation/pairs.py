"""Errors of the differences of all pairs of rows: by images, from the rows' influences, and by retraining."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmark.evaluation.intervals import wilson
from benchmark.evaluation.retraining import Retraining
from benchmark.evaluation.scale import Z, to_normal

NOTHING = 1e-12  # of the variance of two rows, below which no image tells them apart


@dataclass(frozen=True)
class Common:
    """Two rows that stand on common trainings: what is known of their difference is known by those.

    Attributes:
        value: mean over common seeds.
        influence: (G,) of that mean.
        error2: variance of the mean over these seeds, D / S; 0 of one seed.
        variance: D.
        freedom: one less than the common seeds.
    """

    first: int
    second: int
    value: float
    influence: np.ndarray
    error2: float
    variance: float
    freedom: int


@dataclass(frozen=True)
class Pairs:
    """(R, R) matrices of all pairs.

    Attributes:
        value: of the first less the second.
        tested: pairs of the family.
        images2: variance I² by images, widened.
        widen: by what a difference drawn from the rows' covariance is to be multiplied; 0 where no image tells
            the two apart, whose difference has a normal of its own.
        training2: variance by retraining.
        variance: over trainings of the two together, U_i + U_j or D.
        freedom: degrees of freedom; infinite without retraining.
        common: places of pairs on common trainings -> degrees of freedom of their own.
    """

    value: np.ndarray
    tested: np.ndarray
    images2: np.ndarray
    widen: np.ndarray
    training2: np.ndarray
    variance: np.ndarray
    freedom: np.ndarray
    common: dict[tuple[int, int], int]

    @cached_property
    def error(self) -> np.ndarray:
        """Standard errors E."""
        return np.sqrt(self.images2 + self.training2)

    @cached_property
    def deviates(self) -> np.ndarray:
        """|d| / E on the normal's scale; of pairs that are not tested too."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return to_normal(np.abs(self.value) / self.error, self.freedom)

    @cached_property
    def special(self) -> np.ndarray:
        """Pairs of the family whose draws are their own, not those of the rows."""
        own = self.widen == 0
        for i, j in self.common:
            own[i, j] = own[j, i] = True
        return np.asarray(own & self.tested)


def covariance(moves: np.ndarray) -> np.ndarray:
    """(R, R) of the rows' scores over test sets, from their influences (R, G)."""
    groups = moves.shape[1]
    return np.asarray(moves @ moves.T * (groups / max(groups - 1, 1)))


def image_errors(moves: np.ndarray, fewest: int) -> tuple[np.ndarray, np.ndarray]:
    """(R, R) variances I² of differences by images, and `Pairs.widen`.

    Args:
        moves: (R, G) influences.
        fewest: groups of the smallest class, by which Wilson's bound stands in where no image tells two rows apart.
    """
    squares, cubes, scale = moves**2, moves**3, moves.shape[1] / max(moves.shape[1] - 1, 1)
    second, fourth = squares.sum(axis=1), (squares**2).sum(axis=1)
    of_both = second[:, None] + second[None, :]
    differences2 = np.maximum(of_both - 2 * (moves @ moves.T), 0.0)
    crossed = cubes @ moves.T
    differences4 = fourth[:, None] + fourth[None, :] - 4 * (crossed + crossed.T) + 6 * (squares @ squares.T)
    untold = differences2 <= NOTHING * of_both
    with np.errstate(invalid="ignore", divide="ignore"):
        widen2 = 1 + 2 * np.maximum(differences4, 0.0) / differences2**2
    images2 = np.where(untold, (wilson(0.0, fewest)[1] / Z) ** 2, scale * differences2 * np.where(untold, 1.0, widen2))
    return images2, np.where(untold, 0.0, np.sqrt(np.where(untold, 1.0, widen2)))


def pair_errors(
    values: np.ndarray,
    moves: np.ndarray,
    trained: Retraining,
    common: Sequence[Common],
    tested: np.ndarray,
    fewest: int,
) -> Pairs:
    """All pairs of rows.

    Args:
        values: (R,) what the rows score.
        moves: (R, G) their influences, means over trainings.
        tested: (R, R) symmetric: the family.
    """
    images2, widen = image_errors(moves, fewest)
    error2, spread = trained.error2, trained.spread
    pairs = Pairs(
        value=values[:, None] - values[None, :],
        tested=tested & ~np.eye(len(values), dtype=bool),
        images2=images2,
        widen=widen,
        training2=error2[:, None] + error2[None, :],
        variance=spread[:, None] + spread[None, :],
        freedom=np.empty_like(images2),
        common={(one.first, one.second): one.freedom for one in common},
    )
    freedom = np.full(images2.shape, float(trained.total))
    for one in common:
        _put(pairs, freedom, one, fewest)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = freedom * ((pairs.images2 + pairs.training2) / pairs.training2) ** 2
    pairs.freedom[:] = np.where(pairs.training2 > 0, np.maximum(found, 1.0), np.inf)
    return pairs


def _put(pairs: Pairs, freedom: np.ndarray, one: Common, fewest: int) -> None:
    """What is known of a pair on common trainings, in place of what its rows say."""
    own = np.stack([one.influence, np.zeros_like(one.influence)])
    images2, widen = image_errors(own, fewest)
    drawn2 = float(pairs.images2[one.first, one.second] / max(pairs.widen[one.first, one.second], NOTHING) ** 2)
    for i, j, sign in ((one.first, one.second, 1), (one.second, one.first, -1)):
        # Draws of the rows' difference have the variance of all their trainings, not of the common ones.
        told = pairs.widen[i, j] > 0 and widen[0, 1] > 0
        pairs.widen[i, j] = np.sqrt(images2[0, 1] / drawn2) if told else 0.0
        pairs.value[i, j] = sign * one.value
        pairs.images2[i, j] = images2[0, 1]
        pairs.training2[i, j], pairs.variance[i, j] = one.error2, one.variance
        freedom[i, j] = one.freedom
