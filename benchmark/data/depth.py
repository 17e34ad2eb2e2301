"""From 16 bits a pixel to 8: how many of the bits a film uses, and how many its dataset does.

Stored values of 16 bits seldom use them all: a detector gives 10 to 14.  What a film really needs becomes 0 to 255,
alike for all films of a dataset, so that their exposure can be compared.
"""

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from benchmark.data.prepared import Depth

BITS = (8, 10, 12, 14, 16)
BRIGHTEST = 0.01  # of a film's pixels, which may lie above its bits: lettering burnt in at 65535 must not count
DEEP = 0.25  # of a dataset's films of 16 bits: so many need as many bits as the dataset has
_CHUNK = 1 << 20  # pixels at a time: an index of 64 bits for each of a whole film would take four times its size


def bits_needed(image: np.ndarray) -> int:
    """The smallest of `BITS` that hold all of a film uint16 (H, W) but its brightest hundredth."""
    counts = cv2.calcHist([image], [0], None, [256], [0, 1 << 16]).ravel().astype(float)  # of 256 values each
    above = {bits: counts[1 << (bits - 8) :].sum() for bits in BITS}
    return next(bits for bits in BITS if above[bits] <= BRIGHTEST * image.size)


def dataset_depth(needed: Mapping[str, int]) -> Depth | None:
    """What the films of a dataset are scaled by, None without one of 16 bits.

    Args:
        needed: `bits_needed` of each film of 16 bits, by its id.
    """
    if not needed:
        return None
    falling = sorted(needed.values(), reverse=True)
    bits = falling[math.ceil(DEEP * len(falling)) - 1]
    return Depth(bits, len(needed), {film: own for film, own in needed.items() if own > bits})


def eight_bits(image: np.ndarray, bits: int | None = None) -> np.ndarray:
    """A film as uint8 (H, W); one that is so already comes back as it is.

    Args:
        image: uint8 or uint16 (H, W), 0 black.
        bits: of the dataset that it belongs to; the film's own where these are more, and by default.
    """
    if image.dtype != np.uint16:
        return image
    white = (1 << max(bits or 0, bits_needed(image))) - 1
    table = np.minimum((np.arange(1 << 16) * 255 + white // 2) // white, 255).astype(np.uint8)
    found, rows = np.empty(image.shape, np.uint8), max(1, _CHUNK // image.shape[1])
    for start in range(0, len(image), rows):
        found[start : start + rows] = table[image[start : start + rows]]
    return found


def described(depth: Depth, shown: int = 3) -> str:
    """What was done with films of 16 bits, in one line."""
    films = f"{depth.films} film{'s' * (depth.films != 1)} of 16 bits a pixel"
    line = f"{films}: values up to {(1 << depth.bits) - 1} ({depth.bits} bits) became 0 to 255"
    if not depth.deeper:
        return line
    names: Sequence[str] = [f"{film} ({bits} bits)" for film, bits in depth.deeper.items()]
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return f"{line}; scaled by their own, as they need more: {', '.join(names[:shown])}{more}"
