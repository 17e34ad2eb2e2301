"""Which step goes next: pure, on graphs drawn by hand and by hypothesis."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.planning.graph import Step
from benchmark.planning.schedule import AGAIN_S, Schedule
from tests.specs import spec

SPEC = spec()


def graph(**inputs):
    """Steps by key, each with the keys of what it reads."""
    return {key: step(key, reads.split()) for key, reads in inputs.items()}


def step(key, reads):
    return Step("fit", "a.module", key, SPEC, {f"{one}/fit": one for one in reads})


def schedule(steps, **seconds):
    return Schedule(steps, lambda step: seconds.get(step.key, 1.0))


def drained(plan, now=0.0):
    """Keys of the steps in the order in which a single worker takes them, each ended before the next begins."""
    order = []
    while found := plan.next(now):
        order.append(found.key)
        plan.end(found.key)
    return order


def test_of_the_ready_the_longest_chain_of_work_goes_first():
    """However short the step itself is that the chain begins with, and however late it stands in the plan."""
    steps = graph(long="", a="", b="a", c="b")
    assert drained(schedule(steps, long=2.5)) == ["a", "long", "b", "c"]
    assert drained(schedule(steps, long=3.5)) == ["long", "a", "b", "c"]


def test_a_chain_is_as_long_as_the_longer_of_its_branches():
    steps = graph(left="", right="", short="left", slow="right", end="short")
    assert drained(schedule(steps, slow=2.5))[:2] == ["right", "left"]
    assert drained(schedule(steps, slow=1.5))[:2] == ["left", "right"]


def test_a_step_begins_when_the_last_of_its_inputs_has_ended():
    plan = schedule(graph(a="", b="", both="a b"))
    assert {plan.next(0).key, plan.next(0).key} == {"a", "b"}
    assert plan.next(0) is None
    plan.end("a")
    assert plan.next(0) is None
    plan.end("b")
    assert plan.next(0).key == "both"


def test_inputs_that_are_not_to_be_built_are_there():
    assert drained(schedule(graph(fit="split", predict="fit split"))) == ["fit", "predict"]


def test_what_has_begun_is_given_to_nobody_else():
    plan = schedule(graph(a=""))
    assert plan.next(0).key == "a"
    assert plan.next(0) is None
    assert plan.left.keys() == {"a"}
    assert plan.begun == {"a"}


def test_a_failed_step_takes_what_stands_on_it_and_nothing_else():
    plan = schedule(graph(top="", fit="top", other="top", predict="fit", vote="predict other", score="other"))
    plan.next(0)
    plan.end("top")
    lost = plan.fail("fit")
    assert [step.key for step in lost] == ["fit", "predict", "vote"]
    assert drained(plan) == ["other", "score"]
    assert plan.left == {}


def test_two_failures_above_one_step_lose_it_once():
    plan = schedule(graph(a="", b="", both="a b", alone="b"))
    assert [step.key for step in plan.fail("a")] == ["a", "both"]
    assert [step.key for step in plan.fail("b")] == ["b", "alone"]
    assert plan.left == {}
    assert plan.next(0) is None


def test_what_ends_after_something_beside_it_failed_brings_nothing_back():
    plan = schedule(graph(a="", b="", both="a b"))
    plan.next(0), plan.next(0)
    plan.fail("a")
    plan.end("b")
    assert plan.next(0) is None
    assert plan.left == {}


def test_a_step_that_another_process_builds_is_tried_again_later_and_what_is_ready_goes_on_meanwhile():
    plan = schedule(graph(busy="", behind="busy", free=""))
    assert plan.next(10.0).key == "busy"
    assert plan.defer("busy", 10.0)
    assert plan.begun == set()
    assert plan.next(10.0).key == "free"
    assert plan.next(10.0) is None
    assert plan.wait_s(10.0) == pytest.approx(AGAIN_S[0])
    assert plan.next(10.0 + AGAIN_S[0]).key == "busy"
    plan.end("busy")
    plan.end("free")
    assert drained(plan, 10.0 + AGAIN_S[0]) == ["behind"]
    assert plan.wait_s(11.0) is None


def test_a_step_is_asked_for_again_less_and_less_often_and_only_the_first_time_is_told():
    plan = schedule(graph(busy=""))
    now, waits, first = 0.0, [], []
    for _ in range(len(AGAIN_S) + 2):
        assert plan.next(now).key == "busy"
        first.append(plan.defer("busy", now))
        waits.append(plan.wait_s(now))
        now += waits[-1]
    assert waits == pytest.approx([*AGAIN_S, AGAIN_S[-1], AGAIN_S[-1]])
    assert first == [True] + [False] * (len(AGAIN_S) + 1)


def test_whoever_comes_late_waits_no_negative_time():
    plan = schedule(graph(busy=""))
    plan.next(0.0)
    plan.defer("busy", 0.0)
    assert plan.wait_s(60.0) == 0


@st.composite
def graphs(draw):
    """Some steps, each on some of the few before it, in any order; and how long each takes."""
    drawn = draw(st.lists(st.tuples(st.integers(0, 63), st.integers(1, 9)), min_size=1, max_size=16))
    steps = [
        step(f"s{n}", [f"s{n - 1 - back}" for back in range(min(n, 6)) if mask >> back & 1])
        for n, (mask, _) in enumerate(drawn)
    ]
    named = {one.key: one for one in draw(st.sampled_from([steps, steps[::-1]]))}
    return named, {f"s{n}": float(seconds) for n, (_, seconds) in enumerate(drawn)}


@given(graphs(), st.integers(1, 4), st.integers(0, 2**32))
def test_every_step_begins_once_after_all_its_inputs_have_ended_and_none_is_left(drawn, workers, luck):
    luck = random.Random(luck)
    steps, seconds = drawn
    plan = Schedule(steps, lambda step: seconds[step.key])
    running, begun, ended, now = [], [], [], 0.0
    while plan.left:
        while len(running) < workers and (found := plan.next(now)):
            assert set(found.inputs.values()) <= set(ended)
            begun.append(found.key)
            running.append(found.key)
        assert running or plan.wait_s(now) is not None, "nothing runs and nothing is waited for"
        now += 1.0
        if not running:
            continue
        key = running.pop(luck.randrange(len(running)))
        if luck.random() < 0.2:
            begun.remove(key)
            plan.defer(key, now)
        else:
            ended.append(key)
            plan.end(key)
    assert sorted(begun) == sorted(ended) == sorted(steps)


@given(graphs(), st.integers(0, 2**32))
def test_whatever_fails_the_rest_is_built_and_nothing_that_stands_on_it(drawn, luck):
    luck = random.Random(luck)
    steps, seconds = drawn
    plan = Schedule(steps, lambda step: seconds[step.key])
    ended, lost = set(), []
    while found := plan.next(0.0):
        if luck.random() < 0.2:
            lost += [one.key for one in plan.fail(found.key)]
        else:
            ended.add(found.key)
            plan.end(found.key)
    assert plan.left == {}
    assert len(lost) == len(set(lost))
    assert ended | set(lost) == set(steps)
    assert ended.isdisjoint(lost)
    for key in ended:
        assert set(steps[key].inputs.values()) <= ended


@given(graphs())
def test_a_step_is_never_begun_before_a_ready_one_with_a_longer_chain(drawn):
    steps, seconds = drawn
    behind = {key: [one.key for one in steps.values() if key in one.inputs.values()] for key in steps}

    def chain(key):
        return seconds[key] + max(map(chain, behind[key]), default=0.0)

    plan, ended = Schedule(steps, lambda step: seconds[step.key]), set()
    while found := plan.next(0.0):
        ready = [key for key, one in steps.items() if key not in ended and set(one.inputs.values()) <= ended]
        assert chain(found.key) == pytest.approx(max(map(chain, ready)))
        ended.add(found.key)
        plan.end(found.key)


@given(st.integers(0, 10_000))
def test_the_order_is_that_of_looking_at_every_ready_step_each_time(seed):
    """Steps end, are deferred, lost and failed at random; a schedule of thousands must not look at them all."""
    draw = random.Random(seed)
    names = [f"s{number}" for number in range(12)]
    steps = {
        name: step(name, draw.sample(names[:place], min(place, draw.choice([0, 0, 1, 2]))))
        for place, name in enumerate(names)
    }
    plan = schedule(steps, **{name: float(draw.randint(1, 3)) for name in names})
    ready = {name for name in names if not steps[name].inputs}
    ended, lost, until, now = set(), set(), {}, 0.0
    for _ in range(60):
        due = [name for name in ready if until.get(name, 0.0) <= now]
        expected = max(due, key=lambda name: (plan._chain[name], name), default=None)
        found = plan.next(now)
        assert (found and found.key) == expected
        if found is None:
            waits = [until[name] - now for name in ready if name in until]
            assert plan.wait_s(now) == (pytest.approx(min(waits)) if waits else None)
            if not waits:
                break
            now += min(waits) + 1e-9
            continue
        ready.discard(found.key)
        happens = draw.choice(["end", "end", "defer", "again", "fail"])
        if happens == "defer":
            times = plan._deferred[found.key][1] if found.key in plan._deferred else 0
            plan.defer(found.key, now)
            until[found.key] = now + AGAIN_S[min(times, len(AGAIN_S) - 1)]
            ready.add(found.key)
        elif happens == "again":
            plan.again(found.key)
            ready.add(found.key)
        elif happens == "fail":
            lost |= {one.key for one in plan.fail(found.key)}
            ready -= lost
        else:
            plan.end(found.key)
            ended.add(found.key)
            until.pop(found.key, None)
            ready |= {
                name
                for name in names
                if name not in ended | lost | ready
                and {*steps[name].inputs}
                and set(steps[name].inputs.values()) <= ended
            }
    assert plan.left.keys() == {*names} - ended - lost
