"""Shapes and clouds in frame coordinates: x to the right and y down, both in [0, 1], whatever the size in pixels."""

import cv2
import numpy as np

SUBPIXEL_BITS = 4
FINEST = 128  # a smaller radiograph is drawn this large and averaged down, so that its edges carry partial pixels
CLOUD_POINTS = 6  # a wavelength of noise; its lattice is its own, so that a radiograph of any size shows the same cloud
CATMULL_ROM = 0.5 * np.array([(0, 2, 0, 0), (-1, 0, 1, 0), (2, -5, 4, -1), (-1, 3, -3, 1)])


def working_size(size: int) -> int:
    """Side in pixels of the canvas on which a radiograph of side `size` is drawn."""
    return max(size, FINEST)


def fill(size: int, *outlines: np.ndarray) -> np.ndarray:
    """Coverage in [0, 1] of closed outlines (n, 2), overlaps counted once; float32 (size, size)."""
    canvas = np.zeros((size, size), np.uint8)
    for outline in outlines:
        cv2.fillPoly(canvas, [_pixels(outline, size)], 255, cv2.LINE_AA, SUBPIXEL_BITS)
    return canvas * np.float32(1 / 255)


def draw_lines(size: int, lines: np.ndarray, width: float) -> np.ndarray:
    """Coverage in [0, 1] of open lines (k, n, 2) of one width (frame units); thinner than a pixel is fainter."""
    canvas = np.zeros((size, size), np.uint8)
    shade, thickness = int(255 * min(1.0, width * size)), max(1, round(width * size))
    cv2.polylines(canvas, list(_pixels(lines, size)), False, shade, thickness, cv2.LINE_AA, SUBPIXEL_BITS)
    return canvas * np.float32(1 / 255)


def closed_curve(points: np.ndarray, steps: int = 6) -> np.ndarray:
    """Catmull-Rom spline through the points (n, 2), closed: (n * steps, 2)."""
    powers = np.linspace(0, 1, steps, endpoint=False)[:, None] ** np.arange(4)
    count = len(points)
    neighbours = points[(np.arange(count)[:, None] + np.arange(-1, 3)) % count]  # (n, 4, 2)
    return (powers @ CATMULL_ROM @ neighbours).reshape(-1, 2)


def band(curves: np.ndarray, width: object) -> np.ndarray:
    """Outlines (..., 2n, 2) of ribbons of the given widths (...,) along open curves (..., n, 2)."""
    along = np.gradient(curves, axis=-2)
    across = along[..., ::-1] * (-1, 1)
    across *= np.asarray(width)[..., None, None] / 2 / np.maximum(np.hypot(*np.moveaxis(along, -1, 0)), 1e-6)[..., None]
    return np.concatenate([curves + across, (curves - across)[..., ::-1, :]], axis=-2)


def fill_soft(size: int, sigma: float, *outlines: np.ndarray) -> np.ndarray:
    """`fill`, blurred; drawn on a coarser grid where the difference cannot be seen."""
    if not outlines:
        return np.zeros((size, size), np.float32)
    return _enlarged(_gaussian(fill(_grid(size, sigma), *outlines), sigma), size)


def blur(field: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur, sigma in frame units; done on a coarser grid where the difference cannot be seen."""
    size, grid = len(field), _grid(len(field), sigma)
    small = field if grid == size else cv2.resize(field, (grid, grid), interpolation=cv2.INTER_AREA)
    return _enlarged(_gaussian(small, sigma), size)


def cloud(rng: np.random.Generator, size: int, wavelength: float) -> np.ndarray:
    """Band-passed noise of mean 0 and standard deviation 1 around one wavelength (frame units); float32."""
    lattice = max(8, round(CLOUD_POINTS / wavelength))
    noise = rng.standard_normal((lattice, lattice), np.float32)
    passed = cv2.GaussianBlur(noise, (0, 0), CLOUD_POINTS / 6) - cv2.GaussianBlur(noise, (0, 0), CLOUD_POINTS / 3.75)
    passed = (passed - passed.mean()) / passed.std()
    return cv2.resize(passed, (size, size), interpolation=cv2.INTER_CUBIC)


def _grid(size: int, sigma: float) -> int:
    return min(size, max(16, round(2 / sigma)))


def _gaussian(field: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(field, (0, 0), sigma * len(field), borderType=cv2.BORDER_REPLICATE)


def _enlarged(field: np.ndarray, size: int) -> np.ndarray:
    return field if len(field) == size else cv2.resize(field, (size, size), interpolation=cv2.INTER_LINEAR)


def _pixels(points: np.ndarray, size: int) -> np.ndarray:
    return np.round((points * size - 0.5) * (1 << SUBPIXEL_BITS)).astype(np.int32)
