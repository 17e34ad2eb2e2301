"""The ledger of a search: an append-only file of its events, from which everything else is rebuilt.

    <folder>/ledger.jsonl       the search, then one event a line; a line counts once its end of line is on disk
    <folder>/lock, leases/ledger    held by whoever replays and appends
    <folder>/running/<trial>, leases/<trial>    held by whoever runs that trial (benchmark/tuning/locks.py)

The kernel releases the locks of a process that dies, and its leases end when its signs of life do; the next one removes
a line that was written half.  Whoever takes the lease of a machine that has fallen silent puts a copy in the ledger's
place, so that what the other still writes when it wakes is written nowhere.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmark.records.places import SEARCH
from benchmark.storage.disk import DISK
from benchmark.storage.files import append_line, write_whole
from benchmark.storage.leases import HeldError, LostError, Sign, take
from benchmark.storage.locks import held as lock_held
from benchmark.storage.owner import new_name, surely_ended
from benchmark.storage.refusals import storage_errors
from benchmark.tuning.locks import LEASES, TrialLock, acquire, spent_s, sweep
from benchmark.tuning.search import Event, Failed, Search, State, TrialState, state_after
from benchmark.tuning.space import check_space
from registry.errors import BenchError, ConfigError, DataNotFoundError

FILE = SEARCH
LOCK = "lock"
AGAIN_S = 0.05  # after which the lease of another machine is tried again

_HEADER = msgspec.json.Decoder(Search)
_EVENT = msgspec.json.Decoder(Event)


class Ledger:
    """The ledger of one folder, while its lock is held; see `locked`."""

    def __init__(self, folder: Path, state: State, lease: Sign) -> None:
        self.folder = folder
        self.state = state
        self._lease = lease

    def append(self, event: Event) -> None:
        """Add an event, on disk when this returns.

        Raises:
            StorageError: the disk is full or the folder cannot be written.
            LostError: another process has taken this one for dead, and the ledger over.
        """
        state = state_after(self.state.search, [*self.state.events, event])  # before it is written
        _append(self.folder / FILE, event, self._lease)
        self.state = state

    def acquire(self, trial: int) -> TrialLock | None:
        """The right to run a trial; None where a living process has it."""
        return acquire(self.folder, trial)


@contextlib.contextmanager
def locked(folder: Path, search: Search | None = None) -> Iterator[Ledger]:
    """The ledger, locked against other processes; created where there is none yet.

    Args:
        search: what the folder is expected to hold; None takes what it holds.

    Raises:
        ConfigError: the folder holds another search, or what is no ledger; or the search cannot be made.
        DataNotFoundError: there is no ledger, and no search to begin.
        StorageError: the folder cannot be written.
    """
    with contextlib.ExitStack() as held:
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lease = _taken(folder, held.enter_context(lock_held(folder / LOCK)))
            held.callback(lease.end)
            _mend(folder / FILE)
            if lease.before and (folder / FILE).exists():
                write_whole(folder / FILE, (folder / FILE).read_bytes())
        if search is not None and not _lines(folder / FILE):
            check_space(search.space)
            _append(folder / FILE, search, lease)
        state = read(folder)
        if search is not None and state.search != search:
            raise ConfigError(_difference(folder, state.search, search))
        with storage_errors(folder):
            sweep(folder, {trial.number for trial in state.trials if trial.status == "running"})
        yield Ledger(folder, state, lease)


def _taken(folder: Path, locked: bool) -> Sign:
    """The lease of the ledger, once no other machine has it."""
    while True:
        with contextlib.suppress(HeldError):
            return take(DISK, f"{folder}/{LEASES}/ledger", new_name(), surely_ended(locked))
        time.sleep(AGAIN_S)


def read(folder: Path) -> State:
    """The search in a folder, as its ledger has it now; a line that is only half there does not count.

    Running trials have the seconds so far, which no event has yet.

    Raises:
        DataNotFoundError: there is no ledger.
        ConfigError: it is no ledger.
    """
    path = folder / FILE
    lines = _lines(path)
    if not lines:
        raise DataNotFoundError(f"no search in {folder}; expected a {FILE} that `bench tune` has begun")
    try:
        state = state_after(_HEADER.decode(lines[0]), [_EVENT.decode(line) for line in lines[1:]])
    except (ValueError, RecursionError) as error:  # msgspec's errors are of the first kind too
        raise ConfigError(f"{path} is not the ledger of a search ({error}); choose another folder") from error
    return msgspec.structs.replace(state, trials=[_timed(folder, trial) for trial in state.trials])


def tuner_of(folder: Path) -> str:
    """The tuner of the search in a folder; empty where there is none."""
    try:
        return read(folder).search.tuner
    except BenchError:
        return ""


def at_work(folder: Path) -> bool:
    """Whether a living process runs a trial of the search in a folder.

    Raises:
        StorageError: the folder cannot be written.
    """
    with locked(folder) as ledger:
        for trial in ledger.state.trials:
            if trial.status == "running":
                lock = ledger.acquire(trial.number)
                if lock is None:
                    return True
                lock.release()
    return False


def fail(folder: Path, trial: int, cause: str, message: str, duration_s: float) -> None:
    """Record a trial as failed whose worker ended because of it; called by the worker's supervisor.

    Nothing is written where the trial has ended already, or another process has taken it over since.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    with contextlib.suppress(LostError), locked(folder) as ledger:
        if ledger.state.trials[trial].status != "running":
            return
        lock = ledger.acquire(trial)
        if lock is None:
            return
        ledger.append(Failed(trial, cause, message, sum(lock.ended_s[:-1]) + duration_s))
        lock.drop()


def uncount(folder: Path, trial: int) -> None:
    """Note that a trial's worker was ended from outside, which is no death; called by the worker's supervisor.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    with locked(folder) as ledger:
        running = ledger.state.trials[trial].status == "running"
        if running and (lock := ledger.acquire(trial)):
            lock.release_uncounted()


def _timed(folder: Path, trial: TrialState) -> TrialState:
    if trial.status != "running":
        return trial
    return msgspec.structs.replace(trial, duration_s=spent_s(folder, trial.number))


def _lines(path: Path) -> list[bytes]:
    """The whole lines of a file; none where there is no file."""
    try:
        return path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []


def _append(path: Path, event: Search | Event, lease: Sign) -> None:
    def check() -> None:
        if not lease.is_ours():
            raise LostError

    with storage_errors(path):
        append_line(path, msgspec.json.encode(event), check)


def _mend(path: Path) -> None:
    """Cut off a last line that a killed process has left half."""
    with contextlib.suppress(FileNotFoundError), path.open("rb+") as file:
        content = file.read()
        if not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)


def _difference(folder: Path, found: Search, wanted: Search) -> str:
    """The error for a folder that holds another search."""
    names = [name for name in Search.__struct_fields__ if getattr(found, name) != getattr(wanted, name)]
    differing = [f"{name} {_brief(found, name)}, not {_brief(wanted, name)}" for name in names if name != "space"]
    if found.space != wanted.space:
        mine, others = _brief(found, "space"), _brief(wanted, "space")
        differing.insert(
            0, f"space over other ranges of {mine}" if mine == others else f"space over {mine}, not {others}"
        )
    return (
        f"{folder} holds another search: {'; '.join(differing)}; go on with that one by its own settings, "
        "or choose another folder"
    )


def _brief(search: Search, name: str) -> str:
    value = getattr(search, name)
    return ", ".join(each.name for each in value.dimensions) if name == "space" else f"{value}"
