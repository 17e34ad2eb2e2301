"""Lungs by classical image processing: dark, large, and not touching the border."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import cv2
import numpy as np

from registry.options import Range

LARGEST = 0.3  # of the frame; a dark region beyond that is both lungs run together, or no lung


class DarkRegions:
    """Segments the largest dark regions inside the body."""

    def __init__(self, method: str, closing: float, minimum_area: float) -> None:
        self.method = method
        self.closing = closing
        self.minimum_area = minimum_area

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Lung masks bool (B, H, W) of images float32 (B, H, W, 1) in [0, 1]."""
        pixels = np.rint(np.clip(images[..., 0], 0, 1) * 255).astype(np.uint8)
        return np.stack([self._lungs(image) for image in pixels]) if len(pixels) else np.zeros(pixels.shape, bool)

    def _lungs(self, image: np.ndarray) -> np.ndarray:
        side = min(image.shape)
        smooth = cv2.GaussianBlur(image, (0, 0), max(side / 64, 0.8))  # noise and ribs would break a lung in pieces
        # The loosest cut lets lungs run into the air around the body, so the one that leaves most inside is taken.
        found = [self._two_largest(smooth <= level) for level in _LEVELS[self.method](smooth)]
        lungs = max(found, key=np.count_nonzero)
        return _filled(cv2.morphologyEx(lungs, cv2.MORPH_CLOSE, _disc(side * self.closing)))

    def _two_largest(self, dark: np.ndarray) -> np.ndarray:
        opened = cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_OPEN, _disc(min(dark.shape) / 48))
        _, parts, boxes, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
        areas = boxes[:, cv2.CC_STAT_AREA] / dark.size
        fitting = [
            part
            for part in range(1, len(boxes))
            if self.minimum_area <= areas[part] <= LARGEST and not _touches_border(boxes[part], dark.shape)
        ]
        return np.isin(parts, sorted(fitting, key=lambda part: -areas[part])[:2]).astype(np.uint8)


def threshold(
    image_shape: tuple[int | None, int | None, int],
    *,
    method: Literal["adaptive", "otsu", "kmeans"] = "adaptive",
    closing: Annotated[float, Range(0, 0.2)] = 0.06,
    minimum_area: Annotated[float, Range(0, 0.1)] = 0.01,
) -> DarkRegions:
    """The two largest dark regions away from the border, untrained (OpenCV).

    Args:
        method: what counts as dark: darker than its surroundings, below Otsu's threshold of the middle of the frame, or
            in the darker of three clusters of intensity.
        closing: radius of the closing that bridges ribs and vessels, as share of the shorter side.
        minimum_area: regions below this share of the frame are no lung.
    """
    return DarkRegions(method, closing, minimum_area)


def _adaptive(image: np.ndarray) -> Iterator[np.ndarray]:
    surroundings = cv2.blur(image, (max(min(image.shape) // 2, 3) | 1,) * 2).astype(np.int16)
    return (surroundings - offset for offset in (3, 6, 10, 15, 22))


def _otsu(image: np.ndarray) -> Iterable[float]:
    level, _ = cv2.threshold(_middle(image), 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return level * np.linspace(1, 0.6, 9) - 0.5  # below a level of 0 nothing is dark


def _kmeans(image: np.ndarray) -> Iterable[float]:
    pixels = _middle(image).ravel()
    centres = np.percentile(pixels, (10, 50, 90))
    for _ in range(20):  # in one dimension Lloyd's iteration needs no random start
        nearest = np.abs(pixels[:, None] - centres).argmin(axis=1)
        sizes = np.bincount(nearest, minlength=3)
        centres = np.where(sizes, np.bincount(nearest, pixels, minlength=3) / np.maximum(sizes, 1), centres)
    low, middle, high = np.sort(centres)
    return [(low + middle) / 2, (middle + high) / 2] if low < middle else [-1.0]


_LEVELS = {"adaptive": _adaptive, "otsu": _otsu, "kmeans": _kmeans}


def _middle(image: np.ndarray) -> np.ndarray:
    height, width = image.shape
    return np.ascontiguousarray(image[height // 8 : height - height // 8, width // 8 : width - width // 8])


def _disc(radius: float) -> np.ndarray:
    size = 2 * max(round(radius), 0) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))


def _touches_border(box: np.ndarray, shape: tuple[int, ...]) -> bool:
    left, top, width, height = box[:4]
    return bool(left == 0 or top == 0 or left + width == shape[1] or top + height == shape[0])


def _filled(mask: np.ndarray) -> np.ndarray:
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros_like(mask), outlines, -1, 1, cv2.FILLED).astype(bool)
