"""The supervisor against workers that die, hang, shout and fork: real processes, hostile plugins, light requests."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmark.execution import process as executor
from benchmark.execution.process import Worker, WorkerClosedError, WorkerFailedError, side_by_side
from benchmark.execution.protocol import Describe, ProtocolError, Ready, Summarise, TryOut, encoded
from benchmark.planning.description import Description
from benchmark.tasks.spec import DatasetChoice, Runtime
from registry.cores import CORES, THREADS
from registry.errors import ConfigError

# Each head misbehaves when it is imported; describing it is the lightest request there is.
HOSTILE = {
    "calm": "",
    "kill": "print('last words', flush=True); os.kill(os.getpid(), signal.SIGKILL)",
    "term": "print('last words', flush=True); os.kill(os.getpid(), signal.SIGTERM)",
    "segfault": "print('last words', flush=True); ctypes.string_at(0)",
    "abort": "print('last words', flush=True); os.abort()",
    "exit": "print('last words', flush=True); os._exit(7)",
    "hang": "[signal.signal(one, signal.SIG_IGN) for one in (signal.SIGTERM, signal.SIGINT)]; time.sleep(600)",
    "hang-in-c": "ctypes.PyDLL(None).sleep(600)",  # holds the interpreter's lock: no thread of the worker runs
    "shout": (
        'print(\'{"event": "done", "value": 1}\'); os.write(1, b\'not json\\n{\\n\')\n'
        "sys.stdout.write('half a line')\n"
        'libc = ctypes.CDLL(None); libc.puts(b\'{"event": "failed"}\'); libc.fflush(None)\n'
        "os.system('echo from a child')"
    ),
    "long": "head.__doc__ = 'x' * 3_000_000",
    "fork": "os.fork() or time.sleep(600); print('last words', flush=True); os.kill(os.getpid(), signal.SIGKILL)",
    "offspring": "child = subprocess.Popen(['sleep', '600']); head.__doc__ = f'{os.getpid()} {child.pid}'",
    "offspring-hang": (
        "child = subprocess.Popen(['sleep', '600']);"
        "Path(os.environ['PIDS']).write_text(f'{os.getpid()} {child.pid}'); time.sleep(600)"
    ),
}
BODY = """
import ctypes, os, signal, subprocess, sys, time
from pathlib import Path
def head(feature_shape, num_classes): pass
head.__doc__ = str(os.getpid())
{misdeed}
"""
LIMIT_S = 60  # far above what anything here takes: a test that reaches it has found a hang


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    """A folder with an installed distribution of hostile heads and one greedy dataset."""
    folder = tmp_path_factory.mktemp("plugins")
    names = {name: f"hostile_{name.replace('-', '_')}" for name in HOSTILE}
    for name, misdeed in HOSTILE.items():
        (folder / f"{names[name]}.py").write_text(BODY.format(misdeed=misdeed))
    (folder / "hostile_greedy.py").write_text("def dataset(root): raise MemoryError('20 GiB')\n")
    metadata = folder / "hostile-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: hostile\nVersion: 1.0\n")
    heads = "\n".join(f"{name} = {module}:head" for name, module in names.items())
    points = f"[cxr_bench.heads]\n{heads}\n[cxr_bench.datasets]\ngreedy = hostile_greedy:dataset\n"
    (metadata / "entry_points.txt").write_text(points)
    return folder


@pytest.fixture
def worker(plugins, tmp_path):
    with Worker(tmp_path / "logs", {"PYTHONPATH": str(plugins), "PIDS": str(tmp_path / "pids")}) as worker:
        yield worker


def describing(name):
    return Describe([("head", name)])


def described(outcome):
    """What the worker described the components as."""
    assert outcome.cause is None, outcome
    return msgspec.json.decode(outcome.value, type=list[Description])


def value_of(outcome):
    """The first docstring line of the one component described."""
    return described(outcome)[0].summary


def is_alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until_gone(*pids):
    deadline = time.monotonic() + 20
    while any(map(is_alive, pids)):
        assert time.monotonic() < deadline, f"{[pid for pid in pids if is_alive(pid)]} still run"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("kill", "by SIGKILL"),
        ("term", "by SIGTERM"),
        ("segfault", "by SIGSEGV"),
        ("abort", "by SIGABRT"),
        ("exit", "with exit status 7"),
    ],
)
def test_a_worker_that_dies_is_killed_with_how_and_its_last_words(worker, name, how):
    outcome = worker.serve(describing(name), timeout_s=LIMIT_S)
    assert (outcome.cause, outcome.message) == ("killed", f"the worker ended {how}")
    assert "last words" in outcome.log
    assert len(outcome.log) <= executor.LOG_LINES


def test_an_interpreter_that_this_user_may_not_run_is_said_in_one_line(tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.touch(0o644)
    monkeypatch.setattr(executor.sys, "executable", str(python))
    with Worker(tmp_path / "logs") as worker:
        before = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(ConfigError, match=rf"^{python} cannot be started for a worker \(Permission denied\); see"):
            worker.serve(describing("calm"))
        assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_after_a_death_the_next_request_gets_a_fresh_worker(worker):
    first = value_of(worker.serve(describing("calm")))
    assert value_of(worker.serve(describing("calm"))) == first
    assert worker.serve(describing("kill")).cause == "killed"
    assert value_of(worker.serve(describing("calm"))) != first


class Describing(Describe, frozen=True, tag="describe"):
    """As what computes, such a request needs a backend and a precision."""

    needed = Runtime(precision="mixed_bfloat16")

    @property
    def runtime(self):
        return self.needed


class Full(Describing, frozen=True, tag="describe"):
    needed = Runtime()


def test_a_worker_serves_one_backend_and_precision_only(worker):
    def served(kind):
        return value_of(worker.serve(kind([("head", "calm")])))

    before, half = served(Describe), served(Describing)
    assert half == before  # what was described before is of no precision
    assert served(Describe) == served(Describing) == half
    assert served(Full) != half


@pytest.mark.parametrize("name", ["hang", "hang-in-c"])
def test_a_worker_that_hangs_is_killed_for_good_at_the_timeout(worker, name):
    pid = int(value_of(worker.serve(describing("calm"))))
    outcome = worker.serve(describing(name), timeout_s=1)
    assert (outcome.cause, outcome.message) == ("timeout", "no end after 1 s; the worker was killed")
    assert not is_alive(pid)
    assert int(value_of(worker.serve(describing("calm")))) != pid


def test_the_timeout_is_of_a_request_and_not_of_the_worker(worker):
    first = value_of(worker.serve(describing("calm"), timeout_s=LIMIT_S))
    time.sleep(0.3)
    assert value_of(worker.serve(describing("calm"), timeout_s=0.25)) == first


def test_whatever_is_printed_goes_to_the_log_and_never_among_the_events(worker, tmp_path):
    assert value_of(worker.serve(describing("shout"), timeout_s=LIMIT_S)).isdigit()
    assert value_of(worker.serve(describing("calm"), timeout_s=LIMIT_S)).isdigit()
    (log,) = (tmp_path / "logs").iterdir()
    for line in ("not json", "half a line", '{"event": "failed"}', "from a child"):
        assert line in log.read_text()


def test_an_event_of_any_length_arrives_whole(worker):
    assert len(value_of(worker.serve(describing("long"), timeout_s=LIMIT_S))) == 3_000_000


def test_a_long_request_arrives_whole(worker):
    request = Describe([("head", "calm")] * 10_000)  # more than two pipes hold
    assert len(encoded(request)) > 2**17
    assert len(described(worker.serve(request, timeout_s=LIMIT_S))) == 10_000


def test_a_death_is_noticed_though_a_child_of_the_worker_holds_the_pipe(worker):
    outcome = worker.serve(describing("fork"), timeout_s=LIMIT_S)
    assert (outcome.cause, outcome.message) == ("killed", "the worker ended by SIGKILL")


def test_stopping_ends_the_workers_children_too(worker):
    pids = [int(pid) for pid in value_of(worker.serve(describing("offspring"))).split()]
    assert all(map(is_alive, pids))
    worker.stop()
    wait_until_gone(*pids)
    worker.stop()  # twice is no error


def test_leaving_the_block_ends_the_worker(plugins, tmp_path):
    with Worker(tmp_path, {"PYTHONPATH": str(plugins)}) as worker:
        pid = int(value_of(worker.serve(describing("calm"))))
    assert not is_alive(pid)


def test_when_the_supervisor_is_killed_the_worker_and_its_children_end(plugins, tmp_path):
    code = "import json, sys; from pathlib import Path; from benchmark.execution.process import Worker\n"
    code += "from benchmark.execution.protocol import request_of\n"
    code += "Worker(Path(sys.argv[1]), json.loads(sys.argv[2])).serve(request_of(sys.argv[3].encode()))"
    environment = {"PYTHONPATH": str(plugins), "PIDS": str(tmp_path / "pids")}
    arguments = [str(tmp_path / "logs"), json.dumps(environment), encoded(describing("offspring-hang")).decode()]
    supervisor = subprocess.Popen([sys.executable, "-c", code, *arguments])
    deadline = time.monotonic() + LIMIT_S
    while not (tmp_path / "pids").exists() or " " not in (tmp_path / "pids").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert all(map(is_alive, pids))
    supervisor.kill()
    supervisor.wait()
    wait_until_gone(*pids)


def test_a_worker_whose_events_nobody_reads_ends_instead_of_failing_what_it_does():
    """As when its supervisor was killed, and it comes to its next event before its input ends."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "benchmark.execution.worker"]
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
    process.stdout.readline()  # it is ready
    process.stdout.close()
    process.stdin.write(b'{"op": "nothing"}\n')
    process.stdin.flush()
    assert process.wait(60) == -signal.SIGKILL
    assert b"BrokenPipe" not in process.stderr.read()
    process.stdin.close()
    process.stderr.close()


def test_an_interrupted_supervisor_leaves_no_worker(worker):
    def interrupt(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        worker.serve(describing("hang"), interrupt)  # the worker's first event is that it is ready
    assert worker._process is None


def test_events_before_the_end_are_handed_to_the_watcher(worker):
    events = []
    pid = int(value_of(worker.serve(describing("calm"), events.append)))
    assert events[0] == Ready(pid)
    assert [(event.done, event.total) for event in events[1:]] == [(0, 1)]  # components that are described


def test_a_complaint_of_ours_keeps_its_words_and_exit_status(worker):
    outcome = worker.serve(describing("dens"))
    assert (outcome.cause, outcome.exit_code) == ("data", 2)
    assert outcome.message.startswith("no head named 'dens'; did you mean dense")


def test_any_other_exception_is_a_fault_of_ours_with_its_traceback_in_the_log(worker):
    outcome = worker.serve(TryOut([("calm", {"units": 3}, 2)]))
    assert (outcome.cause, outcome.exit_code) == ("exception", None)
    assert outcome.message == "TypeError: head() got an unexpected keyword argument 'units'"
    assert any("Traceback" in line for line in outcome.log)


class Teleport(Describe, frozen=True, tag="teleport"):
    """A request of another version."""


def test_a_request_of_another_version_fails_by_its_name_and_the_next_one_is_served(worker):
    outcome = worker.serve(Teleport([]))
    assert outcome.cause == "exception"
    assert outcome.message.startswith("no request of this version of bench: ")
    assert "'teleport'" in outcome.message
    assert value_of(worker.serve(describing("calm"))).isdigit()


def test_an_event_of_another_version_ends_the_worker_and_is_an_error_that_names_it(tmp_path, monkeypatch):
    gossip = tmp_path / "gossip"
    gossip.write_text('#!/bin/sh\necho \'{"event": "ready", "pid": 1}\'\necho \'{"event": "gossip"}\'\nexec cat\n')
    gossip.chmod(0o755)
    monkeypatch.setattr(executor.sys, "executable", str(gossip))
    with Worker(tmp_path / "logs") as worker, pytest.raises(ProtocolError, match=r"no event of this version.*'gossip'"):
        worker.serve(describing("calm"))
    assert worker._process is None


def test_memory_that_python_cannot_have_is_out_of_memory(worker, tmp_path):
    outcome = worker.serve(Summarise(DatasetChoice("greedy", str(tmp_path)), 0, str(tmp_path)))
    assert (outcome.cause, outcome.message) == ("oom", "memory ran out: 20 GiB")


def test_a_kill_is_out_of_memory_only_if_the_kernel_counted_one(worker, monkeypatch):
    counts = iter([5, 6])
    monkeypatch.setattr(executor, "_oom_kills", lambda: next(counts))
    assert worker.serve(describing("kill")).cause == "oom"
    monkeypatch.setattr(executor, "_oom_kills", lambda: 6)
    assert worker.serve(describing("kill")).cause == "killed"


def test_what_must_succeed_gives_its_value_or_raises_the_workers_words(worker):
    assert worker.ask(describing("calm"), list[dict[str, Any]])[0]["name"] == "calm"
    with pytest.raises(WorkerFailedError, match="no head named 'dens'") as caught:
        worker.ask(describing("dens"), list[dict[str, Any]])
    assert caught.value.exit_code == 2


def test_a_log_tells_of_its_own_request_only(worker):
    worker.serve(describing("shout"))
    outcome = worker.serve(describing("kill"))
    assert outcome.log == ["last words"]


def test_the_logs_of_the_last_workers_are_kept_and_older_ones_go(plugins, tmp_path):
    for number in range(30):
        path = tmp_path / f"worker-{number:02d}.log"
        path.write_text("old")
        os.utime(path, (number, number))
    with Worker(tmp_path, {"PYTHONPATH": str(plugins)}) as worker:
        worker.serve(describing("calm"))
    kept = {path.name for path in tmp_path.iterdir()}
    assert len(kept) == 21
    assert "worker-29.log" in kept
    assert "worker-09.log" not in kept


def test_the_workers_environment_is_the_supervisors_with_what_was_asked(plugins, tmp_path, monkeypatch):
    monkeypatch.setenv("FROM_OUTSIDE", "1")
    monkeypatch.setenv("MALLOC_TOP_PAD_", "7")  # what a user has set stays
    for name in ("MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    with Worker(tmp_path, {"PYTHONPATH": str(plugins), "KERAS_BACKEND": "jax"}) as worker:
        pid = value_of(worker.serve(describing("calm")))
        environment = Path(f"/proc/{pid}/environ").read_text().split("\0")
        assert {"FROM_OUTSIDE=1", "KERAS_BACKEND=jax", "PYTHONUNBUFFERED=1"} <= set(environment)
        assert {"MALLOC_TOP_PAD_=7", f"MALLOC_TRIM_THRESHOLD_={8 << 30}"} <= set(environment)
        assert "GLIBC_TUNABLES=glibc.malloc.hugetlb=1" in environment
        assert os.getpgid(int(pid)) == int(pid) != os.getpgrp()


def test_each_of_several_workers_gets_its_share_of_the_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    assert [worker.environment for worker in side_by_side(2, tmp_path, {"COLOUR": "blue"})] == [
        {"COLOUR": "blue", CORES: "0,2"},
        {"COLOUR": "blue", CORES: "1,3"},
    ]


def test_workers_that_cannot_be_bound_are_told_how_many_threads_to_start(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    found = [worker.environment for worker in side_by_side(2, tmp_path, {"COLOUR": "blue"})]
    assert found == [{"COLOUR": "blue", THREADS: "3"}, {"COLOUR": "blue", THREADS: "2"}]
    with pytest.raises(ConfigError, match=r"has cores for \(5\)"):
        side_by_side(6, tmp_path, {})


def test_a_single_worker_is_bound_to_nothing(tmp_path):
    assert [worker.environment for worker in side_by_side(1, tmp_path, {})] == [{}]


def test_more_workers_than_cores_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    with pytest.raises(ConfigError, match=r"--jobs 3 is more than this machine has cores for \(2\)"):
        side_by_side(3, tmp_path, {})


def test_a_worker_that_is_closed_leaves_no_outcome_to_record(tmp_path):
    worker = Worker(tmp_path / "logs")
    closings = []

    def serve():
        try:
            worker.serve(describing("dense"))
        except WorkerClosedError:
            closings.append("closed")

    thread = threading.Thread(target=serve)
    worker.close()
    thread.start()
    thread.join(30)
    assert closings == ["closed"]
    assert not (tmp_path / "logs").exists()


def test_a_request_under_way_ends_when_its_worker_is_closed(tmp_path):
    worker = Worker(tmp_path / "logs")
    closings = []

    def serve():
        try:
            worker.serve(Describe([("backbone", "sepcnn")]))
        except WorkerClosedError:
            closings.append("closed")

    thread = threading.Thread(target=serve)
    thread.start()
    while worker._process is None:
        thread.join(0.01)
    worker.close()
    thread.join(30)
    assert closings == ["closed"]
