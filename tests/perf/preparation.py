"""(c) Preparation of a folder of films against the loop that everybody writes, on one core."""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmark.images import prepare
from registry.datasets.folder import folder
from tests.perf.films import write_films
from tests.perf.timing import Line, interleaved, ratio, seconds

COUNT = 1200
PIXELS = 299  # of the COVID-19 Radiography Database
SIZE = 224
REPEATS = 5
SHARE = 0.9  # of what as many loops as there are cores would do


def measure(place: Path, told: Callable[[str], None]) -> list[Line]:
    """Films a second, of JPEG and of PNG files."""
    return [_line(place / suffix[1:], suffix, told) for suffix in (".jpg", ".png")]


def _line(place: Path, suffix: str, told: Callable[[str], None]) -> Line:
    paths = [str(path) for path in write_films(place, count=COUNT, size=PIXELS, suffix=suffix, told=told)]
    samples = folder(place).samples()
    cores = len(os.sched_getaffinity(0))
    out = place.with_name(f"{place.name}-prepared")

    def ours() -> float:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        return COUNT / seconds(lambda: _prepare(samples, out, cores))

    def theirs() -> float:
        cv2.setNumThreads(1)
        return COUNT / seconds(lambda: loop(paths))

    what = f"preparation, {suffix[1:].upper()} files of {PIXELS} pixels to {SIZE}, {cores} cores"
    pairs = interleaved(REPEATS, ours, theirs, told)
    note = "theirs: `cv2.imread`, `resize`, `equalizeHist` in a loop on one core, kept in an array"
    return ratio("c", what, "images/s", pairs, ">=", SHARE * cores, note)


def _prepare(samples: Sequence, out: Path, cores: int) -> None:
    told = lambda done, total: None  # noqa: E731
    prepare(samples, out, size=SIZE, equalise="histogram", skip_bad=False, workers=cores, progress=told)


def loop(paths: Sequence[str]) -> np.ndarray:
    """uint8 (N, SIZE, SIZE), as a script of ten lines makes them."""
    images = np.empty((len(paths), SIZE, SIZE), np.uint8)
    for position, path in enumerate(paths):
        image = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
        images[position] = cv2.equalizeHist(cv2.resize(image, (SIZE, SIZE)))
    return images
