"""How far rows move when they are trained again: each by its own spread or by that of all, whichever is larger.

A row's own spread over two to five trainings has one to four degrees of freedom and would make intervals of ± .1 to
± ∞; that of all rows alone is false for one that is restless.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

ENOUGH = 4  # degrees of freedom from which on the spread of the others stands for that of a row of one training


@dataclass(frozen=True)
class Retraining:
    """What R rows vary by.

    Attributes:
        count: (R,) trainings S; 1 of a control.
        freedom: (R,) degrees of freedom that a row adds: S - 1, or 0 where its trainings say the same.
        spread: (R,) variance U over trainings; 0 where it is none or unknown.
        borrowed: (R,) whether U is that of the others.
        unknown: (R,) whether nothing stands for it: what is said of such a row is of its training alone.
    """

    count: np.ndarray
    freedom: np.ndarray
    spread: np.ndarray
    borrowed: np.ndarray
    unknown: np.ndarray

    @property
    def total(self) -> int:
        """Degrees of freedom N of all rows together."""
        return int(self.freedom.sum())

    @cached_property
    def error2(self) -> np.ndarray:
        """(R,) variance A of a row's mean over its trainings."""
        return np.asarray(self.spread / self.count)

    def redrawn(self, rng: np.random.Generator, draws: int) -> np.ndarray:
        """(R, draws) A as other trainings would have given it, by the same rules, float32."""
        chances = np.zeros((len(self.count), draws), np.float32)
        moving = np.flatnonzero(self.freedom)
        for i in moving:
            drawn = rng.chisquare(self.freedom[i], draws) * (self.spread[i] / self.freedom[i])
            chances[i] = drawn
        pooled = (self.freedom[moving].astype(np.float32) @ chances[moving]) / max(self.total, 1)
        chances[moving] = np.maximum(chances[moving], pooled)
        chances[self.borrowed] = pooled
        chances /= self.count[:, None]
        return chances


def retraining(values: Sequence[np.ndarray], still: Sequence[bool]) -> Retraining:
    """Of rows with these values (S,) of their trainings.

    Args:
        still: of which rows training again changes nothing: controls, and those whose trainings say the same.
    """
    count = np.array([len(own) for own in values])
    resting = np.asarray(still, bool)
    freedom = np.where(resting, 0, count - 1)
    own = np.array([np.var(one, ddof=1) if free else 0.0 for one, free in zip(values, freedom, strict=True)])
    total = int(freedom.sum())
    pooled = float(freedom @ own) / total if total else 0.0
    single = ~resting & (count == 1)
    borrowed = single & (total >= ENOUGH)
    spread = np.where(freedom > 0, np.maximum(own, pooled), np.where(borrowed, pooled, 0.0))
    return Retraining(count, freedom, spread, borrowed, single & ~borrowed)
