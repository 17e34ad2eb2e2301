"""Where a film lies in the square that it became: beside black bars, stretched, or its middle alone.

A frame is the top, left, height and width of the film in the prepared image, in pixels; the rest are bars.
"""

import numpy as np

Frame = tuple[int, int, int, int]
PAD, STRETCH, CROP = "pad", "stretch", "crop"
_SAID = {
    PAD: "keep their aspect ratio, with black bars beside them",
    STRETCH: "are stretched to squares",
    CROP: "are cut to the square in their middle",
}


def frame_of(shape: tuple[int, int], size: int, fit: str) -> Frame:
    """Where a film (H, W) lies in an image of so many pixels a side."""
    height, width = shape
    if fit != PAD or height == width:
        return 0, 0, size, size
    longest = max(height, width)
    high, wide = (max(1, round(side * size / longest)) for side in (height, width))
    return (size - high) // 2, (size - wide) // 2, high, wide


def middle(picture: np.ndarray) -> np.ndarray:
    """The square in the middle of a picture (H, W)."""
    height, width = picture.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]


def within(frame: np.ndarray | Frame) -> tuple[slice, slice]:
    """Rows and columns of the film in its image."""
    top, left, height, width = map(int, frame)
    return slice(top, top + height), slice(left, left + width)


def film_pixels(frames: np.ndarray, size: int) -> np.ndarray:
    """Bool (n, size, size), true on the film and false on bars, of frames (n, 4)."""
    pixels = np.zeros((len(frames), size, size), bool)
    for own, frame in zip(pixels, frames, strict=True):
        own[within(frame)] = True
    return pixels


def described(shapes: np.ndarray, fit: str) -> str:
    """What became of films (N, 2) that are not square, in one line; empty where all are."""
    odd = int((shapes[:, 0] != shapes[:, 1]).sum())
    return f"{odd} of {len(shapes)} films are not square: they {_SAID[fit]} (images.fit)" if odd else ""
