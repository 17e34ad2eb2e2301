"""What a trained pipeline answers for images of any origin.  A worker's task."""

from pathlib import Path

from benchmark.execution.protocol import Answer, Emit
from benchmark.records.prediction import Answered
from benchmark.storage.garbage import imported


def serve(request: Answer, emit: Emit) -> Answered:
    """Answer for images by the run in a folder; see `benchmark.models.answers`.

    Arrays are written where all images can be used, pictures of those that can.
    """
    answer = imported("benchmark.models.answers").answer
    said = answer(request.folder, request.seal, request.images, maps=request.maps)
    answered: Answered = said.answered
    if request.target and not answered.problems:
        said.save(Path(request.target))
    if request.pictures:
        draw = imported("benchmark.figures.predicted").draw_predicted
        draw(said, [name for name, _ in request.images], [Path(path) for path in request.pictures])
    return answered
