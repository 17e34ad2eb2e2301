"""What a component says of itself: first docstring line, options, traits; or why it does not import.  A worker's task.

The answer is a function of the component's code, so the command line keeps it under that digest.
"""

import inspect
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from benchmark.execution.protocol import Describe, Emit, Progress
from benchmark.planning.description import Description
from registry.declarations import (
    is_classical,
    is_trained,
    keeps_whole_frame,
    makes_predictor,
    pretrained_training,
    reads_dataset_masks,
)
from registry.errors import BenchError, ContractError
from registry.lookup import Entry, find, load
from registry.options import read_options

SMALL = (64, 64, 1)
CELLS = (8, 8, 8)


def serve(request: Describe, emit: Emit) -> list[Description]:
    """Describe every component of the request."""
    found = []
    for done, (kind, name) in enumerate(request.components):
        emit(Progress(stage="describe", what="describing components", done=done, total=len(request.components)))
        found.append(describe(find(kind, name)))
    return found


def describe(entry: Entry) -> Description:
    """Description of one component; its `error` says why it cannot be used."""
    found = Description(entry.kind, entry.name)
    try:
        factory = load(entry)
        found = replace(found, summary=_first_line(factory), options=read_options(factory))
        if entry.kind == "backbone":
            found = replace(found, pretrained=pretrained_training(factory))
        read = TRAITS.get(entry.kind)
        return replace(found, traits=read(factory) if read else {})
    except ContractError as error:
        return replace(found, error=f"{entry.kind} {entry.name!r} breaks its contract: {error}")
    except BenchError as error:
        return replace(found, error=str(error))
    except Exception as error:
        what = f"{entry.kind} {entry.name!r} cannot be described: {type(error).__name__}: {error}"
        return replace(found, error=what)


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


def _backbone_traits(factory: Callable[..., Any]) -> dict[str, bool]:
    return {"untrained": makes_predictor(factory)}


TRAITS = {"segmenter": _segmenter_traits, "backbone": _backbone_traits, "head": _head_traits}
