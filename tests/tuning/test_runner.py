"""The supervisor of a search: what it does of each way in which a trial's worker can end.  No process is started."""

import itertools
import os
from types import SimpleNamespace

import pytest

from benchmark.execution.process import Outcome
from benchmark.execution.protocol import Progress, RunTrial, TrialBegan
from benchmark.tuning import runner as module
from benchmark.tuning.ledger import locked, read
from benchmark.tuning.locks import acquire
from benchmark.tuning.runner import TrialRunner
from benchmark.tuning.search import Created, Finished, Search
from benchmark.tuning.space import Dimension, Space
from benchmark.tuning.trial import Ending
from registry.errors import ConfigError, RefusedError, StorageError
from tests.workers import answered

SEARCH = Search("random", Space([Dimension("head.dropout", 0.2, "float", 0, 0.5)]), 0, 6, 3, "digest")
KILLED = Outcome(cause="killed", message="the worker ended by SIGSEGV")


class Script:
    """A worker whose requests end as the script says; a trial is created as it would do."""

    def __init__(self, folder, *ends):
        self.folder = folder
        self.ends = iter(ends)
        self.stopped = 0
        self.limits = []
        self.knew = []  # how many events there were at each request

    def serve(self, request, watch, timeout_s):
        assert isinstance(request, RunTrial)
        self.limits.append(timeout_s)
        self.knew.append(len(read(self.folder).events))
        end = next(self.ends)
        if end in ("waiting", "exhausted"):
            return answered(Ending(end, None, self.knew[-1]))
        if end == "early":
            return KILLED
        with locked(self.folder, SEARCH) as ledger:
            number = next((one.number for one in ledger.state.trials if one.status == "running"), None)
            if number is None:
                number = len(ledger.state.trials)
                ledger.append(Created(number, {"head.dropout": number / 10}, 0, 3, None, "random"))
            lock = ledger.acquire(number)
            lock.begin()
            watch(TrialBegan(number, {}, 0, 3))
            watch(Progress("fit", trial=number))
            if isinstance(end, Outcome | KeyboardInterrupt):
                lock.started -= 40  # it worked so long, and reported nothing
                lock._write()
                os.utime(self.folder / "running" / str(number), (lock.started, lock.started))
                lock.release()
                if isinstance(end, KeyboardInterrupt):
                    raise end
                return end
            ledger.append(Finished(number, end, 3, 1.0, {}))
            lock.drop()
        return answered(Ending("finished", number))

    def stop(self):
        self.stopped += 1


def run(tmp_path, *ends, **limits):
    with locked(tmp_path, SEARCH):
        pass
    worker = Script(tmp_path, *ends)
    seen = list(TrialRunner(tmp_path, SEARCH, {}, worker).run(lambda event: None, **limits))
    return seen, worker


@pytest.fixture
def clock(monkeypatch):
    """Time that passes where somebody sleeps, and calls `at(now)`, as other processes work meanwhile."""
    passed = SimpleNamespace(now=0.0, at=lambda now: None)

    def sleep(seconds):
        passed.now += seconds
        passed.at(passed.now)

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: passed.now, sleep=sleep))
    return passed


def test_every_trial_has_a_worker_of_its_own_until_the_search_is_exhausted(tmp_path, clock):
    seen, worker = run(tmp_path, 0.5, "waiting", 0.4, "exhausted")
    assert [(trial.number, trial.score) for trial in seen] == [(0, 0.5), (1, 0.4)]
    assert worker.stopped == 3  # the one that had to wait has done nothing yet


def test_who_waits_for_the_trial_of_another_process_asks_again_when_that_has_ended(tmp_path, clock):
    with locked(tmp_path, SEARCH) as ledger:
        ledger.append(Created(0, {"head.dropout": 0.2}, 0, 3, None, "default"))

    def peer(now):
        if now == 42:
            with locked(tmp_path) as ledger:
                ledger.append(Finished(0, 0.5, 3, 42.0, {}))

    clock.at = peer
    _, worker = run(tmp_path, "waiting", "exhausted")
    assert (worker.knew, clock.now) == ([1, 2], 42)


def test_who_waits_looks_once_a_minute_whether_the_other_process_has_died(tmp_path, clock):
    _, worker = run(tmp_path, "waiting", "waiting", "exhausted")
    assert (len(worker.knew), clock.now) == (3, 120)


def test_nobody_waits_for_another_process_longer_than_the_budget(tmp_path, clock):
    _, worker = run(tmp_path, "waiting", "exhausted", budget_s=30)
    assert (len(worker.knew), clock.now) == (1, 30)


@pytest.mark.parametrize("cause", ["oom", "nan", "exception", "timeout", "data"])
def test_what_ends_a_worker_for_a_reason_of_the_trials_own_is_its_failure(tmp_path, cause):
    seen, _ = run(tmp_path, Outcome(cause=cause, message="it ended", exit_code=1), 0.4, "exhausted", timeout_s=60)
    assert [(trial.status, trial.cause, trial.message) for trial in seen] == [
        ("failed", cause, "it ended"),
        ("finished", "", ""),
    ]
    assert read(tmp_path).best().number == 1


def test_a_worker_that_was_killed_fails_no_trial_and_the_next_one_takes_it_over(tmp_path):
    seen, _ = run(tmp_path, KILLED, KILLED, 0.4, "exhausted")
    assert [(trial.number, trial.status) for trial in seen] == [(0, "finished")]


def test_at_the_end_of_its_budget_a_search_stops_and_no_trial_has_failed(tmp_path):
    seen, worker = run(tmp_path, 0.5, Outcome(cause="timeout", message="…"), budget_s=100, timeout_s=1000)
    assert [trial.number for trial in seen] == [0]
    assert [trial.status for trial in read(tmp_path).trials] == ["finished", "running"]
    assert all(limit <= 100 for limit in worker.limits)
    assert read(tmp_path).spent_s == pytest.approx(1 + 40, abs=5)  # the cut trial's too, though it reported nothing


@pytest.mark.parametrize("how", ["budget", "interrupt"])
def test_a_trial_that_its_own_supervisor_cuts_again_and_again_has_not_failed_and_its_seconds_count(tmp_path, how):
    cuts = 5  # before an epoch has ended, as where the images take longer to prepare; four deaths are a failure
    for _ in range(cuts):
        if how == "budget":
            run(tmp_path, Outcome(cause="timeout", message="…"), budget_s=100)
        else:
            with pytest.raises(KeyboardInterrupt):
                run(tmp_path, KeyboardInterrupt())
    assert read(tmp_path).spent_s == pytest.approx(40 * cuts, abs=5)
    lock = acquire(tmp_path, 0)
    assert lock.stalled == 0
    assert lock.spent_s() == pytest.approx(40 * cuts, abs=5)
    lock.release()


def test_a_cut_leaves_the_deaths_before_it_counted(tmp_path):
    run(tmp_path, KILLED, KILLED, Outcome(cause="timeout", message="…"), budget_s=100)
    lock = acquire(tmp_path, 0)
    assert lock.stalled == 2
    lock.release()


def test_no_trial_begins_after_the_budget(tmp_path, monkeypatch):
    clock = itertools.count(0, 30)
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    seen, _ = run(tmp_path, 0.5, 0.4, 0.3, budget_s=100)
    assert len(seen) < 3


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Outcome(cause="storage", message="the disk is full", exit_code=2), StorageError),
        (Outcome(cause="refused", message="it would mislead", exit_code=4), RefusedError),
    ],
)
def test_what_keeps_every_trial_from_running_ends_the_search(tmp_path, outcome, error):
    with pytest.raises(error, match=outcome.message):
        run(tmp_path, outcome)
    assert [trial.status for trial in read(tmp_path).trials] == ["running"]


def test_workers_that_die_before_they_have_a_trial_end_the_search_at_the_third(tmp_path):
    seen, _ = run(tmp_path, "early", "early", 0.4, "early", "early", "exhausted")
    assert [trial.score for trial in seen] == [0.4]
    with pytest.raises(ConfigError, match="ended by SIGSEGV"):
        run(tmp_path, "early", "early", "early")
