"""Verdicts kept from one command to the next: testing a thousand runs takes seconds, and predictions seldom change.

A verdict is found again under what it rests on: path, size and times of every file that its test reads, the question
asked of them, and the code that answers it.  Who edits a file can set back when it was written, not when that was done.
"""

import contextlib
import functools
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from benchmark.records.files import FILE, PREDICTIONS
from benchmark.records.record import Record
from benchmark.records.verdicts import Contender, FamilyTest, Verdicts
from benchmark.storage.code import CodeIndex
from benchmark.storage.files import write_whole

FOLDER = "verdicts"  # below the cache
MODULE = "benchmark.evaluation.family"  # what is tested by
TRUST_MODULE = "benchmark.evaluation.trust"
MOST = 20_000  # answers about runs


def kept(make: Callable[[], FamilyTest], folder_of: Callable[[Record], Path], cache: Path) -> FamilyTest:
    """A test that first looks for what it found before.

    Args:
        make: the test, which is made (and NumPy imported) once something is not found.
        cache: where verdicts are kept; where it cannot be written, they are found anew each time.
    """

    made = functools.cache(make)

    def verdicts(rows: Sequence[Contender], metric: str, reference: int, named: bool) -> Verdicts:
        key = _key(rows, metric, reference, named, folder_of, cache)
        path = cache / FOLDER / f"{key}.json" if key else None
        if path is not None:
            with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                found = msgspec.json.decode(path.read_bytes(), type=Verdicts)
                _touch(path)
                return found
        found = made()(rows, metric, reference, named)
        if path is not None:
            with contextlib.suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, msgspec.json.encode(found), flush=False)
        return found

    return verdicts


class KeptTrust:
    """Why runs cannot be ranked, asked once for the files that they have.

    Args:
        distrust: a run, its folder, a metric -> why it cannot be ranked by it; empty where it can.
        cache: where answers are kept.
    """

    def __init__(self, distrust: Callable[[Record, Path, str], str], cache: Path) -> None:
        self.distrust, self.path = distrust, cache / FOLDER / "trust.json"
        self.code = CodeIndex(cache).code_digest(TRUST_MODULE)
        self.known: dict[str, str] = {}
        self.asked: dict[str, str] = {}
        with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.known = msgspec.json.decode(self.path.read_bytes(), type=dict[str, str])

    def __call__(self, run: Record, folder: Path, metric: str) -> str:
        """The answer, asked where it is not known of these files."""
        place = str(folder.absolute())
        if not os.path.lexists(f"{place}/{PREDICTIONS}"):
            return ""
        key = f"{self.code} {metric} {run.key} {_state(f'{place}/{FILE}')} {_state(f'{place}/{PREDICTIONS}')}"
        if key not in self.asked:
            self.asked[key] = self.known[key] if key in self.known else self.distrust(run, folder, metric)
        return self.asked[key]

    def keep(self) -> None:
        """Remember for the next command what was asked in this one, and of before what there is room for."""
        if self.code is None or self.asked.keys() <= self.known.keys():
            _touch(self.path)
            return
        older = {key: reason for key, reason in self.known.items() if key not in self.asked}
        kept = dict(list(older.items())[-(MOST - len(self.asked)) :] if len(self.asked) < MOST else []) | self.asked
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, msgspec.json.encode(kept), flush=False)


def _key(
    rows: Sequence[Contender],
    metric: str,
    reference: int,
    named: bool,
    folder_of: Callable[[Record], Path],
    cache: Path,
) -> str | None:
    """Digest of everything that the verdicts rest on; None where that cannot be told."""
    index = CodeIndex(cache)
    code = index.code_digest(MODULE)
    if code is None:
        return None
    with contextlib.suppress(OSError):
        index.keep()
    found = hashlib.sha256(f"{code}\0{metric}\0{reference}\0{named}".encode())
    for row in rows:
        found.update(f"\n{row.rule}".encode())
        for run in row.runs:
            folder = str(folder_of(run).absolute())
            found.update("".join(f"\0{_state(f'{folder}/{name}')}" for name in (FILE, PREDICTIONS)).encode())
    return found.hexdigest()


def _touch(path: Path) -> None:
    """Mark a verdict as used now, so that `bench cache prune` leaves it."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _state(path: str) -> str:
    """Path, size and times of a file: when it was written, and when the system last saw it changed in any way."""
    try:
        state = os.stat(path)  # noqa: PTH116 -- a Path each costs as much again, for a thousand runs
    except OSError:
        return f"{path} absent"
    return f"{path} {state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}"
