"""What a component says of itself: first docstring line, options, traits; or why it does not import.  A worker's task.

The answer is a function of the component's code, so the command line keeps it under that digest.
"""

import inspect
from collections.abc import Callable
from typing import Any

import msgspec

from registry.declarations import is_classical, is_trained, keeps_whole_frame, reads_dataset_masks
from registry.errors import BenchError, ContractError
from registry.lookup import Entry, find, load
from registry.options import read_options

SMALL = (64, 64, 1)
CELLS = (8, 8, 8)


def serve(request: dict[str, Any], emit: Callable[[dict[str, Any]], None]) -> list[dict[str, Any]]:
    """Describe every component in ``request["components"]``, pairs of kind and name."""
    return [describe(find(kind, name)) for kind, name in request["components"]]


def describe(entry: Entry) -> dict[str, Any]:
    """Description of one component, as JSON; ``error`` is set where it cannot be used."""
    told = blank(entry.kind, entry.name)
    try:
        factory = load(entry)
        told["summary"] = _first_line(factory)
        told["options"] = msgspec.to_builtins(read_options(factory))
        read = TRAITS.get(entry.kind)
        told["traits"] = read(factory) if read else {}
    except ContractError as error:
        told["error"] = f"{entry.kind} {entry.name!r} breaks its contract: {error}"
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
        "trains": is_trained(product),
        "whole_frame": keeps_whole_frame(product),
        "reads_dataset_masks": reads_dataset_masks(product),
    }


def _head_traits(factory: Callable[..., Any]) -> dict[str, bool]:
    return {"classical": is_classical(factory(CELLS, 2))}


TRAITS = {"segmenter": _segmenter_traits, "head": _head_traits}
