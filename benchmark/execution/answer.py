"""What a trained pipeline answers for images of any origin.  A worker's task."""

from pathlib import Path
from typing import Any

from benchmark.execution.protocol import Answer, Emit
from benchmark.records.prediction import Answered
from benchmark.storage.garbage import imported


def serve(request: Answer, emit: Emit) -> Answered:
    """Answer for images by the run in a folder, by Keras or by its graph; see `benchmark.models.answers`.

    Arrays are written where all images can be used, pictures of those that can.
    """
    said = imported("benchmark.models.answers").answer(_run(request), request.images, maps=request.maps)
    answered: Answered = said.answered
    if request.target and not answered.problems:
        said.save(Path(request.target))
    if request.pictures:
        draw = imported("benchmark.figures.predicted").draw_predicted
        draw(said, [name for name, _ in request.images], [Path(path) for path in request.pictures])
    return answered


def _run(request: Answer) -> Any:
    if request.graph:
        return imported("benchmark.models.exported").exported(request.folder, request.seal, request.graph)
    return imported("benchmark.models.trained").trained(request.folder, request.seal)
