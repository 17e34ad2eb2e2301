"""Which films are worth comparing by key points: those whose thumbnails, or windows of them, look most alike.

A film is known by a thumbnail.  Of it, 37 windows (the whole; squares of .92 to .68 of the side at nine places) are
correlated, 16 × 16 pixels each, with the whole of every other film, so that a crop finds the film that it is of.

Of most pairs a bound is enough.  Let a and b be two windows, and a' and b' what they have in common with a few
directions in which windows vary most; then ab ≤ a'b' + |a - a'| |b - b'| (Cauchy-Schwarz), which costs a quarter.  Only
pairs whose bound reaches what others of the same film are known to reach are correlated whole, so that nothing is lost.

Windows are whole numbers, short enough for their products to be exact in float32 whatever the order of the sums.  So
equal correlations are equal, of which the film that comes first is taken, and every machine finds the same pairs.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise, product

import cv2
import numpy as np

THUMBNAIL = 64  # pixels a side
GRID = 16  # pixels a side, of what is correlated
SIDES = (0.92, 0.84, 0.76, 0.68)
PLACES = (0.0, 0.5, 1.0)  # of a window along each axis, from one edge to the other
NEAREST = 5  # films that each is compared with, by its own windows and by those of the others
BLOCK = 256  # films whose windows are looked up at once
TILE = 1024  # films in which they are looked up at once: what is in use then stays near the processor
DIRECTIONS = 63  # of the bound
TOLD_BY = 1024  # films that tell the directions
TOGETHER = 16  # films of which the most alike is taken, where a few of many are asked for
STACK = 64  # thumbnails that are scaled at once
LENGTH = 4080  # of a window; rounded to whole numbers it stays below 2^12, and each partial sum of a product below 2^24
# The bound alone is rounded: 64 products in float32 and their sum, by at most 66 × 2^-24 of both lengths.
SLACK = 1e-5 * LENGTH**2

Told = Callable[[int, int], None]


def thumbnail(film: np.ndarray) -> np.ndarray:
    """Of a levelled film: uint8 (`THUMBNAIL`, `THUMBNAIL`)."""
    return cv2.resize(film, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)


def windows(thumbnails: np.ndarray) -> np.ndarray:
    """Of thumbnails uint8 (n, T, T): float32 (37, n, 256), whole numbers, see `_window`; the first is the whole."""
    return np.stack([_window(thumbnails, *square) for square in _squares()])


def candidates(thumbnails: np.ndarray, told: Told, nearest: int = NEAREST) -> np.ndarray:
    """Pairs of films worth comparing, int (P, 2), the smaller index first, in order.

    Args:
        thumbnails: uint8 (N, T, T).
        told: called with how many films of how many were looked up.
    """
    wholes = _wholes(thumbnails)
    floors = _floors(wholes, wholes, nearest, itself=True)
    search = _Search(wholes, floors)
    pairs = [np.zeros((0, 2), int)]
    best = _Best(nearest)
    for start in range(0, len(thumbnails), BLOCK):
        block = thumbnails[start : start + BLOCK]
        rows, columns, alike = search.found(windows(block), floors[start : start + BLOCK])
        others = rows + start != columns  # a film is not its own copy
        rows, columns, alike = rows[others] + start, columns[others], alike[others]
        pairs.append(_highest(rows, columns, alike, nearest))
        best.see(columns, rows, alike)
        told(start + len(block), len(thumbnails))
    pairs.append(best.pairs())
    return np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)


def candidates_between(ours: np.ndarray, theirs: np.ndarray, told: Told, nearest: int = 2 * NEAREST) -> np.ndarray:
    """For each of our films those of theirs that are worth comparing, int (P, 2), our index first, in order."""
    here, there = _wholes(ours), _wholes(theirs)
    floors = _floors(here, there, nearest)
    pairs = [np.zeros((0, 2), int)]
    search = _Search(there, np.full(len(there), np.inf))
    for start in range(0, len(ours), BLOCK):
        rows, columns, alike = search.found(windows(ours[start : start + BLOCK]), floors[start : start + BLOCK])
        pairs.append(_highest(rows + start, columns, alike, nearest))
    search, best = _Search(here, floors), _Best(nearest)
    for start in range(0, len(theirs), BLOCK):
        block = windows(theirs[start : start + BLOCK])
        rows, columns, alike = search.found(block, np.full(block.shape[1], np.inf))
        best.see(columns, rows + start, alike)
        told(start + block.shape[1], len(theirs))
    pairs.append(best.pairs())
    return np.unique(np.concatenate(pairs), axis=0)


class _Search:
    """Finds films, by their windows, in whole ones.

    Args:
        wholes: (n, 256).
        floors: (n,) product from which a film is of interest for each of these.
    """

    def __init__(self, wholes: np.ndarray, floors: np.ndarray) -> None:
        self.wholes, self.floors = wholes, floors
        self.basis = _directions(wholes)
        self.bounds = np.ascontiguousarray(_bounding(wholes, self.basis).T)

    def found(self, cuts: np.ndarray, floors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Films of a block (row), whole ones (column), and how alike they are by the best window: (P,) each.

        Every pair is among them that reaches the floor of either.

        Args:
            cuts: (37, B, 256) windows of the block.
            floors: (B,) as of the whole ones.
        """
        bounds, enough = _bounding(cuts, self.basis), floors - SLACK
        places = [np.zeros((2, 0), int)]
        for start in range(0, len(self.wholes), TILE):
            tile = self.bounds[:, start : start + TILE]
            most, one = bounds[0] @ tile, np.empty((len(floors), tile.shape[1]), np.float32)
            for window in bounds[1:]:
                np.maximum(most, np.matmul(window, tile, out=one), out=most)
            reached = most >= np.minimum(enough[:, None], self.floors[None, start : start + TILE] - SLACK)
            rows, columns = np.nonzero(reached)
            places.append(np.stack([rows, columns + start]))
        rows, columns = np.concatenate(places, axis=1)
        order = np.argsort(rows, kind="stable")
        rows, columns = rows[order], columns[order]
        alike = np.empty(len(rows), np.float32)
        ends = np.searchsorted(rows, np.arange(len(floors) + 1))
        for row, (first, last) in enumerate(pairwise(ends)):
            if last > first:
                alike[first:last] = (self.wholes[columns[first:last]] @ cuts[:, row].T).max(axis=1)
        kept = alike >= np.minimum(floors[rows], self.floors[columns])
        return rows[kept], columns[kept], alike[kept]


class _Best:
    """Of each film those that are most alike, while blocks of others come."""

    def __init__(self, nearest: int) -> None:
        self.nearest = nearest
        self.known = (np.zeros(0, int), np.zeros(0, int), np.zeros(0, np.float32))
        self.waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def see(self, films: np.ndarray, others: np.ndarray, alike: np.ndarray) -> None:
        """Pairs (P,) each."""
        self.waiting.append((films, others, alike))
        if sum(len(one[0]) for one in self.waiting) > 2 * len(self.known[0]) + BLOCK * TILE:
            self._settle()

    def pairs(self) -> np.ndarray:
        """Each film with the most alike of all that were seen, int (P, 2)."""
        self._settle()
        return np.stack(self.known[:2], axis=1)

    def _settle(self) -> None:
        films, others, alike = (np.concatenate(columns) for columns in zip(self.known, *self.waiting, strict=True))
        kept = _first_of_each(films, alike, self.nearest)
        self.known, self.waiting = (films[kept], others[kept], alike[kept]), []


def _highest(films: np.ndarray, others: np.ndarray, alike: np.ndarray, nearest: int) -> np.ndarray:
    """Each film with those that are most alike, int (P, 2)."""
    kept = _first_of_each(films, alike, nearest)
    return np.stack([films[kept], others[kept]], axis=1)


def _first_of_each(films: np.ndarray, alike: np.ndarray, nearest: int) -> np.ndarray:
    """Places of the most alike pairs of each film; of equal ones those that come first."""
    order = np.lexsort((-alike, films))
    films = films[order]
    begins = np.searchsorted(films, films)
    return order[np.arange(len(films)) - begins < nearest]


def _floors(ours: np.ndarray, theirs: np.ndarray, nearest: int, *, itself: bool = False) -> np.ndarray:
    """Of each of our films (n, 256) a product that so many of theirs reach, by their wholes alone.

    A film without content reaches and is reached by nothing.

    Args:
        itself: theirs are ours.
    """
    found = np.full(len(ours), np.inf)
    for start in range(0, len(ours), BLOCK):
        block = ours[start : start + BLOCK]
        alike = block @ theirs.T
        if itself:
            alike[np.arange(len(block)), np.arange(start, start + len(block))] = -np.inf
        # The most alike of each of several heaps are as many different films.
        whole = alike.shape[1] // TOGETHER * TOGETHER
        heaps = alike[:, :whole].reshape(len(block), TOGETHER, -1).max(axis=1)
        heaps = np.concatenate([heaps, alike[:, whole:]], axis=1)
        place = heaps.shape[1] - nearest
        lowest = np.partition(heaps, place, axis=1)[:, place] if place >= 0 else np.full(len(block), -np.inf)
        found[start : start + BLOCK] = np.where(block.any(axis=1), lowest, np.inf)
    return found


def _directions(wholes: np.ndarray) -> np.ndarray:
    """(256, `DIRECTIONS`) orthonormal, in which films vary most."""
    some = wholes[:: max(1, len(wholes) // TOLD_BY)].astype(float)
    _, vectors = np.linalg.eigh(some.T @ some)
    return vectors[:, ::-1][:, :DIRECTIONS]


def _bounding(cuts: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Of windows (…, 256): float32 (…, `DIRECTIONS` + 1), of which a product bounds that of the windows.

    A difference of squares loses half of its digits at the root: what float32 leaves of a rest is no bound.
    """
    exact = cuts.astype(float)
    inside = exact @ basis
    squares = (exact**2).sum(axis=-1)
    rest = np.sqrt(np.maximum(squares - (inside**2).sum(axis=-1), 0) + 1e-12 * squares)
    return np.concatenate([inside, rest[..., None]], axis=-1, dtype=np.float32)


def _squares() -> Iterator[tuple[int, int, int]]:
    """Side, left and top of each window in pixels of a thumbnail."""
    yield THUMBNAIL, 0, 0
    for share, across, down in product(SIDES, PLACES, PLACES):
        side = round(share * THUMBNAIL)
        yield side, round(across * (THUMBNAIL - side)), round(down * (THUMBNAIL - side))


def _window(thumbnails: np.ndarray, side: int, left: int, top: int) -> np.ndarray:
    """One window of each, float32 (n, 256) whole numbers of mean 0 and length `LENGTH`, as far as they can, or 0."""
    found = np.empty((len(thumbnails), GRID * GRID))
    for start in range(0, len(thumbnails), STACK):  # films below each other are scaled as one by one
        cut = thumbnails[start : start + STACK, top : top + side, left : left + side]
        scaled = cv2.resize(cut.reshape(-1, side), (GRID, GRID * len(cut)), interpolation=cv2.INTER_AREA)
        found[start : start + STACK] = scaled.reshape(len(cut), -1)
    found -= found.mean(axis=1, keepdims=True)
    lengths = np.sqrt((found**2).sum(axis=1, keepdims=True))  # exact until the root: of bytes less their mean
    np.divide(found, lengths, out=found, where=lengths > 0)
    return np.rint(found * LENGTH).astype(np.float32)


def _wholes(thumbnails: np.ndarray) -> np.ndarray:
    """The first window of each, float32 (n, 256)."""
    return _window(thumbnails, *next(_squares()))
