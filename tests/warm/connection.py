"""The warm interpreters of this session of tests: started by the first that needs them, shared by pytest's workers."""

import fcntl
import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmark.execution.process import ALLOCATOR

HERE = Path(__file__).parent
LONGEST = 40  # characters: a socket's path has a hundred at most
READ_AT_START = ("PYTHON", "LC_", "LANG")  # by an interpreter, not by what it runs
HEEDED = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")  # by a fork too
HAND_OVER = HERE / "sitecustomize.py"
_held: list[int] = []  # descriptors: it ends when the last of those who hold it has


def environment(given: dict[str, str]) -> dict[str, str]:
    """These variables, and those by which a worker that is started below them is a fork of the warm interpreter.

    That one has read Keras settings, of an empty folder: a worker with others is started as users start it.  So is one
    below variables that have an empty WARM_TESTS.
    """
    home = given.get("KERAS_HOME")
    others = home != os.environ.get("KERAS_HOME") and Path(home or "").exists()
    if "WARM_TESTS" in given or others or given.get("HOME") != os.environ.get("HOME"):
        return given
    if (
        len(tempfile.gettempdir()) > LONGEST
        or sys.platform != "linux"
        or given.get("KERAS_BACKEND", "tensorflow") != "tensorflow"
    ):
        return given
    paths = filter(None, (given.get("PYTHONPATH"), str(HERE)))
    return {**given, "WARM_TESTS": address(), "PYTHONPATH": os.pathsep.join(paths)}


def variables(**more: str) -> dict[str, str]:
    """Those of this process and some more, by which workers below are forks, as far as that can be."""
    return environment({**os.environ, **more})


def call(command: list[str], given: dict[str, str], folder: Path, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """`subprocess.run` of a command of ours: a fork of an interpreter that has imported what it imports.

    Where it is to find something else than pytest's workers do, it is started as users start it.
    """
    theirs = {name for name in {*given, *os.environ} if name.startswith(READ_AT_START) and name not in HEEDED}
    if not given.get("WARM_TESTS") or any(given.get(name) != os.environ.get(name) for name in theirs):
        kept = {"capture_output": True, "text": True, "timeout": timeout_s}
        return subprocess.run(command, env=given, cwd=folder, **kept)
    with ThreadPoolExecutor(2) as readers, socket.socket(socket.AF_UNIX) as connection:
        (out, to_out), (err, to_err) = os.pipe(), os.pipe()
        said = [readers.submit(_read, descriptor) for descriptor in (out, err)]
        with os.fdopen(to_out, "wb"), os.fdopen(to_err, "wb"), Path(os.devnull).open("rb") as nothing:
            connection.connect(address("commands"))
            ask(connection, command[1:], given, folder, [nothing.fileno(), to_out, to_err])
        connection.settimeout(timeout_s)
        try:
            status = int(connection.recv(16) or b"1")
        except TimeoutError:
            connection.close()  # which kills it
            raise subprocess.TimeoutExpired(command, timeout_s) from None
        return subprocess.CompletedProcess(command, status, *(one.result() for one in said))


def ask(
    connection: socket.socket, arguments: list[str], given: dict[str, str], folder: Path, standard: list[int]
) -> None:
    """Ask for a fork that has these for standard input, output and error."""
    cores = sorted(os.sched_getaffinity(0))
    about = {"environment": given, "folder": str(folder), "cores": cores, "arguments": arguments, "command": True}
    with os.fdopen(os.memfd_create("about"), "r+b") as file:
        file.write(json.dumps(about).encode())
        file.flush()
        socket.send_fds(connection, [b"w"], [file.fileno(), *standard])


def _read(descriptor: int) -> str:
    with os.fdopen(descriptor, encoding="utf-8") as file:
        return file.read()


@functools.cache
def address(kind: str = "") -> str:
    """Where the interpreter listens that forks workers, or "commands"."""
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir()) / f"bench-warm{kind[:1]}-{session}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        place = str(folder / "socket")
        try:
            _hold(place)
        except OSError:
            _start(place, kind)
    return place


def _start(place: str, kind: str) -> None:
    given = {
        "KERAS_HOME": str(Path(place).with_name("keras")),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYTHONUNBUFFERED": "1",
        "KERAS_BACKEND": "tensorflow",
    }
    Path(place).unlink(missing_ok=True)  # of one that was killed
    command = [sys.executable, "-P", str(HERE / "interpreter.py"), place, kind]
    with Path(place).with_name("log").open("a") as log:  # it goes to the background as soon as it listens
        subprocess.run(command, env={**os.environ, **ALLOCATOR, **given}, cwd="/", stdout=log, stderr=log, check=True)
    _hold(place)


def _hold(place: str) -> None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(place)
    except OSError:
        connection.close()
        raise
    _held.append(connection.detach())
