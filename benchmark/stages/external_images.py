"""Which images of elsewhere are judged: those of a class that the run did not learn from, and which belong together."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.data.merging import merge
from benchmark.data.prepared import Prepared, load
from benchmark.data.samples import open_dataset
from benchmark.data.shared_films import Films, Memory, shared_films
from benchmark.evaluation.stored import read_learnt
from benchmark.records.external import MASKS, ExternalTask, Shared
from benchmark.storage.kept import Kept
from benchmark.tasks.spec import Spec
from registry.errors import DataError

Tell = Callable[..., None]  # what is done, and where it is known how much of how much


class Given(NamedTuple):
    """A dataset as a run prepares it.

    Attributes:
        spec: of the run, on this dataset.
        prepared: of a run "", of a vote each member: folder of the prepared images.
        copies: folder of the copies that were found in it; None where none were searched.
        kept: what is remembered of its films; None where nothing is.
    """

    spec: Spec
    prepared: dict[str, Path]
    copies: Path | None = None
    kept: Kept | None = None

    def images(self) -> dict[str, Prepared]:
        """The prepared images, copies in groups of their own."""
        found = {name: load(path) for name, path in self.prepared.items()}
        if self.copies is None:
            return found
        pairs = json.loads((self.copies / "copies.json").read_text(encoding="utf-8"))["pairs"]
        return {name: _merged(images, pairs) for name, images in found.items()}


class Chosen(NamedTuple):
    """Images of the external dataset that are judged.

    Attributes:
        rows: (n,) into the prepared images.
        left_out: label -> images that are of no class.
    """

    rows: np.ndarray
    shared: Shared
    left_out: dict[str, int]


def choose(
    task: ExternalTask, given: Given, images: Prepared, own: Given | None, kept: Kept | None, tell: Tell
) -> Chosen:
    """The images that are judged.

    Args:
        images: of `given`.
        own: the run's own dataset; None where it is not at hand.
        kept: what is remembered of the films of both.

    Raises:
        DataError: there are none.
    """
    folder = Path(task.run)
    rows, left_out = _usable(task, images, folder)
    tell("looking for films that the run learnt from")
    shared = _shared(task, folder, _films(given.spec, images, rows), own, kept, tell)
    rows = rows[~np.isin(images.ids[rows], list(shared.pairs))]
    if not len(rows):
        raise DataError(f"every image of {task.dataset.name} is one that {folder.name} learnt from: nothing to judge")
    return Chosen(rows, shared, left_out)


def _merged(images: Prepared, pairs: list[list[str]]) -> Prepared:
    """The images with the groups of copies joined."""
    places = {name: place for place, name in enumerate(images.ids.tolist())}
    known = [(places[one], places[other]) for one, other, _ in pairs if one in places and other in places]
    return replace(images, groups=np.array(merge(images.groups.tolist(), known), str))


def _usable(task: ExternalTask, images: Prepared, folder: Path) -> tuple[np.ndarray, dict[str, int]]:
    """Rows of images that have a class, of a segmenter alone a mask; and the others by label."""
    if task.kind == MASKS:
        rows = np.flatnonzero(images.has_mask)
        if not len(rows):
            raise DataError(f"{task.dataset.name} has no lung masks to hold predicted ones against")
        return rows, {}
    taken = np.isin(images.labels, list(task.mapping))
    if not taken.any():
        raise DataError(f"no image of {task.dataset.name} is of a class of {folder.name}")
    return np.flatnonzero(taken), dict(sorted(Counter(images.labels[~taken].tolist()).items()))


def _shared(task: ExternalTask, folder: Path, films: Films, own: Given | None, kept: Kept | None, tell: Tell) -> Shared:
    if own is None:
        return Shared(False, f"not checked: {task.unchecked}")
    known = read_learnt(folder)
    if known is None:
        return Shared(False, "not checked: the run's folder has no split.csv, which says what it learnt from")
    images = load(own.prepared[""])
    theirs = _films(own.spec, images, np.flatnonzero(np.isin(images.ids, list(known))))
    remembered = Memory(kept and kept.read(), own.kept and own.kept.read())
    pairs, how, memory = shared_films(films, theirs, remembered, tell)
    if kept and memory:
        kept.write(memory)
    return Shared(True, how, pairs)


def _films(spec: Spec, images: Prepared, rows: np.ndarray) -> Films:
    samples = {sample.id: sample for sample in open_dataset(spec.dataset, spec.split.seed)[1]}
    return Films([samples[str(name)] for name in images.ids[rows]], rows, images.images)
