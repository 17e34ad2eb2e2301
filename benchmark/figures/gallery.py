"""Test images small enough for a page, and their heat maps to lie over them."""

import base64
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import msgspec
import numpy as np

from benchmark.evaluation.localisation import upsample
from benchmark.figures.overlays import PALETTE, STRENGTH
from benchmark.records.gallery import Gallery, Picture

SIDE = 128  # pixels of a film's longer side at most
HEAT_SIDE = 32  # of a map's: smooth, so that a page can enlarge it
QUALITY = 82  # of JPEG: about 4 kB a film


class Shown(NamedTuple):
    """One image: film and what the network sees of it, uint8 (H, W); heat uint8 (h, w); see `Picture`."""

    id: str
    label: str
    decided: str
    probability: float
    film: np.ndarray
    seen: np.ndarray
    heat: np.ndarray


def gallery(shown: Sequence[Shown], method: str) -> bytes:
    """The gallery as it lies in a file."""
    width, height = _fitted(shown[0].film.shape, SIDE) if shown else (SIDE, SIDE)
    pictures = [_picture(one) for one in shown]
    return msgspec.json.encode(Gallery(method, width, height, pictures))


def heat_layer(heat: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Colours and opacity of a heat map as of `overlays.overlay`, uint8 (h, w, 4), of an image of a shape."""
    width, height = _fitted(shape, HEAT_SIDE)
    share = upsample(heat.astype(np.float32), (height, width))
    share = (share / max(float(share.max()), 1e-12)).clip(0, 1)
    opacity = np.rint(255 * STRENGTH * share).astype(np.uint8)
    return np.dstack([PALETTE[np.rint(255 * share).astype(int)], opacity])


def _picture(one: Shown) -> Picture:
    seen = "" if np.array_equal(one.film, one.seen) else _jpeg(one.seen)
    layer = _png(heat_layer(one.heat, one.seen.shape)) if one.heat.any() else ""
    probability = round(one.probability, 4)
    return Picture(one.id, one.label, one.decided, probability, _jpeg(one.film), seen, layer)


def _jpeg(image: np.ndarray) -> str:
    size = _fitted(image.shape, SIDE)
    small = cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA)
    return _encoded(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def _png(layer: np.ndarray) -> str:
    return _encoded(".png", cv2.cvtColor(layer, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _encoded(form: str, image: np.ndarray, settings: list[int]) -> str:
    return base64.b64encode(cv2.imencode(form, image, settings)[1].tobytes()).decode("ascii")


def _fitted(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Width and height of an image of (H, W), its longer side at most so long."""
    high, wide = shape[:2]
    scale = min(1.0, side / max(high, wide))
    return max(1, round(wide * scale)), max(1, round(high * scale))
