"""Where a film lies in the square that it became: beside black bars, stretched, or its middle alone.

A frame is the top, left, height and width of the film in the prepared image, in pixels; the rest are bars.
"""

from itertools import product

import numpy as np

SQUARE = 1.02  # a larger aspect ratio is none of a square
NEARLY_ALL = 0.95  # of a label's films: what so many have, and as few others have not, tells the label

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
    top, left, height, width = (int(number) for number in frame)
    return slice(top, top + height), slice(left, left + width)


def film_pixels(frames: np.ndarray, size: int) -> np.ndarray:
    """Bool (n, size, size), true on the film and false on bars, of frames (n, 4)."""
    pixels = np.zeros((len(frames), size, size), bool)
    for own, frame in zip(pixels, frames, strict=True):
        own[within(frame)] = True
    return pixels


def telling(shapes: np.ndarray, labels: np.ndarray) -> list[str]:
    """Lines that name labels (N,) whose films (N, 2) nearly alone are tall, or wide, or square."""
    ratios = shapes[:, 1] / shapes[:, 0]
    kinds = {"tall": ratios < 1 / SQUARE, "wide": ratios > SQUARE}
    kinds["square"] = ~(kinds["tall"] | kinds["wide"])
    names = np.unique(labels).tolist()
    shares = {kind: {name: float(rows[labels == name].mean()) for name in names} for kind, rows in kinds.items()}
    lines = []
    for name, (kind, share) in product(names, shares.items()):
        most = max((share[other] for other in names if other != name), default=1.0)
        if share[name] >= NEARLY_ALL and most <= 1 - NEARLY_ALL:
            told = f"{share[name]:.0%} of its films are {kind}, else {most:.0%}"
            lines.append(f"the aspect ratio alone tells {name}: {told}")
    return lines


def described(shapes: np.ndarray, fit: str) -> str:
    """What became of films (N, 2) that are not square, in one line; empty where all are."""
    odd = int((shapes[:, 0] != shapes[:, 1]).sum())
    return f"{odd} of {len(shapes)} films are not square: they {_SAID[fit]} (images.fit)" if odd else ""
