"""Showing a network the lungs only: equalised inside them where asked, the rest hidden in one of three ways."""

from collections.abc import Callable

import cv2
import numpy as np

from registry.errors import unknown_name

CROP_MARGIN = 0.05  # of the box's side, on each side


def view(images: np.ndarray, masks: np.ndarray | None, *, equalise: str, mask: str) -> np.ndarray:
    """What a classifier sees of prepared images, uint8 (n, H, W).

    Args:
        images: uint8 (n, H, W), prepared with the same `equalise`.
        masks: bool (n, H, W); None for the whole frame.
        equalise: ``lungs`` equalises inside the masks, before they are applied; anything else was done when the images
            were prepared.
        mask: how masks are applied, see `apply_masks`.
    """
    late = equalise == "lungs"
    if masks is None and not late:
        return images
    inside = np.ones(images.shape, bool) if masks is None else masks
    return apply_masks(equalise_inside(images, inside) if late else images, inside, mask)


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


def equalise_inside(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Histogram equalisation that counts only pixels inside the mask, applied to the whole image.

    An empty mask counts every pixel; a mask over a single grey level leaves the image as it is.

    Args:
        images: uint8 (n, H, W).
        masks: bool (n, H, W).
    """
    equalised = np.empty_like(images)
    for position, (image, mask) in enumerate(zip(images, masks, strict=True)):
        counts = np.bincount(image[mask] if mask.any() else image.ravel(), minlength=256)
        cumulated = counts.cumsum()
        darkest = counts[counts > 0][0]
        spread = max(int(cumulated[-1] - darkest), 1)
        table = np.rint((cumulated - darkest).clip(0) * (255 / spread)).astype(np.uint8)
        equalised[position] = image if cumulated[-1] == darkest else table[image]
    return equalised


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
