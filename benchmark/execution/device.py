"""What a worker computes with, and the precision that it does well.  A worker's task."""

from benchmark.execution.protocol import Device, Emit, Found
from benchmark.storage.garbage import imported


def serve(request: Device, emit: Emit) -> Found:
    """What there is; see `registry.backend`."""
    backend = imported("registry.backend")
    return Found(backend.device_name(), backend.best_precision())
