"""What Ray runs on a node: an actor that keeps one worker process, and hands on what comes over the line as bytes.

It imports nothing of Ray.  When the actor's process ends, for whatever reason, its end of the worker's pipe closes and
the worker's process group ends too.
"""

import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmark.execution.probing import Wanted, differences
from benchmark.execution.process import Outcome, Worker, WorkerClosedError
from benchmark.execution.protocol import encoded as line_of
from benchmark.execution.protocol import request_of
from benchmark.storage.owner import node
from registry.cores import CORES, THREADS

SHARES = (CORES, THREADS)  # variables of the node that say nothing of this slot


class Place(msgspec.Struct, frozen=True):
    """Where an actor is.

    Attributes:
        differences: from what it should have in common with the driver, in words.
        cores: numbers of those that it may be bound to; empty where nothing is bound.
    """

    node: str
    pid: int
    differences: list[str]
    cores: list[int]


class Ended(msgspec.Struct, frozen=True):
    """The last of what a request sends; `log` names a file on the node."""

    outcome: Outcome
    log: str


class SlotActor:
    """Keeps one worker on a node.

    Args:
        wanted: a `Wanted` as JSON.
    """

    def __init__(self, wanted: bytes, log_folder: str) -> None:
        self._wanted = msgspec.json.decode(wanted, type=Wanted)
        self._log_folder = Path(log_folder)
        self._worker: Worker | None = None

    def place(self) -> bytes:
        """A `Place` as JSON; the node is compared with what it should be."""
        found = differences(self._wanted)
        if not found:
            os.chdir(self._wanted.folder)  # paths in requests are relative to it
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        return msgspec.json.encode(Place(node(), os.getpid(), found, cores))

    def begin(self, environment: dict[str, str]) -> None:
        """What the worker's process will have; it starts with the first request."""
        for name in SHARES:
            os.environ.pop(name, None)
        self._worker = Worker(self._log_folder, environment)

    def serve(self, line: bytes, timeout_s: float | None) -> Iterator[bytes]:
        """Serve a request; its events as lines, last an `Ended` as JSON."""
        worker = self._worker
        if worker is None:
            raise WorkerClosedError
        lines: queue.SimpleQueue[bytes | BaseException | None] = queue.SimpleQueue()

        def serve() -> None:
            try:
                outcome = worker.serve(request_of(line), lambda event: lines.put(line_of(event)), timeout_s)
                lines.put(msgspec.json.encode(Ended(outcome, str(worker.log or ""))))
            except BaseException as error:  # it belongs to whoever asked
                lines.put(error)
            lines.put(None)

        threading.Thread(target=serve, daemon=True).start()
        while (sent := lines.get()) is not None:
            if isinstance(sent, BaseException):
                raise sent
            yield sent

    def stop(self) -> None:
        """End the worker's process; the next request starts another."""
        if self._worker:
            self._worker.stop()

    def close(self) -> None:
        """End the worker for good, whatever it is at."""
        if self._worker:
            self._worker.close()
