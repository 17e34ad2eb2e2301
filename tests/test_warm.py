"""A worker that is a fork of the warm interpreter is seen from outside, and ends, as one that was started."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from benchmark.execution.process import Worker
from benchmark.execution.protocol import Describe
from benchmark.planning.description import Description
from tests.commands import Bench
from tests.warm import connection as warm

HEAD = """
import os, sys, time
said = f"{os.getpid()} {'keras' in sys.modules} {os.getcwd()} {os.environ['SAID']}"
def calm(feature_shape, num_classes): pass
calm.__doc__ = said
"""


@pytest.fixture
def worker(tmp_path):
    """With a plugin of one calm head, one that kills its process, one that exits and one that hangs."""
    (tmp_path / "told.py").write_text(HEAD)
    for name, misdeed in {
        "kills": "os.kill(os.getpid(), 15)",
        "exits": "os._exit(7)",
        "hangs": "time.sleep(600)",
    }.items():
        (tmp_path / f"told_{name}.py").write_text(f"from told import *\nprint('last words', flush=True)\n{misdeed}\n")
    metadata = tmp_path / "told-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: told\nVersion: 1.0\n")
    points = "\n".join(["calm = told:calm", *(f"{name} = told_{name}:calm" for name in ("kills", "exits", "hangs"))])
    (metadata / "entry_points.txt").write_text(f"[cxr_bench.heads]\n{points}\n")
    given = {"HOME": os.environ["HOME"], "PYTHONPATH": str(tmp_path), "SAID": "so"}
    with Worker(tmp_path / "logs", warm.environment(given)) as worker:
        yield worker


def asked(worker, name, timeout_s=60):
    return worker.serve(Describe([("head", name)]), timeout_s=timeout_s)


def told(worker):
    """The words that a calm head says of its process."""
    return msgspec.json.decode(asked(worker, "calm").value, type=list[Description])[0].summary.split()


def test_a_worker_is_a_fork_that_has_imported_what_takes_long(worker, tmp_path):
    pid, keras, folder, said = told(worker)
    assert keras == "True"
    assert int(pid) != worker._process.pid
    assert (folder, said) == (str(Path.cwd()), "so")


def test_a_fork_that_dies_is_a_worker_that_died_with_how_and_its_last_words(worker):
    for name, how in (("kills", "by SIGTERM"), ("exits", "with exit status 7")):
        outcome = asked(worker, name)
        assert (outcome.cause, outcome.message) == ("killed", f"the worker ended {how}")
        assert outcome.log[-1] == "last words"


def test_whoever_kills_a_worker_kills_its_fork(worker):
    pid = int(told(worker)[0])
    assert asked(worker, "hangs", timeout_s=1).cause == "timeout"
    deadline = time.monotonic() + 20
    while alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_worker_with_keras_settings_of_its_own_is_started_as_users_start_it(tmp_path):
    for given in ({"HOME": str(tmp_path)}, {"KERAS_HOME": str(tmp_path)}, {"KERAS_BACKEND": "jax"}):
        given = {"HOME": os.environ["HOME"], **given}
        assert warm.environment(given) == given


def test_a_fork_has_modules_of_ours_at_hand_but_where_others_of_their_names_are_to_be_found(tmp_path):
    code = "import sys; print('benchmark.cli.run' in sys.modules)"
    places = {"plugin": "plugin.py", "copy": "registry/__init__.py", "changes": "sitecustomize.py"}
    for name, file in places.items():
        path = tmp_path / name / file
        path.parent.mkdir(parents=True)
        path.touch()
        given = Bench(tmp_path).environment(PYTHONPATH=str(tmp_path / name))
        told = warm.call([sys.executable, "-c", code], given, tmp_path, timeout_s=60)
        assert (told.stdout, told.stderr) == (f"{name == 'plugin'}\n", "")


def test_where_no_interpreter_listens_a_worker_does_its_work_itself(tmp_path):
    variables = {**warm.variables(), "WARM_TESTS": str(tmp_path / "nobody")}
    with Worker(tmp_path / "logs", variables) as worker:
        assert asked(worker, "dense").cause is None


def test_one_that_was_killed_is_replaced(monkeypatch):
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", f"killed-{os.getpid()}")
    monkeypatch.setattr(warm, "_held", [])
    numbers = []
    for _ in range(2):
        place = Path(warm.address.__wrapped__())
        numbers.append(int(place.with_name("pid").read_text()))
        os.kill(numbers[-1], signal.SIGKILL)
        while alive(numbers[-1]):
            time.sleep(0.01)
    assert len(set(numbers)) == 2
    for held in warm._held:
        os.close(held)
    shutil.rmtree(place.parent)


def test_a_command_that_is_a_fork_says_and_ends_as_one_that_was_started(tmp_path):
    bench = Bench(tmp_path)
    for line in (("compare", "nowhere"), ("list", "tasks"), ("run", "--help")):
        fork, started = bench.call(*line), bench.call(*line, WARM_TESTS="")
        assert (fork.returncode, fork.stdout, fork.stderr) == (started.returncode, started.stdout, started.stderr)


def test_a_command_is_a_fork_that_has_imported_what_it_imports_and_is_killed_when_its_time_is_over(tmp_path):
    code = "import os, sys, time; print(os.getpid(), 'benchmark.cli.run' in sys.modules); time.sleep({})"
    for seconds, given, warmed in ((0, {}, "True"), (0, {"WARM_TESTS": ""}, "False")):
        command = [sys.executable, "-c", code.format(seconds)]
        told = warm.call(command, Bench(tmp_path).environment(**given), tmp_path, timeout_s=60)
        assert (told.returncode, told.stdout.split()[1], told.stderr) == (0, warmed, "")
    written = f"import os, pathlib; pathlib.Path('pid').write_text(str(os.getpid())); {code.format(600)}"
    with pytest.raises(subprocess.TimeoutExpired):
        warm.call([sys.executable, "-c", written], Bench(tmp_path).environment(), tmp_path, timeout_s=5)
    deadline = time.monotonic() + 20
    while alive(int((tmp_path / "pid").read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)
