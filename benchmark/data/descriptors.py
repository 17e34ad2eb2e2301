"""What a prepared image looks like as a whole, in some three hundred numbers: brightness, edges, contrast."""

import cv2
import numpy as np

from benchmark.data.frames import within

SIDE = 16  # of the thumbnail
FINE = 64  # pixels a side at which texture is measured, whatever the images have
LEVELS, DIRECTIONS, OCTAVES = 16, 8, 4
COUNT = SIDE**2 + LEVELS + 4 * DIRECTIONS + OCTAVES + 1  # numbers of a descriptor
FAINT = 1e-3  # grey levels (of 1) and shares below which texture says nothing


def descriptors(images: np.ndarray, frames: np.ndarray | None = None) -> np.ndarray:
    """Descriptors float32 (n, C) of prepared images uint8 (n, S, S).

    Of each the film at 16×16, the roots of its shares of 16 grey levels, the logarithms of the shares of 8 directions
    of its edges in each quarter and of its contrast in 4 octaves, and how alike its left and its mirrored right are.

    Args:
        frames: int (n, 4), where the films lie in the images, see `benchmark.data.frames`: bars count for nothing.
    """
    films = images if frames is None else (image[within(frame)] for image, frame in zip(images, frames, strict=True))
    found = [_descriptor(np.asarray(film, np.float32) / 255) for film in films]
    return np.array(found, np.float32).reshape(len(images), COUNT)


def _descriptor(film: np.ndarray) -> np.ndarray:
    small = cv2.resize(film, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    fine = cv2.resize(film, (FINE, FINE), interpolation=cv2.INTER_AREA)
    levels = np.bincount((film.ravel() * (LEVELS - 1e-4)).astype(int), minlength=LEVELS) / film.size
    return np.concatenate([small.ravel(), np.sqrt(levels), _edges(fine), _contrasts(fine), [_symmetry(small)]])


def _edges(fine: np.ndarray) -> np.ndarray:
    """(4 · 8,) logarithms of how the edges of each quarter share the directions from dark to bright."""
    across, down = cv2.Sobel(fine, cv2.CV_32F, 1, 0), cv2.Sobel(fine, cv2.CV_32F, 0, 1)
    turns = np.arctan2(down, across) / (2 * np.pi) % 1
    direction = np.minimum((turns * DIRECTIONS).astype(int), DIRECTIONS - 1)
    half = np.arange(FINE) // (FINE // 2)
    quarter = 2 * half[:, None] + half
    strength = np.hypot(across, down).ravel()
    sums = np.bincount((quarter * DIRECTIONS + direction).ravel(), strength, 4 * DIRECTIONS).reshape(4, DIRECTIONS)
    shares = sums / (sums.sum(axis=1, keepdims=True) + FAINT)
    return np.log(shares + 10 * FAINT).ravel()


def _contrasts(fine: np.ndarray) -> np.ndarray:
    """(4,) logarithms of the standard deviation of what each octave adds, the finest first."""
    found = []
    for _ in range(OCTAVES):
        smooth = cv2.GaussianBlur(fine, (0, 0), 1)
        found.append(np.log((fine - smooth).std() + FAINT))
        fine = cv2.resize(smooth, (len(smooth) // 2, len(smooth) // 2), interpolation=cv2.INTER_AREA)
    return np.array(found)


def _symmetry(small: np.ndarray) -> float:
    """Correlation of a film with its mirror image."""
    centred = small - small.mean()
    return float((centred * centred[:, ::-1]).mean() / (centred.var() + FAINT**2))
