"""Films of one dataset that another one holds too."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from registry.contracts import Sample

IDENTICAL = "images that are identical as they were prepared"


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


def shared_films(ours: Films, theirs: Films) -> tuple[dict[str, str], str]:
    """Id of a film of ours -> id of one of theirs that shows the same, and what was searched, in words."""
    pairs = identical(ours, theirs)
    return pairs, IDENTICAL


def identical(ours: Films, theirs: Films) -> dict[str, str]:
    """Films that are equal pixel for pixel as they were prepared, both alike."""
    known = {
        _fingerprint(theirs.images[row]): sample.id for row, sample in zip(theirs.rows, theirs.samples, strict=True)
    }
    found = (
        (sample.id, known.get(_fingerprint(ours.images[row])))
        for row, sample in zip(ours.rows, ours.samples, strict=True)
    )
    return {name: other for name, other in found if other is not None}


def _fingerprint(image: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).digest()
