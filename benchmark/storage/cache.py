"""Content-addressed artefacts: folders that appear whole or not at all.

    <cache>/objects/<stage>/<key>/      finished; never changed; the folder's time says when it was last used
    <cache>/partial/, building/, leases/    see `benchmark.storage.claims`
    <cache>/marks/                      signs of life of the commands that use the cache
    <cache>/locks/                      see `benchmark.storage.locks`; removed in `Store.alone`

Correctness rests on rename alone, so machines that share the folder may build at once.  Locks decide at once among the
processes of one machine; of another one a lease says who builds, and a mark who keeps what is there from being removed.
"""

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import overload

import msgspec

from benchmark.storage import claims, locks
from benchmark.storage.disk import DISK, still_s, sync
from benchmark.storage.files import new_folder
from benchmark.storage.leases import TAKEN, HeldError, Sign, take, taken, watched
from benchmark.storage.owner import in_words, is_here, new_name, surely_ended, works_for_another
from benchmark.storage.presence import living, marked
from benchmark.storage.refusals import DENIED, storage_errors
from registry.errors import StorageError

DURATION = "step.json"
EVERYTHING = "cache"  # the lock on the whole of it; those on artefacts are named <stage>-<key>
AGAIN_S = 0.5  # after which whoever waits looks again


class Store:
    """The artefacts below one cache folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._locks = root / "locks"
        self._leases, self._marks = f"{root}/leases", f"{root}/marks"
        self._claims: dict[tuple[str, str], Sign] = {}

    def has(self, stage: str, key: str) -> bool:
        """Whether the finished artefact is there."""
        return os.path.isdir(self._at(stage, key))  # noqa: PTH112 (str paths, hot)

    def find(self, stage: str, key: str) -> Path | None:
        """The finished artefact, or None."""
        return Path(self._at(stage, key)) if self.has(stage, key) else None

    def touch(self, stage: str, key: str) -> None:
        """Mark the artefact as used now, where it is there."""
        with contextlib.suppress(OSError):  # a folder of another user is as good to read
            os.utime(self._at(stage, key))

    def use(self, stage: str, key: str) -> Path | None:
        """The finished artefact, marked as used now, or None."""
        path = self.find(stage, key)
        if path:
            self.touch(stage, key)
        return path

    def _at(self, stage: str, key: str) -> str:
        return f"{self.root}/objects/{stage}/{key}"  # a `Path` for each costs more than asking the disk

    def partial(self, stage: str, key: str) -> Path:
        """A folder for a stage's checkpoints, created if need be; removed when the artefact is finished."""
        place, claim = claims.Place(str(self.root), stage, key), self._claims.get((stage, key))
        if claim:
            return Path(place.checkpoints_of(claim.name))  # another machine may have taken it: it is not made anew
        path = Path(place.checkpoints)
        with storage_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        return path

    def lost(self, stage: str, key: str) -> bool:
        """Whether this process was building an artefact, and another has taken it for dead."""
        claim = self._claims.get((stage, key))
        return claim is not None and claim.lost

    def duration(self, stage: str, key: str) -> float | None:
        """Seconds that making the artefact took; None where it is not there or does not say."""
        found = _duration(f"{self._at(stage, key)}/{DURATION}")
        return found.seconds if found else None

    def last_durations(self, stage: str, most: int = 16) -> dict[str, float]:
        """Subject -> seconds, of the artefacts of a stage that were used last."""
        folder = f"{self.root}/objects/{stage}"
        try:
            with os.scandir(folder) as entries:
                names = sorted(((entry.stat().st_mtime, entry.name) for entry in entries), reverse=True)[:most]
        except OSError:
            return {}
        durations = [_duration(f"{folder}/{name}/{DURATION}") for _, name in reversed(names)]
        return {one.subject: one.seconds for one in durations if one}

    @overload
    def build(self, stage: str, key: str, make: Callable[[Path], None]) -> Path: ...
    @overload
    def build(self, stage: str, key: str, make: Callable[[Path], None], *, wait: bool) -> Path | None: ...
    def build(self, stage: str, key: str, make: Callable[[Path], None], *, wait: bool = True) -> Path | None:
        """The artefact, made by `make(folder)` if it is not there yet.

        Args:
            wait: for a process that is making it; without, there is None then.

        Raises:
            StorageError: the disk is full or the cache cannot be written.
        """
        with storage_errors(self.root), contextlib.ExitStack() as held:
            try:
                locked = held.enter_context(self.lock(f"{stage}-{key}", wait=wait))
            except BlockingIOError:
                return None
            while not (path := self.use(stage, key)):
                if self._made(stage, key, make, locked):
                    self.touch(stage, key)
                    return Path(self._at(stage, key))
                if not wait:
                    return None
                time.sleep(AGAIN_S)
            return path

    def _made(self, stage: str, key: str, make: Callable[[Path], None], locked: bool) -> bool:
        """Whether the artefact is there now; not where another process builds it, or has taken it over from this one.

        Args:
            locked: no living process of this machine builds it.
        """
        target = Path(self._at(stage, key))
        there = next((folder for folder in target.parents if folder.is_dir()), target)
        if not os.access(there, os.W_OK):  # known before hours are spent
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(there / target.name))
        target.parent.mkdir(parents=True, exist_ok=True)

        def claimed(folder: str, claim: Sign) -> None:
            self._claims[stage, key] = claim
            make(Path(folder))

        place = claims.Place(str(self.root), stage, key)
        try:
            return claims.built(DISK, place, new_name(), claimed, surely_ended(locked))
        except HeldError:
            return False
        finally:
            self._claims.pop((stage, key), None)

    def others(self, stage: str, key: str) -> str:
        """Who builds an artefact on another machine, in words; empty where nobody does, or has fallen silent."""
        place = claims.Place(str(self.root), stage, key)
        if not DISK.has(place.lease):
            return ""
        whose = watched(DISK, place.lease)
        if whose:
            return "" if is_here(whose) else in_words(whose)
        with contextlib.suppress(HeldError):  # who builds it next has not watched the silence
            take(DISK, place.lease, new_name()).end()
        return ""

    def appeared(self, stage: str, key: str, wait_s: float = 0.0) -> bool:
        """Whether the artefact is there, seen anew, as another machine may just have published it.

        Args:
            wait_s: for how long to look again.
        """
        until = time.monotonic() + wait_s
        while not claims.appeared(DISK, self._at(stage, key)):
            if time.monotonic() >= until:
                return False
            time.sleep(min(AGAIN_S, wait_s))
        return True

    @contextlib.contextmanager
    def turn(self, name: str) -> Iterator[bool]:
        """Be the only one, on all machines, at something of this name; gives False where another process is at it."""
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(taken(DISK, f"{self._leases}/{name}", new_name()))
            except HeldError:
                yield False
                return
            yield True

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep what is in the cache there: a run holds this from its planning to its end.

        Raises:
            StorageError: the cache cannot be written.
        """
        with contextlib.ExitStack() as held:
            with storage_errors(self.root):
                held.enter_context(self.lock(EVERYTHING, shared=True))
                if not works_for_another():  # else the command's own mark stands
                    self._mark(held)
            yield

    def _mark(self, held: contextlib.ExitStack) -> None:
        """Show that this command is at work, and wait for whoever is removing something on another machine."""
        still_s()  # a setting that is none is said before anything is written
        try:
            held.callback(marked(DISK, self._marks, new_name()).end)
        except OSError as error:
            if error.errno not in (*DENIED, errno.EROFS):
                raise
        while DISK.has(self._leases) and watched(DISK, f"{self._leases}/{EVERYTHING}"):
            time.sleep(AGAIN_S)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Exclusive use of the cache; waits for nobody, but sees for a while whether other machines are at work.

        Raises:
            StorageError: another process uses it; or it cannot be written.
        """
        with contextlib.ExitStack() as held:
            with storage_errors(self.root):
                try:
                    locked = held.enter_context(self.lock(EVERYTHING, wait=False))
                except BlockingIOError as error:
                    raise StorageError(f"a run is at work in {self.root}; wait or use another BENCH_CACHE") from error
                self._alone(held, surely_ended(locked))
            yield

    def _alone(self, held: contextlib.ExitStack, ended: Callable[[str], bool]) -> None:
        """Keep the commands of other machines from beginning, and see that none is at work."""
        try:
            own = held.enter_context(taken(DISK, f"{self._leases}/{EVERYTHING}", new_name(), ended))
        except HeldError as error:
            raise StorageError(f"{error} is removing what is in {self.root}; wait for its end") from error
        if sign := living(DISK, self._marks, self._leases, own.name, ended):
            raise StorageError(
                f"{in_words(Path(sign).name.rpartition('.')[0])} is at work in {self.root}; wait for its end: its "
                f"sign of life {sign} still changes"
            )

    @contextlib.contextmanager
    def lock(self, name: str, *, shared: bool = False, wait: bool = True) -> Iterator[bool]:
        """Hold a lock, which the kernel releases if the process dies; gives False where the file system has none.

        Raises:
            BlockingIOError: another process holds it, and nobody waits.
        """
        self._locks.mkdir(parents=True, exist_ok=True)
        with locks.held(self._locks / name, shared=shared, wait=wait) as locked:
            yield locked


class Duration(msgspec.Struct, frozen=True):
    """How long making an artefact took, and what it was about, which others of its stage may share."""

    subject: str
    seconds: float


def write_duration(folder: Path, subject: str, seconds: float) -> None:
    """Say in a folder that is to be an artefact how long making it took."""
    (folder / DURATION).write_bytes(msgspec.json.encode(Duration(subject, seconds)))


def _duration(path: str) -> Duration | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (hot)
            return _DURATIONS.decode(file.read())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


_DURATIONS = msgspec.json.Decoder(Duration)


def replace_folder(folder: Path, target: Path) -> None:
    """Rename a finished folder over an older one of the same name, which others may replace meanwhile."""
    DISK.flush(str(folder))
    olds = []
    while True:
        if target.exists():
            olds.append(new_folder(target.parent, ".old-"))
            with contextlib.suppress(FileNotFoundError):
                target.rename(olds[-1] / target.name)
        if _put(folder, target):
            break
    sync(str(target.parent))
    for old in olds:
        shutil.rmtree(old, ignore_errors=True)


def _put(folder: Path, target: Path) -> bool:
    """Rename a folder; False where one of that name is there."""
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno in TAKEN:
            return False
        raise
    return True
