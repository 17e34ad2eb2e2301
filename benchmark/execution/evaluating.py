"""A trained run on images of elsewhere.  A worker's task."""

from pathlib import Path

from benchmark.execution.protocol import Emit, Evaluate, Progress
from benchmark.execution.runner import build
from benchmark.planning.graph import Step
from benchmark.storage.cache import Store
from benchmark.storage.garbage import imported
from benchmark.storage.refusals import storage_errors
from registry.errors import StorageError


def serve(request: Evaluate, emit: Emit) -> None:
    """Prepare the images as the run prepared its own, predict, score, and put the evaluation into its folder."""
    store = Store(Path(request.cache))

    def tell(what: str) -> None:
        emit(Progress(stage="evaluate", what=what))

    with store.in_use(), storage_errors(Path(request.task.folder)):
        tell("preparing images")
        prepared = {name: _prepared(step, store, emit) for name, step in request.steps.items()}
        learnt = _prepared(request.learnt, store, emit) if request.learnt else None
        external = next(iter(request.steps.values())).spec
        own = request.learnt.spec if request.learnt else None
        imported("benchmark.stages.external").evaluate(request.task, external, prepared, own, learnt, tell)


def _prepared(step: Step, store: Store, emit: Emit) -> Path:
    build(step, store, emit)
    path = store.find(step.name, step.key)
    if path is None:
        raise StorageError(f"the prepared images have gone from {store.root}; run the same line again")
    return path
