"""What is wrong with a dataset, or may be.  A worker's task."""

from pathlib import Path
from typing import Any

from benchmark.execution.protocol import CheckData, Checked, Emit, Progress
from benchmark.storage.garbage import imported


def serve(request: CheckData, emit: Emit) -> Checked:
    """See `benchmark.stages.data_check`."""

    def told(what: str, done: int, total: int) -> None:
        emit(Progress(stage="check", what=what, done=done, total=total))

    check: Any = imported("benchmark.stages.data_check")
    datasets = [(one.dataset, one.summary) for one in request.datasets]
    found, common = check.check(datasets, Path(request.cache), request.memory, request.sheet, told)
    return Checked(found, common)
