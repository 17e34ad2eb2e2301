"""What is inside of a mask, whether it is drawn in two values, several, in colours, or softly.

A mask has a background, which is what its rim is mostly made of, and areas of one value or several.  Inside is what is
nearer to the least of these than to the background, so that neither soft edges nor the noise of compression move the
border.  Without areas of even value (a map of probabilities) half of the range is the border.
"""

import cv2
import numpy as np

from registry.errors import DataError

MOST_COLOURED = 1 << 25  # pixels, more than the largest film has
BAND = 1 << 22  # pixels that are numbers of 32 bits at once
RANGE = 255  # to which values are brought
AREA = 0.003  # of the pixels, that an even area covers at least
DISTINCT = 0.75  # of the range: an area below it is a darker one than the brightest, and not that one's soft summit
VALLEY = 4  # an area has so many times the pixels that lie halfway between it and the background
LOSSY = 10  # of `RANGE`, by which the neighbours of a pixel in an even area differ at most after lossy compression
TINTED = 32  # of `RANGE`, the difference between channels from which on a picture is one in colours


def inside(picture: np.ndarray, *, lossy: bool) -> np.ndarray:
    """A mask bool (H, W).

    Args:
        picture: numbers (H, W) or (H, W, C): grey, grey and alpha, blue, green and red, or these and alpha.
        lossy: whether it was compressed with loss.

    Raises:
        DataError: it is in colours and larger than any film.
    """
    if picture.ndim == 3 and picture.shape[2] == 3:
        picture = _grey(picture)
    if picture.ndim == 3 and picture[..., 0].size > MOST_COLOURED:
        raise DataError(
            f"a mask in colours or with opacity of {picture.shape[1]}×{picture.shape[0]} pixels, expected at most "
            f"{MOST_COLOURED:,}; store it as grey"
        )
    levels = picture if picture.ndim == 2 else _levels(picture.astype(np.float32))
    low, high, *_ = cv2.minMaxLoc(levels)
    if low == high:
        return np.full(levels.shape, low > 0)
    highest, above = levels == levels.dtype.type(high), levels if low == 0 else levels != levels.dtype.type(low)
    if np.count_nonzero(highest) == np.count_nonzero(above):
        return highest  # two values, as most have: nothing to find
    del highest, above
    values = _spread(levels, low, high)
    return values > _border(values, _histogram(values), LOSSY if lossy else 0)


def _spread(levels: np.ndarray, low: float, high: float) -> np.ndarray:
    """Numbers (H, W) brought to 0 to `RANGE`, some rows at once: as float32 all would take four times their bytes."""
    values = np.empty(levels.shape, np.uint8)
    rows = max(1, BAND // levels.shape[1])
    for top in range(0, len(levels), rows):
        band = levels[top : top + rows].astype(np.float32)
        values[top : top + rows] = np.rint((band - low) * (RANGE / (high - low))).astype(np.uint8)
    return values


def _grey(picture: np.ndarray) -> np.ndarray:
    """A picture in colours (H, W, 3); the one channel (H, W) of it where all three are the same."""
    blue, green, red = cv2.split(picture)
    return blue if np.array_equal(blue, green) and np.array_equal(green, red) else picture


def _levels(levels: np.ndarray) -> np.ndarray:
    """One number a pixel (H, W) of float32 (H, W, C): grey, opacity, or how far from the background's colour."""
    colours, opacity = (levels, None) if levels.shape[2] in (1, 3) else (levels[..., :-1], levels[..., -1])
    if opacity is not None and opacity.min() < opacity.max():
        drawn = colours[opacity > 0]
        if np.all(drawn == drawn[:1]):  # one colour: only the opacity says where
            return opacity
        colours = np.where(opacity[..., None] > 0, colours, 0)
    span = float(colours.max() - colours.min()) or 1.0
    if np.ptp(colours, axis=2).max() <= span * TINTED / RANGE:
        return colours.mean(axis=2)
    return np.abs(colours - _usual_colour(_rim(colours))).max(axis=2)


def _usual_colour(colours: np.ndarray) -> np.ndarray:
    """The most frequent of colours (n, C), those within a sixteenth of the range counting as one."""
    steps = np.unique(np.floor(colours / max(float(colours.max()), 1) * 15.99), axis=0, return_inverse=True)[1].ravel()
    return np.median(colours[steps == np.bincount(steps).argmax()], axis=0)


def _border(values: np.ndarray, counts: np.ndarray, tolerance: int) -> float:
    """The value above which pixels are inside."""
    areas = _areas(values, tolerance)
    if not areas:
        return RANGE / 2
    rim = _rim(values[..., None])[:, 0].astype(int)
    ground = max(areas, key=lambda area: int((np.abs(rim - area) <= tolerance).sum()))
    if ground == areas[-1]:  # white around the lungs: left as it is, to be told when the masks are judged
        ground = areas[0] if len(areas) > 1 else 0
    for area in areas:
        darker = ground < area < ground + DISTINCT * (RANGE - ground)
        if darker and _many(counts, area) >= VALLEY * _many(counts, (ground + area) // 2):
            return (ground + area) / 2
    return RANGE / 2 if ground < RANGE / 4 else (ground + RANGE) / 2


def _areas(values: np.ndarray, tolerance: int) -> list[int]:
    """Values, ascending, of areas in which neighbours are alike."""
    kernel = np.ones((3, 3), np.uint8)
    even = cv2.inRange(cv2.morphologyEx(values, cv2.MORPH_GRADIENT, kernel), 0, tolerance)
    counts = _histogram(values, even)
    found: list[int] = []
    while counts.max() >= max(1, AREA * values.size):
        value = int(counts.argmax())
        near = slice(max(value - 2 * tolerance, 0), value + 2 * tolerance + 1)
        found.append(value)
        counts[near] = 0
    return sorted(found)


def _histogram(values: np.ndarray, where: np.ndarray | None = None) -> np.ndarray:
    """How many pixels have each value, of those where it is not 0."""
    return cv2.calcHist([values], [0], where, [RANGE + 1], [0, RANGE + 1]).ravel().astype(int)


def _many(counts: np.ndarray, value: int) -> int:
    return int(counts[max(value - 3, 0) : value + 4].sum())


def _rim(picture: np.ndarray) -> np.ndarray:
    """The outermost pixels of (H, W, C), (n, C)."""
    return np.concatenate([picture[0], picture[-1], picture[1:-1, 0], picture[1:-1, -1]])
