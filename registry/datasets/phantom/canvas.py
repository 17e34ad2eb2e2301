"""Shapes and clouds in frame coordinates: x to the right and y down, both in [0, 1], whatever the size in pixels."""

import cv2
import numpy as np

SUBPIXEL_BITS = 4
FINEST = 128  # a smaller film is drawn this large and averaged down, so that its edges carry partial pixels
CLOUD_LATTICE = 96  # noise lives on a lattice of its own: the same cloud at every film size


def working_size(size: int) -> int:
    """Side in pixels of the canvas on which a film of side `size` is drawn."""
    return max(size, FINEST)


def fill(size: int, *outlines: np.ndarray) -> np.ndarray:
    """Coverage in [0, 1] of closed outlines (n, 2), overlaps counted once; float32 (size, size)."""
    canvas = np.zeros((size, size), np.uint8)
    for outline in outlines:
        cv2.fillPoly(canvas, [_pixels(outline, size)], 255, cv2.LINE_AA, SUBPIXEL_BITS)
    return canvas.astype(np.float32) / 255


def draw_lines(size: int, segments: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Coverage in [0, 1] of segments (n, 2, 2) of the given widths (frame units); thin ones are fainter."""
    canvas = np.zeros((size, size), np.uint8)
    for segment, width in zip(segments, widths * size, strict=True):
        start, end = _pixels(segment, size)
        shade = int(255 * min(1.0, width))
        cv2.line(canvas, start, end, shade, max(1, round(width)), cv2.LINE_AA, SUBPIXEL_BITS)
    return canvas.astype(np.float32) / 255


def closed_curve(points: np.ndarray, steps: int = 6) -> np.ndarray:
    """Catmull-Rom spline through the points (n, 2), closed: (n * steps, 2)."""
    t = np.linspace(0, 1, steps, endpoint=False)[:, None, None]
    before, after, beyond = (np.roll(points, shift, axis=0) for shift in (1, -1, -2))
    curve = points + 0.5 * t * (
        after
        - before
        + t * (2 * before - 5 * points + 4 * after - beyond + t * (3 * (points - after) + beyond - before))
    )  # (steps, n, 2)
    return curve.transpose(1, 0, 2).reshape(-1, 2)


def band(curve: np.ndarray, width: float) -> np.ndarray:
    """Outline of a ribbon of constant width along an open curve (n, 2)."""
    along = np.gradient(curve, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    across *= width / 2 / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
    return np.concatenate([curve + across, (curve - across)[::-1]])


def blur(field: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur, sigma in frame units; wide ones on a coarser grid, where the difference cannot be seen."""
    size = field.shape[0]
    coarse = max(16, round(3 / sigma))
    if coarse >= size:
        return cv2.GaussianBlur(field, (0, 0), sigma * size, borderType=cv2.BORDER_REPLICATE)
    small = cv2.resize(field, (coarse, coarse), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma * coarse, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)


def cloud(rng: np.random.Generator, size: int, wavelength: float) -> np.ndarray:
    """Band-passed noise of mean 0 and standard deviation 1 around one wavelength (frame units); float32."""
    noise = rng.standard_normal((CLOUD_LATTICE, CLOUD_LATTICE), np.float32)
    sigma = wavelength * CLOUD_LATTICE / 6
    passed = cv2.GaussianBlur(noise, (0, 0), sigma) - cv2.GaussianBlur(noise, (0, 0), 1.6 * sigma)
    passed = (passed - passed.mean()) / passed.std()
    return cv2.resize(passed, (size, size), interpolation=cv2.INTER_CUBIC)


def _pixels(points: np.ndarray, size: int) -> np.ndarray:
    return np.round((points * size - 0.5) * (1 << SUBPIXEL_BITS)).astype(np.int32)
