"""Films that are crops or re-encodings of one another, found by key points, and the groups that they join.

    find_copies(samples, …)            within one dataset
    find_copies_between(ours, theirs, …)  which of our films lie in another dataset too

Candidates come from `benchmark.data.candidates`, the test from `benchmark.data.keypoints`.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import cv2

from benchmark.data.candidates import candidates, candidates_between
from benchmark.data.film_memory import FilmMemory
from benchmark.data.films import Films, Told, compare
from benchmark.data.keypoints import AGREEING
from benchmark.data.merging import connected
from registry.contracts import Sample
from registry.errors import DataError

MOST_FILMS, MOST_SHARE = 20, 0.01  # of a dataset that may be copies of one another; beyond both something is wrong
SHOWN = 3
WHOLE = 1000  # parts of the work, of which progress is told


class Copy(NamedTuple):
    """Two films that are copies.

    Attributes:
        one, other: their places among the samples.
        points: key points that agree.
    """

    one: int
    other: int
    points: int


def find_copies(samples: Sequence[Sample], *, workers: int, told: Told, memory: FilmMemory | None = None) -> list[Copy]:
    """Pairs of copies within a dataset, in order, `one` before `other`.

    Samples without files (drawn ones) are not searched, and films that cannot be read are copies of nothing.

    Args:
        workers: threads.
        told: called with how much is done of how much: a third each for reading, looking up and comparing.
        memory: what was found of the same files before; what is found now is added.
    """
    memory = memory or FilmMemory()
    places = [place for place, sample in enumerate(samples) if sample.paths]
    with _threads(workers) as pool:
        films = Films([samples[place] for place in places], memory, pool, _third(told, 0))
        pairs = candidates(films.thumbnails, _third(told, 1))
        points = compare(films, films, pairs, memory, pool, _third(told, 2))
    told(WHOLE, WHOLE)
    found = zip(pairs.tolist(), points.tolist(), strict=True)
    return [Copy(places[one], places[other], n) for (one, other), n in found if n >= AGREEING]


def find_copies_between(
    ours: Sequence[Sample],
    theirs: Sequence[Sample],
    *,
    workers: int,
    told: Told,
    memory: FilmMemory | None = None,
) -> list[Copy]:
    """Pairs of copies of which `one` is among our samples (few, as of a test set) and `other` among theirs (many).

    Arguments as of `find_copies`.
    """
    memory = memory or FilmMemory()
    here = [place for place, sample in enumerate(ours) if sample.paths]
    there = [place for place, sample in enumerate(theirs) if sample.paths]
    with _threads(workers) as pool:
        count = len(here) + len(there)
        reading = _third(told, 0)
        films = Films([ours[place] for place in here], memory, pool, lambda done, _: reading(done, count))
        others = Films(
            [theirs[place] for place in there], memory, pool, lambda done, _: reading(len(here) + done, count)
        )
        pairs = candidates_between(films.thumbnails, others.thumbnails, _third(told, 1))
        points = compare(films, others, pairs, memory, pool, _third(told, 2))
    told(WHOLE, WHOLE)
    found = zip(pairs.tolist(), points.tolist(), strict=True)
    return [Copy(here[one], there[other], n) for (one, other), n in found if n >= AGREEING]


def check_copies(copies: Sequence[Copy], samples: Sequence[Sample]) -> None:
    """See that no group of copies is so large that something else than one film must have joined it.

    Raises:
        DataError: more than `MOST_FILMS` films and `MOST_SHARE` of the dataset are copies of one another.
    """
    for films in connected([copy[:2] for copy in copies])[:1]:
        if len(films) > MOST_FILMS and len(films) > MOST_SHARE * len(samples):
            shown = ", ".join(samples[film].id for film in films[:SHOWN])
            raise DataError(
                f"{len(films)} of {len(samples)} films would be copies of one another ({shown}, …), which is hardly "
                "true: the same lettering or frame may join them; look at them, or keep together only films that are "
                'equal pixel for pixel: split.copies = "identical"'
            )


def _third(told: Told, place: int) -> Told:
    """Tells of one third of the work."""
    return lambda done, total: told(round(WHOLE * (place + (done / total if total else 1)) / 3), WHOLE)


@contextmanager
def _threads(workers: int) -> Iterator[ThreadPoolExecutor]:
    """A pool under which OpenCV starts no threads of its own."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with ThreadPoolExecutor(workers, thread_name_prefix="copies") as pool:
            yield pool
    finally:
        cv2.setNumThreads(before)
