"""What an ONNX file gives for arrays.  A worker's task: no Keras is imported, so that it starts in half a second."""

from pathlib import Path
from typing import Any

import msgspec

from benchmark.storage.garbage import imported


class Infer(msgspec.Struct, frozen=True, tag_field="op", tag="infer", forbid_unknown_fields=True):
    """The outputs of an ONNX file, by their names, for arrays (N, …) by the names of its inputs.

    Attributes:
        model: the ONNX file, of any origin; see `registry.networks.onnx_file`.
        inputs: NPZ file of the arrays.
        outputs: NPZ file to be.
        batch: rows at once.
    """

    model: str
    inputs: str
    outputs: str
    batch: int = 32

    @property
    def runtime(self) -> None:
        """Any will do."""
        return


def serve(request: Infer, emit: object) -> None:
    """Write them; nothing is told on the way."""
    graph: Any = imported("benchmark.models.onnx_session").Graph(Path(request.model))
    graph.write(Path(request.inputs), Path(request.outputs), request.batch)
