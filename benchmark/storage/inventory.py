"""What lies in a cache folder, how large it is, when it was last used; and its removal.

Only what bears the names that this program gives is seen, so nothing else is ever removed, whatever folder is meant.
Sizes are those on disk, as `du` counts them: sparse files and short last blocks included.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypedDict

from benchmark.storage import arrays
from benchmark.storage.cache import Store
from benchmark.storage.claims import DISCARDED
from benchmark.storage.files import new_folder
from benchmark.storage.owner import NAME, PLACE, RANDOM
from registry.errors import StorageError

BLOCK = 512  # bytes in a unit of st_blocks, on every file system
KEY = "[0-9a-f]{64}"
STAGE = "[a-z][a-z0-9_-]*"
OWNED = f"(?P<stage>{STAGE})/(?P<key>{KEY})"
WHOSE = f"({PLACE}-)?{RANDOM}"
TEMPORARY = rf"\.({PLACE}|\d+)\.tmp"
LOCK = re.compile(f"{STAGE}-{KEY}")
PLACES = (  # kind, pattern to look for, what its path must be
    ("artefact", "objects/*/*", re.compile(f"objects/{OWNED}")),
    ("checkpoint", "partial/*/*", re.compile(f"partial/{OWNED}(-{NAME})?")),
    ("half-built", "building/*", re.compile(f"building/(?P<stage>{STAGE})-(?P<key>[0-9a-f]{{16}})-{WHOSE}")),
    ("half-removed", "building/*", re.compile(f"building/{DISCARDED}{WHOSE}")),
    ("description", "descriptions/*", re.compile(rf"descriptions/{KEY}({TEMPORARY}|\.json)")),
    ("digest file", "file-*", re.compile(rf"file-(digests|headers)({TEMPORARY}|\.json)")),
    ("import file", "imports.*", re.compile(rf"imports({TEMPORARY}|\.json)")),
    ("memory", "kept/*/*", re.compile(rf"kept/(?P<stage>{STAGE})/(?P<key>{KEY})({TEMPORARY})?")),
    ("verdict", "verdicts/*", re.compile(rf"verdicts/({KEY}|trust)({TEMPORARY}|\.json|\.records)")),
    ("note of a run", "serves/*", re.compile(rf"serves/{KEY}({TEMPORARY}|\.json)")),
    ("job array", "slurm/*", re.compile(f"{arrays.FOLDER}/[0-9a-f]{{16}}")),
    ("log", "logs/*", re.compile(rf"logs/worker-{WHOSE}\.log")),
)
AT_WORK = {"job array": ("job array at work", arrays.is_over)}  # kind -> of what is not over, and whether it is
FILES = (  # the other kinds are folders
    "description", "digest file", "import file", "memory", "verdict", "note of a run", "log",
)  # fmt: skip


class Sum(TypedDict):
    """Of several items."""

    count: int
    bytes: int


class Item(NamedTuple):
    """Something in the cache.

    Attributes:
        stage: and `key`, empty where the kind has none.
        size_bytes: bytes on disk.
        used: when it last changed, in seconds since 1970; `Store.use` changes an artefact's folder.
    """

    kind: str
    path: Path
    stage: str
    key: str
    size_bytes: int
    used: float


def inventory(root: Path) -> list[Item]:
    """Everything of ours below a cache folder, the last used first; nothing where there is no folder.

    Raises:
        StorageError: it cannot be read.
    """
    try:
        next(root.iterdir(), None)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageError(
            f"the cache {root} cannot be read ({error.strerror}); choose another one with BENCH_CACHE"
        ) from error
    return sorted(_items(root), key=lambda item: -item.used)


def stale(items: Iterable[Item], before: float) -> list[Item]:
    """What was not used since, and what a removal that was killed has left."""
    ages = ("artefact", "checkpoint", "half-built", "memory", "verdict", "note of a run", "job array")
    return [item for item in items if item.kind == "half-removed" or (item.kind in ages and item.used < before)]


def removable(items: Iterable[Item]) -> list[Item]:
    """All but what jobs may need that wait in a queue, where nothing else shows that they live."""
    kept = [kind for kind, _ in AT_WORK.values()]
    return [item for item in items if item.kind not in kept]


def unserving(items: Iterable[Item], artefacts: Container[str], notes: Container[Path]) -> list[Item]:
    """Artefacts by ``STAGE/KEY``, files that remember runs, and what a removal that was killed has left.

    Args:
        artefacts, notes: see `benchmark.storage.serving.serving_none`.
    """
    return [
        item
        for item in items
        if item.kind == "half-removed"
        or (item.kind == "artefact" and f"{item.stage}/{item.key}" in artefacts)
        or (item.kind == "note of a run" and item.path in notes)
    ]


def summed(named: Iterable[tuple[str, Item]]) -> dict[str, Sum]:
    """Name -> how many and how many bytes, the largest first."""
    sums: dict[str, Sum] = {}
    for name, item in named:
        one = sums.setdefault(name, {"count": 0, "bytes": 0})
        one["count"] += 1
        one["bytes"] += item.size_bytes
    return dict(sorted(sums.items(), key=lambda pair: -pair[1]["bytes"]))


def remove(root: Path, choose: Callable[[list[Item]], list[Item]]) -> list[Item]:
    """Remove what is chosen of all that is there, while nobody uses the cache; gives what went.

    Raises:
        StorageError: a run is at work, or something cannot be removed.
    """
    with Store(root).alone():
        leaving = choose(inventory(root))
        discard(root, leaving)
        sweep_locks(root)
    return leaving


def discard(root: Path, items: Iterable[Item]) -> None:
    """Remove these; if it is killed, what it leaves is whole artefacts and what the next removal sweeps.

    Raises:
        StorageError: one of them cannot be removed.
    """
    building = root / "building"
    try:
        building.mkdir(parents=True, exist_ok=True)
        folder = new_folder(building, DISCARDED)
        for number, item in enumerate(items):
            with contextlib.suppress(FileNotFoundError):  # logs go by themselves
                item.path.rename(folder / str(number))
        shutil.rmtree(folder)
    except OSError as error:
        raise StorageError(
            f"{error.filename or building} cannot be removed ({error.strerror}); "
            "see whose it is and whether its folder can be written, then run the same line again"
        ) from error


def sweep_locks(root: Path) -> None:
    """Remove the lock files of artefacts, of which there is one for each that was ever built.

    Only within `Store.alone`: whoever builds an artefact keeps that from being entered, so nobody holds one of them.
    """
    for path in (root / "locks").glob("*"):
        if LOCK.fullmatch(path.name) and not path.parent.is_symlink():
            path.unlink(missing_ok=True)


def disk_bytes(path: Path) -> int:
    """Bytes on disk of a file, or of a folder and all below it."""
    return sum(status.st_blocks for status in _statuses(path)) * BLOCK


def _items(root: Path) -> Iterator[Item]:
    for kind, pattern, name in PLACES:
        for path in root.glob(pattern):
            match = name.fullmatch(path.relative_to(root).as_posix())
            if match and not _linked(path, root) and (path.is_file() if kind in FILES else path.is_dir()):
                statuses = list(_statuses(path))
                named = match.groupdict()
                yield Item(
                    _kind(kind, path),
                    path,
                    named.get("stage", ""),
                    named.get("key", ""),
                    sum(status.st_blocks for status in statuses) * BLOCK,
                    max((status.st_mtime for status in statuses), default=0.0),
                )


def _kind(kind: str, path: Path) -> str:
    """The kind, or that of one of it which is at work."""
    name, is_over = AT_WORK.get(kind, (kind, None))
    return name if is_over and not is_over(path) else kind


def _linked(path: Path, root: Path) -> bool:
    """Whether it is a link, or lies behind one below the cache folder: what that leads to is somebody else's."""
    return any(one.is_symlink() for one in (path, *path.parents) if one != root and one.is_relative_to(root))


def _statuses(path: Path) -> Iterator[os.stat_result]:
    """Of a file, or of a folder and then all below it; what vanishes meanwhile or cannot be seen is left out."""
    paths = [str(path)]
    for folder, folders, files in os.walk(path):
        paths += [f"{folder}/{name}" for name in (*folders, *files)]
    for name in paths:
        with contextlib.suppress(FileNotFoundError, PermissionError):
            yield os.lstat(name)
