"""A classifier in a file looked at, and tried on a few images, before any data are prepared.  A worker's task."""

from pathlib import Path

import msgspec

from benchmark.storage.garbage import imported
from benchmark.tasks.spec import Classifier


class LookAtClassifier(msgspec.Struct, frozen=True, tag_field="op", tag="classifier", forbid_unknown_fields=True):
    """How an ONNX file is asked about images of `size` pixels, in words; an error where it cannot be asked so."""

    file: str
    classifier: Classifier
    size: int

    @property
    def runtime(self) -> None:
        """Any will do."""
        return


def serve(request: LookAtClassifier, emit: object) -> str:
    """Open it and try it; nothing is told on the way."""
    network = imported("benchmark.models.onnx_classifier").OnnxClassifier(
        Path(request.file), request.classifier, request.size, 1
    )
    told: str = network.try_out()
    return told
