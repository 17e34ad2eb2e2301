"""How long steps wait, by hand; what is found out on a device, here pretended, and undone."""

import keras
import numpy as np
import pytest

from benchmark.models import pace
from benchmark.models.pace import settle, waited


@pytest.mark.parametrize(
    ("ready", "asked", "ended", "expected"),
    [
        ([1.0], 2.0, 3.0, 0.0),  # there before it was asked for
        ([2.5], 2.0, 3.0, 0.5),
        ([4.0], 2.0, 3.0, 1.0),  # made anew since: no more than the execution took
        ([0.0, 0.0, 0.0], 2.0, 5.0, 0.0),
        ([3.0, 0.0, 0.0], 2.0, 6.0, 1.0),  # three steps of a second after one of waiting
        ([0.0, 0.0, 5.0], 2.0, 6.0, 1.0),  # two steps, a wait from second 4 to 5, the third
        ([2.0, 3.0, 4.0], 2.0, 4.5, 1.0),  # images once a second, half a second's work on each: two waits of a half
    ],
)
def test_the_wait_for_images_by_hand(ready, asked, ended, expected):
    assert waited(ready, asked, ended) == pytest.approx(expected)


@pytest.mark.parametrize(("step_s", "steps"), [(0.001, 3), (0.03, 2), (0.5, 1)])
def test_an_execution_lasts_some_75_milliseconds_and_at_most_an_epoch(monkeypatch, step_s, steps):
    monkeypatch.setattr(pace, "has_accelerator", lambda: True)
    monkeypatch.setattr(pace, "executes_several_steps", lambda: True)
    monkeypatch.setattr(pace, "_timed", lambda network, arrays: step_s)
    network = dense()
    settle(network, [(np.ones((4, 2)), np.ones((4, 1)))] * 3, fixed=False)
    assert network.steps_per_execution == steps
    settle(network, [(np.ones((4, 2)), np.ones((4, 1)))] * 3, fixed=True)
    assert network.steps_per_execution == 1


def test_steps_that_are_tried_leave_no_trace(monkeypatch):
    monkeypatch.setattr(pace, "has_accelerator", lambda: True)
    network = dense()
    before = [variable.numpy() for variable in [*network.variables, *network.optimizer.variables]]
    settle(network, [(np.ones((4, 2)), np.ones((4, 1)))], fixed=True)
    after = [variable.numpy() for variable in [*network.variables, *network.optimizer.variables]]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_on_a_processor_nothing_is_tried():
    network = dense()
    settle(network, [], fixed=False)
    assert network.steps_per_execution == 1


def dense():
    """One layer, compiled."""
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    network.compile(optimizer="adam", loss="mse")
    network.optimizer.build(network.trainable_variables)
    return network
