"""Which films are worth comparing by key points: those whose thumbnails, or windows of them, look most alike.

A film is known by a thumbnail.  Of it, 37 windows (the whole; squares of .92 to .68 of the side at nine places) are
correlated, 16 × 16 pixels each, with the whole of every other film, so that a crop finds the film that it is of.
"""

from collections.abc import Callable, Iterator
from itertools import product

import cv2
import numpy as np

THUMBNAIL = 64  # pixels a side
GRID = 16  # pixels a side, of what is correlated
SIDES = (0.92, 0.84, 0.76, 0.68)
PLACES = (0.0, 0.5, 1.0)  # of a window along each axis, from one edge to the other
NEAREST = 5  # films that each is compared with, by its own windows and by those of the others
BLOCK = 256  # films whose windows are correlated with all others at once

Told = Callable[[int, int], None]


def thumbnail(film: np.ndarray) -> np.ndarray:
    """Of a levelled film: uint8 (`THUMBNAIL`, `THUMBNAIL`)."""
    return cv2.resize(film, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)


def windows(thumbnails: np.ndarray) -> np.ndarray:
    """Of thumbnails uint8 (n, T, T): float32 (37, n, 256), each of mean 0 and length 1; the first is the whole."""
    found = np.empty((1 + len(SIDES) * len(PLACES) ** 2, len(thumbnails), GRID * GRID), np.float32)
    for number, (side, left, top) in enumerate(_squares()):
        for film, one in enumerate(thumbnails):
            cut = one[top : top + side, left : left + side]
            found[number, film] = cv2.resize(cut, (GRID, GRID), interpolation=cv2.INTER_AREA).ravel()
    found -= found.mean(axis=2, keepdims=True)
    lengths = np.linalg.norm(found, axis=2, keepdims=True)
    return np.divide(found, lengths, out=found, where=lengths > 0)


def candidates(thumbnails: np.ndarray, told: Told, nearest: int = NEAREST) -> np.ndarray:
    """Pairs of films worth comparing, int (P, 2), the smaller index first, in order.

    Args:
        thumbnails: uint8 (N, T, T).
        told: called with how many films of how many were looked up.
    """
    wholes = _wholes(thumbnails)
    pairs = [np.zeros((0, 2), int)]
    best = _Best(nearest, len(thumbnails))
    for start, alike in _blocks(thumbnails, wholes):
        rows = np.arange(start, start + len(alike))
        alike[rows - start, rows] = -2  # a film is not its own copy
        pairs.append(_pairs(rows, _highest(alike, nearest)))
        best.see(start, alike)
        told(start + len(alike), len(thumbnails))
    pairs.append(_pairs(np.arange(len(thumbnails)), best.rows.T))
    return np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)


def candidates_between(ours: np.ndarray, theirs: np.ndarray, told: Told, nearest: int = 2 * NEAREST) -> np.ndarray:
    """For each of our films those of theirs that are worth comparing, int (P, 2), our index first, in order."""
    pairs = [np.zeros((0, 2), int)]
    for start, alike in _blocks(ours, _wholes(theirs)):
        pairs.append(_pairs(np.arange(start, start + len(alike)), _highest(alike, nearest)))
    best = _Best(nearest, len(ours))
    for start, alike in _blocks(theirs, _wholes(ours)):
        best.see(start, alike)
        told(start + len(alike), len(theirs))
    pairs.append(_pairs(np.arange(len(ours)), best.rows.T))
    return np.unique(np.concatenate(pairs), axis=0)


class _Best:
    """Of each column the rows that are most alike, while blocks of rows come."""

    def __init__(self, nearest: int, columns: int) -> None:
        self.alike = np.full((nearest, columns), -2, np.float32)
        self.rows = np.full((nearest, columns), -1, int)

    def see(self, start: int, alike: np.ndarray) -> None:
        """A block of rows (B, columns), the first of which is the row `start`."""
        numbers = np.broadcast_to(np.arange(start, start + len(alike))[:, None], alike.shape)
        every, rows = np.concatenate([self.alike, alike]), np.concatenate([self.rows, numbers])
        chosen = np.argpartition(-every, len(self.rows) - 1, axis=0)[: len(self.rows)]
        self.alike, self.rows = np.take_along_axis(every, chosen, 0), np.take_along_axis(rows, chosen, 0)


def _squares() -> Iterator[tuple[int, int, int]]:
    """Side, left and top of each window in pixels of a thumbnail."""
    yield THUMBNAIL, 0, 0
    for share, across, down in product(SIDES, PLACES, PLACES):
        side = round(share * THUMBNAIL)
        yield side, round(across * (THUMBNAIL - side)), round(down * (THUMBNAIL - side))


def _wholes(thumbnails: np.ndarray) -> np.ndarray:
    """The first window of each, float32 (256, n)."""
    blocks = [windows(thumbnails[start : start + BLOCK])[0] for start in range(0, len(thumbnails), BLOCK)]
    return np.concatenate([np.zeros((0, GRID * GRID), np.float32), *blocks]).T


def _blocks(thumbnails: np.ndarray, wholes: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Start and correlations (B, n) of blocks of films, each by its best window, with whole films (256, n)."""
    for start in range(0, len(thumbnails), BLOCK):
        first, *others = windows(thumbnails[start : start + BLOCK])
        alike, one = first @ wholes, np.empty((len(first), wholes.shape[1]), np.float32)
        for window in others:
            np.maximum(alike, np.matmul(window, wholes, out=one), out=alike)
        yield start, alike


def _highest(alike: np.ndarray, nearest: int) -> np.ndarray:
    """Of each row the columns that are most alike, int (B, nearest) or fewer."""
    nearest = min(nearest, alike.shape[1])
    return np.argpartition(-alike, nearest - 1, axis=1)[:, :nearest] if nearest else np.zeros((len(alike), 0), int)


def _pairs(films: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Each film (B,) with each of its others (B, k), int (B k, 2); -1 is none."""
    pairs = np.stack([np.repeat(films, others.shape[1]), others.ravel()], axis=1)
    return pairs[(pairs[:, 1] >= 0) & (pairs[:, 0] != pairs[:, 1])]
