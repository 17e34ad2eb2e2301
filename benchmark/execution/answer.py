"""What a trained pipeline answers for images of any origin.  A worker's task."""

from benchmark.execution.protocol import Answer, Answered, Emit
from benchmark.storage.garbage import imported


def serve(request: Answer, emit: Emit) -> Answered:
    """Answer for images by the run in a folder; see `benchmark.models.answers`."""
    answer = imported("benchmark.models.answers").answer
    method, problems = answer(request.folder, request.seal, request.images, request.target, maps=request.maps)
    return Answered(method, problems)
