"""The same line on two machines that share a store and no locks: killed, stopped and woken, seen through their logs."""

import random
import signal
import time

import pytest

from benchmark.storage.disk import STILL
from tests.perf import checkpointing
from tests.perf.nodes import Machine, fault, killed, planned_runs

EPOCHS = 4
MODULE = checkpointing.__name__
pytestmark = pytest.mark.slow


def machines(place, *names, still_s, epoch_s):
    settings = {STILL: still_s, checkpointing.EPOCHS: EPOCHS, checkpointing.EPOCH_S: epoch_s}
    return [Machine(name, place, MODULE, **settings, **{checkpointing.LOG: place / "trained"}) for name in names]


def test_whichever_machine_dies_nothing_is_lost_and_one_epoch_at_most_is_repeated(tmp_path):
    assert killed(tmp_path / "grid", 3, still_s=4.0, epoch_s=0.2, epochs=EPOCHS, rng=random.Random(0)) == ""


def test_a_machine_that_is_stopped_is_given_up_and_woken_it_writes_nothing(tmp_path):
    stopped, other = machines(tmp_path, "stopped", "other", still_s=4.0, epoch_s=0.5)
    trained = tmp_path / "trained"
    deadline = time.monotonic() + 120
    while not trained.exists() or " 2 stopped" not in trained.read_text():  # in the middle of a training
        assert time.monotonic() < deadline and stopped.command.poll() is None, stopped.log.read_text()
        time.sleep(0.05)
    stopped.signal(signal.SIGSTOP)
    before = time.monotonic()
    assert other.end(180) == 0
    assert time.monotonic() - before < 60 + 4
    waited = [one for one in other.told() if one.get("status") == "busy"]
    assert any(one["step"] == "fit" and str(one["whose"]).endswith(" on stopped") for one in waited)
    planned, store = planned_runs(MODULE, tmp_path)
    written = [*store.root.glob("objects/*/*/*"), *(run.folder / "result.json" for run in planned)]
    there = {path: (path.stat().st_ino, path.read_bytes()) for path in written}
    stopped.signal(signal.SIGCONT)
    assert stopped.end(120) == 0
    assert {path: (path.stat().st_ino, path.read_bytes()) for path in written} == there
    assert {run.record.status for run in planned} == {"ok"}
    assert {one["run"] for one in stopped.told() if "run" in one} == {run.plan.run for run in planned}
    assert fault(tmp_path, [0, 0], 1, EPOCHS) == ""
    assert not list((store.root / "marks").glob("*"))
