"""A finished run as one ONNX graph in the cache, proved equal on films that are drawn for it.  A worker's task."""

from pathlib import Path
from typing import Any

import msgspec

from benchmark.storage.cache import Store
from benchmark.storage.garbage import imported

STAGE = "onnx"  # in the cache, beside those of runs


class Convert(msgspec.Struct, frozen=True, tag_field="op", tag="convert", forbid_unknown_fields=True):
    """The graph of the run in a folder, whose record has that seal, under a key in the cache."""

    folder: str
    seal: str
    cache: str
    key: str

    @property
    def runtime(self) -> None:
        """Any will do: whoever asks starts a worker on TensorFlow."""
        return


def serve(request: Convert, emit: object) -> None:
    """Make it unless it is there; where there can be none, why is kept in its place."""
    store = Store(Path(request.cache))
    with store.in_use():
        store.build(STAGE, request.key, lambda folder: _made(request, folder))


def _made(request: Convert, folder: Path) -> None:
    making: Any = imported("benchmark.models.onnx_making")
    making.make(Path(request.folder), request.seal, folder)
