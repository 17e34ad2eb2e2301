"""What becomes of a DICOM's stored values: grey from 0 to 255, 0 black.

In the order of the standard (PS3.4, N.2): modality LUT or rescale, VOI LUT or else the first window with its function,
or else the range that the film uses without its padding, then inversion for MONOCHROME1.
"""

from typing import Any

import numpy as np

from registry.errors import DataError

FEW = 0.01  # of a film's pixels: so many, if they lie far from all others, are lettering and no part of its range
_CHUNK = 1 << 20  # pixels at a time


def own_bits(found: Any, stored: np.ndarray) -> np.ndarray:
    """Without the bits beside the stored ones, in which old films have overlays."""
    bits, allocated = int(found.BitsStored), 8 * stored.itemsize
    if bits >= allocated:
        return stored
    up = np.array(allocated - 1 - int(found.get("HighBit", bits - 1)), stored.dtype)
    return (stored << up) >> np.array(allocated - bits, stored.dtype)  # signed values keep their sign


def grey(found: Any, stored: np.ndarray, pixels: Any) -> np.ndarray:
    """A film uint8 (H, W), looked up: what becomes of a value depends on nothing but it.

    Args:
        found: the dataset, a pydicom.Dataset.
        stored: integers (H, W).
        pixels: pydicom's module of that name.

    Raises:
        DataError: the values need more than 16 bits.
    """
    low, high = int(stored.min()), int(stored.max())
    if high - low >= 1 << 16:
        raise DataError(f"a DICOM of {found.BitsAllocated} bits a pixel is not read; convert it to 16")
    values = own_bits(found, np.arange(low, high + 1).astype(stored.dtype))
    padding = _padding(found, values)
    counts = np.where(padding, 0, _counts(stored, low, high))
    modality = np.asarray(pixels.apply_modality_lut(values, found), float)
    shares = _shares(found, modality, counts, pixels) if counts.any() else np.zeros(len(values))
    if found.PhotometricInterpretation == "MONOCHROME1":
        shares = 1 - shares
    table = np.rint(255 * np.where(padding, 0, shares)).astype(np.uint8)
    film, rows = np.empty(stored.shape, np.uint8), max(1, _CHUNK // stored.shape[1])
    for start in range(0, len(stored), rows):
        film[start : start + rows] = table[stored[start : start + rows].astype(np.int64) - low]
    return film


def _counts(stored: np.ndarray, low: int, high: int) -> np.ndarray:
    """How many pixels have each value from the lowest to the highest."""
    counts, rows = np.zeros(high - low + 1, np.int64), max(1, _CHUNK // stored.shape[1])
    for start in range(0, len(stored), rows):
        counts += np.bincount(stored[start : start + rows].astype(np.int64).ravel() - low, minlength=len(counts))
    return counts


def _padding(found: Any, values: np.ndarray) -> np.ndarray:
    """Which stored values mean that there is no picture, bool."""
    first = found.get("PixelPaddingValue")
    if first is None:
        return np.zeros(values.shape, bool)
    ends = sorted((int(first), int(found.get("PixelPaddingRangeLimit", first))))
    return (values >= ends[0]) & (values <= ends[1])


def _shares(found: Any, values: np.ndarray, counts: np.ndarray, pixels: Any) -> np.ndarray:
    """Grey from 0 to 1 of values after the modality LUT; so many of the film's pixels have each.

    A window in which the whole film has one grey is none.
    """
    if sequence := found.get("VOILUTSequence"):
        looked_up = np.asarray(pixels.apply_voi(np.rint(values).astype(np.int64), found), float)
        return looked_up / ((1 << int(sequence[0].LUTDescriptor[2])) - 1)
    if (windowed := _windowed(found, values)) is not None and np.ptp(windowed[counts > 0]) > 0:
        return windowed
    low, high = _range(values, counts)
    return np.clip((values - low) / ((high - low) or 1), 0, 1)


def _range(values: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """The range that a film uses; without its darkest or brightest hundredth where these would more than double it."""
    order = np.argsort(values, kind="stable")
    ranked, shares = values[order][counts[order] > 0], counts[order][counts[order] > 0].cumsum() / counts.sum()
    dark, bright = (ranked[int(np.searchsorted(shares, share))] for share in (FEW, 1 - FEW))
    low, high = ranked[0], ranked[-1]
    core = bright - dark
    return float(dark if dark - low > core > 0 else low), float(bright if high - bright > core > 0 else high)


def _windowed(found: Any, values: np.ndarray) -> np.ndarray | None:
    """Through the first window (PS3.3, C.11.2.1.2 and C.11.2.1.3); None where there is no valid one."""
    centre, width = (_first(found.get(keyword)) for keyword in ("WindowCenter", "WindowWidth"))
    function = str(found.get("VOILUTFunction") or "LINEAR").upper()
    if centre is None or width is None or width <= 0:
        return None
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * (values - centre) / width))
    if function == "LINEAR_EXACT":
        return np.clip((values - centre) / width + 0.5, 0, 1)
    if width < 1:
        return None
    return np.clip((values - (centre - 0.5)) / max(width - 1, 1e-6) + 0.5, 0, 1)


def _first(value: Any) -> float | None:
    """Of one number or several."""
    if value is None or value == "":
        return None
    several = value if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]
    return float(several[0]) if len(several) else None
