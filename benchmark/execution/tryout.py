"""Classical heads built before anything is trained for them: a wrong parameter costs no training.  A worker's task."""

from benchmark.execution.protocol import Emit, TryOut
from registry.lookup import find, load

CHANNELS = 8


def serve(request: TryOut, emit: Emit) -> None:
    """Build every head.

    Raises:
        BenchError: a head cannot be built with its options.
    """
    for name, options, num_classes in request.heads:
        load(find("head", name))((None, None, CHANNELS), num_classes, **options)
