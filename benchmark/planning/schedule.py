"""Which step goes next: of those whose inputs are there the one with the longest chain of work behind it."""

import heapq
from collections.abc import Callable, Iterable, Mapping

from benchmark.planning.graph import Step

AGAIN_S = (0.2, 0.5, 1.0, 2.0)  # after which a step that another process builds is tried again


class Schedule:
    """The steps that are left, while others end.

    Args:
        steps: key -> step; inputs that are not among them are there.
        seconds: how long a step is likely to take.
    """

    def __init__(self, steps: Mapping[str, Step], seconds: Callable[[Step], float]) -> None:
        self.left = dict(steps)
        self.begun: set[str] = set()
        self._open = {key: set(step.inputs.values()) & steps.keys() for key, step in steps.items()}
        self._behind: dict[str, list[str]] = {key: [] for key in steps}
        for key, inputs in self._open.items():
            for upstream in inputs:
                self._behind[upstream].append(key)
        self._chain = self._chains(seconds)
        # Keys in the order in which they would begin, were all ready, and the place of each there.
        self._steps = sorted(self._chain, key=lambda key: (self._chain[key], key), reverse=True)
        self._rank = {key: rank for rank, key in enumerate(self._steps)}
        self._ready: set[str] = set()
        self._waiting: list[int] = []  # a heap of ranks; whoever is not ready any more is left in it until it comes up
        self._deferred: dict[str, tuple[float, int]] = {}  # until when, how often
        self._later: list[tuple[float, int]] = []  # a heap of times and ranks, alike
        for key, inputs in self._open.items():
            if not inputs:
                self._wait(key)

    def next(self, now: float) -> Step | None:
        """The step to begin, which then counts as begun; None where nothing is ready.

        Args:
            now: in seconds, on the clock of `defer`.
        """
        while (found := self._soonest()) is not None and found[0] <= now:
            heapq.heappush(self._waiting, heapq.heappop(self._later)[1])
        while self._waiting:
            key = self._steps[heapq.heappop(self._waiting)]
            if key in self._ready and self._until(key) <= now:
                self._ready.discard(key)
                self.begun.add(key)
                return self.left[key]
        return None

    def end(self, key: str) -> None:
        """A step's artefact is there."""
        for behind in self._behind[key]:
            self._open[behind].discard(key)
            if not self._open[behind] and behind in self.left:
                self._wait(behind)
        self._drop(key)

    def fail(self, key: str) -> list[Step]:
        """A step has failed, so it and all that stands on it will not be; gives those, itself first."""
        lost: dict[str, Step] = {}
        waiting = [key]
        while waiting:
            one = waiting.pop(0)
            if one in self.left and one not in lost:
                lost[one] = self.left[one]
                waiting += self._behind[one]
        for one in lost:
            self._drop(one)
        return list(lost.values())

    def defer(self, key: str, now: float) -> bool:
        """Another process builds a step: it is tried again later; gives whether this was the first time."""
        times = self._deferred[key][1] if key in self._deferred else 0
        until = now + AGAIN_S[min(times, len(AGAIN_S) - 1)]
        self._deferred[key] = (until, times + 1)
        self.begun.discard(key)
        self._ready.add(key)
        heapq.heappush(self._later, (until, self._rank[key]))
        return times == 0

    def again(self, key: str) -> None:
        """Nobody is at a step any more, and nothing has come of it: it is as if it had not begun."""
        self.begun.discard(key)
        self._wait(key)

    def wait_s(self, now: float) -> float | None:
        """Seconds until a deferred step may be tried again; None where none is deferred."""
        found = self._soonest()
        return None if found is None else max(0.0, found[0] - now)

    def _wait(self, key: str) -> None:
        """A step may begin."""
        self._ready.add(key)
        heapq.heappush(self._waiting, self._rank[key])

    def _until(self, key: str) -> float:
        return self._deferred[key][0] if key in self._deferred else float("-inf")

    def _soonest(self) -> tuple[float, int] | None:
        """The deferred step that may be tried again the soonest: until when, and its rank."""
        while self._later:
            until, rank = self._later[0]
            key = self._steps[rank]
            if key in self._ready and self._until(key) == until:
                return self._later[0]
            heapq.heappop(self._later)
        return None

    def _drop(self, key: str) -> None:
        self.left.pop(key, None)
        self.begun.discard(key)
        self._ready.discard(key)
        self._deferred.pop(key, None)

    def _chains(self, seconds: Callable[[Step], float]) -> dict[str, float]:
        """Key -> seconds of the longest chain of steps that starts with it."""
        chains: dict[str, float] = {}
        for key in reversed(_in_order(self._open)):
            behind = max((chains[one] for one in self._behind[key]), default=0.0)
            chains[key] = seconds(self.left[key]) + behind
        return chains


def _in_order(inputs: Mapping[str, Iterable[str]]) -> list[str]:
    """Keys, each after its inputs."""
    order: dict[str, None] = {}

    def visit(key: str) -> None:
        if key not in order:
            for upstream in inputs[key]:
                visit(upstream)
            order[key] = None

    for key in inputs:
        visit(key)
    return list(order)
