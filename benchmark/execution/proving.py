"""What a run's graph answers for images whose predictions the run has stored.  A worker's task."""

from pathlib import Path
from typing import Any

import msgspec

from benchmark.records.export import Proof
from benchmark.storage.garbage import imported


class Prove(msgspec.Struct, frozen=True, tag_field="op", tag="prove", forbid_unknown_fields=True):
    """Hold a graph against the predictions in a run's folder, on the images that it has prepared, in a folder."""

    folder: str
    seal: str
    model: str
    prepared: str

    @property
    def runtime(self) -> None:
        """Any will do: whoever asks starts a worker on TensorFlow."""
        return


def serve(request: Prove, emit: object) -> Proof:
    """How it answered."""
    making: Any = imported("benchmark.models.onnx_making")
    folders = (Path(request.folder), request.seal, Path(request.model), Path(request.prepared))
    proof: Proof = making.on_stored(*folders)
    return proof
