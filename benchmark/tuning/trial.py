"""One trial of a search: taken over or proposed, evaluated, and written to the ledger.  A worker's task."""

import contextlib
import math
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from benchmark.execution.causes import cause_of
from benchmark.execution.protocol import Emit, Progress, RunTrial, TrialBegan
from benchmark.storage.garbage import imported
from benchmark.storage.leases import LostError
from benchmark.tuning.ledger import Ledger, locked, read
from benchmark.tuning.locks import TrialLock
from benchmark.tuning.oracles import propose
from benchmark.tuning.search import Failed, Finished, Search, TrialResult, TrialState
from registry.errors import ContractError, DivergedError, RefusedError, StorageError

WORKERS = 4  # that may die on one trial, one after another, without finishing an epoch of it


class Ending(msgspec.Struct, frozen=True):
    """What a call has come to.

    Attributes:
        state: of the trial, ``finished`` or ``failed``; where there was none to run, of the search: ``waiting`` for
            trials that living processes run, or ``exhausted``.
        events: of the ledger, where there was no trial to run.
    """

    state: str
    trial: int | None
    events: int = 0


def serve(request: RunTrial, emit: Emit) -> Ending:
    """Run the next trial of the search in the request's folder.

    The objective is a module; its ``evaluate(target, values, epochs, seed, progress)``
    gives a `TrialResult`, and goes on where the last training of the same values ended.

    Raises:
        ConfigError: the folder holds another search.
        StorageError: the disk is full or a folder cannot be written; the trial is taken over later.
        RefusedError: the results of this search would mislead.
    """
    folder, search = Path(request.folder), msgspec.json.decode(request.search, type=Search)
    found: tuple[TrialState, TrialLock] | str = "waiting"
    with contextlib.suppress(LostError), locked(folder, search) as ledger:
        found = _next(ledger)
    if isinstance(found, str):
        return Ending(found, None, len(read(folder).events))
    trial, lock = found
    emit(TrialBegan(trial.number, trial.values, trial.start, trial.epochs))

    def progress(fields: dict[str, Any]) -> None:
        lock.heartbeat(fields)
        emit(Progress(trial=trial.number, **fields))

    try:
        end = _evaluated(request, search, trial, lock, progress)
        with locked(folder, search) as ledger:
            if not lock.is_ours() or ledger.state.trials[trial.number].values != trial.values:
                raise LostError
            ledger.append(end)
            lock.drop()
    except LostError:  # this process was stopped for long; the trial is another machine's
        lock.release()
        return Ending("waiting", None, len(read(folder).events))
    return Ending("failed" if isinstance(end, Failed) else "finished", trial.number)


def _next(ledger: Ledger) -> tuple[TrialState, TrialLock] | str:
    """The trial to run and the right to it; the state of the search where there is none."""
    busy = False
    for trial in ledger.state.trials:
        if trial.status != "running":
            continue
        lock = ledger.acquire(trial.number)
        if lock is None:
            busy = True
        elif lock.stalled < WORKERS:
            lock.begin()
            return trial, lock
        else:
            message = f"{WORKERS} workers died on it, one after another, without finishing an epoch"
            ledger.append(Failed(trial.number, "killed", message, sum(lock.ended_s)))
            lock.drop()
    proposed = propose(ledger.state) if len(ledger.state.trials) < ledger.state.search.trials else None
    if proposed is None:
        return "waiting" if busy else "exhausted"
    ledger.append(proposed)
    lock = ledger.acquire(proposed.trial)
    if lock is None:
        raise LostError  # this process was stopped as it wrote, and another machine has created that trial
    lock.begin()
    return ledger.state.trials[-1], lock


def _evaluated(
    request: RunTrial, search: Search, trial: TrialState, lock: TrialLock, progress: Callable[[dict[str, Any]], None]
) -> Finished | Failed:
    """How a trial ended; what keeps every trial from running is raised."""
    try:
        objective = imported(request.objective)
        target = msgspec.json.decode(request.target)
        result = objective.evaluate(target, trial.values, trial.epochs, search.seed, progress)
        if not isinstance(result, TrialResult):
            raise ContractError(f"objective {request.objective} gives a TrialResult, received {type(result).__name__}")
        if not math.isfinite(result.score):
            raise DivergedError(f"the score became {result.score}")
    except (StorageError, RefusedError, LostError):
        raise
    except Exception as error:
        traceback.print_exc()
        cause, message = cause_of(error)
        return Failed(trial.number, cause, message, lock.spent_s())
    cost_s = max(lock.spent_s(), sum(result.epoch_s[trial.start :]))  # a training found in the cache was paid for too
    return Finished(trial.number, float(result.score), result.epochs, cost_s, result.facts)
