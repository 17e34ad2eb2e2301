"""A heat map laid over its radiograph."""

import numpy as np
from matplotlib import colormaps

from benchmark.evaluation.localisation import upsample

STRENGTH = 0.75  # opacity of the hottest point, so that the radiograph shows even there
TOP = 0.9  # the palest tenth of inferno would pass for burnt-in white

PALETTE = (255 * colormaps["inferno"](np.linspace(0, TOP, 256))[:, :3]).astype(np.uint8)


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A radiograph with its heat map in colour, uint8 (H, W, 3).

    Colour and opacity both grow with the heat as a share of the map's own maximum.  An empty map, or one that is not
    finite, leaves the radiograph grey.

    Args:
        image: uint8 (H, W).
        heat: (h, w), >= 0.
    """
    radiograph = np.repeat(image[..., None], 3, axis=2)
    if is_empty(heat):
        return radiograph
    share = upsample(np.asarray(heat, np.float32), image.shape)
    share = (share / share.max()).clip(0, 1)
    colours = PALETTE[np.rint(255 * share).astype(int)]
    opacity = STRENGTH * share[..., None]
    return np.rint(radiograph * (1 - opacity) + colours * opacity).astype(np.uint8)


def is_empty(heat: np.ndarray) -> bool:
    """Whether a map says nothing: zero everywhere, or not finite."""
    peak = float(np.max(heat, initial=0))
    return not (np.isfinite(peak) and peak > 0)
