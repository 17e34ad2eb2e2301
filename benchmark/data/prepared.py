"""Preparation of a dataset, once: decode, resize, equalise, store as 8-bit arrays that are read memory-mapped.

The folder `prepare` fills (N samples, in the dataset's order):
    images.npy   uint8 (N, H, W)
    masks.npy    uint8 (N, ceil(H·W / 8)), packed bits of the lung mask; zeros where there is none
    lesions.npy  the same for lesion masks; absent when no sample has one
    index.json   ids, labels, sources, groups (films with identical pixels share one), mask_makers, lesion_known,
                 sizes ([height, width] before resizing), skipped
"""

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from benchmark.data.image import EQUALISERS
from benchmark.data.prepare import Artefact, Row
from registry.contracts import Sample
from registry.errors import DataError, unknown_name

CHUNK = 16  # samples a task of the pool: large enough that scheduling costs nothing
SHOWN_PROBLEMS = 20

T = TypeVar("T")


class UnusableError(DataError):
    """Samples that cannot be prepared; `problems` has a line ``id: reason`` for each."""

    def __init__(self, problems: Sequence[str], total: int):
        self.problems = list(problems)
        shown = [f"  {line}" for line in self.problems[:SHOWN_PROBLEMS]]
        if len(self.problems) > SHOWN_PROBLEMS:
            shown.append(f"  … and {len(self.problems) - SHOWN_PROBLEMS} more")
        head = f"{len(self.problems)} of {total} samples cannot be used; mend them or leave them out with --skip-bad"
        super().__init__("\n".join([head, *shown]))


@dataclass(frozen=True)
class Prepared:
    """A prepared dataset, read from its folder.

    Attributes:
        ids, labels, groups: str (N,).
        sources, mask_makers: (N,) of str or None.
        lesion_known: bool (N,), whether the sample's lesion mask (possibly empty) is known.
        sizes: int (N, 2), height and width of the original.
        images: uint8 (N, H, W), memory-mapped.
        skipped: samples left out, as ``id: reason``.
    """

    folder: Path
    ids: np.ndarray
    labels: np.ndarray
    sources: np.ndarray
    groups: np.ndarray
    mask_makers: np.ndarray
    lesion_known: np.ndarray
    sizes: np.ndarray
    images: np.ndarray
    skipped: tuple[str, ...]

    @property
    def size(self) -> int:
        """Side of the prepared images in pixels."""
        return int(self.images.shape[1])

    @cached_property
    def has_mask(self) -> np.ndarray:
        """bool (N,)."""
        return np.array([maker is not None for maker in self.mask_makers], bool)

    def masks(self, indices: np.ndarray | None = None) -> np.ndarray:
        """Lung masks bool (n, H, W) of these samples, of all by default; empty where there is none."""
        return self._bits("masks.npy", indices)

    def lesions(self, indices: np.ndarray | None = None) -> np.ndarray:
        """Lesion masks bool (n, H, W) of these samples, of all by default; empty where unknown."""
        return self._bits("lesions.npy", indices)

    def _bits(self, name: str, indices: np.ndarray | None) -> np.ndarray:
        chosen = np.arange(len(self.ids)) if indices is None else np.asarray(indices)
        path = self.folder / name
        if not path.exists():
            return np.zeros((np.arange(len(self.ids))[chosen].size, *self.images.shape[1:]), bool)
        return unpack(np.load(path, mmap_mode="r")[chosen], self.images.shape[1:])


def load(folder: Path) -> Prepared:
    """The prepared dataset in a folder that `prepare` filled."""
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return Prepared(
        folder=folder,
        ids=np.array(index["ids"], str),
        labels=np.array(index["labels"], str),
        sources=np.array(index["sources"], object),
        groups=np.array(index["groups"], str),
        mask_makers=np.array(index["mask_makers"], object),
        lesion_known=np.array(index["lesion_known"], bool),
        sizes=np.array(index["sizes"], int).reshape(-1, 2),
        images=np.load(folder / "images.npy", mmap_mode="r"),
        skipped=tuple(index["skipped"]),
    )


def prepare(
    samples: Sequence[Sample],
    folder: Path,
    *,
    size: int,
    equalise: str,
    skip_bad: bool,
    workers: int,
    progress: Callable[[int, int], None],
) -> None:
    """Fills an existing, empty folder with the prepared dataset (see the module's docstring).

    Args:
        size: side of the prepared images in pixels; the aspect ratio is not kept.
        equalise: a key of `EQUALISERS`.
        workers: threads, which OpenCV lets run side by side.  Samples without files are drawn by Python code that
            does not; they get one thread, as more were up to three times slower.
        progress: called with (samples done, samples in all).

    Raises:
        UnusableError: some samples are unreadable, empty or mismatched and `skip_bad` is not set, or all are;
            nothing is left in the folder.
        StorageError: the disk is full.
    """
    if equalise not in EQUALISERS:
        raise unknown_name("equalisation", equalise, EQUALISERS, "[images] of the task file")
    if not samples:
        raise DataError("the dataset has no samples; nothing can be prepared")
    artefact = Artefact(folder, samples, size)
    fill = partial(artefact.fill, size=size, equalise=EQUALISERS[equalise])
    threads = workers if any(sample.paths for sample in samples) else 1
    rows: list[Row] = []
    try:
        with closing(_in_order(fill, len(samples), threads)) as chunks:
            for chunk in chunks:
                rows += chunk
                progress(len(rows), len(samples))
        refused = [row.refused for row in rows if row.refused]
        if len(refused) == len(rows) or (refused and not skip_bad):
            raise UnusableError(refused, len(samples))
        artefact.finish(rows)
    except BaseException:
        artefact.abandon()
        raise


def unpack(packed: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bool masks (n, H, W) of packed bits; `shape` is (H, W)."""
    return np.unpackbits(packed, axis=-1, count=shape[0] * shape[1]).view(bool).reshape(-1, *shape)


def equalise_inside(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Histogram equalisation that counts only pixels inside the mask, applied to the whole image.

    An empty mask counts every pixel; a mask over a single grey level leaves the image as it is.

    Args:
        images: uint8 (n, H, W).
        masks: bool (n, H, W).
    """
    equalised = np.empty_like(images)
    for position, (image, mask) in enumerate(zip(images, masks, strict=True)):
        counts = np.bincount(image[mask] if mask.any() else image.ravel(), minlength=256)
        cumulated = counts.cumsum()
        darkest = counts[counts > 0][0]
        spread = max(int(cumulated[-1] - darkest), 1)
        table = np.rint((cumulated - darkest).clip(0) * (255 / spread)).astype(np.uint8)
        equalised[position] = image if cumulated[-1] == darkest else table[image]
    return equalised


def _in_order(work: Callable[[range], T], count: int, workers: int) -> Iterator[T]:
    """What `work` makes of successive ranges of positions, a bounded number of them ahead of the consumer."""
    pending: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="prepare")
    try:
        with _one_thread_each():
            for start in range(0, count, CHUNK):
                pending.append(pool.submit(work, range(start, min(start + CHUNK, count))))
                if len(pending) > 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Keeps OpenCV from starting threads of its own under ours."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
