"""The only place where heavy work starts: a process that serves one request after another.

Requests are JSON lines on standard input, events JSON lines on what was standard output; everything else that is
printed goes to the log.  When the supervisor dies, its end of the pipe closes and the worker's process group ends.
"""

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from benchmark.execution.causes import cause_of
from benchmark.storage.garbage import imported
from registry.errors import BenchError

OPERATIONS = {
    "describe": "benchmark.execution.describe",
    "device": "benchmark.execution.device",
    "survey": "benchmark.data.summary",
    "tryout": "benchmark.execution.tryout",
    "run": "benchmark.execution.runner",
    "pool": "benchmark.stages.record_folds",
    "trial": "benchmark.tuning.trial",
    "draw": "benchmark.tuning.drawing",
    "speed": "benchmark.speed.measure",
    "predict": "benchmark.models.answers",
}

Emit = Callable[[dict[str, Any]], None]


def main() -> None:
    """Serve requests until standard input closes."""
    if os.environ.get("BENCH_CORES"):  # before any library counts the cores
        os.sched_setaffinity(0, map(int, os.environ["BENCH_CORES"].split(",")))
    emit = _claim_stdout()
    requests: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()
    emit({"event": "ready", "pid": os.getpid()})
    while True:
        _serve(requests.get(), emit)


def _serve(request: dict[str, Any], emit: Emit) -> None:
    try:
        operation = imported(OPERATIONS[request["op"]])
        emit({"event": "done", "value": operation.serve(request, emit)})
    except Exception as error:
        _log_traceback()
        cause, message = cause_of(error)
        exit_code = error.exit_code if isinstance(error, BenchError) else 1 if cause == "oom" else None
        emit({"event": "failed", "cause": cause, "message": message, "exit_code": exit_code})


def _log_traceback() -> None:
    with contextlib.suppress(OSError):  # the disk of the log may be what is full
        traceback.print_exc()


def _claim_stdout() -> Emit:
    """Keep descriptor 1 for events alone; prints, of C libraries too, go where standard error goes."""
    descriptor = os.dup(1)
    os.dup2(2, 1)
    stream = os.fdopen(descriptor, "w", buffering=1, encoding="utf-8")
    lock = threading.Lock()

    def emit(event: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # as above
            sys.stdout.flush()
        line = json.dumps(event, allow_nan=False) + "\n"
        with lock:
            try:
                stream.write(line)
                stream.flush()
            except BrokenPipeError:  # the supervisor is dead: that is no failure of what is at work
                _end()

    return emit


def _read_requests(requests: "queue.Queue[dict[str, Any]]") -> None:
    """Block on the descriptor itself: `sys.stdin` would abort the interpreter at exit."""
    pending = b""
    while chunk := os.read(0, 65536):
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            requests.put(json.loads(line))
    _end()


def _end() -> None:
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
