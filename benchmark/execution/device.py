"""What a worker computes with, and the precision that it does well.  A worker's task."""

from typing import cast

from benchmark.execution.protocol import Device, Emit, Found
from benchmark.tasks.spec import Precision
from registry.backend import best_precision, device_name


def serve(request: Device, emit: Emit) -> Found:
    """What there is."""
    return Found(device_name(), cast("Precision", best_precision()))
