"""Haze that everybody may have, and what a disease makes of it.

The density budget is drawn before the label is looked at: where haze lies, how much of it, and how dense the lungs
are in all.  A disease only spends that budget differently, at wavelengths that a coarse thumbnail averages away;
otherwise total density alone would give the class away, and equalisation would carry it to the very border.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from registry.datasets.phantom.canvas import cloud

# Wavelengths in frame units.  A cell of an 8×8 thumbnail is 0.125 wide; a network for 64 pixels sees down to 0.047.
# The two must differ: at equal wavelengths a small network took one for the other (balanced accuracy .87 for .98).
GROUND_GLASS_WAVELENGTH = 0.06
INTERSTITIAL_WAVELENGTH = 0.1
GRAIN_FLOOR = -0.8  # standard deviations: no holes in the glass
GRAIN_MEAN = 0.12  # of a standard normal variable after that floor


@dataclass(frozen=True, slots=True)
class Haze:
    """The budget of one radiograph.

    Attributes:
        patches: soft coverage in [0, 1] of peripheral, mostly lower patches, at least one a lung; (H, W).
        thickness: what a fully covered pixel adds.
    """

    patches: np.ndarray
    thickness: float


@dataclass(frozen=True, slots=True)
class Finding:
    """What a radiograph shows inside the lungs.

    Attributes:
        thickness: to be added to the lungs, (H, W) float32; may be negative where the budget was spent elsewhere.
        lesion: bool (H, W).
    """

    thickness: np.ndarray
    lesion: np.ndarray


Lungs = tuple[np.ndarray, np.ndarray]
Disease = Callable[[np.random.Generator, Haze, Lungs, float], Finding]


def draw_haze(rng: np.random.Generator, lungs: Lungs) -> Haze:
    """Patches in the outer and lower parts of both lungs (coverage in [0, 1], (H, W) each)."""
    patches = np.zeros_like(lungs[0])
    for lung, outward in zip(lungs, (-1, 1), strict=True):
        rough = cloud(rng, len(lung), 0.12)
        for centre in _centres(rng, lung, _peripheral(lung, outward), rng.integers(2, 4)):
            np.maximum(patches, _blob(rng, centre, rng.uniform(0.06, 0.10), rough), out=patches)
    patches *= np.maximum(*lungs)
    return Haze(patches, rng.uniform(0.05, 0.15))


def healthy(rng: np.random.Generator, haze: Haze, lungs: Lungs, contrast: float) -> Finding:
    """Smooth haze, no lesion."""
    return Finding(haze.patches * haze.thickness, np.zeros(haze.patches.shape, bool))


def ground_glass(rng: np.random.Generator, haze: Haze, lungs: Lungs, contrast: float) -> Finding:
    """Every patch of haze turns into mottled glass of the same mean density: bilateral, peripheral, lower zones."""
    grains = np.maximum(cloud(rng, len(haze.patches), GROUND_GLASS_WAVELENGTH), GRAIN_FLOOR) - GRAIN_MEAN
    return Finding(haze.patches * (haze.thickness + contrast * 0.22 * grains), haze.patches > 0.5)


def consolidation(rng: np.random.Generator, haze: Haze, lungs: Lungs, contrast: float) -> Finding:
    """One dense focus in one lung, paid for by the rest of that lung."""
    lung = lungs[rng.integers(2)]
    centre = _centres(rng, lung, lung, 1)[0]
    focus = lung * _blob(rng, centre, rng.uniform(0.07, 0.11), cloud(rng, len(lung), 0.12))
    dense = contrast * rng.uniform(0.25, 0.4) * focus
    paid = dense.sum() / max(float(lung.sum()), 1.0)
    return Finding(haze.patches * haze.thickness + dense - paid * lung, focus > 0.5)


def interstitial(rng: np.random.Generator, haze: Haze, lungs: Lungs, contrast: float) -> Finding:
    """A net of fine lines all over both lungs."""
    both = np.maximum(*lungs)
    net = 0.8 - np.abs(cloud(rng, len(both), 2 * INTERSTITIAL_WAVELENGTH))  # of mean 0; folding halves the wavelength
    return Finding(haze.patches * haze.thickness + contrast * 0.10 * net * both, both > 0.5)


def _peripheral(lung: np.ndarray, outward: int) -> np.ndarray:
    """Weight of each row and column of a lung: more below, more outside; (H, W)."""
    inside = lung > 0.5
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    height = np.clip((np.arange(len(lung)) - rows[0]) / (rows[-1] - rows[0] + 1), 0, 1)
    across = np.clip((np.arange(len(lung)) - columns[0]) / (columns[-1] - columns[0] + 1), 0, 1)
    return np.outer(height**1.5, across if outward > 0 else 1 - across)


def _centres(rng: np.random.Generator, lung: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
    """Pixels (row, column) of a lung, drawn by weight; (count, 2) int."""
    pixels = np.flatnonzero(lung > 0.5)
    cumulative = np.cumsum(weights.ravel()[pixels], dtype=np.float64)
    chosen = pixels[np.searchsorted(cumulative, rng.random(count) * cumulative[-1])]
    return np.stack(np.divmod(chosen, len(lung)), axis=1)


def _blob(rng: np.random.Generator, centre: np.ndarray, radius: float, rough: np.ndarray) -> np.ndarray:
    """Soft patch with a ragged outline; coverage in [0, 1] of the canvas of `rough`."""
    size, (row, column) = len(rough), centre.tolist()
    stretch, turn = rng.uniform(0.75, 1.35) * radius * size, rng.uniform(0, math.pi)
    squeeze = (radius * size) ** 2 / stretch
    reach = math.ceil(1.8 * max(stretch, squeeze))
    window = slice(max(row - reach, 0), row + reach), slice(max(column - reach, 0), column + reach)
    y, x = (
        np.arange(size, dtype=np.float32)[window[0], None] - row,
        np.arange(size, dtype=np.float32)[window[1]] - column,
    )
    along = x * (math.cos(turn) / stretch) + y * (math.sin(turn) / stretch)
    across = y * (math.cos(turn) / squeeze) - x * (math.sin(turn) / squeeze)
    ragged = 1 - np.sqrt(along * along + across * across) + 0.18 * rough[window]
    coverage = np.zeros_like(rough)
    coverage[window] = np.clip(ragged / 0.3 + 0.5, 0, 1)
    return coverage
