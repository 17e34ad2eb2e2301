"""A look at a dataset.  A worker's task."""

from pathlib import Path

from benchmark.data.summary import recognised, survey
from benchmark.execution.protocol import Emit, Look, Progress, Seen


def serve(request: Look, emit: Emit) -> Seen:
    """What the dataset holds."""
    choice = recognised(request.dataset)

    def progress(done: int, total: int) -> None:
        emit(Progress(stage="look", done=done, total=total))

    return Seen(choice, survey(choice, request.seed, Path(request.cache), progress))
