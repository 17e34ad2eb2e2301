"""Runs the trials of a search one after another, each in a worker of its own, until the search or its time is over."""

import contextlib
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from benchmark.execution.process import Outcome
from benchmark.execution.protocol import Event, RunTrial, TrialBegan, Watch
from benchmark.execution.slots import NodeLostError, Slot
from benchmark.storage.disk import still_s
from benchmark.tuning.ledger import fail, read, uncount
from benchmark.tuning.locks import note_alive
from benchmark.tuning.search import Search, TrialState
from registry.errors import BenchError, ConfigError, RefusedError, StorageError

OBJECTIVE = "benchmark.tuning.objective"
LOOK_EVERY_S = 1.0  # at the ledger, while all that is left to do waits for other processes
ASK_EVERY_S = 60.0  # then, whether one of them has died and left its trial
EARLY_DEATHS = 3  # in a row, of workers that were killed before they had a trial


class TrialRunner:
    """A search in a folder, and what its trials are asked.

    Args:
        target: what the objective is given besides settings and epochs.
        objective: module with an `evaluate` such as that of `benchmark.tuning.objective`.

    Attributes:
        out_of_time: whether the last `run` ended because its time was up.
        is_lost: whether it ended because the worker's node died, and no other was found.
    """

    def __init__(self, folder: Path, search: Search, target: Any, worker: Slot, objective: str = OBJECTIVE) -> None:
        self.folder = folder
        self.worker = worker
        self.early = 0
        self.out_of_time = self.is_lost = False
        self.request = RunTrial(str(folder), _raw(search), objective, _raw(target))

    def run(
        self, watch: Watch, *, timeout_s: float | None = None, budget_s: float | None = None
    ) -> Iterator[TrialState]:
        """Each trial that ends here, as the ledger has it; a killed one is taken over, here or the next time.

        Args:
            watch: sees the events of the workers.
            timeout_s: after which a trial is killed and has failed.
            budget_s: after which no trial begins and what runs is killed, without having failed.

        Raises:
            BenchError: the data or the disk make every trial impossible.
        """
        deadline = None if budget_s is None else time.monotonic() + budget_s
        while deadline is None or time.monotonic() < deadline:
            at_work = _AtWork(watch)
            left = deadline - time.monotonic() if deadline is not None else None
            limit = min((each for each in (timeout_s, left) if each is not None), default=None)
            outcome, cut = self._serve(at_work, limit, left)
            if cut:
                break
            if outcome is None:
                if self.worker.revive():
                    continue
                self.is_lost = True
                return
            state, events = self._state(outcome, at_work)
            if state == "waiting":  # its worker has done nothing yet: it stays
                self._wait(events, deadline)
                continue
            self.worker.stop()  # memory that one trial took is not the next one's
            if state == "exhausted":
                return
            if at_work.trial is not None and state != "killed":
                yield read(self.folder).trials[at_work.trial]
        self.out_of_time = True

    def _serve(self, at_work: "_AtWork", limit: float | None, left: float | None) -> tuple[Outcome | None, bool]:
        """How one request has ended, None where its node died; and whether the time that is left cut it."""
        cut = True  # by the time that is up, or by whoever interrupts the command
        try:
            outcome = self.worker.serve(self.request, at_work.see, limit)
            cut = outcome.cause == "timeout" and limit == left
            return outcome, cut
        except NodeLostError:
            cut = False
            return None, False
        finally:
            self._note(at_work, cut)

    def _note(self, at_work: "_AtWork", cut: bool) -> None:
        """Note when a trial's worker ended, and that one that was ended from here did not die."""
        if at_work.trial is None:
            return
        note_alive(self.folder, at_work.trial)
        if cut:
            with contextlib.suppress(BenchError):  # where that cannot be written, it counts as a death
                uncount(self.folder, at_work.trial)

    def _wait(self, events: int, deadline: float | None) -> None:
        """Until the ledger has more events than those, or it is time to look for workers that died."""
        until = min(time.monotonic() + min(ASK_EVERY_S, still_s()), math.inf if deadline is None else deadline)
        while time.monotonic() < until and len(read(self.folder).events) <= events:
            time.sleep(LOOK_EVERY_S)

    def _state(self, outcome: Outcome, at_work: "_AtWork") -> tuple[str, int]:
        """How the trial ended, and how many events the ledger has; what its worker could not write is written here."""
        self.early = self.early + 1 if outcome.cause and at_work.trial is None else 0
        if outcome.cause is None:
            ending = msgspec.json.decode(outcome.value)
            return ending["state"], ending["events"]
        if outcome.cause == "storage":
            raise StorageError(outcome.message)
        if outcome.cause == "refused":
            raise RefusedError(outcome.message)
        if outcome.cause == "killed" and self.early < EARLY_DEATHS:
            return "killed", 0
        if at_work.trial is None:
            raise ConfigError(outcome.message)
        fail(self.folder, at_work.trial, outcome.cause, outcome.message, at_work.spent_s)
        return "failed", 0


class _AtWork:
    """Which trial a worker is at."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.trial: int | None = None
        self.started = time.monotonic()

    @property
    def spent_s(self) -> float:
        return time.monotonic() - self.started

    def see(self, event: Event) -> None:
        if isinstance(event, TrialBegan):
            self.trial, self.started = event.trial, time.monotonic()
        self.watch(event)


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
