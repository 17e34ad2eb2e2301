"""Drawn chest films as files in a folder per label, as a clinic would hand them over."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from registry.datasets.phantom.catalogue import phantom

Film = tuple[str, np.ndarray]  # label, uint8 (H, W)
DRAWN = 299  # pixels a side, as in the COVID-19 Radiography Database


def draw(count: int, told: Callable[[str], None]) -> list[Film]:
    """Phantom films, as many of each label as of the others."""
    films = []
    for sample in phantom(count=count, size=DRAWN).samples():
        films.append((sample.label, sample.read_image()))
        if len(films) % 200 == 0:
            told(f"drew {len(films)} of {count} films")
    return films


def write(films: list[Film], root: Path, *, size: int, suffix: str) -> list[str]:
    """The films at `size` pixels a side as .jpg (quality 95) or .png files; gives their paths."""
    paths = []
    for number, (label, film) in enumerate(films):
        path = root / label / f"{label}-{number}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        resized = film if size == DRAWN else cv2.resize(film, (size, size), interpolation=cv2.INTER_AREA)
        if not cv2.imwrite(str(path), resized):
            raise OSError(f"{path} was not written")
        paths.append(str(path))
    return paths
