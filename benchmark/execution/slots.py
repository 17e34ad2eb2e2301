"""What a pool needs of a worker, whoever holds it: a process on this machine, or one that an engine keeps on a node."""

from typing import Protocol, TypeVar

from benchmark.execution.process import Outcome
from benchmark.execution.protocol import Request, Watch

T = TypeVar("T")


class NodeLostError(Exception):
    """The node of a slot died while it served, so nothing is known of how the request ended; it may be asked again."""


class Slot(Protocol):
    """Serves one request after another; `benchmark.execution.process.Worker` is the one on this machine."""

    def ask(self, request: Request, kind: type[T], watch: Watch = ...) -> T:
        """The value, of that type, of a request that must succeed.

        Raises:
            WorkerFailedError: it did not.
            NodeLostError: its node died.
        """

    def serve(self, request: Request, watch: Watch = ..., timeout_s: float | None = None) -> Outcome:
        """Serve one request and wait for its end, whatever that is.

        Raises:
            WorkerClosedError: another thread closed the slot.
            NodeLostError: its node died.
        """

    def revive(self) -> bool:
        """After its node died: whether the slot is held anew, on whichever node, and serves again; takes a while."""

    def stop(self) -> None:
        """End its process; the next request starts another."""

    def close(self) -> None:
        """End it for good."""
