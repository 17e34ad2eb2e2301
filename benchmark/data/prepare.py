"""Preparation of a dataset, once: decode, resize, equalise, store; `benchmark.data.prepared` says what is stored."""

import json
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from benchmark.data.array_file import RowFile
from benchmark.data.duplicates import fingerprints, merge_identical
from benchmark.data.image import Equaliser, Film, equaliser, film
from registry.contracts import Sample
from registry.errors import DataError, StorageError

CHUNK = 16  # samples a task of the pool: large enough that scheduling costs nothing
GROUP_BYTES = 1 << 20  # of images that are written at once: no more, as every thread holds as many
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
        equalise: a key of `benchmark.data.image.EQUALISERS`.
        workers: threads, which OpenCV lets run side by side.  Samples without files are drawn by Python code that
            does not; they get one thread, as more were up to three times slower.
        progress: called with (samples done, samples in all).

    Raises:
        UnusableError: some samples are unreadable, empty or mismatched and `skip_bad` is not set, or all are;
            nothing is left in the folder.
        StorageError: the disk is full.
    """
    how = equaliser(equalise)
    if not samples:
        raise DataError("the dataset has no samples; nothing can be prepared")
    artefact = Artefact(folder, samples, size)
    threads = workers if any(sample.paths for sample in samples) else 1
    rows: list[Row] = []
    try:
        with closing(_in_order(partial(artefact.fill, size=size, equalise=how), len(samples), threads)) as chunks:
            for chunk in chunks:
                rows += chunk
                progress(len(rows), len(samples))
        _check(rows, skip_bad)
        artefact.finish(rows)
    except BaseException:
        artefact.abandon()
        raise


@dataclass(frozen=True, slots=True)
class Row:
    """What the index says of a film that was written, or why it was not."""

    shape: tuple[int, int] = (0, 0)
    traits: Hashable = None
    has_mask: bool = False
    has_lesion: bool = False
    refused: str = ""


class Artefact:
    """The files of a prepared dataset while threads fill them, a row per sample."""

    def __init__(self, folder: Path, samples: Sequence[Sample], size: int):
        bits = (size * size + 7) // 8
        self.folder = folder
        self.samples = samples
        self.images = RowFile(folder / "images.npy", (size, size))
        self.masks = RowFile(folder / "masks.npy", (bits,))
        self.lesions = RowFile(folder / "lesions.npy", (bits,))

    def fill(self, positions: range, size: int, equalise: Equaliser) -> list[Row]:
        """Prepares and writes the samples at these positions; threads may fill different ones at once."""
        together = max(1, GROUP_BYTES // (size * size))
        groups = [positions[start : start + together] for start in range(0, len(positions), together)]
        return [row for group in groups for row in self._fill(group, size, equalise)]

    def _fill(self, positions: range, size: int, equalise: Equaliser) -> list[Row]:
        films = [_film_or_reason(self.samples[position], size, equalise) for position in positions]
        good = [None if isinstance(done, str) else done for done in films]
        _write(self.images, positions, [done and done.image for done in good])
        _write(self.masks, positions, [done and done.mask for done in good])
        _write(self.lesions, positions, [done and done.lesion for done in good])
        return [_row(done) for done in films]

    def finish(self, rows: Sequence[Row]) -> None:
        """Completes the files, without the refused samples; `rows` are those of all samples, in order."""
        kept = [position for position, row in enumerate(rows) if not row.refused]
        for file in (self.images, self.masks, self.lesions):
            file.finish(kept)
        index = _index([self.samples[position] for position in kept], [rows[position] for position in kept])
        index["skipped"] = [row.refused for row in rows if row.refused]
        if not any(index["lesion_known"]):
            self.lesions.path.unlink()
        path = self.folder / "index.json"
        try:
            path.write_text(json.dumps(index), encoding="utf-8")
        except OSError as error:
            raise StorageError(f"cannot write {path}: {error.strerror or error}") from error

    def abandon(self) -> None:
        """Removes everything."""
        for file in (self.images, self.masks, self.lesions):
            file.close()
            file.path.unlink(missing_ok=True)
        (self.folder / "index.json").unlink(missing_ok=True)


def _check(rows: Sequence[Row], skip_bad: bool) -> None:
    refused = [row.refused for row in rows if row.refused]
    if len(refused) == len(rows) or (refused and not skip_bad):
        raise UnusableError(refused, len(rows))


def _film_or_reason(sample: Sample, size: int, equalise: Equaliser) -> Film | str:
    try:
        return film(sample, size, equalise)
    except DataError as error:
        return f"{sample.id}: {error}"


def _row(done: Film | str) -> Row:
    if isinstance(done, str):
        return Row(refused=done)
    return Row(done.shape, done.traits, done.mask is not None, done.lesion is not None)


def _write(file: RowFile, positions: range, rows: Sequence[np.ndarray | None]) -> None:
    """Writes the rows that there are, each stretch of them at once."""
    for there, stretch in groupby(zip(positions, rows, strict=True), key=lambda pair: pair[1] is not None):
        if there:
            first, *others = stretch
            file.write(first[0], first[1], *(row for _, row in others))


def _index(samples: Sequence[Sample], rows: Sequence[Row]) -> dict[str, list]:
    exact = fingerprints(samples, [row.traits for row in rows])
    pairs = list(zip(samples, rows, strict=True))
    return {
        "ids": [sample.id for sample in samples],
        "labels": [sample.label for sample in samples],
        "sources": [sample.source for sample in samples],
        "groups": merge_identical([sample.group for sample in samples], exact),
        "mask_annotators": [sample.mask_annotator or "unknown" if row.has_mask else None for sample, row in pairs],
        "lesion_known": [row.has_lesion for row in rows],
        "sizes": [list(row.shape) for row in rows],
    }


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
