"""Showing a network the lungs only: equalised inside them where asked, the rest hidden in one of three ways."""

from collections.abc import Callable

import cv2
import numpy as np

from benchmark.data.frames import within
from registry.errors import unknown_name

CROP_MARGIN = 0.05  # of the box's side, on each side

Film = tuple[slice, slice]  # its rows and columns in an image; the rest are bars, which stay black
WHOLE = slice(None), slice(None)


def view(
    images: np.ndarray,
    masks: np.ndarray | None,
    *,
    equalise: str,
    mask: str,
    frames: np.ndarray | None = None,
) -> np.ndarray:
    """What a classifier sees of prepared images, uint8 (n, H, W).

    Args:
        images: uint8 (n, H, W), prepared with the same `equalise`.
        masks: bool (n, H, W); None for the whole frame.
        equalise: ``lungs`` equalises inside the masks, before they are applied; anything else was done when the images
            were prepared.
        mask: how masks are applied, see `apply_masks`.
        frames: int (n, 4), where the films lie in the images; None where they fill them.
    """
    late = equalise == "lungs"
    if masks is None:
        return equalise_inside(images, np.zeros(images.shape, bool), frames) if late else images
    return apply_masks(equalise_inside(images, masks, frames) if late else images, masks, mask, frames)


def apply_masks(images: np.ndarray, masks: np.ndarray, how: str, frames: np.ndarray | None = None) -> np.ndarray:
    """The images as a network that may see only the lungs gets them, uint8 (n, H, W).

    Args:
        images: uint8 (n, H, W).
        masks: bool (n, H, W), true inside the lungs.
        how: ``multiply`` blackens the rest; ``crop`` enlarges the lungs' bounding box to the whole frame (an empty
            mask keeps the whole image); ``mean-fill`` paints the rest of the film in the lungs' mean grey (the whole
            film's, where the mask is empty).
        frames: see `view`.
    """
    if how not in MASKINGS:
        raise unknown_name("way to apply masks", how, MASKINGS, "[images] of the task file")
    masked = np.empty_like(images, subok=False)
    for position, (image, mask) in enumerate(zip(images, masks, strict=True)):
        masked[position] = MASKINGS[how](image, mask, _film(frames, position))
    return masked


def equalise_inside(images: np.ndarray, masks: np.ndarray, frames: np.ndarray | None = None) -> np.ndarray:
    """Histogram equalisation that counts only pixels inside the mask, applied to the whole image.

    An empty mask counts every pixel of the film; a mask over a single grey level leaves the image as it is.

    Args:
        images: uint8 (n, H, W).
        masks: bool (n, H, W).
        frames: see `view`.
    """
    equalised = np.empty_like(images)
    for position, (image, mask) in enumerate(zip(images, masks, strict=True)):
        film = image[_film(frames, position)]
        counts = np.bincount(image[mask] if mask.any() else film.ravel(), minlength=256)
        cumulated = counts.cumsum()
        darkest = counts[counts > 0][0]
        spread = max(int(cumulated[-1] - darkest), 1)
        table = np.rint((cumulated - darkest).clip(0) * (255 / spread)).astype(np.uint8)
        equalised[position] = image if cumulated[-1] == darkest else table[image]
    return equalised


def _film(frames: np.ndarray | None, position: int) -> Film:
    return WHOLE if frames is None else within(frames[position])


def _multiply(image: np.ndarray, mask: np.ndarray, film: Film) -> np.ndarray:
    return image * mask


def _crop(image: np.ndarray, mask: np.ndarray, film: Film) -> np.ndarray:
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return image
    aside, above = round(width * CROP_MARGIN), round(height * CROP_MARGIN)
    (first, last), (start, stop) = (side.indices(length)[:2] for side, length in zip(film, image.shape, strict=True))
    rows = slice(max(top - above, first), min(top + height + above, last))
    box = image[rows, max(left - aside, start) : min(left + width + aside, stop)]
    return cv2.resize(np.ascontiguousarray(box), image.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _mean_fill(image: np.ndarray, mask: np.ndarray, film: Film) -> np.ndarray:
    filled, shown = np.zeros_like(image), image[film]
    grey = image[mask].mean() if mask.any() else shown.mean()
    filled[film] = np.where(mask[film], shown, np.uint8(round(float(grey))))
    return filled


MASKINGS: dict[str, Callable[[np.ndarray, np.ndarray, Film], np.ndarray]] = {
    "multiply": _multiply,
    "crop": _crop,
    "mean-fill": _mean_fill,
}
