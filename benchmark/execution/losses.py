"""Steps whose nodes died: how often each is begun again, whichever engine holds the workers."""

from collections import Counter

from benchmark.execution.process import Outcome
from benchmark.execution.protocol import Event, Progress
from benchmark.planning.graph import Step
from registry.errors import BenchError

MOST = 2  # nodes in a row that a step may lose without getting further: then it may be what kills them


class NoNodesError(BenchError):
    """Every node is gone before all was done."""

    exit_code = 1

    def __init__(self) -> None:
        super().__init__(
            "every node is gone before all was done; what was built is kept: give the same line again where there are "
            "nodes"
        )


class Losses:
    """How often the node of each step died since the step last finished one more epoch than ever."""

    def __init__(self) -> None:
        self._lost: Counter[str] = Counter()
        self._furthest: dict[str, int] = {}

    def see(self, key: str, event: Event) -> None:
        """Take an event of a step's worker."""
        epoch = event.epoch if isinstance(event, Progress) else None
        if epoch is not None and epoch > self._furthest.get(key, 0):
            self._furthest[key] = epoch
            del self._lost[key]

    def count(self, step: Step) -> Outcome | None:
        """Count a node that died while it was at a step; how the step has ended, None where it is begun again."""
        self._lost[step.key] += 1
        if self._lost[step.key] < MOST:
            return None
        message = f"{MOST} nodes died one after the other while they were at it, and it got no further in between"
        return Outcome(cause="killed", message=message, stage=step.name)
