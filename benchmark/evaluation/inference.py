"""Who is ahead, and could it be noise: all rows of a table in one test, images and retraining in one error.

What is estimated is what a row's pipeline scores when it is trained again on this training subset, on images like
those of the test subset.  Another split and another hospital are not covered.  Nothing here knows of records: rows are
arrays, so that simulations can ask whether what is promised holds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from benchmark.evaluation.fold_differences import FoldPairs, fold_pairs, largest_of_folds
from benchmark.evaluation.pairs import Common, Pairs, covariance, pair_errors
from benchmark.evaluation.retraining import Retraining, retraining
from benchmark.evaluation.scale import Z, from_normal, sidak_deviate
from benchmark.evaluation.simultaneous import draws_for, largest_deviates

LEVEL = 0.95


@dataclass(frozen=True)
class TestedRow:
    """A row, on the same images as the others.

    Attributes:
        values: (S,) the metric of each training.
        moves: (S, G) their influences.
        low, high: 95 % interval over images alone, mean over trainings.
        seeds: of the trainings.
        trainings: of each seed, the keys of the classifier trainings that it stands on.
        control: whether nothing was trained that could be trained again.
        still: whether all trainings say the same.
        says: digest of all that it says, by which rows that say the same are told.
        by_fold: (S, k) of a cross-validation.
    """

    __test__ = False  # no test, though its name begins like one

    values: np.ndarray
    moves: np.ndarray
    low: float
    high: float
    seeds: tuple[int, ...] = (0,)
    trainings: tuple[frozenset[str], ...] = ()
    control: bool = False
    still: bool = False
    says: str = ""
    by_fold: np.ndarray | None = None


@dataclass(frozen=True)
class Question:
    """What is asked of the rows.

    Attributes:
        fewest: groups of the smallest class.
        reference: place of the row whose differences alone make the family, where it was named before.
        share: of a cross-validation, test images by training images of a fold; None of a single split.
        seed: of the draws: a function of the images.
    """

    fewest: int
    reference: int | None = None
    share: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class Inference:
    """What follows for R rows.

    Attributes:
        pairs: errors of all differences.
        largest: deviates of the largest difference by chance, ascending.
        identical: (R, R) rows that say the same; these are not tested.
    """

    values: np.ndarray
    trained: Retraining
    pairs: Pairs | FoldPairs
    largest: np.ndarray
    identical: np.ndarray
    intervals: list[tuple[float, float]] = field(default_factory=list)
    first_intervals: list[tuple[float, float]] = field(default_factory=list)

    @cached_property
    def quantile(self) -> float:
        """q: the deviate that all differences of the family stay below in 95 %."""
        return float(self.largest[int(np.ceil(LEVEL * (len(self.largest) + 1))) - 1]) if len(self.largest) else np.nan

    @cached_property
    def critical(self) -> np.ndarray:
        """(R, R) how many errors each interval reaches to either side."""
        if isinstance(self.pairs, FoldPairs):
            return np.full(self.pairs.value.shape, self.quantile)
        return from_normal(self.quantile, self.pairs.freedom)

    @cached_property
    def told_apart(self) -> np.ndarray:
        """(R, R) pairs whose interval leaves 0 out."""
        return np.asarray(self.pairs.tested & (self.pairs.deviates > self.quantile))

    def p(self, deviate: float) -> float:
        """Adjusted for the family: below .05 exactly where the interval leaves 0 out."""
        at_least = len(self.largest) - int(np.searchsorted(self.largest, deviate, "left"))
        return (1 + at_least) / (1 + len(self.largest))


def infer(rows: Sequence[TestedRow], question: Question) -> Inference:
    """Intervals of all rows and of all their differences."""
    values = np.array([row.values.mean() for row in rows])
    moves = np.stack([row.moves.mean(axis=0) for row in rows])
    in_folds = question.share is not None
    still = [row.control or row.still or in_folds for row in rows]
    trained = retraining([row.values for row in rows], still)
    says = np.array([row.says or str(i) for i, row in enumerate(rows)])
    identical = (says[:, None] == says[None, :]) & ~np.eye(len(rows), dtype=bool)
    tested = family(rows, question.reference) & ~identical
    pairs = _pairs(rows, values, moves, trained, tested, question)
    return Inference(
        values=values,
        trained=trained,
        pairs=pairs,
        largest=_largest(moves, trained, pairs, question),
        identical=identical,
        intervals=own_intervals(rows, trained, Z),
        first_intervals=own_intervals(rows, trained, sidak_deviate(len(rows))),
    )


def family(rows: Sequence[TestedRow], reference: int | None = None) -> np.ndarray:
    """(R, R) pairs with at least one pipeline; with a reference that was named before, its own alone."""
    controls = np.array([row.control for row in rows])
    tested = ~(controls[:, None] & controls[None, :])
    if reference is not None:
        own = np.zeros_like(tested)
        own[reference], own[:, reference] = True, True
        tested &= own
    np.fill_diagonal(tested, False)
    return np.asarray(tested)


def _pairs(
    rows: Sequence[TestedRow],
    values: np.ndarray,
    moves: np.ndarray,
    trained: Retraining,
    tested: np.ndarray,
    question: Question,
) -> Pairs | FoldPairs:
    if question.share is not None:
        by_fold = np.stack([row.by_fold.mean(axis=0) for row in rows if row.by_fold is not None])
        return fold_pairs(values, moves, by_fold, tested, question.fewest, question.share)
    return pair_errors(values, moves, trained, list(_common(rows, tested)), tested, question.fewest)


def _largest(moves: np.ndarray, trained: Retraining, pairs: Pairs | FoldPairs, question: Question) -> np.ndarray:
    if not pairs.tested.any():
        return np.zeros(0)
    draws = draws_for(len(moves))
    if isinstance(pairs, FoldPairs):
        return largest_of_folds(covariance(moves), pairs, question.seed, draws)
    return largest_deviates(covariance(moves), trained, pairs, question.seed, draws)


def _common(rows: Sequence[TestedRow], tested: np.ndarray) -> Iterator[Common]:
    """Tested pairs that stand on common trainings, by the seeds that both have."""
    standing: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        for key in frozenset().union(*row.trainings):
            standing.setdefault(key, []).append(i)
    pairs = {(i, j) for shared in standing.values() for i in shared for j in shared if i < j and tested[i, j]}
    for i, j in sorted(pairs):
        seeds = sorted(set(rows[i].seeds) & set(rows[j].seeds))
        if seeds:
            yield _paired(i, j, rows[i], rows[j], seeds)


def _paired(i: int, j: int, first: TestedRow, second: TestedRow, seeds: list[int]) -> Common:
    ours, theirs = ([row.seeds.index(seed) for seed in seeds] for row in (first, second))
    differences = first.values[ours] - second.values[theirs]
    variance = float(np.var(differences, ddof=1)) if len(seeds) > 1 else 0.0
    return Common(
        first=i,
        second=j,
        value=float(differences.mean()),
        influence=(first.moves[ours] - second.moves[theirs]).mean(axis=0),
        error2=variance / len(seeds),
        variance=variance,
        freedom=len(seeds) - 1,
    )


def own_intervals(rows: Sequence[TestedRow], trained: Retraining, deviate: float) -> list[tuple[float, float]]:
    """Of every row: its interval over images, widened by retraining to the same side.

    Args:
        deviate: how many standard errors it reaches to either side.
    """
    found = []
    for row, error2 in zip(rows, trained.error2, strict=True):
        value = float(row.values.mean())
        below, above = (
            _reach(abs(end - value) / Z, float(error2), trained.total, deviate) for end in (row.low, row.high)
        )
        found.append((value - below, value + above))
    return found


def _reach(images: float, error2: float, total: int, deviate: float) -> float:
    if not error2:
        return deviate * images
    together = images**2 + error2
    freedom = max(1.0, total * (together / error2) ** 2)
    return float(from_normal(deviate, freedom) * np.sqrt(together))
