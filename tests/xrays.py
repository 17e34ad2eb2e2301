"""Small X-ray collections, written into a test's own folder."""

from pathlib import Path

import cv2
import numpy as np
from openpyxl import Workbook

LABELS = ("COVID", "Lung_Opacity", "Normal", "Viral Pneumonia")


def radiograph(seed: int = 0, shape: tuple[int, int] = (40, 40)) -> np.ndarray:
    """A smooth grey picture, uint8 (H, W); another seed gives other pixels."""
    noise = np.random.default_rng(seed).integers(0, 256, (5, 5)).astype(np.uint8)
    return cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_CUBIC)


def lungs(shape: tuple[int, int] = (40, 40)) -> np.ndarray:
    """Two boxes, bool (H, W)."""
    height, width = shape
    mask = np.zeros(shape, bool)
    mask[height // 4 : -height // 4, width // 8 : 3 * width // 8] = True
    mask[height // 4 : -height // 4, 5 * width // 8 : 7 * width // 8] = True
    return mask


def write(path: Path, pixels: np.ndarray) -> Path:
    """Encodes pixels in the format of the suffix; bool becomes 0 and 255."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * 255
    done, data = cv2.imencode(path.suffix.lower(), pixels)
    assert done
    path.write_bytes(data.tobytes())
    return path


def write_sheet(path: Path, rows: list[tuple], header: tuple = ("FILE NAME", "FORMAT", "SIZE", "URL")) -> Path:
    book = Workbook()
    for row in (header, *rows):
        book.active.append(row)
    book.save(path)
    return path


def write_database(root: Path, per_label: int = 3) -> Path:
    """The published layout: images/ and masks/ in a folder per label, masks RGB of another size."""
    for number, label in enumerate(LABELS):
        for n in range(1, per_label + 1):
            write(root / label / "images" / f"{label}-{n}.png", radiograph(100 * number + n))
            write(root / label / "masks" / f"{label}-{n}.png", np.dstack([lungs((32, 32))] * 3))
    return root


def truncated(path: Path, share: float = 0.6) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path
