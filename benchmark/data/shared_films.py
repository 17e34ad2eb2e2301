"""Films of one dataset that another one holds too: crops and re-encodings, and what is the same pixel for pixel."""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from benchmark.data.copies import find_copies_between
from benchmark.data.film_memory import FilmMemory
from registry.contracts import Sample
from registry.cores import usable_cores

IDENTICAL = "images identical as they were prepared"
SEARCHED = f"copies, by key points, and {IDENTICAL}"


class Films(NamedTuple):
    """Some films of a dataset.

    Attributes:
        samples: n, as the dataset gives them.
        rows: (n,) of the same films in `images`.
        images: uint8 (N, S, S), prepared; on disk.
    """

    samples: Sequence[Sample]
    rows: np.ndarray
    images: np.ndarray


class Memory(NamedTuple):
    """What is remembered of films: of both datasets, else of theirs alone."""

    both: bytes | None = None
    theirs: bytes | None = None


def shared_films(
    ours: Films, theirs: Films, memory: Memory, tell: Callable[..., None]
) -> tuple[dict[str, str], str, bytes | None]:
    """Id of a film of ours -> id of one of theirs that shows the same; what was searched; what to remember.

    Drawn films, which have no files, are held against each other pixel for pixel alone.
    """
    pairs = identical(ours, theirs)
    if not any(sample.paths for sample in ours.samples) or not any(sample.paths for sample in theirs.samples):
        return pairs, IDENTICAL, None
    known = FilmMemory(memory.both or memory.theirs)
    found = find_copies_between(
        ours.samples,
        theirs.samples,
        workers=usable_cores(),
        told=partial(tell, "looking for films that the run learnt from"),
        memory=known,
    )
    most: dict[str, tuple[int, str]] = {}
    for copy in found:
        name = ours.samples[copy.one].id
        most[name] = max(most.get(name, (0, "")), (copy.points, theirs.samples[copy.other].id))
    return {name: other for name, (_, other) in most.items()} | pairs, SEARCHED, known.content()


def identical(ours: Films, theirs: Films) -> dict[str, str]:
    """Films that are equal pixel for pixel as they were prepared, both alike."""
    known = {
        _fingerprint(theirs.images[row]): sample.id for row, sample in zip(theirs.rows, theirs.samples, strict=True)
    }
    mine = ((sample.id, _fingerprint(ours.images[row])) for row, sample in zip(ours.rows, ours.samples, strict=True))
    return {name: known[film] for name, film in mine if film in known}


def _fingerprint(image: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).digest()
