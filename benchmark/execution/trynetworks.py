"""Networks built before anything is prepared for them: weights that cannot be had cost nothing.  A worker's task."""

import traceback

from benchmark.execution.protocol import Emit, Progress, TryNetworks
from registry.errors import BenchError
from registry.lookup import find, load
from registry.options import Scalar


def serve(request: TryNetworks, emit: Emit) -> list[str]:
    """Of each network what the user can mend, or nothing; whatever else is wrong, the step that needs it will say."""
    return [_reason(*network, emit) for network in request.networks]


def _reason(kind: str, name: str, options: dict[str, Scalar], size: int, emit: Emit) -> str:
    emit(Progress(what=f"{kind} {name}"))
    try:
        load(find(kind, name))((size, size, 1), **options)
    except BenchError as error:
        return str(error)
    except Exception:
        traceback.print_exc()
    return ""
