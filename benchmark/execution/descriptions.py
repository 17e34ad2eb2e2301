"""Asks a worker what components say of themselves."""

from collections.abc import Sequence

import msgspec

from benchmark.execution.process import Outcome
from benchmark.execution.protocol import Describe, Progress, Watch
from benchmark.execution.slots import Slot
from benchmark.planning.components import Describing
from benchmark.planning.description import Description
from benchmark.storage.durations import seconds_set
from registry.errors import PluginError

LIMIT = "BENCH_DESCRIBE_S"
LIMIT_S = 60.0  # Keras starts in it, on a machine that does much else


def describing(worker: Slot, watch: Watch = lambda event: None) -> Describing:
    """Descriptions by a worker, one by one: what ends it, or does not end itself, is the only one that is broken.

    Args:
        watch: sees how far it is.
    """

    def describe(components: Sequence[tuple[str, str]]) -> list[Description]:
        found = []
        for done, (kind, name) in enumerate(components):
            watch(Progress(stage="describe", what="describing components", done=done, total=len(components)))
            found.append(described(worker, kind, name))
        return found

    return describe


def described(worker: Slot, kind: str, name: str) -> Description:
    """What a component says of itself; its `error` says why it cannot be used, or that it takes too long.

    Raises:
        ConfigError: the environment sets a limit that is none.
    """
    outcome = _asked(worker, kind, name)
    if outcome.cause is None:
        (description,) = msgspec.json.decode(outcome.value, type=list[Description])
        return description
    return Description(kind, name, error=f"{kind} {name!r} cannot be described: {outcome.message}")


def check_ends(worker: Slot, kind: str, name: str) -> None:
    """See that the import of a component ends, before more is asked of it.

    Raises:
        PluginError: it does not.
    """
    outcome = _asked(worker, kind, name)
    if outcome.cause == "timeout":
        raise PluginError(f"{kind} {name!r} cannot be tried: {outcome.message}")


def _asked(worker: Slot, kind: str, name: str) -> Outcome:
    limit_s = describing_limit_s()
    outcome = worker.serve(Describe([(kind, name)]), timeout_s=limit_s)
    if outcome.cause != "timeout":
        return outcome
    why = f"it does not say what it is within {limit_s:g} s, its import included; {LIMIT}={2 * limit_s:g} waits longer"
    return msgspec.structs.replace(outcome, message=why)


def describing_limit_s() -> float:
    """How long a component may take to be imported and to say what it is: `BENCH_DESCRIBE_S`, seconds.

    Raises:
        ConfigError: it is no positive number.
    """
    return seconds_set(LIMIT, LIMIT_S, "a component is given up")
