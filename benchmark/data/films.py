"""Films as the search for copies sees them, each decoded at most twice: once for its thumbnail, once for key points."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmark.data.candidates import THUMBNAIL, Told, thumbnail
from benchmark.data.depth import eight_bits
from benchmark.data.film_memory import FilmMemory, digests_of
from benchmark.data.keypoints import KeyPoints, agreeing, key_points, levelled
from registry.contracts import Sample
from registry.errors import DataError

TOGETHER = 64  # films or pairs that a thread takes at once


class Films:
    """What is known of N films.

    Attributes:
        digests: of their files.
        thumbnails: uint8 (N, T, T); of a film that cannot be read, zeros, which are like nothing.
    """

    def __init__(self, samples: Sequence[Sample], memory: FilmMemory, pool: ThreadPoolExecutor, told: Told) -> None:
        self._samples, self._memory, self._pool = samples, memory, pool
        self._points: dict[int, KeyPoints] = {}
        self.digests = digests_of(samples, pool)
        self.thumbnails = np.zeros((len(samples), THUMBNAIL, THUMBNAIL), np.uint8)
        for start in range(0, len(samples), TOGETHER):
            chunk = range(start, min(start + TOGETHER, len(samples)))
            self._see([i for i in chunk if not self._remembered(i)])
            told(chunk.stop, len(samples))

    def _remembered(self, film: int) -> bool:
        known = self._memory.thumbnail(self.digests[film])
        if known is not None:
            self.thumbnails[film] = known
        return known is not None

    def _see(self, films: Sequence[int]) -> None:
        """Thumbnails and key points of films, from their images."""
        for film, seen in zip(films, self._pool.map(_seen, [self._samples[film] for film in films]), strict=True):
            if seen is not None:  # what cannot be read today may be tomorrow
                self.thumbnails[film], self._points[film] = seen
                self._memory.thumbnails[self.digests[film]] = seen[0]

    def key_points(self, films: Sequence[int]) -> None:
        """See to it that those of these films are known."""
        lacking = [film for film in films if film not in self._points]
        self._points |= dict.fromkeys(lacking, NONE)  # of what cannot be read any more
        self._see(lacking)

    def agreeing(self, film: int, others: "Films", other: int) -> int:
        """Points of two films that agree; thread-safe, once their key points are known."""
        return agreeing(self._points[film], others._points[other])


def compare(
    ours: Films, theirs: Films, pairs: np.ndarray, memory: FilmMemory, pool: ThreadPoolExecutor, told: Told
) -> np.ndarray:
    """Points that agree in each pair (P, 2) of one of our films and one of theirs, int (P,)."""
    keys = [(ours.digests[one], theirs.digests[other]) for one, other in pairs.tolist()]
    known = [memory.agreeing(*key) for key in keys]
    lacking = [place for place, points in enumerate(known) if points is None]
    for films, column in ((ours, 0), (theirs, 1)):
        films.key_points(sorted(set(pairs[lacking, column].tolist())))

    def count(places: Sequence[int]) -> list[int]:
        return [ours.agreeing(int(pairs[place, 0]), theirs, int(pairs[place, 1])) for place in places]

    done = 0
    chunks = [lacking[start : start + TOGETHER] for start in range(0, len(lacking), TOGETHER)]
    for chunk, counted in zip(chunks, pool.map(count, chunks), strict=True):
        for place, points in zip(chunk, counted, strict=True):
            known[place] = points
            memory.remember(*keys[place], points)
        done += len(chunk)
        told(done, len(lacking))
    return np.array(known, int)


NONE = KeyPoints(np.zeros((0, 2), np.float32), np.zeros((0, 32), np.uint8))


def _seen(sample: Sample) -> tuple[np.ndarray, KeyPoints] | None:
    """Thumbnail and key points of a film; None of one that cannot be read."""
    try:
        film = levelled(eight_bits(sample.read_image()))
    except DataError:
        return None
    return thumbnail(film), key_points(film)
