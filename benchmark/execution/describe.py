"""What a component says of itself: first docstring line, options, traits; or why it does not import.  A worker's task.

The answer is a function of the component's source, so the command line keeps it under that digest.
"""

import inspect
from collections.abc import Callable
from typing import Any

import msgspec

from benchmark.execution.protocol import Describe, Emit
from registry.errors import BenchError
from registry.lookup import Entry, find, load
from registry.options import read_options

SMALL = (64, 64, 1)
CELLS = (8, 8, 8)


def serve(request: Describe, emit: Emit) -> list[dict[str, Any]]:
    """Describe every component of the request."""
    return [describe(find(kind, name)) for kind, name in request.components]


def describe(entry: Entry) -> dict[str, Any]:
    """Description of one component, as JSON; ``error`` is set where it cannot be used."""
    told = blank(entry.kind, entry.name)
    try:
        factory = load(entry)
        told["summary"] = _first_line(factory)
        told["options"] = msgspec.to_builtins(read_options(factory))
        read = TRAITS.get(entry.kind)
        told["traits"] = read(factory) if read else {}
    except BenchError as error:
        told["error"] = str(error)
    except Exception as error:
        told["error"] = f"{entry.kind} {entry.name!r} cannot be described: {type(error).__name__}: {error}"
    return told


def blank(kind: str, name: str) -> dict[str, Any]:
    """The description of a component that says nothing of itself."""
    return {"kind": kind, "name": name, "summary": "", "options": [], "traits": {}}


def _first_line(factory: Callable[..., Any]) -> str:
    return (inspect.getdoc(factory) or "").partition("\n")[0].strip()


def _segmenter_traits(factory: Callable[..., Any]) -> dict[str, bool]:
    product = factory(SMALL)
    return {
        "trains": not isinstance(product, type) and hasattr(product, "fit"),
        "whole_frame": bool(getattr(product, "whole_frame", False)),
        "reads_dataset_masks": bool(getattr(product, "reads_dataset_masks", False)),
    }


def _head_traits(factory: Callable[..., Any]) -> dict[str, bool]:
    return {"classical": not hasattr(factory(CELLS, 2), "trainable_weights")}


TRAITS = {"segmenter": _segmenter_traits, "head": _head_traits}
