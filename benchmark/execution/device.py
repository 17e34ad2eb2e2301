"""What a worker computes with, and the precision that it does well.  A worker's task."""

from collections.abc import Callable
from typing import Any

from registry.backend import best_precision, device_name


def serve(request: dict[str, Any], emit: Callable[[dict[str, Any]], None]) -> dict[str, str]:
    """``device`` in words and ``precision``, a value of `benchmark.tasks.spec.Runtime.precision`."""
    return {"device": device_name(), "precision": best_precision()}
