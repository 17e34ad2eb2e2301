"""Who runs a trial: a lease, and a lock on a file of its own, which also says how often that was tried.

A worker that is killed loses both and nothing else; the next one takes the trial over and goes on with it.  The lock
decides at once among the processes of one machine; of another machine's worker the lease says whether it lives.
"""

import contextlib
import os
import time
from pathlib import Path
from typing import Any

import msgspec

from benchmark.storage.disk import DISK
from benchmark.storage.leases import HeldError, LostError, Sign, take
from benchmark.storage.locks import lock
from benchmark.storage.owner import new_name, surely_ended
from benchmark.storage.refusals import storage_errors

FOLDER = "running"
LEASES = "leases"  # one for each trial that runs, and that of the ledger


class Attempts(msgspec.Struct, frozen=True):
    """What the file of a running trial holds.

    Attributes:
        ended_s: seconds that each worker before this one spent on it; they were killed.
        started: when this one began, in seconds since 1970; the file's modification time is its last sign of life.
        stalled: how many in a row, this one included, have not finished an epoch; not counting those
            that were ended from outside.
    """

    ended_s: list[float]
    started: float
    stalled: int


_DECODER = msgspec.json.Decoder(Attempts)


class TrialLock:
    """The right to run one trial, for as long as this process lives or until it is released."""

    def __init__(self, path: Path, descriptor: int, before: Attempts | None, lease: Sign) -> None:
        self._path = path
        self._descriptor = descriptor
        self._lease = lease
        self.ended_s = list(before.ended_s) if before else []
        if before:
            self.ended_s.append(max(0.0, os.fstat(descriptor).st_mtime - before.started))
        self.stalled = before.stalled if before else 0
        self.started = time.time()
        self._epoch: int | None = None

    def begin(self) -> None:
        """Count this attempt.

        Raises:
            StorageError: the folder cannot be written.
        """
        self.stalled += 1
        self._write()

    def heartbeat(self, progress: dict[str, Any]) -> None:
        """Note that its worker is alive and, where it reports one more finished epoch, that it makes progress.

        Raises:
            LostError: another process has taken this one for dead, and the trial over.
        """
        if self._lease.lost:
            raise LostError
        epoch = progress.get("epoch", self._epoch)  # how many are finished
        if self.stalled and self._epoch is not None and epoch is not None and epoch > self._epoch:
            self.stalled = 0
            self._write()
        self._epoch = epoch
        with contextlib.suppress(OSError):  # only the time of the last sign of life
            os.utime(self._descriptor)

    def is_ours(self) -> bool:
        """Whether no other process has taken the trial over."""
        return self._lease.is_ours()

    def spent_s(self) -> float:
        """Seconds spent on the trial so far, by workers that were killed too."""
        return sum(self.ended_s) + time.time() - self.started

    def drop(self) -> None:
        """Release it after the end of the trial, and remove its file."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        self.release()

    def release_uncounted(self) -> None:
        """Release it, not counting the last attempt as a death: its supervisor ended the worker.

        Raises:
            StorageError: the folder cannot be written.
        """
        self.stalled = max(0, self.stalled - 1)
        self._write()
        self.release()

    def release(self) -> None:
        """Release it; its file stays as it is."""
        self._lease.end()
        os.close(self._descriptor)

    def _write(self) -> None:
        content = msgspec.json.encode(Attempts(self.ended_s, self.started, self.stalled))
        with storage_errors(self._path):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, content, 0)


def acquire(folder: Path, trial: int) -> TrialLock | None:
    """The right to run a trial; None where a living process has it.  Only for whoever holds the ledger's lock.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = folder / FOLDER / str(trial)
    with storage_errors(path):
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            locked = lock(descriptor, wait=False)
            lease = take(DISK, f"{folder}/{LEASES}/{trial}", new_name(), surely_ended(locked))
        except (BlockingIOError, HeldError):
            os.close(descriptor)
            return None
        before = None
        with contextlib.suppress(
            msgspec.DecodeError, UnicodeDecodeError, RecursionError
        ):  # half written: as if there were none
            before = _DECODER.decode(os.pread(descriptor, 1 << 16, 0))
        return TrialLock(path, descriptor, before, lease)


def spent_s(folder: Path, trial: int) -> float:
    """Seconds that workers have spent on a running trial, up to the last sign of life; 0 where nothing is known."""
    try:
        path = folder / FOLDER / str(trial)
        attempts, heard = _DECODER.decode(path.read_bytes()), path.stat().st_mtime
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # taken by nobody, ended, half written
        return 0.0
    return sum(attempts.ended_s) + max(0.0, heard - attempts.started)


def note_alive(folder: Path, trial: int) -> None:
    """Note that a trial's worker was alive until now; called by its supervisor when the worker ends."""
    with contextlib.suppress(OSError):  # so has the trial
        os.utime(folder / FOLDER / str(trial))


def sweep(folder: Path, running: set[int]) -> None:
    """Remove the files of trials that ended just before their worker was killed."""
    for path in (folder / FOLDER).glob("*"):
        if not (path.name.isdecimal() and int(path.name) in running):
            path.unlink(missing_ok=True)
