"""What a dataset holds, before any image is decoded.  A worker's task."""

from pathlib import Path

from benchmark.execution.protocol import Emit, Look, Progress, Seen
from benchmark.storage.garbage import imported


def serve(request: Look, emit: Emit) -> Seen:
    """What the dataset holds; see `benchmark.data.summary`."""
    summary = imported("benchmark.data.summary")
    choice = summary.recognised(request.dataset)

    def progress(done: int, total: int) -> None:
        emit(Progress(stage="look", done=done, total=total))

    return Seen(choice, summary.survey(choice, request.seed, Path(request.cache), progress))
