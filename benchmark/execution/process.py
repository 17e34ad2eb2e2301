"""Supervises worker processes: starts, feeds, times out, kills, and says why one died."""

import contextlib
import math
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

import benchmark.storage.locks  # noqa: F401 (a system without them has no process groups and no poll either)
from benchmark.execution.protocol import Done, Event, Failed, Request, Watch, encoded, event_of
from benchmark.storage.owner import OWNER, PLACE, RANDOM, has_ended, owner, place, was_before
from benchmark.storage.refusals import check_writable
from benchmark.tasks.spec import Runtime
from registry.cores import shares, usable_cores
from registry.errors import BenchError, ConfigError

LOG_LINES = 20
# By its defaults glibc gives the memory of large tensors back to the system after each operation, and every step of a
# training faults it in anew, in pages of 4 kB.  These keep it, in large pages where the system gives them.
ALLOCATOR = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
    "MALLOC_TOP_PAD_": str(64 << 20),
}
LOOK_EVERY_S = 0.5
LOG = re.compile(rf"worker-(?P<place>{PLACE})-{RANDOM}\.log")

T = TypeVar("T")


class Outcome(msgspec.Struct, frozen=True):
    """How a request ended: a value, or a cause with the log's last lines.

    Attributes:
        cause: None when it succeeded; else a cause of `benchmark.records.files.Failure`.
        exit_code: of the `BenchError` behind the failure; None for anything else.
    """

    value: msgspec.Raw = msgspec.Raw(b"null")
    cause: str | None = None
    message: str = ""
    stage: str = ""
    exit_code: int | None = None
    log: list[str] = []


class WorkerFailedError(BenchError):
    """A request that must succeed did not; carries the worker's own words."""

    def __init__(self, outcome: Outcome, log: Path | str | None) -> None:
        where = f"; see the log {log}" if outcome.exit_code is None else ""
        super().__init__(f"{outcome.message}{where}")
        self.outcome = outcome
        self.exit_code = outcome.exit_code or 1


class WorkerClosedError(Exception):
    """The worker was closed while, or before, it served: there is no outcome, and nothing to record."""


class Worker:
    """One worker process, started at the first request and replaced after a failure; `log` is its log, if it began."""

    def __init__(self, log_folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.log_folder = log_folder
        self.environment = dict(environment or {})
        self.closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self.log: Path | None = None
        self._pending = b""
        self._oom_kills = 0
        self._runtime: Runtime | None = None

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker for good; a request that another thread waits for raises `WorkerClosedError` there."""
        self.closed = True
        self.stop()

    def ask(self, request: Request, kind: type[T], watch: Watch = lambda event: None) -> T:
        """The value, of that type, of a request that must succeed.

        Raises:
            WorkerFailedError: it did not.
        """
        outcome = self.serve(request, watch)
        if outcome.cause:
            raise WorkerFailedError(outcome, self.log)
        return msgspec.json.decode(outcome.value, type=kind)

    def serve(self, request: Request, watch: Watch = lambda event: None, timeout_s: float | None = None) -> Outcome:
        """Serve one request and wait for its end, whatever that is.

        Raises:
            WorkerClosedError: another thread closed the worker.
            ConfigError: this user cannot start it.
        """
        try:
            outcome = self._serve(request, watch, timeout_s)
        except Exception as error:
            if self.closed:
                raise WorkerClosedError from error
            raise
        if self.closed:
            raise WorkerClosedError
        return outcome

    def _serve(self, request: Request, watch: Watch, timeout_s: float | None) -> Outcome:
        if self.closed:
            raise WorkerClosedError
        runtime = request.runtime
        if runtime and self._runtime and runtime != self._runtime:
            self.stop()  # backend, threads, determinism and precision belong to a process
        self._runtime = runtime or self._runtime
        process = self._start()
        log_from = self._log_size()
        deadline = time.monotonic() + timeout_s if timeout_s else None
        stage = ""
        try:
            assert process.stdin
            process.stdin.write(encoded(request))
            process.stdin.flush()
            while True:
                event = self._next_event(deadline)
                if event is None:
                    return self._died(stage, log_from)
                if isinstance(event, Done):
                    return Outcome(msgspec.Raw(bytes(event.value)))
                if isinstance(event, Failed):
                    return self._failed(event, stage, log_from)
                stage = getattr(event, "stage", "") or stage
                watch(event)
        except TimeoutError:
            self.stop()
            message = f"no end after {timeout_s:g} s; the worker was killed"
            return Outcome(cause="timeout", message=message, stage=stage, log=self._tail(log_from))
        except BrokenPipeError:
            return self._died(stage, log_from)
        except BaseException:
            self.stop()
            raise

    def revive(self) -> bool:
        """It is never lost: its node is this machine."""
        return True

    def stop(self) -> None:
        """End the worker's whole process group at once."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(BrokenPipeError):
                if stream:
                    stream.close()

    def _start(self) -> "subprocess.Popen[bytes]":
        if self._process and self._process.poll() is None:
            return self._process
        self.stop()
        check_writable(self.log_folder, "choose another cache with BENCH_CACHE")
        self._sweep_logs()
        self.log = self.log_folder / f"worker-{place()}-{os.urandom(4).hex()}.log"
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
        self._pending = b""
        self._oom_kills = _oom_kills()
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"}
        environment = {**quiet, **ALLOCATOR, **os.environ, OWNER: owner(), **self.environment}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "benchmark.execution.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=descriptor,
                env=environment,
                start_new_session=True,
            )
        except (PermissionError, FileNotFoundError) as error:
            raise ConfigError(
                f"{sys.executable} cannot be started for a worker ({error.strerror}); see that this user may run it "
                "and enter each folder above it, or use a Python of this user's own"
            ) from error
        finally:
            os.close(descriptor)
        return self._process

    def _next_event(self, deadline: float | None) -> Event | None:
        """The next event; None when the worker has closed its end or is dead.

        Raises:
            TimeoutError: the deadline passed.
        """
        if b"\n" not in self._pending and not self._read_on(deadline):
            return None
        line, _, self._pending = self._pending.partition(b"\n")
        return event_of(line)

    def _read_on(self, deadline: float | None) -> bool:
        """Wait for the rest of a line; False when none will come."""
        assert self._process and self._process.stdout
        descriptor = self._process.stdout.fileno()
        ready = select.poll()
        ready.register(descriptor, select.POLLIN)
        while b"\n" not in self._pending:
            wait = LOOK_EVERY_S if deadline is None else min(LOOK_EVERY_S, deadline - time.monotonic())
            if wait <= 0:
                raise TimeoutError
            if not ready.poll(math.ceil(1e3 * wait)):
                if self._process.poll() is not None and not ready.poll(0):
                    return False  # a child of the dead worker may hold the pipe open for ever
                continue
            chunk = os.read(descriptor, 65536)
            if not chunk:
                return False
            self._pending += chunk
        return True

    def _died(self, stage: str, log_from: int) -> Outcome:
        assert self._process
        code = self._process.wait()
        log = self._tail(log_from)
        self.stop()
        if code == -signal.SIGKILL and _oom_kills() > self._oom_kills:
            return Outcome(cause="oom", message="the kernel killed the worker: memory ran out", stage=stage, log=log)
        if code == -signal.SIGBUS:
            message = "the worker lost a file it had mapped, as happens when the disk is full; free some space"
            return Outcome(cause="storage", message=f"{message}, then run the same line again", stage=stage, log=log)
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit status {code}"
        return Outcome(cause="killed", message=f"the worker ended {how}", stage=stage, log=log)

    def _failed(self, event: Failed, stage: str, log_from: int) -> Outcome:
        log = self._tail(log_from)
        self.stop()  # a worker that failed may hold anything; the next request gets a fresh one
        return Outcome(cause=event.cause, message=event.message, stage=stage, exit_code=event.exit_code, log=log)

    def _log_size(self) -> int:
        return self.log.stat().st_size if self.log and self.log.exists() else 0

    def _tail(self, start: int) -> list[str]:
        if not self.log or not self.log.exists():
            return []
        with self.log.open("rb") as file:
            file.seek(start)
            return file.read().decode("utf-8", "replace").splitlines()[-LOG_LINES:]

    def _sweep_logs(self, keep: int = 20) -> None:
        """Remove old logs, but those of other machines and of commands that are at work."""
        logs = sorted(self.log_folder.glob("worker-*.log"), key=lambda path: path.stat().st_mtime)
        for path in logs[:-keep]:
            of = LOG.fullmatch(path.name)
            if of is None or of["place"] == place() or has_ended(of["place"]) or was_before(of["place"]):
                with contextlib.suppress(OSError):  # another command was faster, or it is another user's
                    path.unlink()


def side_by_side(jobs: int, log_folder: Path, environment: Mapping[str, str]) -> list[Worker]:
    """So many workers, each with as many of this process's cores as the others.

    Raises:
        ConfigError: there are fewer cores.
    """
    count = usable_cores()
    if jobs > count:
        raise ConfigError(f"--jobs {jobs} is more than this machine has cores for ({count}); use fewer")
    return [Worker(log_folder, {**environment, **share}) for share in shares(jobs)]


def _oom_kills() -> int:
    """How often the kernel has killed for memory in this control group; 0 where that cannot be read."""
    try:
        group = Path("/proc/self/cgroup").read_text().strip().rpartition(":")[2]
        text = Path(f"/sys/fs/cgroup{group}/memory.events").read_text()
    except OSError:
        return 0
    return int(dict(line.split() for line in text.splitlines()).get("oom_kill", 0))
