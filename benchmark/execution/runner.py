"""Builds steps: finds each artefact or makes it, from the artefacts of its inputs.  A worker's task."""

import sys
import time
from pathlib import Path
from typing import Any

from benchmark.execution.protocol import Build, Built, Emit, Progress
from benchmark.planning.graph import Step, subject
from benchmark.stages.context import Context
from benchmark.storage.cache import Store, write_duration
from benchmark.storage.disk import UNSEEN, still_s
from benchmark.storage.garbage import imported, imported_for_good
from benchmark.storage.kept import Kept
from registry.errors import StorageError


def serve(request: Build, emit: Emit) -> Built:
    """Build a step unless it is there; ``busy`` where another process builds it, for which nobody waits here."""
    store = Store(Path(request.cache))
    with store.in_use():  # also of a worker that is left over from a command that was killed
        return build(request.step, store, emit, wait=False)


def build(step: Step, store: Store, emit: Emit, *, wait: bool = True) -> Built:
    """One step's artefact, found or made.

    Args:
        wait: for another process that is making it.
    """
    if store.use(step.name, step.key):
        return Built("cached")
    made: list[float] = []

    def make(folder: Path) -> None:
        started = time.perf_counter()
        module = begun(step)
        module.build(surroundings(step, store, emit), folder)
        made.append(time.perf_counter() - started)
        write_duration(folder, subject(step), made[-1])

    found = store.build(step.name, step.key, make, wait=wait)
    if found is None:
        return Built("busy")
    return Built("built", made[-1]) if made else Built("cached")


def begun(step: Step) -> Any:
    """The module that makes a step's artefact, what it computes with started afresh.

    So the bits do not depend on what the process has served before; and a backend that has computed takes no other
    number of threads.
    """
    module = imported_for_good(step.module)
    if "keras" in sys.modules:
        imported("benchmark.models.runtime").reset_keras(step.spec.seed, step.spec.runtime)
    return module


def surroundings(step: Step, store: Store, emit: Emit) -> Context:
    """What a step is given.

    Raises:
        StorageError: an input is not there any more.
    """

    def progress(fields: dict[str, Any]) -> None:
        if store.lost(step.name, step.key):
            raise StorageError(f"another process has taken {step.name} over")  # which ends as busy
        emit(Progress(stage=step.name, **fields))

    kept = Kept(store.root, step.name, step.kept) if step.kept else None
    return Context(step.spec, inputs(step, store), store.partial(step.name, step.key), progress, kept)


def inputs(step: Step, store: Store) -> dict[str, Path]:
    """Role -> folder of what a step reads; what another machine has made may be seen late.

    Raises:
        StorageError: one is not there any more.
    """
    found = {}
    for role, key in step.inputs.items():
        stage = role.rpartition("/")[2]
        path = store.find(stage, key)
        if path is None and store.appeared(stage, key, UNSEEN * still_s()):
            path = store.find(stage, key)
        if path is None:
            raise StorageError(f"the artefact {role} that {step.name} reads has gone from {store.root}; run again")
        found[role] = path
    return found
