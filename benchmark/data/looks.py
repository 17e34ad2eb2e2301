"""A look at every film of a dataset: whether it can be read, how large and how bright it is."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np

from benchmark.data.depth import bits_needed, dataset_depth, eight_bits
from benchmark.data.mask_faults import mask_fault
from registry.contracts import Sample
from registry.errors import DataError

TOGETHER = 64  # films that threads have at once


class Look(NamedTuple):
    """What is seen of a film.

    Attributes:
        reason: why it cannot be read; empty where it can, and all else has no meaning where it cannot.
        height, width: in pixels.
        mean: grey level, 0 to 255.
        black, white: share of the pixels at 0 and at 255.
        pixels: digest that is equal where films are, pixel for pixel.
        mask: why the lung mask cannot be one; empty where it can, or there is none.
        bits: of a film of 16 bits a pixel, those that became 0 to 255; 0 of another.
    """

    reason: str = ""
    height: int = 0
    width: int = 0
    mean: float = 0.0
    black: float = 0.0
    white: float = 0.0
    pixels: bytes = b""
    mask: str = ""
    bits: int = 0


def looks(samples: Sequence[Sample], *, workers: int, told: Callable[[int, int], None]) -> list[Look]:
    """A look at each film, in their order; those of 16 bits a pixel are scaled alike, as a run scales them.

    Args:
        workers: threads.
        told: called with (films done, films in all).
    """
    found: list[Look] = []
    with ThreadPoolExecutor(workers, thread_name_prefix="looks") as pool:
        for start in range(0, len(samples), TOGETHER):
            found += pool.map(look, samples[start : start + TOGETHER])
            told(len(found), len(samples))
        depth = dataset_depth({sample.id: one.bits for sample, one in zip(samples, found, strict=True) if one.bits})
        again = [place for place, one in enumerate(found) if depth and 0 < one.bits < depth.bits]
        if depth and again:
            anew = pool.map(partial(look, bits=depth.bits), [samples[place] for place in again])
            for place, one in zip(again, anew, strict=True):
                found[place] = one
    return found


def look(sample: Sample, bits: int = 0) -> Look:
    """What is seen of a film.

    Args:
        bits: what a film of 16 bits a pixel is scaled by, where it does not need more itself.
    """
    try:
        image = sample.read_image()
    except DataError as error:
        return Look(reason=str(error))
    digest = hashlib.sha256(f"{image.shape}".encode() + np.ascontiguousarray(image).tobytes()).digest()
    bits = max(bits, bits_needed(image)) if image.dtype == np.uint16 else 0
    image = eight_bits(image, bits)
    counts = np.bincount(image.ravel(), minlength=256) / image.size
    mean = float(counts @ np.arange(256))
    if max(counts) == 1:
        return Look(reason=f"empty image: every pixel is {mean:.0f}")
    height, width = image.shape
    return Look("", height, width, mean, float(counts[0]), float(counts[255]), digest, _fault(sample), bits)


def _fault(sample: Sample) -> str:
    try:
        mask = sample.read_mask()
    except DataError as error:
        return f"unreadable ({error})"
    return "" if mask is None else mask_fault(np.ascontiguousarray(mask).view(np.uint8))


def small(sample: Sample, longest: int, bits: int = 0) -> np.ndarray:
    """A film uint8 whose longer side has so many pixels; `bits` as in `look`."""
    image = eight_bits(sample.read_image(), bits)
    scale = longest / max(image.shape)
    size = (max(1, round(scale * image.shape[1])), max(1, round(scale * image.shape[0])))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
