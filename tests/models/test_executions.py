"""How long steps wait, by hand; what is found out on a device, here pretended, and undone."""

import json

import keras
import numpy as np
import pytest

from benchmark.models import executions
from benchmark.models.batches import Batches, Slices
from benchmark.models.executions import choose_steps_per_execution, input_stall_s, trace
from benchmark.stages.context import Context
from benchmark.stages.record import notes_of
from registry.backend import NAME, feed
from tests.specs import spec


@pytest.mark.parametrize(
    ("ready", "asked", "begun", "ended", "expected"),
    [
        ([1.0], 2.0, 2.0, 3.0, 0.0),  # there before it was asked for
        ([2.5], 2.0, 2.0, 3.0, 0.5),
        ([4.0], 2.0, 2.0, 3.0, 1.0),  # made anew since: no more than the execution took
        ([0.0, 0.0, 0.0], 2.0, 2.0, 5.0, 0.0),
        ([3.0, 0.0, 0.0], 2.0, 2.0, 6.0, 1.0),  # three steps of a second after one of input_stall
        ([0.0, 0.0, 5.0], 2.0, 2.0, 6.0, 1.0),  # two steps, a wait from second 4 to 5, the third
        ([2.0, 3.0, 4.0], 2.0, 2.0, 4.5, 1.0),  # images once a second, half a second's work on each: two waits of ½
        ([1.0], 2.0, 2.25, 3.0, 0.0),  # what the trainer does before an execution is no input_stall
        ([2.5], 2.0, 2.75, 3.0, 0.5),  # taken before the execution began
        ([2.5, 3.5, 2.5], 2.0, 3.75, 6.0, 1.5),  # all taken before it began: the last one counts
        ([2.75], 2.0, 2.25, 3.5, 0.75),  # asked for before it began, there after
    ],
)
def test_the_wait_for_images_by_hand(ready, asked, begun, ended, expected):
    assert input_stall_s(ready, asked, begun, ended) == pytest.approx(expected)


@pytest.mark.parametrize(("step_s", "steps"), [(0.001, 3), (0.03, 2), (0.5, 1)])
def test_an_execution_lasts_some_75_milliseconds_and_at_most_an_epoch(monkeypatch, step_s, steps):
    monkeypatch.setattr(executions, "has_accelerator", lambda: True)
    monkeypatch.setattr(executions, "executes_several_steps", lambda: True)
    monkeypatch.setattr(executions, "_timed", lambda network, arrays: step_s)
    network = dense()
    choose_steps_per_execution(network, [(np.ones((4, 2)), np.ones((4, 1)))] * 3, fixed=False)
    assert network.steps_per_execution == steps
    choose_steps_per_execution(network, [(np.ones((4, 2)), np.ones((4, 1)))] * 3, fixed=True)
    assert network.steps_per_execution == 1


def test_steps_that_are_tried_leave_no_trace(monkeypatch):
    monkeypatch.setattr(executions, "has_accelerator", lambda: True)
    network = dense()
    before = [variable.numpy() for variable in [*network.variables, *network.optimizer.variables]]
    choose_steps_per_execution(network, [(np.ones((4, 2)), np.ones((4, 1)))], fixed=True)
    after = [variable.numpy() for variable in [*network.variables, *network.optimizer.variables]]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_on_a_processor_nothing_is_tried():
    network = dense()
    choose_steps_per_execution(network, [], fixed=False)
    assert network.steps_per_execution == 1


class Counted(keras.layers.Layer):
    """Counts how often Python runs it: once a compilation."""

    calls = 0

    def call(self, vectors):
        self.calls += 1
        return vectors


def several(count=19):
    """Batches of eight of so many vectors, and the same for validation."""
    vectors = np.random.default_rng(0).random((count, 2), np.float32)
    targets = vectors.sum(axis=1, keepdims=True)
    batches = Batches(
        np.zeros(count, int),
        lambda generator, chosen: (vectors[chosen], targets[chosen]),
        batch_size=8,
        balance="none",
        num_classes=1,
        seed=0,
    )
    return batches, Slices((vectors, targets), 8)


@pytest.mark.skipif(NAME != "tensorflow", reason="JAX runs the layer for shapes too, PyTorch at each step")
@pytest.mark.parametrize("steps", [1, 2])
def test_what_is_traced_before_training_is_not_traced_within_and_leaves_no_trace_itself(steps):
    batches, validation = several()
    layer = Counted()
    network = keras.Sequential([keras.Input((2,)), layer, keras.layers.Dense(1)])
    network.compile(optimizer="adam", loss="mse", steps_per_execution=steps)
    network.optimizer.build(network.trainable_variables)
    before = [variable.numpy() for variable in [*network.variables, *network.optimizer.variables]]
    compiled = []
    assert trace(network, batches, validation, lambda: compiled.append("others")) > 0
    after = [variable.numpy() for variable in [*network.variables, *network.optimizer.variables]]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    assert compiled == ["others"]
    traced = layer.calls
    with feed(batches) as training, feed(validation) as checking:
        network.fit(training, validation_data=checking, epochs=2, shuffle=False, verbose=0)
    assert layer.calls == traced


def test_tracing_costs_one_execution_and_two_steps_of_validation():
    batches, validation = several(43)
    asked = {"training": set(), "validation": set()}
    network = dense()

    class Watched:
        def __init__(self, owner, name):
            self.owner, self.name = owner, name

        def __len__(self):
            return len(self.owner)

        def __getitem__(self, step):
            asked[self.name].add(step)
            return self.owner[step]

    trace(network, Watched(batches, "training"), Watched(validation, "validation"), lambda: None)
    assert asked == {"training": {0}, "validation": {0, 5}}  # of six each; the last of validation is smaller


@pytest.mark.parametrize(
    ("input_stall", "expected"),
    [
        ({"fit": 0.1, "segmenter": 0.0}, []),
        ({"fit": 0.234}, ["fit: training waited for images 23% of the time"]),
        (
            {"segmenter": 0.5, "fit": 0.101},
            [
                "segmenter: training waited for images 50% of the time",
                "fit: training waited for images 10% of the time",
            ],
        ),
    ],
)
def test_a_run_that_waited_for_more_than_a_tenth_says_so_and_what_to_do(tmp_path, input_stall, expected):
    for stage, share in input_stall.items():
        (tmp_path / stage).mkdir()
        (tmp_path / stage / "meta.json").write_text(json.dumps({"input_stall": share, "batch_size": 32, "steps": 50}))
    artefacts = {stage: tmp_path / stage for stage in input_stall}
    found = notes_of(Context(spec(), artefacts, tmp_path, lambda told: None))
    remedy = "; give it more processors (fewer --jobs) or keep the cache (BENCH_CACHE) on a faster disk"
    assert found == [note + remedy for note in expected]


@pytest.mark.parametrize(("epochs", "said"), [(24, False), (25, True)])
def test_a_training_of_less_than_50_steps_says_nothing_of_waiting(tmp_path, epochs, said):
    """Of 60 images 40 are learnt from: two steps an epoch; the classifier's are in its meta.json."""
    for stage, meta in (("fit", {"steps": 2 * epochs}), ("segmenter", {})):
        (tmp_path / stage).mkdir()
        (tmp_path / stage / "meta.json").write_text(json.dumps({"input_stall": 0.5, "batch_size": 32, **meta}))
        (tmp_path / stage / "history.json").write_text(json.dumps([{}] * epochs))
    np.save(tmp_path / "subsets.npy", np.array(["train"] * 40 + ["test"] * 20))
    artefacts = {stage: tmp_path / stage for stage in ("segmenter", "fit")} | {"split": tmp_path}
    found = notes_of(Context(spec(), artefacts, tmp_path, lambda told: None))
    assert [note.partition(":")[0] for note in found] == ["segmenter", "fit"] * said


def dense():
    """One layer, compiled."""
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    network.compile(optimizer="adam", loss="mse")
    network.optimizer.build(network.trainable_variables)
    return network
