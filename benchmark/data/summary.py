"""A look at a dataset before anything is decoded: contents, digest, what would be refused."""

import hashlib
import json
import os
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from benchmark.data.file_facts import file_facts
from benchmark.data.samples import check_labels, ignored_labels, read_dataset, selected, separator_of
from benchmark.data.splits import masks_leak
from benchmark.data.understanding import understood
from benchmark.records.summary import DatasetSummary
from benchmark.storage.code import CodeIndex, component_code
from benchmark.storage.digests import digest
from benchmark.storage.files import write_whole
from benchmark.storage.refusals import storage_errors
from benchmark.tasks.spec import DatasetChoice
from registry.contracts import Sample
from registry.cores import usable_cores
from registry.declarations import recognition
from registry.errors import DataError, DataNotFoundError
from registry.lookup import Entry, entries, load
from registry.readers.films import labelled
from registry.readers.tree import ARCHIVES, first_image, sub_folders
from registry.readers.unread_files import tried

UNREADABLE = "unreadable"
READS_HEADERS = "registry.readers.headers"

NO_PATIENTS = "patients unknown: each image stands by itself, and only copies of one film are kept together"
SOME_PATIENTS = "patients of {:,} of {:,} images unknown: each of these stands by itself"


def recognised(choice: DatasetChoice) -> DatasetChoice:
    """The choice with the dataset's reader in it, found by what lies in the folder where it was not named."""
    return choice if choice.name else msgspec.structs.replace(choice, name=recognise(choice.root or "."))


def summarise(
    choice: DatasetChoice, seed: int, cache: Path, progress: Callable[[int, int], None], *, fewest_labels: int = 2
) -> DatasetSummary:
    """What the dataset holds, with file digests remembered below the cache.

    Args:
        progress: called with how many files of how many have been read.
        fewest_labels: that must have images.

    Raises:
        DataError: fewer have.
    """
    dataset, every, options = read_dataset(choice)
    ignored = ignored_labels(dataset.labels, choice.ignore, separator_of(dataset))
    samples = selected(choice, ignored, every, seed)
    labels = [label for label in dataset.labels if label not in ignored]
    check_labels(choice, samples, fewest_labels)
    memo = FileDigests(cache / "file-digests.json")
    files = memo.read([path for sample in samples for path in sample.paths], progress)
    described = [_described(sample, [files[path] for path in sample.paths]) for sample in samples]
    # Synthetic images have no files: the code that makes them stands for their bytes.
    index = CodeIndex(cache)
    code = "" if all(sample.paths for sample in samples) else component_code("dataset", choice.name, index)
    version = index.code_digest(READS_HEADERS) or ""
    counts = Counter(sample.label for sample in samples)
    sources = Counter(sample.source for sample in samples if sample.source is not None)
    known = all(sample.source is not None for sample in samples)
    return DatasetSummary(
        name=dataset.name,
        options=options,
        digest=digest(json.dumps(options, sort_keys=True), code, *described),
        labels=labels,
        counts={label: counts[label] for label in labels},
        sources=dict(sorted(sources.items())) if known else {},
        notices=[*dataset.notices, *_lone(samples)],
        licence=dataset.licence,
        origin=dataset.origin,
        images=len(samples),
        files=sum(bool(sample.paths) for sample in samples),
        masks=sum(sample.mask_annotator is not None for sample in samples),
        groups=Counter(label for _, label in sorted({(sample.group, sample.label) for sample in samples})),
        masks_leak=masks_leak([s.label for s in samples], [s.mask_annotator for s in samples]),
        facts=file_facts(samples, files, cache / "file-headers.json", version),
        understood=understood(dataset, every, samples, ignored, files),
        separator=separator_of(dataset),
    )


def _described(sample: Sample, digests: Sequence[str]) -> str:
    """What of a sample enters the dataset's digest; a part and traits where it has any."""
    fields = [sample.id, sample.label, sample.source, sample.group, sample.mask_annotator, digests]
    known = [sample.part, dict(sample.traits)] if sample.part or sample.traits else []
    return json.dumps([*fields, *known])


def recognise(root: str) -> str:
    """The registered dataset that knows the layout of a folder best.

    Raises:
        DataNotFoundError: the folder is absent.
        DataError: no dataset knows its layout.
    """
    if not Path(root).is_dir():
        found = "is no folder" if Path(root).exists() else "is not there"
        archive = Path(root).is_file() and Path(root).suffix.lower() in ARCHIVES
        remedy = "unpack it and give the folder that comes out of it" if archive else "give its path with --data"
        raise DataNotFoundError(f"{root!r} {found}; expected the folder of a dataset; {remedy}")
    scores = {name: _score(entry, root) for name, entry in entries("dataset").items()}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] == 0:
        raise DataError(
            f"{root} is not laid out like any known dataset; expected two or more sub-folders with images, "
            f"one per label; found {_content(Path(root))}{_why_not(root)}{tried(Path(root))}; see: bench list datasets"
        )
    return best


def _score(entry: Entry, root: str) -> int:
    """How surely a folder is this dataset; a plugin that cannot tell does not keep the others from it."""
    try:
        return recognition(load(entry), root)
    except Exception:
        traceback.print_exc()
        return 0


def _why_not(root: str) -> str:
    """What keeps the folders in a folder from being labels; empty where nothing more is known of it."""
    try:
        labelled(Path(root))
    except DataError as error:
        return f": {str(error).replace(f'data folder {root}', 'it', 1)}"
    return ""


def _content(root: Path) -> str:
    """What is in a folder, in words."""
    folders = sub_folders(root)
    if not folders:
        return "files only" if any(root.iterdir()) else "nothing"
    shown = [f"{path.name} ({'with' if first_image(path) else 'without'} images)" for path in folders[:6]]
    return ", ".join(shown) + (f" and {len(folders) - 6} more" if len(folders) > 6 else "")


def _lone(samples: Sequence[Sample]) -> list[str]:
    """What to say of images that stand by themselves; nothing where the dataset has one image of each patient."""
    lone = sum(sample.group == sample.id for sample in samples)
    if lone == len(samples):
        return [NO_PATIENTS]
    return [SOME_PATIENTS.format(lone, len(samples))] if lone else []


class FileDigests:
    """SHA-256 of files, remembered by path, size and times: that of an inode's change cannot be set back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.known: dict[str, list[Any]] = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            self.known = {}

    def read(self, paths: Sequence[str], progress: Callable[[int, int], None]) -> dict[str, str]:
        """Path -> digest; hashes only what has changed."""
        stamps = {path: _stamp(path) for path in paths}
        stale = [path for path, stamp in stamps.items() if self.known.get(path, [])[:-1] != stamp]
        with ThreadPoolExecutor(usable_cores()) as pool:
            for done, (path, value) in enumerate(zip(stale, pool.map(_hash, stale), strict=True), 1):
                self.known[path] = [*stamps[path], value]
                if done % 500 == 0:
                    progress(done, len(stale))
        if stale:
            self._write()
        return {path: self.known[path][-1] for path in paths}

    def _write(self) -> None:
        # What could not be read may be readable next time without looking changed: a disk may come back.
        kept = {path: entry for path, entry in self.known.items() if entry[-1] != UNREADABLE}
        with storage_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, json.dumps(kept).encode(), flush=False)


def _stamp(path: str) -> list[int]:
    try:
        status = os.stat(path)  # noqa: PTH116 (tens of thousands of files)
    except OSError:
        return [-1, -1, -1]
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _hash(path: str) -> str:
    if not Path(path).is_file():  # opening a pipe would wait for its other end
        return UNREADABLE
    try:
        with Path(path).open("rb") as file:  # an archive of all images may be larger than the memory
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return UNREADABLE
