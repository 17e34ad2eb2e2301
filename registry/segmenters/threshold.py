"""Lungs by classical image processing: dark, large, and not touching the border."""

from typing import Annotated, Literal

import cv2
import numpy as np

from registry.options import Range


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
        dark = _DARK[self.method](smooth)
        dark = cv2.morphologyEx(dark, cv2.MORPH_OPEN, _disc(side / 48))
        count, parts, boxes, _ = cv2.connectedComponentsWithStats(dark, connectivity=4)
        areas = {
            part: boxes[part, cv2.CC_STAT_AREA] for part in range(1, count) if not _touches_border(boxes[part], image)
        }
        largest = sorted(areas, key=lambda part: (-areas[part], part))[:2]
        kept = [part for part in largest if areas[part] >= self.minimum_area * image.size]
        lungs = cv2.morphologyEx(np.isin(parts, kept).astype(np.uint8), cv2.MORPH_CLOSE, _disc(side * self.closing))
        return _filled(lungs)


def threshold(
    image_shape: tuple[int | None, int | None, int],
    *,
    method: Literal["otsu", "adaptive", "kmeans"] = "otsu",
    closing: Annotated[float, Range(0, 0.2)] = 0.06,
    minimum_area: Annotated[float, Range(0, 0.1)] = 0.01,
) -> DarkRegions:
    """The two largest dark regions away from the border, untrained (OpenCV).

    Args:
        method: what counts as dark: below Otsu's threshold, darker than its surroundings, or the darker of two
            intensity clusters in the middle of the frame.
        closing: radius of the closing that bridges ribs and vessels, as share of the shorter side.
        minimum_area: regions below this share of the frame are no lung.
    """
    return DarkRegions(method, closing, minimum_area)


def _otsu(image: np.ndarray) -> np.ndarray:
    return cv2.threshold(image, 0, 1, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)[1]


def _adaptive(image: np.ndarray) -> np.ndarray:
    block = max(min(image.shape) // 2, 3) | 1
    return cv2.adaptiveThreshold(image, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, block, 4)


def _kmeans(image: np.ndarray) -> np.ndarray:
    height, width = image.shape
    middle = image[height // 8 : height - height // 8, width // 8 : width - width // 8]
    low, high = np.percentile(middle, (10, 90))
    for _ in range(20):  # two clusters in one dimension: Lloyd's iteration needs no random start
        cut = (low + high) / 2
        below, above = middle[middle <= cut], middle[middle > cut]
        if not below.size or not above.size:
            break
        low, high = below.mean(), above.mean()
    return (image <= (low + high) / 2).astype(np.uint8)


_DARK = {"otsu": _otsu, "adaptive": _adaptive, "kmeans": _kmeans}


def _disc(radius: float) -> np.ndarray:
    size = 2 * max(round(radius), 0) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))


def _touches_border(box: np.ndarray, image: np.ndarray) -> bool:
    height, width = image.shape
    right, bottom = box[cv2.CC_STAT_LEFT] + box[cv2.CC_STAT_WIDTH], box[cv2.CC_STAT_TOP] + box[cv2.CC_STAT_HEIGHT]
    return bool(box[cv2.CC_STAT_LEFT] == 0 or box[cv2.CC_STAT_TOP] == 0 or right == width or bottom == height)


def _filled(mask: np.ndarray) -> np.ndarray:
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros_like(mask), outlines, -1, 1, cv2.FILLED).astype(bool)
