"""Showing a network the lungs only: the three ways to apply a mask."""

from collections.abc import Callable

import cv2
import numpy as np

from registry.errors import unknown_name

CROP_MARGIN = 0.05  # of the box's side, on each side


def apply_masks(images: np.ndarray, masks: np.ndarray, how: str) -> np.ndarray:
    """The images as a network that may see only the lungs gets them, uint8 (n, H, W).

    Args:
        images: uint8 (n, H, W).
        masks: bool (n, H, W), true inside the lungs.
        how: ``multiply`` blackens the rest; ``crop`` enlarges the lungs' bounding box to the whole frame (an empty
            mask keeps the whole image); ``mean-fill`` paints the rest in the lungs' mean grey (the whole image's,
            where the mask is empty).
    """
    if how not in MASKINGS:
        raise unknown_name("way to apply masks", how, MASKINGS, "[images] of the task file")
    masked = np.empty_like(images, subok=False)
    for position, (image, mask) in enumerate(zip(images, masks, strict=True)):
        masked[position] = MASKINGS[how](image, mask)
    return masked


def _multiply(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return image * mask


def _crop(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return image
    aside, above = round(width * CROP_MARGIN), round(height * CROP_MARGIN)
    box = image[max(top - above, 0) : top + height + above, max(left - aside, 0) : left + width + aside]
    return cv2.resize(np.ascontiguousarray(box), image.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _mean_fill(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    grey = image[mask].mean() if mask.any() else image.mean()
    return np.where(mask, image, np.uint8(round(float(grey))))


MASKINGS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "multiply": _multiply,
    "crop": _crop,
    "mean-fill": _mean_fill,
}
