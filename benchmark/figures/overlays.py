"""A heat map laid over its film."""

import numpy as np
from matplotlib import colormaps

from benchmark.evaluation.localisation import upsample

STRENGTH = 0.75  # opacity of the hottest point, so that the film shows even there
TOP = 0.9  # the palest tenth of inferno would pass for burnt-in white

PALETTE = (255 * colormaps["inferno"](np.linspace(0, TOP, 256))[:, :3]).astype(np.uint8)


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A film with its heat map in colour, uint8 (H, W, 3).

    Colour and opacity both grow with the heat as a share of the map's own maximum.  An empty map, or one that is not
    finite, leaves the film grey.

    Args:
        image: uint8 (H, W).
        heat: (h, w), >= 0.
    """
    film = np.repeat(image[..., None], 3, axis=2)
    if is_empty(heat):
        return film
    share = upsample(np.asarray(heat, np.float32), image.shape)
    share = (share / share.max()).clip(0, 1)
    colours = PALETTE[np.rint(255 * share).astype(int)]
    opacity = STRENGTH * share[..., None]
    return np.rint(film * (1 - opacity) + colours * opacity).astype(np.uint8)


def is_empty(heat: np.ndarray) -> bool:
    """Whether a map says nothing: zero everywhere, or not finite."""
    peak = float(np.max(heat, initial=0))
    return not (np.isfinite(peak) and peak > 0)
