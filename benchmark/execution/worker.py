"""The only place where heavy work starts: a process that serves one request after another.

Requests are JSON lines on standard input, events JSON lines on what was standard output; everything else that is
printed goes to the log.  When the supervisor dies, its end of the pipe closes and the worker's process group ends.
"""

import contextlib
import os
import queue
import signal
import sys
import threading
import traceback
from typing import Any

import msgspec

from benchmark.execution.causes import cause_of
from benchmark.execution.converting import Convert
from benchmark.execution.looking import LookAtClassifier
from benchmark.execution.papering import DrawFigures
from benchmark.execution.protocol import (
    Answer,
    Build,
    CheckData,
    Describe,
    Device,
    Done,
    DrawSearch,
    Emit,
    Evaluate,
    Event,
    Failed,
    Measure,
    ProtocolError,
    Ready,
    Request,
    RunTrial,
    Summarise,
    TryNetworks,
    TryOut,
    TryPromises,
    WriteRecord,
    encoded,
    request_of,
)
from benchmark.execution.proving import Prove
from benchmark.storage.garbage import imported
from registry.cores import take_share
from registry.errors import BenchError

OPERATIONS: dict[type, str] = {  # modules whose `serve(request, emit)` gives a request's value
    Answer: "benchmark.execution.answer",
    Describe: "benchmark.execution.describe",
    Device: "benchmark.execution.device",
    Summarise: "benchmark.execution.summarise",
    CheckData: "benchmark.execution.checkdata",
    TryOut: "benchmark.execution.tryout",
    TryNetworks: "benchmark.execution.trynetworks",
    TryPromises: "benchmark.execution.trypromises",
    Build: "benchmark.execution.runner",
    WriteRecord: "benchmark.execution.recorder",
    RunTrial: "benchmark.tuning.trial",
    DrawSearch: "benchmark.tuning.drawing",
    DrawFigures: "benchmark.execution.papering",
    Convert: "benchmark.execution.converting",
    Prove: "benchmark.execution.proving",
    LookAtClassifier: "benchmark.execution.looking",
    Measure: "benchmark.speed.measure",
    Evaluate: "benchmark.execution.evaluating",
}


def main() -> None:
    """Serve requests until standard input closes."""
    take_share()
    emit = _claim_stdout()
    requests: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()
    emit(Ready(os.getpid()))
    while True:
        _serve(requests.get(), emit)


def _serve(line: bytes, emit: Emit) -> None:
    try:
        request = request_of(line)
        emit(Done(msgspec.Raw(_ENCODER.encode(_operation(request).serve(request, emit)))))
    except Exception as error:
        _log_traceback()
        cause, message = ("exception", str(error)) if isinstance(error, ProtocolError) else cause_of(error)
        exit_code = error.exit_code if isinstance(error, BenchError) else 1 if cause == "oom" else None
        emit(Failed(cause, message, exit_code))


def _operation(request: Request) -> Any:
    return imported(OPERATIONS[type(request)])


def _log_traceback() -> None:
    with contextlib.suppress(OSError):  # the disk of the log may be what is full
        traceback.print_exc()


def _claim_stdout() -> Emit:
    """Keep descriptor 1 for events alone; prints, of C libraries too, go where standard error goes."""
    descriptor = os.dup(1)
    os.dup2(2, 1)
    stream = os.fdopen(descriptor, "wb", buffering=0)
    lock = threading.Lock()

    def emit(event: Event) -> None:
        with contextlib.suppress(OSError):  # as above
            sys.stdout.flush()
        line = encoded(event)
        with lock:
            try:
                _write(stream.fileno(), line)
            except BrokenPipeError:  # the supervisor is dead: that is no failure of what is at work
                _end()

    return emit


def _write(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]


def _read_requests(requests: "queue.Queue[bytes]") -> None:
    """Block on the descriptor itself: `sys.stdin` would abort the interpreter at exit."""
    pending = b""
    while chunk := os.read(0, 65536):
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            requests.put(line)
    _end()


def _end() -> None:
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _python_number(value: Any) -> Any:
    # A number of an array library must not cost a finished step its value.
    if hasattr(value, "item"):
        return value.item()
    raise NotImplementedError(f"an event cannot hold {type(value).__name__}")


_ENCODER = msgspec.json.Encoder(enc_hook=_python_number)

if __name__ == "__main__":
    main()
