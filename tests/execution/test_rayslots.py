"""The driver's side of Ray's actors, with a Ray of a few lines in place of a cluster."""

import msgspec
import pytest

from benchmark.execution import rayslots
from benchmark.execution.losses import NoNodesError
from benchmark.execution.probing import Facts, Wanted
from benchmark.execution.process import Outcome, WorkerClosedError, WorkerFailedError
from benchmark.execution.protocol import Device, Found, Progress, encoded
from benchmark.execution.rays import room
from benchmark.execution.rayslot import Ended, Place
from benchmark.execution.rayslots import Cluster, Terms
from benchmark.execution.slots import NodeLostError
from registry.cores import CORES, THREADS
from registry.errors import ConfigError

WANTED = Wanted(Facts("", "", {}, {}, ""), "tensorflow", "/", {}, "", "", False)


class RayError(Exception): ...


class GetTimeoutError(RayError): ...


class OutOfMemoryError(RayError): ...


class RayTaskError(RayError): ...


class Exceptions:
    RayError, GetTimeoutError = RayError, GetTimeoutError
    OutOfMemoryError, RayTaskError = OutOfMemoryError, RayTaskError


class Call:
    """A method of an actor: what it gives, an error among it is raised when it is got."""

    def __init__(self, given):
        self.given = given

    def options(self, **_):
        return self

    def remote(self, *_):
        return self.given() if callable(self.given) else self.given


class Actor:
    def __init__(self, place, sends):
        self.place = Call(place if isinstance(place, Exception) else msgspec.json.encode(place))
        self.serve = Call(lambda: iter(sends.pop(0)))
        self.begin = self.stop = self.close = Call(None)


class Dies(Actor):
    """Is found, and its node dies before it has begun."""

    def __init__(self):
        super().__init__(place(), [])
        self.begin = Call(RayError("gone"))


class Ray:
    """Gives the next of these actors for each that is asked for."""

    exceptions = Exceptions

    def __init__(self, *actors):
        self.actors, self.killed, self.asked = list(actors), [], []

    def remote(self, _):
        return self

    def options(self, **options):
        self.asked.append(options)
        return Call(lambda: self.actors.pop(0))

    def wait(self, asked, **_):
        return asked, []

    def get(self, given, timeout=None):
        if isinstance(given, Exception):
            raise given
        return given

    def kill(self, actor):
        self.killed.append(actor)


def place(*cores, node="a", differs=()):
    return Place(node, 1, list(differs), list(cores))


def ended(outcome=None):
    return msgspec.json.encode(
        Ended(outcome or Outcome(msgspec.Raw(b'{"device": "cpu", "precision": "float32"}')), "/log")
    )


EVENT = encoded(Progress("fit", 1, 2))


def held(*actors, cores=1, wait_s=1.0):
    ray = Ray(*actors)
    said = []
    cluster = Cluster(ray, Terms("/logs", {"A": "1"}, cores, 0.0, wait_s), WANTED, said.append)
    (slot,) = cluster.held(1)
    return slot, ray, said


def test_ray_begins_nothing_anew_and_repeats_nothing():
    _, ray, said = held(Actor(place(), []))
    assert (ray.asked[0]["max_restarts"], ray.asked[0]["max_task_retries"]) == (0, 0)
    assert said == ["ray: 1 slots of 1 core on a"]


def test_events_come_in_order_and_the_last_that_is_sent_is_the_outcome():
    slot, _, _ = held(Actor(place(), [[EVENT, EVENT, ended()]]))
    seen = []
    assert slot.ask(Device(), Found, seen.append).device == "cpu"
    assert seen == [Progress("fit", 1, 2)] * 2


@pytest.mark.parametrize("sends", [[], [EVENT], [EVENT, RayError("the node died")], [RayError("gone")]])
def test_a_stream_without_its_end_is_a_lost_node_with_or_without_an_error(sends):
    slot, _, _ = held(Actor(place(), [sends]))
    with pytest.raises(NodeLostError):
        slot.serve(Device())


def test_a_slot_is_held_anew_and_the_old_actor_is_ended():
    first, second = Actor(place(), [[RayError("gone")]]), Actor(place(node="b"), [[ended()]])
    slot, ray, _ = held(first, second)
    with pytest.raises(NodeLostError):
        slot.serve(Device())
    assert slot.revive() and slot.revive()  # the second time it is there
    assert slot.serve(Device()).cause is None
    assert ray.killed == [first]


@pytest.mark.parametrize("first", [Actor(RayError("gone"), []), Dies()])
def test_a_slot_whose_node_dies_as_it_is_given_is_held_anew_when_it_is_needed(first):
    slot, ray, _ = held(first, Actor(place(node="b"), [[ended()]]))
    assert len(ray.asked) == 1
    assert slot.serve(Device()).cause is None
    assert len(ray.asked) == 2


def test_another_actor_is_asked_for_until_the_time_is_over(monkeypatch):
    monkeypatch.setattr(rayslots, "AGAIN_S", 0.0)  # Ray may give the first to a node that it does not know to be dead
    lost = [Actor(RayError("gone"), []), Dies(), *[Actor(place(differs=["Python 2"]), [])] * 2]
    slot, ray, said = held(Actor(place(), [[RayError("gone")]]), *lost, Actor(place(node="b"), [[ended()]]))
    with pytest.raises(NodeLostError):
        slot.serve(Device())
    assert slot.revive()
    assert len(ray.killed) == 1 + len(lost)
    assert said[1:] == ["a differs and is left alone: Python 2"]


def test_of_a_node_that_cannot_serve_it_is_said_once_why(monkeypatch):
    monkeypatch.setattr(rayslots, "AGAIN_S", 0.0)
    lacks = [Actor(RayTaskError("No module named 'benchmark'"), []) for _ in range(2)]
    slot, ray, said = held(Actor(place(), [[]]), *lacks, Actor(place(node="b"), [[ended()]]))
    with pytest.raises(NodeLostError):
        slot.serve(Device())
    assert slot.revive()
    assert ray.killed == lacks
    assert said[1:] == [
        "a node of the Ray cluster cannot serve (No module named 'benchmark'); is bench installed there?"
    ]


def test_a_question_is_asked_again_where_the_node_dies_and_two_deaths_are_one_line():
    slot, _, _ = held(Actor(place(), [[RayError("gone")]]), Actor(place(), [[ended()]]))
    assert slot.ask(Device(), Found).device == "cpu"
    slot, _, _ = held(*[Actor(place(), [[RayError("gone")]]) for _ in range(2)])
    with pytest.raises(NoNodesError, match="give the same line again"):
        slot.ask(Device(), Found)
    slot, _, _ = held(Actor(place(), [[RayError("gone")]]), Actor(RayError("none is left"), []), wait_s=0.01)
    with pytest.raises(NoNodesError):
        slot.ask(Device(), Found)


@pytest.mark.parametrize("other", [place(differs=["Python 2"]), GetTimeoutError(), RayError("no room")])
def test_a_slot_is_gone_where_no_node_is_found_that_serves(other):
    slot, ray, said = held(Actor(place(), [[]]), Actor(other, []), wait_s=0.01)
    with pytest.raises(NodeLostError):
        slot.serve(Device())
    assert slot.revive() is False
    assert len(ray.killed) == 1
    assert any("Python 2" in line for line in said) == isinstance(other, Place)


@pytest.mark.parametrize("error", [OutOfMemoryError("x"), RayError("killed as the node was running low on memory.")])
def test_what_the_memory_monitor_ends_is_a_failure_of_the_step(error):
    slot, _, _ = held(Actor(place(), [[error]]), Actor(place(), [[ended()]]))
    outcome = slot.serve(Device())
    assert (outcome.cause, outcome.message) == ("oom", "Ray ended the worker on a: the node's memory ran out")
    assert slot.serve(Device()).cause is None


def test_a_slot_waits_while_memory_still_lacks_and_no_longer_than_a_slot_may_take(monkeypatch):
    monkeypatch.setattr(rayslots, "AGAIN_S", 0.01)
    lacks = [Actor(OutOfMemoryError("x"), []) for _ in range(3)]
    slot, ray, _ = held(Actor(place(), [[OutOfMemoryError("x")]]), *lacks, Actor(place(), [[ended()]]))
    assert slot.serve(Device()).cause == "oom"
    assert slot.serve(Device()).cause is None
    assert ray.killed[1:] == lacks
    monkeypatch.setattr(rayslots, "AGAIN_S", 0.6)  # of one second
    slot, _, _ = held(Actor(place(), [[]]), *lacks, Actor(place(), [[ended()]]))
    with pytest.raises(NodeLostError):
        slot.serve(Device())
    assert slot.revive() is False


def test_an_error_of_our_own_is_raised_as_it_is():
    slot, _, _ = held(Actor(place(), [[RayTaskError("a fault")]]))
    with pytest.raises(RayTaskError, match="a fault"):
        slot.serve(Device())


def test_a_failed_question_says_on_which_node_its_log_is():
    slot, _, _ = held(Actor(place(), [[ended(Outcome(cause="killed", message="it ended"))]]))
    with pytest.raises(WorkerFailedError, match="it ended; see the log a:/log"):
        slot.ask(Device(), Found)


def test_a_closed_slot_serves_no_more_and_its_actor_is_ended():
    actor = Actor(place(), [[ended()]])
    slot, ray, _ = held(actor)
    slot.close()
    assert ray.killed == [actor]
    with pytest.raises(WorkerClosedError):
        slot.serve(Device())
    assert slot.revive() is False


def test_slots_of_one_node_share_its_cores_and_none_twice():
    ray = Ray(*[Actor(place(0, 1, 2, 3, 4), []) for _ in range(2)], Actor(place(7, node="b"), []))
    cluster = Cluster(ray, Terms("/logs", {}, 2, 0.0, 1.0), WANTED, print)
    cluster.held(3)
    mine = [cluster.environment(number, place(0, 1, 2, 3, 4)) for number in range(3)]
    assert mine == [{CORES: "0,1"}, {CORES: "2,3"}, {THREADS: "2"}]
    assert cluster.environment(0, place(7, node="b")) == {THREADS: "2"}
    assert cluster.environment(5, place(0, 1, 2, 3, 4)) == {CORES: "0,1"}  # which the first has left


def test_nodes_that_differ_are_all_named_before_anything_runs():
    ray = Ray(*[Actor(place(node=name, differs=[what]), []) for name, what in (("a", "other code"), ("b", "no keras"))])
    with pytest.raises(ConfigError, match="a: other code · b: no keras"):
        Cluster(ray, Terms("/logs", {}, 1, 0.0, 1.0), WANTED, print).held(2)


def test_room_is_counted_by_cores_and_gpus_of_each_node():
    class Nodes:
        def nodes(self):
            resources = [{"CPU": 5.0, "GPU": 1.0}, {"CPU": 1.0}, {"CPU": 8.0, "GPU": 4.0}]
            return [{"Alive": number != 2, "Resources": one} for number, one in enumerate(resources)]

    assert room(Nodes(), 1, 0.0) == 6
    assert room(Nodes(), 2, 0.5) == 2
    with pytest.raises(ConfigError, match="no node of the Ray cluster has 9 cores"):
        room(Nodes(), 9, 0.0)
