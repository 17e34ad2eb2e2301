"""What a worker computes with, and the precision that it does well.  A worker's task."""

from benchmark.execution.protocol import Device, Emit, Found
from benchmark.storage.garbage import imported


def serve(request: Device, emit: Emit) -> Found:
    """What there is; see `registry.backend` and `registry.accelerators`."""
    backend = imported("registry.backend")
    hindrance = imported("registry.accelerators").hindrance()
    return Found(backend.device_name(), backend.best_precision(), hindrance)
