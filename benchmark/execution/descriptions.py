"""Asks a worker what components say of themselves."""

from collections.abc import Sequence

import msgspec

from benchmark.execution.protocol import Describe, Watch
from benchmark.execution.slots import Slot
from benchmark.planning.components import Describing
from benchmark.planning.description import Description


def describing(worker: Slot, watch: Watch = lambda event: None) -> Describing:
    """Descriptions by a worker: all at once; one by one where that ends the worker, so that only one is broken.

    Args:
        watch: sees how far it is.
    """

    def describe(components: Sequence[tuple[str, str]]) -> list[Description]:
        outcome = worker.serve(Describe(list(components)), watch)
        if outcome.cause is None:
            return msgspec.json.decode(outcome.value, type=list[Description])
        if len(components) > 1:
            return [description for component in components for description in describe([component])]
        kind, name = components[0]
        return [Description(kind, name, error=f"{kind} {name!r} cannot be described: {outcome.message}")]

    return describe
