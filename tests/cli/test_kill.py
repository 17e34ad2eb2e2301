"""kill -9 in mid-training: at most the current epoch is lost, and the result has the same bits."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from tests.commands import Bench, untrained

pytestmark = pytest.mark.slow

EPOCHS = 40  # of three steps: a checkpoint is written every nine
FLAGS = ("--deterministic", "--epochs", EPOCHS)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    bench = untrained(tmp_path_factory, Bench(tmp_path_factory.mktemp("undisturbed")))
    bench.run(*FLAGS)
    return outputs(bench)


def outputs(bench: Bench) -> dict[str, np.ndarray]:
    folder = next(bench.results.rglob("*-s[0-9]-*/result.json")).parent
    with np.load(folder / "predictions.npz", allow_pickle=False) as stored:
        told = dict(stored)
    history = next((bench.cache / "objects" / "fit").rglob("history.json"))
    rows = json.loads(history.read_text())
    told["history"] = np.array([[row["loss"], row.get("val_loss", 0.0), row["learning_rate"]] for row in rows])
    return told


def start(bench: Bench, **variables: str) -> subprocess.Popen:
    command = bench.command("run", "--task", bench.task, "--full", "-o", bench.results, *FLAGS)
    # A shell's background jobs ignore interrupts, and so would what they start.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            command, env=bench.environment(**variables), cwd=bench.root, stderr=subprocess.PIPE, stdout=subprocess.PIPE
        )
    finally:
        signal.signal(signal.SIGINT, before)


def wait_for_epoch(bench: Bench, epoch: int) -> None:
    """Until a checkpoint holds `epoch`, counted from 0."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if any(int(path.name[6:]) >= epoch for path in (bench.cache / "partial" / "fit").glob("*/epoch-????")):
            return
        time.sleep(0.01)
    raise AssertionError("no epoch within two minutes")


def newest_checkpoint(bench: Bench) -> list[dict]:
    found = sorted((bench.cache / "partial" / "fit").glob("*/epoch-????/history.json"))
    return json.loads(found[-1].read_text())


def child_of(pid: int) -> int:
    """The worker, whichever thread of the command started it."""
    found = [child for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()]
    return int(found[-1])


def interrupted(bench: Bench, process: subprocess.Popen) -> None:
    """Ctrl-C: the command ends, says how to go on, and leaves no worker."""
    worker = child_of(process.pid)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err.decode()
    assert b"run the same line again" in err
    assert b"Traceback" not in err
    assert not is_alive(worker)
    assert bench.records() == {}


def worker_killed(bench: Bench, process: subprocess.Popen) -> None:
    """The run is a row that failed, with its cause."""
    os.kill(child_of(process.pid), signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err.decode()
    (record,) = bench.records().values()
    assert (record["status"], record["failure"]["cause"], record["failure"]["stage"]) == ("failed", "killed", "fit")
    assert b"failed" in out
    assert b"Traceback" not in err


def everything_killed(bench: Bench, process: subprocess.Popen) -> None:
    """The worker does not outlive its supervisor."""
    worker = child_of(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    deadline = time.monotonic() + 10
    while is_alive(worker):
        assert time.monotonic() < deadline, "the worker outlived its supervisor"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    place = Path(f"/proc/{pid}/cmdline")
    return place.exists() and bool(place.read_bytes())


def test_what_is_interrupted_and_killed_again_and_again_trains_no_epoch_twice_and_ends_with_the_same_bits(
    tmp_path, tmp_path_factory, undisturbed
):
    bench = untrained(tmp_path_factory, Bench(tmp_path))
    before: list[dict] = []
    for end in (interrupted, worker_killed, everything_killed):
        # The last one's worker is started as users start it: nobody but itself may end it.
        process = start(bench, **({"WARM_TESTS": ""} if end is everything_killed else {}))
        wait_for_epoch(bench, len(before))
        end(bench, process)
        history = newest_checkpoint(bench)
        assert history[: len(before)] == before  # seconds too: these epochs were not trained again
        assert len(before) < len(history) < EPOCHS
        before = history
    bench.run(*FLAGS)
    rows = json.loads(next((bench.cache / "objects" / "fit").rglob("history.json")).read_text())
    assert rows[: len(before)] == before
    after = outputs(bench)
    for name in ("ids", "logits", "probabilities", "history"):
        assert np.array_equal(after[name], undisturbed[name]), name
    (record,) = bench.records().values()
    assert record["status"] == "ok"
