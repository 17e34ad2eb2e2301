"""The warm interpreter of this session of tests: started by the first that needs it, shared by pytest's workers."""

import fcntl
import functools
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmark.execution.process import ALLOCATOR

HERE = Path(__file__).parent
LONGEST = 40  # characters: a socket's path has a hundred at most
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


@functools.cache
def address() -> str:
    """Where the interpreter listens."""
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir()) / f"bench-warm-{session}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        place = str(folder / "socket")
        try:
            _hold(place)
        except OSError:
            _start(place)
    return place


def _start(place: str) -> None:
    given = {
        "KERAS_HOME": str(Path(place).with_name("keras")),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYTHONUNBUFFERED": "1",
        "KERAS_BACKEND": "tensorflow",
    }
    Path(place).unlink(missing_ok=True)  # of one that was killed
    command = [sys.executable, "-P", str(HERE / "interpreter.py"), place]
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
