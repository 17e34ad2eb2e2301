"""What control rules see of images: views from which the lungs' texture is gone, as rows of numbers."""

import cv2
import numpy as np

from benchmark.data.originals import Originals

BORDER_SIDE, BORDER_RINGS = 24, 2
THUMBNAIL_SIDE = 8
MASK_SIDE = 16


def border(images: np.ndarray) -> np.ndarray:
    """The outer two rings of images uint8 (N, H, W) averaged to 24×24, float32 (N, 176)."""
    ring = np.ones((BORDER_SIDE, BORDER_SIDE), bool)
    ring[BORDER_RINGS:-BORDER_RINGS, BORDER_RINGS:-BORDER_RINGS] = False
    return averaged(images, BORDER_SIDE)[:, ring.ravel()]


def thumbnail(images: np.ndarray) -> np.ndarray:
    """Images uint8 (N, H, W) averaged to 8×8, float32 (N, 64)."""
    return averaged(images, THUMBNAIL_SIDE)


def mask_shape(masks: np.ndarray) -> np.ndarray:
    """Masks bool (N, H, W) averaged to 16×16, float32 (N, 256): the share of each cell that is lung."""
    return averaged(masks.view(np.uint8), MASK_SIDE)


def metadata(originals: Originals) -> tuple[np.ndarray, list[str]] | None:
    """What the files say of images, float32 (N, C), and what of it varies: the rest tells nothing.

    Width, height, their ratio and bits as numbers; format and colour mode as a column for each value that occurs.
    None where nothing varies.
    """
    height, width = originals.sizes.T.astype(float)
    found = {"width": width[:, None], "height": height[:, None], "ratio": (width / height)[:, None]}
    found["format"] = _one_hot(originals.kinds)
    found["colour mode"] = _one_hot(originals.colours)
    found["bits"] = originals.bits[:, None].astype(float)
    varying = {name: columns for name, columns in found.items() if np.any(columns != columns[:1])}
    if not varying:
        return None
    return np.concatenate(list(varying.values()), axis=1).astype(np.float32), list(varying)


def averaged(images: np.ndarray, side: int) -> np.ndarray:
    """Images (N, H, W) at so many pixels a side, each the mean of what it covers, float32 (N, side²)."""
    small = [
        cv2.resize(np.asarray(image, np.float32), (side, side), interpolation=cv2.INTER_AREA).ravel()
        for image in images
    ]
    return np.array(small, np.float32).reshape(-1, side * side)


def _one_hot(values: np.ndarray) -> np.ndarray:
    return (values[:, None] == np.unique(values)).astype(float)
