"""What control rules see of images: views from which the lungs' texture is gone, as rows of numbers."""

import cv2
import numpy as np

from benchmark.data.frames import within
from benchmark.data.originals import Originals

BORDER_SIDE, BORDER_RINGS = 24, 2
THUMBNAIL_SIDE = 8
MASK_SIDE = 16


def border(images: np.ndarray, frames: np.ndarray | None = None) -> np.ndarray:
    """The outer two rings of films uint8 (N, H, W) averaged to 24×24, float32 (N, 176).

    Args:
        frames: int (N, 4), where the films lie in the images; None where they fill them.
    """
    ring = np.ones((BORDER_SIDE, BORDER_SIDE), bool)
    ring[BORDER_RINGS:-BORDER_RINGS, BORDER_RINGS:-BORDER_RINGS] = False
    return averaged(images, BORDER_SIDE, frames)[:, ring.ravel()]


def thumbnail(images: np.ndarray, frames: np.ndarray | None = None) -> np.ndarray:
    """Films uint8 (N, H, W) averaged to 8×8, float32 (N, 64); `frames` as in `border`."""
    return averaged(images, THUMBNAIL_SIDE, frames)


def mask_shape(masks: np.ndarray, frames: np.ndarray | None = None) -> np.ndarray:
    """Masks bool (N, H, W) averaged to 16×16, float32 (N, 256): the share of each cell of the film that is lung."""
    return averaged(masks.view(np.uint8), MASK_SIDE, frames)


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


def averaged(images: np.ndarray, side: int, frames: np.ndarray | None = None) -> np.ndarray:
    """Images (N, H, W) at so many pixels a side, each the mean of what it covers, float32 (N, side²).

    Args:
        frames: where the films lie, whose bars are left out: their shape is what file headers say.
    """
    films = images if frames is None else (image[within(frame)] for image, frame in zip(images, frames, strict=True))
    small = [
        cv2.resize(np.asarray(film, np.float32), (side, side), interpolation=cv2.INTER_AREA).ravel() for film in films
    ]
    return np.array(small, np.float32).reshape(-1, side * side)


def _one_hot(values: np.ndarray) -> np.ndarray:
    return (values[:, None] == np.unique(values)).astype(float)
