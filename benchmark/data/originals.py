"""What is known of each image as it was read, before any resizing: its grey levels, and what its file says of it."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.data.depth import BITS, bits_needed, dataset_depth, eight_bits
from registry.contracts import Sample
from registry.errors import DataError
from registry.readers.headers import Header, read_header

LEVELS = 32  # bins of a histogram
FILE = "originals.npz"


class Originals(NamedTuple):
    """Of N images, in the dataset's order; as they are stored in ``originals.npz``.

    Attributes:
        ids: str (N,).
        histograms: float32 (N, 32), share of the pixels at each grey level.
        sizes: int (N, 2), height and width.
        kinds, colours: str (N,), file format and colour mode; empty where there is no file.
        bits: int (N,), of one channel of a pixel; 0 where there is no file.
    """

    ids: np.ndarray
    histograms: np.ndarray
    sizes: np.ndarray
    kinds: np.ndarray
    colours: np.ndarray
    bits: np.ndarray

    def of(self, ids: Sequence[str] | np.ndarray) -> "Originals":
        """The same of the images of these ids, in their order.

        Raises:
            DataError: one is not among them.
        """
        place = {one: row for row, one in enumerate(self.ids.tolist())}
        missing = [one for one in ids if one not in place]
        if missing:
            raise DataError(f"image {missing[0]!r} could be prepared but not be read again; are the files changing?")
        rows = np.array([place[one] for one in ids], int)
        return Originals(*(column[rows] for column in self))


def read_originals(samples: Sequence[Sample], workers: int, progress: Callable[[int, int], None]) -> Originals:
    """What is known of every sample that can be read.

    Args:
        workers: threads; of samples without files, which are drawn by code that does not run side by side, one.
        progress: called with (samples done, samples in all).
    """
    found = []
    for done, one in enumerate(_each(samples, workers), 1):
        found += [one] if one else []
        if done % 64 == 0 or done == len(samples):
            progress(done, len(samples))
    ids, levels, sizes, headers = zip(*found, strict=True) if found else ((), (), (), ())
    depth = dataset_depth({one: min(by_bits) for one, by_bits in zip(ids, levels, strict=True) if min(by_bits)})
    histograms = [by_bits[max(min(by_bits), depth.bits if depth else 0)] for by_bits in map(_Levels, levels)]
    return Originals(
        ids=np.array(ids, np.str_),
        histograms=np.array(histograms, np.float32).reshape(-1, LEVELS),
        sizes=np.array(sizes, int).reshape(-1, 2),
        kinds=np.array([header.kind if header else "" for header in headers], np.str_),
        colours=np.array([header.colour if header else "" for header in headers], np.str_),
        bits=np.array([header.bits if header else 0 for header in headers], int),
    )


def load_originals(folder: Path) -> Originals:
    """What `read_originals` found, from its artefact."""
    with np.load(folder / FILE, allow_pickle=False) as stored:
        return Originals(*(stored[name] for name in Originals._fields))


def grey_histogram(image: np.ndarray) -> np.ndarray:
    """Share of the pixels uint8 (H, W) in each of 32 equal ranges of grey, float32 (32,)."""
    counts = np.bincount(image.ravel() // (256 // LEVELS), minlength=LEVELS)
    return (counts / image.size).astype(np.float32)


class _Levels(dict[int, np.ndarray]):
    """Histograms of a film by the bits that become 0 to 255; one of 8 bits a pixel has the same for all."""

    def __missing__(self, bits: int) -> np.ndarray:
        return next(iter(self.values()))


_Original = tuple[str, dict[int, np.ndarray], tuple[int, int], Header | None]


def _each(samples: Sequence[Sample], workers: int) -> Iterator[_Original | None]:
    if not any(sample.paths for sample in samples):
        yield from map(_original, samples)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="originals") as pool:
        yield from pool.map(_original, samples)


def _original(sample: Sample) -> _Original | None:
    """None of a sample that cannot be read, which is prepared neither."""
    try:
        image = sample.read_image()
    except DataError:
        return None
    return sample.id, _histograms(image), image.shape, _header(sample, image.shape)


def _histograms(image: np.ndarray) -> dict[int, np.ndarray]:
    """By the bits that the dataset may turn out to have, of a film of 16 bits a pixel; of another, by 0 alone."""
    if image.dtype != np.uint16:
        return {0: grey_histogram(image)}
    own = bits_needed(image)
    return {bits: grey_histogram(eight_bits(image, bits)) for bits in BITS if bits >= own}


def _header(sample: Sample, shape: tuple[int, int]) -> Header | None:
    """Of the first of a sample's files that holds a picture of the image's size: others hold masks."""
    for of_file in (shape, shape[::-1]):  # a camera's picture may have to be turned, as its file says elsewhere
        headers = (read_header(path) for path in sample.paths)
        if found := next((one for one in headers if one and (one.height, one.width) == of_file), None):
            return found
    return None
