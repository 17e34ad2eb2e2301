"""Haze that everybody may have, and what a disease makes of it.

The density budget is drawn before the label is looked at: where haze lies, how much of it, and how dense the lungs
are in all.  A disease only spends that budget differently, at wavelengths that a coarse thumbnail averages away;
otherwise total density alone would give the class away, and equalisation would carry it to the very border.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from registry.datasets.phantom.canvas import blur, cloud

GROUND_GLASS_WAVELENGTH = 0.075  # frame units: 4.8 pixels at 64
INTERSTITIAL_WAVELENGTH = 0.05


@dataclass(frozen=True, slots=True)
class Haze:
    """The budget of one film.

    Attributes:
        patches: soft coverage in [0, 1] of peripheral, mostly lower patches, at least one a lung; (H, W).
        thickness: what a fully covered pixel adds.
    """

    patches: np.ndarray
    thickness: float


@dataclass(frozen=True, slots=True)
class Finding:
    """What a film shows inside the lungs.

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
        for _ in range(rng.integers(1, 4)):
            patches = np.maximum(patches, _blob(rng, lung, _peripheral(lung, outward), rng.uniform(0.05, 0.09)))
    return Haze(patches, rng.uniform(0.05, 0.14))


def healthy(rng: np.random.Generator, haze: Haze, lungs: Lungs, contrast: float) -> Finding:
    """Smooth haze, no lesion."""
    return Finding(haze.patches * haze.thickness, np.zeros(haze.patches.shape, bool))


def ground_glass(rng: np.random.Generator, haze: Haze, lungs: Lungs, contrast: float) -> Finding:
    """Every patch of haze turns into mottled glass of the same mean density: bilateral, peripheral, lower zones."""
    mottle = contrast * 0.13 * cloud(rng, len(haze.patches), GROUND_GLASS_WAVELENGTH)
    return Finding(haze.patches * (haze.thickness + mottle), haze.patches > 0.5)


def consolidation(rng: np.random.Generator, haze: Haze, lungs: Lungs, contrast: float) -> Finding:
    """One dense focus in one lung, paid for by the rest of that lung."""
    lung = lungs[rng.integers(2)]
    focus = _blob(rng, lung, lung, rng.uniform(0.07, 0.11))
    dense = contrast * rng.uniform(0.25, 0.4) * focus
    paid = dense.sum() / max(float(lung.sum()), 1.0)
    return Finding(haze.patches * haze.thickness + dense - paid * lung, focus > 0.5)


def interstitial(rng: np.random.Generator, haze: Haze, lungs: Lungs, contrast: float) -> Finding:
    """A net of fine lines all over both lungs."""
    size = len(haze.patches)
    net = -np.abs(cloud(rng, size, INTERSTITIAL_WAVELENGTH))
    net = (net - blur(net, 0.05)) * np.maximum(lungs[0], lungs[1])
    return Finding(haze.patches * haze.thickness + contrast * 0.12 * net, np.maximum(lungs[0], lungs[1]) > 0.5)


def _peripheral(lung: np.ndarray, outward: int) -> np.ndarray:
    rows, columns = np.nonzero(lung > 0.5)
    height = (np.arange(len(lung)) - rows.min()) / max(np.ptp(rows), 1)
    across = (np.arange(len(lung)) - columns.min()) / max(np.ptp(columns), 1)
    outer = across if outward > 0 else 1 - across
    return lung * np.clip(height, 0, 1)[:, None] ** 1.5 * np.clip(outer, 0, 1)[None, :]


def _blob(rng: np.random.Generator, lung: np.ndarray, weights: np.ndarray, radius: float) -> np.ndarray:
    """Soft patch with a ragged outline inside a lung, its centre drawn by weight; coverage in [0, 1]."""
    size = len(lung)
    cumulative = np.cumsum(np.where(lung > 0.5, weights, 0), dtype=np.float64)
    row, column = divmod(int(np.searchsorted(cumulative, rng.random() * cumulative[-1])), size)
    stretch, turn = rng.uniform(0.75, 1.35), rng.uniform(0, np.pi)
    y, x = (
        (np.arange(size, dtype=np.float32) - row)[:, None] / size,
        (np.arange(size, dtype=np.float32) - column) / size,
    )
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    distance = np.sqrt((along / stretch) ** 2 + (across * stretch) ** 2) / radius
    ragged = 1 - distance + 0.18 * cloud(rng, size, 0.12)
    return (np.clip(ragged / 0.3 + 0.5, 0, 1) * lung).astype(np.float32)
