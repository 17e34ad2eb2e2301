"""The ledger of a search, and what its events add up to."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from benchmark.storage.disk import DISK
from benchmark.storage.leases import LostError, take
from benchmark.tuning import locks
from benchmark.tuning.ledger import FILE, fail, locked, read, uncount
from benchmark.tuning.search import Created, Failed, Finished, Search, state_after
from benchmark.tuning.space import Dimension, Space
from registry.errors import ConfigError, DataNotFoundError, StorageError

SEARCH = Search("random", Space([Dimension("a", 1, "int", 1, 9)]), 0, 5, 9, "digest")


def created(trial, epochs=9, start=0, parent=None):
    return Created(trial, {"a": trial}, start, epochs, parent, "random")


def finished(trial, score, epochs=9, duration_s=1.0):
    return Finished(trial, score, epochs, duration_s, {})


def begun(folder, *events):
    with locked(folder, SEARCH) as ledger:
        for event in events:
            ledger.append(event)
    return folder


def test_what_is_appended_is_read(tmp_path):
    events = [created(0), finished(0, 0.5), created(1), Failed(1, "oom", "memory ran out", 2.0), created(2)]
    state = read(begun(tmp_path / "new" / "search", *events))
    assert state.search == SEARCH
    assert state.events == events
    assert [trial.status for trial in state.trials] == ["finished", "failed", "running"]
    assert (state.trials[1].cause, state.trials[1].message) == ("oom", "memory ran out")
    assert state.spent_s == 3


def test_a_half_written_line_does_not_count_and_is_mended(tmp_path):
    begun(tmp_path, created(0))
    whole = (tmp_path / FILE).read_bytes()
    for end in (b'{"event":"finis', msgspec.json.encode(finished(0, 0.1))):  # whole but for its end of line
        (tmp_path / FILE).write_bytes(whole + end)
        assert read(tmp_path).trials[0].status == "running"
        begun(tmp_path)
        assert (tmp_path / FILE).read_bytes() == whole


def test_a_search_whose_first_line_was_half_written_begins_anew(tmp_path):
    (tmp_path / FILE).write_bytes(b'{"event":"sea')
    with pytest.raises(DataNotFoundError, match="no search in"):
        read(tmp_path)
    assert read(begun(tmp_path)).trials == []


def test_a_ledger_of_another_search_is_one_clear_error(tmp_path):
    begun(tmp_path)
    other = msgspec.structs.replace(SEARCH, seed=1, space=Space([Dimension("b", 1, "int", 1, 9)]))
    with pytest.raises(ConfigError, match="holds another search: space over a, not b; seed 0, not 1; go on"):
        locked(tmp_path, other).__enter__()
    (tmp_path / FILE).write_text("a file of somebody else\n")
    with pytest.raises(ConfigError, match=f"{FILE} is not the ledger of a search .*; choose another folder"):
        begun(tmp_path)


def test_spaces_of_the_same_names_are_told_apart(tmp_path):
    begun(tmp_path)
    other = msgspec.structs.replace(SEARCH, space=Space([Dimension("a", 1, "int", 1, 8)]))
    with pytest.raises(ConfigError, match="space over other ranges of a"):
        locked(tmp_path, other).__enter__()


@pytest.mark.parametrize(
    "events",
    [
        [created(1)],
        [finished(0, 1.0)],
        [created(0), finished(0, 1.0), finished(0, 1.0)],
        [created(0), finished(0, 1.0), Failed(0, "nan", "", 1.0)],
    ],
)
def test_events_that_do_not_follow_one_another_are_refused_before_they_are_written(tmp_path, events):
    with pytest.raises(ValueError, match="trial"):
        begun(tmp_path, *events)
    assert len(read(tmp_path).events) == len(events) - 1


def test_a_search_that_cannot_be_made_leaves_no_ledger(tmp_path):
    with pytest.raises(ConfigError, match="nothing to search"):
        locked(tmp_path, msgspec.structs.replace(SEARCH, space=Space([]))).__enter__()
    assert not (tmp_path / FILE).exists()


def test_a_full_disk_is_one_clear_line_and_harms_nothing(tmp_path, monkeypatch):
    begun(tmp_path, created(0))
    write = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:7]))  # what still fits
        with pytest.raises(StorageError, match=f"the disk is full at .*{FILE}; free some space"):
            begun(tmp_path, finished(0, 0.5))

    def refuse(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", refuse)
        with pytest.raises(StorageError, match="the disk is full"):
            begun(tmp_path, finished(0, 0.5))
    assert read(tmp_path).trials[0].number == 0


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written"):
        begun(tmp_path / "file")


def test_only_one_process_at_a_time_has_the_ledger(tmp_path):
    code = (
        "import sys; from pathlib import Path; from tests.tuning.test_ledger import *\n"
        "for _ in range(25):\n"
        "    with locked(Path(sys.argv[1]), SEARCH) as ledger:\n"
        "        ledger.append(created(len(ledger.state.trials)))\n"
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [subprocess.Popen(command, cwd=root) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert [trial.number for trial in read(tmp_path).trials] == list(range(50))


def test_the_best_trial_is_finished_and_fully_trained_and_of_equals_the_earlier():
    events = [created(0, 3), finished(0, 0.1, 3), created(1), finished(1, 0.4), created(2)]
    assert state_after(SEARCH, events).best().number == 1  # trial 0 was trained less
    assert state_after(SEARCH, events[:2]).best().number == 0  # none further
    assert state_after(SEARCH, events[:1]).best() is None
    assert state_after(SEARCH, [*events, finished(2, 0.4)]).best().number == 1
    failing = [created(0), Failed(0, "nan", "the score became nan", 1.0)]
    assert state_after(SEARCH, failing).best() is None
    assert state_after(SEARCH, [created(0), finished(0, float("-inf"))]).best() is None


def test_epochs_that_a_trial_took_over_are_counted_once():
    events = [created(0, 3), finished(0, 0.5, 3), created(1, 9, 3, 0), finished(1, 0.4, 7)]
    assert state_after(SEARCH, events).epochs_trained == 7


def test_a_supervisor_fails_a_trial_whose_worker_is_dead_and_no_other(tmp_path):
    begun(tmp_path, created(0), created(1), created(2), finished(2, 0.5))
    living = locks.acquire(tmp_path, 1)
    for trial in (0, 1, 2):
        fail(tmp_path, trial, "segfault", "the worker ended by SIGSEGV", 3.0)
    assert [trial.status for trial in read(tmp_path).trials] == ["failed", "running", "finished"]
    assert read(tmp_path).trials[0].duration_s == 3
    living.release()


def test_a_worker_that_was_ended_from_outside_is_no_death_unless_another_has_the_trial_by_now(tmp_path):
    begun(tmp_path, created(0), created(1), created(2), finished(2, 0.5))
    for trial in (0, 1):
        lock = locks.acquire(tmp_path, trial)
        lock.begin()
        lock.release()
    living = locks.acquire(tmp_path, 1)
    for trial in (0, 1, 2):
        uncount(tmp_path, trial)
    living.release()
    first, second = locks.acquire(tmp_path, 0), locks.acquire(tmp_path, 1)
    assert (first.stalled, second.stalled) == (0, 1)
    first.release()
    second.release()


def test_files_of_trials_that_ended_are_swept(tmp_path):
    begun(tmp_path, created(0), created(1))
    for trial in (0, 1):
        locks.acquire(tmp_path, trial).release()
    begun(tmp_path, finished(0, 0.5))
    begun(tmp_path)
    assert [path.name for path in (tmp_path / "running").iterdir()] == ["1"]


def test_a_trial_is_one_process_s_and_remembers_who_died_on_it(tmp_path):
    first = locks.acquire(tmp_path, 0)
    first.begin()
    assert locks.acquire(tmp_path, 0) is None
    first.heartbeat({"epoch": 0})
    first.release()  # as the kernel does for the dead
    second = locks.acquire(tmp_path, 0)
    assert (second.stalled, len(second.ended_s)) == (1, 1)
    second.begin()
    second.heartbeat({"epoch": 3, "loss": 1.0})
    second.heartbeat({"epoch": 4, "loss": 1.0})  # it comes on
    second.release()
    third = locks.acquire(tmp_path, 0)
    assert (third.stalled, len(third.ended_s)) == (0, 2)
    third.drop()
    assert list((tmp_path / "running").iterdir()) == []


def test_the_seconds_of_a_trial_that_nobody_has_taken_over_yet_are_known(tmp_path):
    begun(tmp_path, created(0), finished(0, 0.5), created(1), created(2))
    for worked in (20, 30):  # two workers that were killed
        lock = locks.acquire(tmp_path, 1)
        lock.begin()
        lock.started -= worked
        lock._write()
        lock.heartbeat({"epoch": 0})
        lock.release()
    state = read(tmp_path)
    assert [round(trial.duration_s) for trial in state.trials] == [1, 50, 0]
    assert round(state.spent_s) == 51
    assert [trial.status for trial in state.trials] == ["finished", "running", "running"]
    (tmp_path / "running" / "1").write_text('{"ended_s":[')
    assert read(tmp_path).spent_s == 1


def test_a_half_written_claim_is_taken_as_a_first_one(tmp_path):
    locks.acquire(tmp_path, 0).release()
    (tmp_path / "running" / "0").write_text('{"ended_s":[')
    assert locks.acquire(tmp_path, 0).stalled == 0


def test_the_facts_of_a_trial_have_their_first_name_on_disk_so_that_old_searches_go_on(tmp_path):
    begun(tmp_path, created(0), Finished(0, 0.5, 9, 1.0, {"best_epoch": 7}))
    line = (tmp_path / FILE).read_bytes().splitlines()[-1]
    assert line == b'{"event":"finished","trial":0,"score":0.5,"epochs":9,"duration_s":1.0,"told":{"best_epoch":7}}'
    assert read(tmp_path).trials[0].facts == {"best_epoch": 7}


def silent(lease):
    """Another machine's, whose owner says nothing any more."""
    sign = take(DISK, str(lease), "node7-0a1b2c3d-17-0123abcd")
    DISK.release(sign)
    return sign


def test_whoever_takes_the_ledger_of_a_silent_machine_over_gets_no_line_of_it_after_that(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_LEASE_S", "0.2")
    begun(tmp_path, created(0))
    other = silent(tmp_path / "leases" / "ledger")
    with (tmp_path / FILE).open("a") as woken:  # it was stopped as it had just opened the file
        begun(tmp_path, finished(0, 0.5))
        woken.write('{"event":"failed"}\n')
    assert [trial.status for trial in read(tmp_path).trials] == ["finished"]
    assert not other.is_ours()


def test_a_ledger_that_was_taken_over_is_not_written(tmp_path):
    with locked(tmp_path, SEARCH) as ledger:
        (lease,) = (tmp_path / "leases" / "ledger").iterdir()
        lease.rename(lease.with_name("node7-0a1b2c3d-17-0123abcd.0"))
        with pytest.raises(LostError):
            ledger.append(created(0))
    assert read(tmp_path).trials == []


def test_a_trial_of_another_machine_is_its_own_until_it_is_silent_for_long(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_LEASE_S", "0.2")
    begun(tmp_path, created(0))
    other = silent(tmp_path / "leases" / "0")
    assert locks.acquire(tmp_path, 0) is None
    time.sleep(0.25)
    ours = locks.acquire(tmp_path, 0)
    assert ours.is_ours() and not other.is_ours()
    ours._lease.lost = True
    with pytest.raises(LostError):
        ours.heartbeat({})
    ours.release()
