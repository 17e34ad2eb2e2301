"""What a dataset holds, before any image is decoded.  A worker's task."""

from pathlib import Path

from benchmark.execution.protocol import Emit, Progress, Summarise, Summarised
from benchmark.storage.garbage import imported


def serve(request: Summarise, emit: Emit) -> Summarised:
    """What the dataset holds; see `benchmark.data.summary`."""
    summary = imported("benchmark.data.summary")
    choice = summary.recognised(request.dataset)

    def progress(done: int, total: int) -> None:
        emit(Progress(stage="summary", done=done, total=total))

    found = summary.summarise(choice, request.seed, Path(request.cache), progress, fewest_labels=request.fewest_labels)
    return Summarised(choice, found)
