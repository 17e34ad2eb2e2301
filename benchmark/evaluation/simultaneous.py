"""How large the largest of all differences is where none is true, drawn together for the whole family of pairs.

Rows are drawn by their covariance over images and by their spread over trainings, the errors are estimated anew in
every draw by the rules that the real ones were estimated by, and the largest deviate on the normal's scale is kept.
"""

from collections.abc import Iterator

import numpy as np

from benchmark.evaluation.pairs import Pairs
from benchmark.evaluation.retraining import Retraining
from benchmark.evaluation.scale import MANY

SMALL = 60  # rows up to which there are many draws
DRAWS, FEW_DRAWS = 10_000, 2_000
CHUNK = 1 << 17  # numbers that are worked on at once: they stay in the processor's cache
JITTER = 1e-10  # of a row's variance: keeps the root of a covariance without full rank the same on all machines


def draws_for(rows: int) -> int:
    """How many draws a family of so many rows gets."""
    return DRAWS if rows <= SMALL else FEW_DRAWS


def largest_deviates(
    covariance: np.ndarray, trained: Retraining, pairs: Pairs, seed: int | np.random.Generator, draws: int
) -> np.ndarray:
    """(draws,) the largest deviate among the tested pairs, ascending.

    Args:
        covariance: (R, R) of the rows over images.
        pairs: their errors; `pairs.tested` says which belong to the family.
    """
    rng = np.random.default_rng(seed)
    scale = 1 / max(float(np.sqrt(np.median(pairs.images2[pairs.tested]))), 1e-30)  # float32 holds what is about 1
    rows = len(covariance)
    normals = rng.standard_normal((rows, draws), np.float32)
    images = root(covariance * scale**2) @ normals
    kept = _Largest(scale, trained, pairs, images, rng, draws)
    kept.add_rows()
    kept.add_special(rng)
    return np.sort(np.sqrt(kept.largest2))


def root(covariance: np.ndarray) -> np.ndarray:
    """(R, R) float32, lower triangular: its product with its own transpose is the covariance."""
    scale = np.sqrt(np.diagonal(covariance))
    divisor = np.where(scale > 0, scale, 1.0)
    correlation = covariance / divisor[:, None] / divisor[None, :]
    correlation[np.diag_indices(len(scale))] = 1 + JITTER * len(scale)
    return np.asarray(np.linalg.cholesky(correlation) * scale[:, None], np.float32)


class _Largest:
    """The largest squared deviate of every draw, so far."""

    def __init__(
        self,
        scale: float,
        trained: Retraining,
        pairs: Pairs,
        images: np.ndarray,
        rng: np.random.Generator,
        draws: int,
    ) -> None:
        self.pairs, self.images, self.draws, self.scale = pairs, images, draws, scale
        self.freedom = float(trained.total)
        self.moves = bool(trained.total) and bool((trained.error2 > 0).any())
        self.largest2 = np.zeros(draws, np.float32)
        if self.moves:
            deviation = (scale * np.sqrt(trained.error2)).astype(np.float32)
            self.trainings = rng.standard_normal((len(deviation), draws), np.float32) * deviation[:, None]
            self.error2 = trained.redrawn(rng, draws) * np.float32(scale**2)

    def add_rows(self) -> None:
        """All pairs that the rows' own draws tell of."""
        plain = np.triu(self.pairs.tested & ~self.pairs.special)
        step = max(1, CHUNK // self.draws)
        for i in range(len(plain)):
            others = np.flatnonzero(plain[i])
            for start in range(0, len(others), step):
                self._add_block(i, others[start : start + step])

    def _add_block(self, i: int, others: np.ndarray) -> None:
        run = slice(others[0], others[-1] + 1) if others[-1] - others[0] + 1 == len(others) else others
        images2 = (self.pairs.images2[i, others] * self.scale**2).astype(np.float32)[:, None]
        found = self.images[run] - self.images[i]
        found *= self.pairs.widen[i, others].astype(np.float32)[:, None]
        if not self.moves:
            found *= found
            found /= images2
            np.maximum(self.largest2, found.max(axis=0), out=self.largest2)
            return
        found += self.trainings[run]
        found -= self.trainings[i]
        found *= found
        self._keep(found, images2, self.error2[run] + self.error2[i], self.freedom)

    def _keep(
        self, difference2: np.ndarray, images2: np.ndarray, training2: np.ndarray, freedom: float | np.ndarray
    ) -> None:
        """Take in squared differences (P, draws) with their redrawn errors; deviates are never above t."""
        error2 = training2 + images2
        difference2 /= error2
        above = np.flatnonzero(difference2 > self.largest2)
        if not len(above):
            return
        t2, error2, training2 = (each.ravel()[above] for each in (difference2, error2, training2))
        own = np.broadcast_to(freedom, difference2.shape).ravel()[above] if np.ndim(freedom) else freedom
        some = np.full(len(above), MANY, np.float32)  # where retraining moves nothing
        np.divide(error2, training2, out=some, where=training2 > 0)
        some = np.square(np.minimum(some, MANY))  # squares of more do not fit into float32
        some = np.where(training2 > 0, np.clip(own * some, 1.0, MANY), MANY).astype(np.float32)
        z2 = np.square((8 * some + 1) / (8 * some + 3)) * some * np.log1p(t2 / some)
        np.maximum.at(self.largest2, above % self.draws, z2)

    def add_special(self, rng: np.random.Generator) -> None:
        """Pairs on common trainings, and those that no image tells apart."""
        step = max(1, CHUNK // self.draws)
        for firsts, seconds in _chunks(np.triu(self.pairs.special), step):
            self._add_special(rng, firsts, seconds)

    def _add_special(self, rng: np.random.Generator, firsts: np.ndarray, seconds: np.ndarray) -> None:
        """Of each pair a normal and a chi-square of its own, where it needs them."""
        shape = (len(firsts), self.draws)
        images2 = (self.pairs.images2[firsts, seconds] * self.scale**2).astype(np.float32)[:, None]
        widen = self.pairs.widen[firsts, seconds].astype(np.float32)[:, None]
        found = (self.images[firsts] - self.images[seconds]) * widen
        untold = np.flatnonzero(widen[:, 0] == 0)
        found[untold] = rng.standard_normal((len(untold), self.draws), np.float32) * np.sqrt(images2[untold])
        freedom = np.array([self._freedom(i, j) for i, j in zip(firsts, seconds, strict=True)], np.float32)
        training2 = np.zeros(shape, np.float32)
        for place, (i, j) in enumerate(zip(firsts, seconds, strict=True)):
            if not self._common(i, j):
                if self.moves:
                    found[place] += self.trainings[i] - self.trainings[j]
                    training2[place] = self.error2[i] + self.error2[j]
            elif freedom[place]:
                own2 = self.pairs.training2[i, j] * self.scale**2
                found[place] += rng.standard_normal(self.draws, np.float32) * np.float32(np.sqrt(own2))
                training2[place] = rng.chisquare(freedom[place], self.draws) * (own2 / freedom[place])
        self._keep(found * found, images2, training2, freedom[:, None])

    def _common(self, i: int, j: int) -> bool:
        return (i, j) in self.pairs.common or (j, i) in self.pairs.common

    def _freedom(self, i: int, j: int) -> float:
        common = self.pairs.common
        return float(common.get((i, j), common.get((j, i), self.freedom)))


def _chunks(pairs: np.ndarray, step: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    firsts, seconds = np.nonzero(pairs)
    for start in range(0, len(firsts), step):
        yield firsts[start : start + step], seconds[start : start + step]
