"""Classical heads built before anything is trained for them: a wrong parameter costs no training.  A worker's task."""

from collections.abc import Callable
from typing import Any

from registry.lookup import find, load

CHANNELS = 8


def serve(request: dict[str, Any], emit: Callable[[dict[str, Any]], None]) -> None:
    """Build every head in ``request["heads"]``, triples of name, options and number of classes.

    Raises:
        BenchError: a head cannot be built with its options.
    """
    for name, options, num_classes in request["heads"]:
        load(find("head", name))((None, None, CHANNELS), num_classes, **options)
