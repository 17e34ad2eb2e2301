"""A search whose trials cost nothing, and processes for it that are killed at chosen instants.

`main` imports Keras Tuner once and serves requests on standard input, each in a fork of its own:
a supervisor with a worker, as a command has them.  An instant is a place where a worker can be
killed: around every lock and write of the ledger, in the middle of a line, around an epoch and its checkpoint.
"""

import contextlib
import fcntl
import gc
import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from benchmark.execution.protocol import RunTrial, encoded
from benchmark.tuning.ledger import FILE, read
from benchmark.tuning.search import Search, TrialResult
from benchmark.tuning.space import Dimension, Space
from tests.warm import connection as warm

RATE = Dimension("rate", 1e-3, "float", 1e-4, 1e-1, log=True)
UNITS = Dimension("units", 16, "int", 8, 64, step=8)
KIND = Dimension("kind", None, "choice", choices=["relu", None, "gelu"])
SEARCHES = {
    "hyperband": Search("hyperband", Space([RATE, UNITS, KIND]), 0, 8, 4, "stand-in"),
    "bayesian": Search("bayesian", Space([RATE]), 0, 5, 3, "stand-in"),  # two of the five by its model
    "random": Search("random", Space([RATE, UNITS, KIND]), 0, 5, 3, "stand-in"),
    "grid": Search("grid", Space([UNITS, KIND]), 0, 5, 3, "stand-in"),
}
OBJECTIVE = "tests.searches"


def loss(values, epochs):
    """Known scores: best at a rate of 0.01 with 40 units, and better with every epoch."""
    rate, units = values.get("rate", 1e-2), values.get("units", 40)
    return (math.log10(rate) + 2) ** 2 + abs(units - 40) / 100 + 0.1 * (values.get("kind") is None) + 1 / epochs


def evaluate(target, values, epochs, seed, progress):
    """The stand-in objective: goes on after the last epoch of these values that is on disk."""
    folder = Path(target["folder"])
    checkpoint = folder / f"{hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]}.json"
    note = {"values": values, "epochs": epochs}
    ended = [one for one in read(Path(target["search"])).trials if one.status != "running"]
    again = [one.number for one in ended if (one.values, one.epochs) == (values, epochs)]
    _append(folder / "evaluations", {**note, "again": again})
    _append(folder.parent / "workers", os.getpid())
    deadline = time.monotonic() + 60
    while len(set(notes(folder.parent / "workers"))) < target.get("workers", 1):  # until all take part
        assert time.monotonic() < deadline, "the other processes run no trial"
        time.sleep(0.005)
    done = json.loads(checkpoint.read_text())["epoch"] if checkpoint.exists() else 0
    for epoch in range(done + 1, epochs + 1):
        INSTANTS("epoch")
        _append(folder / "epochs", {"values": values, "epoch": epoch})
        half = checkpoint.with_suffix(".tmp")
        half.write_text(json.dumps({"epoch": epoch}))
        INSTANTS("checkpoint")
        half.rename(checkpoint)
        progress({"epoch": epoch, "loss": loss(values, epoch)})
    INSTANTS("scored")
    return TrialResult(loss(values, epochs), epochs, {"seed": seed})


class Instants:
    """Counts the instants of a search and kills at one of them, once."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.at, self.who, self.supervisor = None, "", 0

    def __call__(self, name: str) -> None:
        if self.folder is None:
            return
        number = len(notes(self.folder / "instants"))
        _append(self.folder / "instants", name)
        if number != self.at or (self.folder / "killed").exists():
            return
        (self.folder / "killed").touch()
        if self.who in ("supervisor", "everything"):
            os.kill(self.supervisor, signal.SIGKILL)
        if self.who in ("worker", "everything"):
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Make the calls that the ledger rests on instants."""
        write = os.write
        for module, name in ((os, "fsync"), (os, "pwrite"), (os, "ftruncate"), (fcntl, "flock")):
            setattr(module, name, self._around(name, getattr(module, name)))

        def torn(descriptor: int, line: bytes) -> int:
            self("before a line")
            write(descriptor, line[: len(line) // 2])
            self("half a line")
            write(descriptor, line[len(line) // 2 :])
            self("after a line")
            return len(line)

        os.write = torn

    def _around(self, name, call):
        def called(*arguments):
            self(f"before {name}")
            result = call(*arguments)
            self(f"after {name}")
            return result

        return called


INSTANTS = Instants()


def notes(path: Path) -> list:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _append(path: Path, note: object) -> None:
    with path.open("a") as file:
        file.write(json.dumps(note) + "\n")


class Searcher:
    """The process that forks; one for many searches."""

    def __init__(self) -> None:
        environment = warm.variables(WARM_SCRIPTS="1", OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
        pipe = subprocess.PIPE
        root = Path(__file__).parent.parent
        code = f"import sys; sys.path.insert(0, {str(root)!r}); from tests.searches import main; main()"
        command = [sys.executable, "-c", code]
        self.process = subprocess.Popen(command, env=environment, cwd=root, stdin=pipe, stdout=pipe, text=True)

    def run(self, *requests: dict) -> list[int]:
        """Run searches, a few at a time; gives the exit status of each one's last supervisor."""
        for number, request in enumerate(requests):
            self.process.stdin.write(json.dumps({**request, "number": number}) + "\n")
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        ended = [json.loads(self.process.stdout.readline()) for _ in requests]
        return [status for _, status in sorted(ended)]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def request(folder: Path, search: Search, **more: object) -> dict:
    """A search in a folder, from its beginning to its end."""
    (folder / "objective").mkdir(parents=True, exist_ok=True)
    target = {"folder": str(folder / "objective"), "search": str(folder / "search")}
    asked = RunTrial(str(folder / "search"), _raw(search), OBJECTIVE, _raw(target))
    return {"request": json.loads(encoded(asked)), "control": str(folder), **more}


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def lines(folder: Path) -> list[dict]:
    """The ledger, durations apart."""
    found = [json.loads(line) for line in (folder / "search" / FILE).read_text().splitlines()]
    for line in found:
        line.pop("duration_s", None)
    return found


def main() -> None:
    """Serve batches of requests, ended by an empty line; as many at a time as there are cores."""
    import benchmark.tuning.trial  # noqa: F401 -- once, for every fork

    gc.freeze()  # or each fork would copy what the collector touches
    for batch in _batches():
        working = 0
        for asked in batch:
            if working == len(os.sched_getaffinity(0)):
                os.wait()
                working -= 1
            working += 1
            if os.fork() == 0:
                status = _search(asked)
                os.write(1, json.dumps([asked["number"], status]).encode() + b"\n")
                os._exit(0)
        for _ in range(working):
            os.wait()
    os._exit(0)


def _batches() -> Iterator[list[dict]]:
    batch: list[dict] = []
    for line in sys.stdin:
        if line.strip():
            batch.append(json.loads(line))
        else:
            yield batch
            batch = []


def _search(asked: dict) -> int:
    """Start supervisors, and others after they were killed, until the search is over; gives a status."""
    status = -signal.SIGKILL
    while status == -signal.SIGKILL:
        living, held = os.pipe()  # held by everybody below: it ends when the last of them has
        started = []
        for _ in range(asked.get("processes", 1)):
            started.append(os.fork())
            if started[-1] == 0:
                os.close(living)
                os._exit(_supervise(asked))
        os.close(held)
        status = min(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in started)
        os.read(living, 1)
        os.close(living)
    return status


def _supervise(asked: dict) -> int:
    """Trial after trial until there is none left; 0 when the search is over."""
    while True:
        pid, ask, events = _worker(asked)
        with events:
            status = _served(asked, ask, events)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ask)
        if status is not None:
            return status


def _served(asked: dict, ask: int, events: IO[str]) -> int | None:
    """The status of a search that has ended; None where the worker was killed, and the next one takes over."""
    while True:
        with contextlib.suppress(BrokenPipeError):
            os.write(ask, json.dumps(asked["request"]).encode() + b"\n")
        end = next((event for event in map(json.loads, events) if event["event"] in ("done", "failed")), None)
        if end is None:
            return None
        if end["event"] == "failed":
            print(end, file=sys.stderr)
            return 1
        if end["value"]["state"] == "exhausted":
            return 0
        if end["value"]["state"] == "waiting":
            time.sleep(0.005)


def _worker(asked: dict) -> tuple[int, int, IO[str]]:
    """A worker's number, where to write requests and where to read events."""
    (inner_in, outer_in), (outer_out, inner_out) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(outer_in)
        os.close(outer_out)
        _work(asked, inner_in, inner_out)
    os.close(inner_in)
    os.close(inner_out)
    return pid, outer_in, os.fdopen(outer_out)


def _work(asked: dict, requests: int, events: int) -> None:
    from benchmark.execution import worker

    supervisor = os.getppid()
    os.setsid()
    os.dup2(requests, 0)
    os.dup2(events, 1)
    os.close(requests)
    os.close(events)
    # The worker imports the objective by its name: that module's instants, not those of `__main__`.
    from tests.searches import INSTANTS as instants

    instants.folder = Path(asked["control"])
    instants.at, instants.who, instants.supervisor = asked.get("at"), asked.get("who", ""), supervisor
    instants.watch()
    worker.main()


if __name__ == "__main__":
    main()
