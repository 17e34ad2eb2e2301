"""The driver's side of Ray's actors: each slot asks one, and says when its node is lost."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from benchmark.execution.losses import MOST, NoNodesError
from benchmark.execution.probing import Wanted
from benchmark.execution.process import Outcome, WorkerClosedError, WorkerFailedError
from benchmark.execution.protocol import Request, Watch, encoded, event_of
from benchmark.execution.rayslot import Ended, Place, SlotActor
from benchmark.execution.slots import NodeLostError
from registry.cores import CORES, THREADS
from registry.errors import ConfigError

T = TypeVar("T")
CLOSING_S = 5.0  # in which an actor must have ended its worker, before it is ended itself
AGAIN_S = 1.0  # after which another actor is asked for, where one was lost as it began or memory still lacked
AT_ONCE = 4  # calls of one actor: a request, and what ends it


class Terms(msgspec.Struct, frozen=True):
    """What each slot is given.

    Attributes:
        environment: variables of its worker.
        wait_s: in which a node must have been found for it.
    """

    log_folder: str
    environment: dict[str, str]
    cores: int
    gpus: float
    wait_s: float


class Cluster:
    """The nodes of a cluster, and which of their cores are whose.

    Attributes:
        wanted: what nodes are compared with from now on.
    """

    def __init__(self, ray: Any, terms: Terms, wanted: Wanted, say: Callable[[str], None]) -> None:
        self.ray, self.terms, self.wanted, self.say = ray, terms, wanted, say
        self._refused: set[str] = set()
        self._shares: dict[str, dict[int, int]] = {}  # node -> slot -> which share of its cores
        self._lock = threading.Lock()

    def held(self, count: int) -> "list[RaySlot]":
        """So many slots, on nodes that do not differ; one whose node dies meanwhile is held anew when it is needed.

        Raises:
            ConfigError: there is no room for them, or a node differs; each is named.
        """
        actors = [self.actor() for _ in range(count)]
        asked = [actor.place.remote() for actor in actors]
        ready, late = self.ray.wait(asked, num_returns=count, timeout=self.terms.wait_s)
        if late:
            raise ConfigError(
                f"the Ray cluster has given {len(ready)} of {count} slots of {self._size()} within "
                f"{self.terms.wait_s:g} s; ask for fewer with ray[slots={max(1, len(ready))}], or wait longer with "
                "ray[wait=SECONDS]"
            )
        found = [self._found(one) for one in asked]
        places = [place for place in found if place]
        refused = {place.node: "; ".join(place.differences) for place in places if place.differences}
        if refused:
            listed = " · ".join(f"{node}: {what}" for node, what in refused.items())
            raise ConfigError(f"nodes differ from this machine, and would make other results: {listed}")
        slots = [RaySlot(self, number) for number in range(count)]
        for slot, actor, at in zip(slots, actors, found, strict=True):
            with contextlib.suppress(self.ray.exceptions.RayError):  # its node has just died
                if at:
                    slot.take(actor, at)
        nodes = sorted({place.node for place in places})
        self.say(f"ray: {count} slots of {self._size()} on {', '.join(nodes)}")
        return slots

    def actor(self) -> Any:
        """A new actor, which waits for a node with room."""
        options = {
            "num_cpus": self.terms.cores, "num_gpus": self.terms.gpus, "max_restarts": 0, "max_task_retries": 0,
            "max_concurrency": AT_ONCE, "scheduling_strategy": "SPREAD",
        }  # fmt: skip
        remote = self.ray.remote(SlotActor).options(**options)
        return remote.remote(msgspec.json.encode(self.wanted), self.terms.log_folder)

    def place(self, asked: Any, wait_s: float | None = None) -> Place:
        """Where an actor is, that was asked.

        Raises:
            ConfigError: the node cannot serve.
            NodeLostError: it is gone, or has not been found in that time.
        """
        try:
            return msgspec.json.decode(self.ray.get(asked, timeout=wait_s), type=Place)
        except self.ray.exceptions.GetTimeoutError as error:
            raise NodeLostError from error
        except self.ray.exceptions.RayError as error:
            if getattr(error, "actor_init_failed", False) or isinstance(error, self.ray.exceptions.RayTaskError):
                last = str(error).strip().rpartition("\n")[2]
                raise ConfigError(
                    f"a node of the Ray cluster cannot serve ({last}); is bench installed there?"
                ) from error
            raise NodeLostError from error

    def _found(self, asked: Any) -> Place | None:
        """Where an actor is; None where its node has just died."""
        try:
            return self.place(asked)
        except NodeLostError:
            return None

    def refuse(self, line: str) -> None:
        """Say, once, why a node is left alone."""
        if line not in self._refused:
            self._refused.add(line)
            self.say(line)

    def environment(self, slot: int, place: Place) -> dict[str, str]:
        """Variables of a slot's worker; its cores are nobody else's of this command."""
        with self._lock:
            for shares in self._shares.values():
                shares.pop(slot, None)
            mine = self._shares.setdefault(place.node, {})
            share = next(number for number in range(len(mine) + 1) if number not in mine.values())
            mine[slot] = share
        count = self.terms.cores
        cores = place.cores[share * count : (share + 1) * count]
        bound = {CORES: ",".join(map(str, cores))} if len(cores) == count else {THREADS: str(count)}
        return {**self.terms.environment, **bound}

    def _size(self) -> str:
        gpus = f" and {self.terms.gpus:g} GPU" if self.terms.gpus else ""
        return f"{self.terms.cores} {'core' if self.terms.cores == 1 else 'cores'}{gpus}"


class RaySlot:
    """A worker that an actor keeps on whichever node; see `benchmark.execution.slots.Slot`."""

    def __init__(self, cluster: Cluster, number: int) -> None:
        self.cluster, self.number = cluster, number
        self.closed = False
        self._actor: Any = None
        self._reviving = threading.Lock()
        self._node = ""
        self._log = ""

    def take(self, actor: Any, place: Place) -> None:
        """Serve by an actor from now on."""
        self.cluster.ray.get(actor.begin.remote(self.cluster.environment(self.number, place)))
        self._actor, self._node = actor, place.node

    def ask(self, request: Request, kind: type[T], watch: Watch = lambda event: None) -> T:
        """The value of a request that must succeed; asked again where the node dies.

        Raises:
            WorkerFailedError: it did not.
            NoNodesError: there is no other node, or that died too.
        """
        for _ in range(MOST):
            with contextlib.suppress(NodeLostError):
                outcome = self.serve(request, watch)
                break
        else:
            raise NoNodesError
        if outcome.cause:
            raise WorkerFailedError(outcome, f"{self._node}:{self._log}")
        return msgspec.json.decode(outcome.value, type=kind)

    def serve(self, request: Request, watch: Watch = lambda event: None, timeout_s: float | None = None) -> Outcome:
        """Serve one request on the node, and wait for its end; on another node where that died before.

        Raises:
            WorkerClosedError: the slot was closed.
            NodeLostError: its node died.
        """
        if self.closed:
            raise WorkerClosedError
        if self._actor is None and not self.revive():
            raise NodeLostError
        try:
            return self._served(encoded(request), watch, timeout_s)
        except self.cluster.ray.exceptions.RayError as error:
            return self._over(error)

    def revive(self) -> bool:
        """Whether another node, or the same again, has room and does not differ; tried until `wait` is over."""
        with self._reviving:
            until = time.monotonic() + self.cluster.terms.wait_s
            while not self.closed and self._actor is None and (left_s := until - time.monotonic()) > 0:
                if not self._begun(left_s):
                    time.sleep(min(AGAIN_S, max(0.0, until - time.monotonic())))
            if self.closed:  # meanwhile
                self.close()
            return self._actor is not None

    def _begun(self, wait_s: float) -> bool:
        """Whether an actor serves now; it may have been given to a node that Ray does not know to be dead."""
        actor = self.cluster.actor()
        try:
            with contextlib.suppress(NodeLostError, self.cluster.ray.exceptions.RayError):
                place = self.cluster.place(actor.place.remote(), wait_s)
                if not place.differences:
                    self.take(actor, place)
                    return True
                self.cluster.refuse(f"{place.node} differs and is left alone: {'; '.join(place.differences)}")
        except ConfigError as error:  # it cannot serve
            self.cluster.refuse(str(error))
        with self._ignoring():
            self.cluster.ray.kill(actor)
        return False

    def stop(self) -> None:
        """End the worker's process on the node."""
        if self._actor is not None:
            with self._ignoring():
                self.cluster.ray.get(self._actor.stop.remote(), timeout=CLOSING_S)

    def close(self) -> None:
        """End the worker and the actor."""
        self.closed = True
        actor, self._actor = self._actor, None
        if actor is not None:
            with self._ignoring():
                self.cluster.ray.get(actor.close.remote(), timeout=CLOSING_S)
            with self._ignoring():
                self.cluster.ray.kill(actor)

    def _served(self, line: bytes, watch: Watch, timeout_s: float | None) -> Outcome:
        """The outcome that the actor sends after all events.

        Raises:
            NodeLostError: it sent none, as when Ray ends a stream whose node it lost without an error.
        """
        sent: bytes | None = None
        actor = self._actor
        for reference in actor.serve.options(num_returns="streaming").remote(line, timeout_s):
            if sent is not None:
                watch(event_of(sent))
            sent = self.cluster.ray.get(reference)
        if self.closed:
            raise WorkerClosedError
        try:
            ended = msgspec.json.decode(sent or b"", type=Ended)
        except msgspec.DecodeError as error:
            self._actor = None
            raise NodeLostError from error
        self._log = ended.log
        return ended.outcome

    def _over(self, error: Exception) -> Outcome:
        """What an error of Ray's means: memory ran out, or nothing is known but that the node is lost.

        Raises:
            WorkerClosedError: the slot was closed meanwhile.
            NodeLostError: it was not, and it was not memory.
        """
        if self.closed:
            raise WorkerClosedError from error
        if isinstance(error, self.cluster.ray.exceptions.RayTaskError):
            raise error  # ours: the actor's code failed
        actor, self._actor = self._actor, None
        with self._ignoring():
            self.cluster.ray.kill(actor)
        if not is_out_of_memory(self.cluster.ray, error):
            raise NodeLostError(str(error)) from error
        self.revive()
        return Outcome(cause="oom", message=f"Ray ended the worker on {self._node}: the node's memory ran out")

    def _ignoring(self) -> Any:
        return contextlib.suppress(self.cluster.ray.exceptions.RayError, ValueError)


def is_out_of_memory(ray: Any, error: Exception) -> bool:
    """Whether an actor was ended by Ray's memory monitor, which for actors only the message says."""
    return isinstance(error, ray.exceptions.OutOfMemoryError) or "low on memory" in str(error).lower()
