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
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmark.duplicates import merge_identical
from benchmark.films import EQUALISERS, Film, prepare_films
from benchmark.rows import RowFile
from registry.contracts import Sample
from registry.errors import DataError, StorageError, unknown_name

CHUNK = 16  # samples a task of the pool: large enough that scheduling costs nothing
SHOWN_PROBLEMS = 20

_COLUMNS = ("ids", "labels", "sources", "groups", "mask_makers", "lesion_known", "sizes")


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
        workers: threads; OpenCV and the hashes release the interpreter.
        progress: called with (samples done, samples in all).

    Raises:
        UnusableError: some samples are unreadable, empty or mismatched and `skip_bad` is not set, or all are;
            nothing is left in the folder.
        StorageError: the disk is full.
    """
    if equalise not in EQUALISERS:
        raise unknown_name("equalisation", equalise, EQUALISERS, "[images] of the task file")
    artefact = _Artefact(folder, size)
    work = partial(prepare_films, size=size, equalise=EQUALISERS[equalise])
    done = 0
    try:
        for chunk in _in_order(work, samples, workers):
            for sample, film in chunk:
                if isinstance(film, str):
                    artefact.problems.append(f"{sample.id}: {film}")
                elif skip_bad or not artefact.problems:
                    artefact.append(sample, film)
            done += len(chunk)
            progress(done, len(samples))
        if artefact.problems and not (skip_bad and artefact.fingerprints):
            raise UnusableError(artefact.problems, len(samples))
        artefact.finish()
    except BaseException:
        artefact.abandon()
        raise


def pack(masks: np.ndarray) -> np.ndarray:
    """Packed bits uint8 (n, ceil(H·W / 8)) of bool masks (n, H, W)."""
    return np.packbits(masks.reshape(len(masks), -1), axis=1)


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


class _Artefact:
    """The folder's files while they grow, and what will go into the index."""

    def __init__(self, folder: Path, size: int):
        bits = (size * size + 7) // 8
        self.folder = folder
        self.problems: list[str] = []
        self.index: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
        self.fingerprints: list[Hashable] = []
        self.images = RowFile(folder / "images.npy", (size, size))
        self.masks = RowFile(folder / "masks.npy", (bits,))
        self.lesions = RowFile(folder / "lesions.npy", (bits,))

    def append(self, sample: Sample, film: Film) -> None:
        self.images.append(film.image)
        self.masks.append(film.mask)
        self.lesions.append(film.lesion)
        self.fingerprints.append(film.fingerprint)
        maker = None if film.mask is None else sample.mask_maker or "unknown"
        row = (sample.id, sample.label, sample.source, sample.group, maker, film.lesion is not None, list(film.shape))
        for name, value in zip(_COLUMNS, row, strict=True):
            self.index[name].append(value)

    def finish(self) -> None:
        for file in (self.images, self.masks, self.lesions):
            file.finish()
        if not any(self.index["lesion_known"]):
            self.lesions.abandon()
        self.index["groups"] = merge_identical(self.index["groups"], self.fingerprints)
        text = json.dumps({**self.index, "skipped": self.problems}, ensure_ascii=False)
        try:
            (self.folder / "index.json").write_text(text, encoding="utf-8")
        except OSError as error:
            raise StorageError(f"cannot write {self.folder / 'index.json'}: {error.strerror}") from error

    def abandon(self) -> None:
        for file in (self.images, self.masks, self.lesions):
            file.abandon()
        (self.folder / "index.json").unlink(missing_ok=True)


def _in_order(
    work: Callable[[Sequence[Sample]], list], samples: Sequence[Sample], workers: int
) -> Iterator[list[tuple[Sample, "Film | str"]]]:
    """Results in the order of the samples, with a bounded number of them waiting."""
    pending: deque[Future] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="prepare")
    try:
        with _one_thread_each():
            for start in range(0, len(samples), CHUNK):
                pending.append(pool.submit(work, samples[start : start + CHUNK]))
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
