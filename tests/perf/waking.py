"""A machine whose processes are all stopped, and woken: see `tests.perf.deaths`.

Once it is woken as soon as another machine has taken its training over, while the line is still at work, and once after
the line has ended: then the store, the records and the ledger of the search must stay as they are.
"""

import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from benchmark.storage.disk import STILL
from tests.perf import atwork, checkpointing, nodes, searching
from tests.perf.clusters import KINDS
from tests.perf.namespaces import Namespace, until

TUNER = "random"
TAKEN_WITHIN_S = 90.0  # Ray's 21 s, the six of a lease, and what the other machine is at until it looks


def stopped(engine: str, base: Path, variables: dict[str, object]) -> str:
    """Stop and wake a machine, twice; gives what did not hold, empty if all did."""
    place = base / "round"
    for early in (True, False):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        if wrong := _stopped(engine, base, place, variables, early=early):
            return wrong
    return ""


def _stopped(engine: str, base: Path, place: Path, variables: dict[str, object], *, early: bool) -> str:
    machines = KINDS[engine](base, variables, wait_s=30)
    machines.begin([sys.executable, "-m", "tests.perf.atwork", str(place), machines.engine, TUNER])
    one, other = machines.nodes
    until(lambda: f" 3 {one.name}" in _read(place / "trained"), 120, "the middle of a training")
    (lease,) = _leases(place, one)
    one.signal(signal.SIGSTOP)
    since = time.monotonic()
    until(lambda: any(other.name in path.name for path in lease.glob("*")), TAKEN_WITHIN_S, "another owner")
    taken_s = time.monotonic() - since
    if early:
        one.signal(signal.SIGCONT)
    ends = _ends(machines, one)
    written = _written(place)
    if not early:
        one.signal(signal.SIGCONT)
        time.sleep(3 * float(str(variables[STILL])))
    if machines.engine == atwork.NONE:
        ends.append(one.wait(120))
    epochs = int(str(variables[checkpointing.EPOCHS]))
    seeds = range(1, int(str(variables[atwork.SEEDS])) + 1)
    wrong = nodes.fault(place, ends, 1, epochs, seeds)
    wrong = wrong or searching.fault(place / "search", TUNER, place / "trained-by-search", 1)
    if _written(place) != written:
        wrong = wrong or "what was woken has written something"
    when = "at once" if early else "after the end"
    print(f"given up and taken over after {taken_s:.1f} s; woken {when}", flush=True)
    machines.close()
    return wrong


def _ends(machines: Any, one: Namespace) -> list[int]:
    """Exit statuses of whoever was not stopped."""
    return machines.ends() if machines.engine != atwork.NONE else [
        node.wait(240) for node in machines.nodes if node is not one
    ]  # fmt: skip


def _leases(place: Path, node: Namespace) -> list[Path]:
    """The leases of trainings that a machine holds."""
    return [
        path
        for path in (place / "cache/leases").glob("fit-*")
        if any(at.name.startswith(f"{node.name}-") for at in path.iterdir())
    ]


def _written(place: Path) -> dict[Path, tuple[int, bytes]]:
    """All that was published: artefacts, records, the search."""
    found = [*place.glob("cache/objects/*/*/*"), *place.glob("searched/objects/*/*/*"), *place.rglob("result.json")]
    found.append(place / "search" / "ledger.jsonl")
    return {path: (path.stat().st_ino, path.read_bytes()) for path in found if path.is_file()}


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
