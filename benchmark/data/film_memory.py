"""What was found of films before, by the digests of their files, so that another selection is not searched anew.

It holds for one version of the search and of the code that reads the films; who keeps it sees to that.
"""

import hashlib
import io
import zipfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmark.data.candidates import THUMBNAIL
from registry.contracts import Sample

DIGEST = 16  # bytes
MOST_FILMS = 50_000  # whose thumbnails are kept, the newest; 4 kB each
MOST_PAIRS = 1_000_000  # 34 bytes each

Digest = bytes


class FilmMemory:
    """Thumbnails of films, and how many points pairs of them have in common."""

    def __init__(self, content: bytes | None = None) -> None:
        """What an earlier `content` holds; nothing of one that is damaged."""
        self.thumbnails: dict[Digest, np.ndarray] = {}
        self.points: dict[tuple[Digest, Digest], int] = {}
        if content:
            try:
                self._read(content)
            except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile):
                self.thumbnails, self.points = {}, {}

    def content(self) -> bytes:
        """As a file: what was used last of what there is room for."""
        films, pairs = list(self.thumbnails)[-MOST_FILMS:], list(self.points)[-MOST_PAIRS:]
        thumbnails = np.array([self.thumbnails[film] for film in films], np.uint8)
        points = np.array([self.points[pair] for pair in pairs], np.uint16)
        file = io.BytesIO()
        joined = [one + other for one, other in pairs]
        np.savez(
            file,
            films=_columns(films, DIGEST),
            thumbnails=thumbnails,
            pairs=_columns(joined, 2 * DIGEST),
            points=points,
        )
        return file.getvalue()

    def thumbnail(self, film: Digest) -> np.ndarray | None:
        """Of a film that was seen before."""
        return _used(self.thumbnails, film)

    def agreeing(self, one: Digest, other: Digest) -> int | None:
        """Points of two films that were compared before."""
        return _used(self.points, _pair(one, other))

    def remember(self, one: Digest, other: Digest, points: int) -> None:
        """How many points of two films agree."""
        self.points[_pair(one, other)] = points

    def _read(self, content: bytes) -> None:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            films, thumbnails, pairs, points = (stored[name] for name in ("films", "thumbnails", "pairs", "points"))
        if thumbnails.shape != (len(films), THUMBNAIL, THUMBNAIL) and len(films):
            raise ValueError(f"thumbnails of {thumbnails.shape}")
        self.thumbnails = dict(zip(map(bytes, films), thumbnails, strict=True))
        joined = map(bytes, pairs)
        self.points = dict(zip(((one[:DIGEST], one[DIGEST:]) for one in joined), map(int, points), strict=True))


def digests_of(samples: Sequence[Sample], pool: ThreadPoolExecutor) -> list[Digest]:
    """Of the bytes of each film's files, and of its id where other films lie in the same ones."""
    used = Counter(path for sample in samples for path in sample.paths)
    bytes_of = dict(zip(used, pool.map(_bytes_digest, used), strict=True))
    return [
        _joined([bytes_of[path] for path in sample.paths], sample.id if max(map(used.get, sample.paths)) > 1 else "")
        for sample in samples
    ]


def _bytes_digest(path: str) -> bytes:
    """Of a file; of one that cannot be read, of nothing."""
    if not Path(path).is_file():  # opening a pipe would wait for its other end
        return b""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (tens of thousands of files)
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""


def _joined(files: Sequence[bytes], name: str) -> Digest:
    return hashlib.sha256(b"".join(files) + name.encode(errors="surrogateescape")).digest()[:DIGEST]


def _used(known: dict, key: object) -> object:
    """The value of a key, which becomes the one that was used last."""
    value = known.pop(key, None)
    if value is not None:
        known[key] = value
    return value


def _pair(one: Digest, other: Digest) -> tuple[Digest, Digest]:
    return (one, other) if one < other else (other, one)


def _columns(rows: Sequence[bytes], width: int) -> np.ndarray:
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, width)
