"""Drawn chest films as files in a folder per label, as a clinic would hand them over."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2

from registry.datasets.phantom import phantom


def write_films(root: Path, *, count: int, size: int, suffix: str, told: Callable[[str], None]) -> list[Path]:
    """Phantom films of `size` pixels a side as .jpg (quality 95) or .png files; gives their paths."""
    paths = []
    for number, sample in enumerate(islice(phantom(count=count, size=size).samples(), count)):
        path = root / sample.label / f"{sample.label}-{number}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(path), sample.read_image()):
            raise OSError(f"{path} was not written")
        paths.append(path)
        if number % 200 == 199:
            told(f"drew {number + 1} of {count} films of {size} pixels as {suffix}")
    return paths
