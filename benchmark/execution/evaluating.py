"""A trained run on images of elsewhere.  A worker's task."""

from pathlib import Path

from benchmark.execution.protocol import Emit, Evaluate, Progress
from benchmark.execution.runner import build
from benchmark.planning.graph import Step
from benchmark.storage.cache import Store
from benchmark.storage.garbage import imported
from benchmark.storage.kept import Kept
from benchmark.storage.refusals import storage_errors
from registry.errors import StorageError

COPIES = "copies"  # the stage that remembers films


def serve(request: Evaluate, emit: Emit) -> None:
    """Prepare the images as the run prepared its own, predict, score, and put the evaluation into its folder."""
    store = Store(Path(request.cache))

    def tell(what: str, done: int | None = None, total: int | None = None) -> None:
        counted = COPIES if total else "evaluate"  # only the search among films counts here, in parts of its work
        emit(Progress(stage=counted, what=what, done=done, total=total))

    with store.in_use(), storage_errors(Path(request.task.folder)):
        tell("preparing images")
        given = imported("benchmark.stages.external_images").Given
        prepared = {name: _built(step, store, emit) for name, step in request.steps.items()}
        copies = _built(request.copies, store, emit) if request.copies else None
        external = given(next(iter(request.steps.values())).spec, prepared, copies)
        both, theirs = (Kept(store.root, COPIES, name) for name in request.kept) if request.kept else (None, None)
        own = None
        if request.learnt:
            own = given(request.learnt.spec, {"": _built(request.learnt, store, emit)}, None, theirs)
        imported("benchmark.stages.external").evaluate(request.task, external, own, both, tell)


def _built(step: Step, store: Store, emit: Emit) -> Path:
    build(step, store, emit)
    path = store.find(step.name, step.key)
    if path is None:
        raise StorageError(f"what was made of the images has gone from {store.root}; run the same line again")
    return path
