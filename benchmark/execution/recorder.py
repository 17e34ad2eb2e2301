"""Writes a run's folder and record from its artefacts.  A worker's task."""

from pathlib import Path

import msgspec

from benchmark.execution.protocol import Built, Emit, WriteRecord
from benchmark.execution.runner import inputs
from benchmark.planning.runs import recorded
from benchmark.stages.context import Context
from benchmark.storage.cache import Store
from benchmark.storage.garbage import imported
from benchmark.storage.refusals import storage_errors


def serve(request: WriteRecord, emit: Emit) -> Built:
    """Put the run's folder in place of whatever was there; ``busy`` where another process is at the same.

    What that one has just put there stays: it is ``cached``.
    """
    store, step, folder = Store(Path(request.cache)), request.step, Path(request.folder)
    with store.in_use(), storage_errors(folder), store.turn(f"{step.name}-{step.key}") as ours:
        if not ours:
            return Built("busy")
        if recorded(folder, step.key):
            return Built("cached")
        spent = {role: store.duration(*place.split("/")) for role, place in request.steps.items()}
        known = {role: seconds for role, seconds in spent.items() if seconds is not None}
        context = Context(step.spec, inputs(step, store), Path(), lambda progress: None)
        facts = msgspec.structs.replace(request.facts, duration_s=known)
        imported(step.module).write_run(context, facts, request.names, folder)
        return Built("built")
