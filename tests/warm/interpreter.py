"""An interpreter that has imported Keras and what else takes long, and forks where a worker is to start.

`python -P tests/warm/interpreter.py SOCKET` serves until the last connection is closed.  What a worker imports takes
five seconds of processor time; a fork has it.  Another, `… SOCKET commands`, has imported what the command does.
Modules of ours are imported too; a fork forgets them whose PYTHONPATH has others of these names, or a sitecustomize.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

LIBRARIES = (
    "keras", "tensorflow", "cv2", "scipy.linalg", "sklearn.dummy", "sklearn.linear_model", "sklearn.pipeline",
    "sklearn.preprocessing", "skops.io", "xgboost", "matplotlib.figure", "matplotlib.image",
    "matplotlib.backends.backend_agg", "click", "msgspec", "rich.console",
)  # fmt: skip
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OURS = ("registry", "benchmark")
LIGHT = ("storage", "records", "tasks", "planning", "execution", "comparison", "report", "cli")  # without Keras
RUN = {"__main__", "worker"}  # modules that are run, not imported
_set = {}  # environment variables that our modules set as they are imported


def main(address, commands=False):
    """Listen at once, import, and fork for each connection that asks; those that only hold are kept."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    if number := os.fork():  # whoever connects meanwhile waits
        Path(address).with_name("pid").write_text(str(number))
        os._exit(0)
    os.setsid()
    try:
        before = {*os.environ}
        gc.disable()  # what is imported stays: to look through it again and again takes a third of the time
        for name in ours(commands) if commands else (*LIBRARIES, *ours(commands)):
            with suppress(ImportError):  # of a library that is not installed
                importlib.import_module(name)
        _set.update({name: value for name, value in os.environ.items() if name not in before})
        gc.collect()
        gc.freeze()  # or each fork would copy what the collector touches
        gc.enable()
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wake)
        serve(listener, woken)
    finally:
        shutil.rmtree(Path(address).parent, ignore_errors=True)


def ours(commands):
    """Names of our modules that workers import, or commands."""
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            *folders, name = path.relative_to(ROOT).with_suffix("").parts
            light = len(folders) > 1 and folders[0] == "benchmark" and folders[1] in LIGHT
            if name not in RUN and (light if commands else folders[1:2] not in (["cli"], ["report"])):
                yield ".".join([*folders, *([] if name == "__init__" else [name])])


def serve(listener, woken):
    """Forks by connection, until none is left; whoever closes a connection kills its fork."""
    forks, known = {}, set()
    while True:
        ready, _, _ = select.select([listener, woken, *known], [], [])
        for one in ready:
            if one is listener:
                connection, _ = listener.accept()
                known.add(connection)
            elif one is woken:
                os.read(woken, 4096)
                _reap(forks, known)
            elif one in known:
                _hear(one, forks, known, [listener, woken])
        if not known:
            return


def _hear(connection, forks, known, ours):
    try:
        said, descriptors, _, _ = socket.recv_fds(connection, 16, 4)
    except OSError:
        said, descriptors = b"", []
    if said == b"w":
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for one in (*ours, *known):
                os.close(one if isinstance(one, int) else one.detach())
            _become(*descriptors)
        forks[connection] = pid
        for descriptor in descriptors:
            os.close(descriptor)
    elif not said:
        if connection in forks:
            pid = forks.pop(connection)
            for kill in (os.kill, os.killpg):  # it may not have a group of its own yet
                with suppress(ProcessLookupError):
                    kill(pid, signal.SIGKILL)
        known.discard(connection)
        connection.close()


def _reap(forks, known):
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            for connection in [one for one, number in forks.items() if number == pid]:
                del forks[connection]
                known.discard(connection)
                with suppress(OSError):
                    connection.send(str(os.waitstatus_to_exitcode(status)).encode())
                connection.close()


def _become(about, *standard):
    """The worker that was asked for; ends with it."""
    code = 1
    try:
        os.setsid()
        with os.fdopen(about, "rb") as file:
            file.seek(0)
            told = json.load(file)
        for place, descriptor in enumerate(standard):
            os.dup2(descriptor, place)
            os.close(descriptor)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ.clear()
        os.environ.update({**_set, **told["environment"]})
        if not told.get("command"):
            for name in ("WARM_TESTS", "WARM_SCRIPTS"):
                os.environ.pop(name, None)
        os.chdir(told["folder"])
        os.sched_setaffinity(0, told["cores"])
        paths = told["environment"].get("PYTHONPATH", "").split(os.pathsep)
        others = [path for path in paths if path and Path(path).resolve() != HERE]
        sys.path[:0] = others
        if any(_changes_ours(Path(path)) for path in others):
            for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
                del sys.modules[name]
        sys.dont_write_bytecode = bool(told["environment"].get("PYTHONDONTWRITEBYTECODE"))
        importlib.invalidate_caches()
        for path in filter(None, paths):  # as Python itself does, for others than ours
            if Path(path).resolve() != HERE and (Path(path) / "sitecustomize.py").exists():
                runpy.run_path(str(Path(path) / "sitecustomize.py"))
        try:
            _run(told["arguments"])
        finally:
            if told.get("command"):  # as at the end of any interpreter
                threading._shutdown()
                atexit._run_exitfuncs()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _changes_ours(folder):
    """Whether ours are other files there, or may find something else as they are imported; a plugin's folder is not."""
    return folder.resolve() != ROOT and any((folder / name).exists() for name in (*OURS, "sitecustomize.py"))


def _run(arguments):
    """What Python does with these: ``-m MODULE …`` or ``-c CODE …``."""
    how = next(one for one in arguments if one in ("-m", "-c"))
    place = arguments.index(how) + 1
    if how == "-m":
        sys.argv = arguments[place:]
        runpy.run_module(arguments[place], run_name="__main__", alter_sys=True)
        return
    sys.argv = ["-c", *arguments[place + 1 :]]
    exec(compile(arguments[place], "<string>", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    main(sys.argv[1], "commands" in sys.argv[2:])
