"""Films that stand under several labels at once."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from benchmark.data.merging import connected
from benchmark.data.prepared import Prepared

SHOWN = 5


def contradictions(images: Prepared, copies: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Films, each the images that are identical or copies of one another, whose images have several labels.

    Args:
        copies: pairs of images.
    """
    films = connected([*_identical(images), *copies])
    return sorted(film for film in films if len(set(images.labels[film].tolist())) > 1)


def names(images: Prepared, film: Sequence[int]) -> list[str]:
    """The images of a film with their labels."""
    return [f"{images.ids[image]} ({images.labels[image]})" for image in film]


def told(films: Sequence[Sequence[str]], left_out: bool) -> str:
    """A sentence on such films, each given by its `names`."""
    counted = "1 film carries" if len(films) == 1 else f"{len(films)} films carry"
    shown = "; ".join(" = ".join(film) for film in films[:SHOWN])
    more = f"; and {len(films) - SHOWN} more" if len(films) > SHOWN else ""
    fate = "left out" if left_out else 'kept together (split.contradictions = "drop" leaves them out)'
    return f"{counted} two labels: {shown}{more}: {fate}."


def _identical(images: Prepared) -> Iterator[tuple[int, int]]:
    """Pairs of equal images in groups of several labels; the dataset's groups hold identical images together."""
    labels, members = defaultdict(set), defaultdict(list)
    for image, (group, label) in enumerate(zip(images.groups.tolist(), images.labels.tolist(), strict=True)):
        labels[group].add(label)
        members[group].append(image)
    for group in (group for group, found in labels.items() if len(found) > 1):
        first: dict[bytes, int] = {}
        for image in members[group]:
            pixels = hashlib.sha256(np.ascontiguousarray(images.images[image]).tobytes()).digest()
            yield first.setdefault(pixels, image), image
