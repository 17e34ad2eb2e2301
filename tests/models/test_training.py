"""The training loop: its schedule by hand, its checkpoints under faults, its resumption to the bit."""

import errno
import json
import shutil
import sys
import time
from dataclasses import dataclass
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from benchmark.models import executions
from benchmark.models.augmentation import augmentation
from benchmark.models.batches import Batches
from benchmark.models.checkpoints import Checkpoints
from benchmark.models.schedule import learning_rates
from benchmark.models.training import _Keeper, reseed, times, train
from registry.errors import DivergedError

SIZE = 8
TIMES = ("input_stall", "tracing_s", "duration_s")
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@dataclass
class Schedule:
    epochs: int = 10
    minimum_steps: int = 1
    exact_epochs: bool = False
    batch_size: int = 8
    learning_rate: float = 1.0
    validation_share: float = 0.99


def rows(*losses):
    return [{"val_loss": loss} for loss in losses]


def network():
    """A network with everything that must survive: batch statistics, dropout, random augmentation."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIZE, SIZE, 1))
    tensor = augmentation(flips="both", rotation=0.1, rotated=0.5, seed=0)(inputs)
    tensor = keras.layers.BatchNormalization(momentum=0.9)(keras.layers.Conv2D(4, 3)(tensor))
    tensor = keras.layers.GlobalAveragePooling2D()(tensor)
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Dropout(0.3)(tensor)))


def plain():
    """A network that draws nothing and compiles in half the time, where what it learns is not the point."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIZE, SIZE, 1))
    tensor = keras.layers.BatchNormalization(momentum=0.9)(keras.layers.Conv2D(4, 3)(inputs))
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(tensor)))


def data(count=24, seed=0):
    generator = np.random.default_rng(seed)
    targets = np.arange(count) % 2
    images = generator.random((count, SIZE, SIZE, 1), np.float32) * 0.5 + 0.4 * targets[:, None, None, None]
    return images.astype(np.float32), targets


def run(
    folder, schedule=None, seed=0, watch=lambda told: None, spoil=lambda images, batches: images, until=None, made=None
):
    """Train a little network in a folder, by default the one of `network`; gives it and its history."""
    images, targets = data()
    model = made or network()
    batches = Batches(
        targets,
        lambda generator, chosen: (
            spoil(images[chosen] + 0.05 * generator.random((len(chosen), 1, 1, 1), np.float32), batches),
            targets[chosen],
        ),
        batch_size=8,
        balance="batches",
        num_classes=2,
        seed=seed,
    )
    folder.mkdir(exist_ok=True)
    select = data(8, seed=9)
    history = train(
        model,
        batches,
        (*select, np.ones(8, np.float32)),
        schedule or Schedule(epochs=5, learning_rate=0.02),
        loss=LOSS,
        seed=seed,
        folder=folder,
        progress=watch,
        until=until,
    )
    return model, history


def variables(model):
    return [variable.numpy() for variable in [*model.variables, *model.optimizer.variables]]


def timeless(history):
    return [{name: value for name, value in row.items() if name not in TIMES} for row in history]


class Killed(BaseException):
    """Stands for kill -9: nothing in the training loop may catch it."""


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    model, history = run(tmp_path_factory.mktemp("uninterrupted"))
    return variables(model), history


def test_the_rows_of_a_history_say_epoch_losses_learning_rate_input_stall_and_duration(uninterrupted):
    _, history = uninterrupted
    assert [row["epoch"] for row in history] == [1, 2, 3, 4, 5]
    own = {"epoch", "loss", "learning_rate", *TIMES}
    assert all(set(row) - {"val_loss"} == own for row in history)
    assert "val_loss" in history[-1]
    assert all(0 <= row["input_stall"] <= 1 for row in history)


@pytest.mark.parametrize("epochs", [1, 3, 4])
def test_training_resumed_after_some_epochs_equals_uninterrupted_training_to_the_bit(
    tmp_path, uninterrupted, epochs, monkeypatch
):
    monkeypatch.setattr("benchmark.models.training.KEPT_EVERY", 1)

    def stop(told):
        if told["epoch"] == epochs:
            raise Killed

    with pytest.raises(Killed):
        run(tmp_path, watch=stop)
    written = json.loads((tmp_path / f"epoch-{epochs - 1:04d}" / "history.json").read_text())
    keras.utils.set_random_seed(99)  # whatever else the new process has drawn
    model, history = run(tmp_path)
    assert history[:epochs] == written  # seconds too: these epochs were not trained again
    assert timeless(history) == timeless(uninterrupted[1])
    for one, other in zip(variables(model), uninterrupted[0], strict=True):
        assert np.array_equal(one, other)


def test_training_that_is_over_gives_the_same_result_again_without_a_step(tmp_path, uninterrupted):
    run(tmp_path)
    steps = []
    model, history = run(tmp_path, watch=steps.append)
    assert steps == []
    assert timeless(history) == timeless(uninterrupted[1])
    assert all(np.array_equal(one, other) for one, other in zip(variables(model), uninterrupted[0], strict=True))


def test_another_seed_sees_other_batches_dropout_and_augmentation(tmp_path, uninterrupted):
    _, history = run(tmp_path, seed=1)
    assert history[0]["loss"] != uninterrupted[1][0]["loss"]


def test_a_training_that_paused_equals_uninterrupted_training_to_the_bit(tmp_path, uninterrupted):
    for until in (1, 2, 5):
        model, history = run(tmp_path, until=until)
        assert len(history) == until
        assert "val_loss" in history[-1], "a pause is validated"
    without = [{name: value for name, value in row.items() if name != "val_loss"} for row in timeless(history)]
    assert without == [
        {name: value for name, value in row.items() if name != "val_loss"} for row in timeless(uninterrupted[1])
    ]
    assert history[-1]["val_loss"] == uninterrupted[1][-1]["val_loss"]
    assert all(np.array_equal(one, other) for one, other in zip(variables(model), uninterrupted[0], strict=True))


def test_the_last_weights_are_what_training_leaves(tmp_path):
    model, history = run(tmp_path, Schedule(epochs=4, learning_rate=0.5), made=plain())
    select = data(8, seed=9)
    assert model.evaluate(*select, verbose=0) == pytest.approx(history[-1]["val_loss"], rel=1e-5)
    assert {path.name for path in tmp_path.iterdir()} == {"epoch-0003"}


def test_a_checkpoint_is_written_every_so_many_steps_and_at_the_end(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(Checkpoints, "write", lambda self, history: written.append(len(history)))
    run(tmp_path, Schedule(epochs=20, learning_rate=0.02), made=plain())
    assert written == [9, 18, 20]  # three steps an epoch: 27 are the first whole epochs of 25 or more


def test_a_training_is_as_long_as_its_minimum_of_steps(tmp_path):
    _, history = run(tmp_path, Schedule(epochs=1, minimum_steps=10), made=plain())
    assert len(history) == 4
    exact = Schedule(epochs=1, minimum_steps=10, exact_epochs=True)
    _, history = run(tmp_path / "exact", exact, made=plain())
    assert len(history) == 1


def test_the_optimizer_steps_at_the_rates_of_the_schedule(tmp_path, monkeypatch):
    """As the optimizer itself has it after each step."""
    seen = []
    monkeypatch.setattr(
        "benchmark.models.training._Keeper.on_train_batch_end",
        lambda self, batch, logs=None: seen.append(float(self.model.optimizer.learning_rate)),
    )
    run(tmp_path, Schedule(epochs=4, learning_rate=0.3), made=plain())
    rates = learning_rates(0.3, 12)
    assert seen == pytest.approx([*rates[1:], rates[-1]])  # after a step, that of the next


def test_statistics_are_those_of_the_sample_whenever_the_network_answers(tmp_path):
    """Momentum .9 would still hold most of the initial variance 1 after three steps."""
    model, _ = run(tmp_path, Schedule(epochs=1, learning_rate=1e-6), made=plain())
    layer = next(layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization))
    assert float(keras.ops.max(layer.moving_variance)) < 0.5
    assert layer.momentum == 0.9


def test_a_loss_that_is_no_number_ends_training_and_names_the_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.models.training.KEPT_EVERY", 1)
    monkeypatch.setattr("benchmark.models.batch_statistics.SAMPLE", 8)  # of the first epoch alone

    def spoil(images, batches):
        return images * np.float32("nan") if batches.epoch == 2 else images

    with pytest.raises(DivergedError, match=r"training loss became nan in epoch 3, step 1;.*learning_rate"):
        run(tmp_path, spoil=spoil, made=plain())
    assert {path.name for path in tmp_path.iterdir()} == {"epoch-0001"}


def test_a_validation_loss_that_is_no_number_ends_training_too(tmp_path):
    """The last step of an epoch can overflow the weights after its own loss was still finite."""
    with pytest.raises(DivergedError, match=r"(validation|training) loss became (nan|inf) in epoch 1"):
        run(tmp_path, Schedule(epochs=2, learning_rate=1e38), made=plain())
    assert list(tmp_path.iterdir()) == []


def test_the_rate_of_an_epoch_is_that_of_its_last_step(tmp_path):
    _, history = run(tmp_path, Schedule(epochs=8, learning_rate=0.3), made=plain())
    assert [row["learning_rate"] for row in history] == pytest.approx(learning_rates(0.3, 24)[2::3])


class Slow(keras.layers.Layer):
    """Takes a second to compile and no time to compute."""

    def call(self, images):
        time.sleep(1)
        return images


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch compiles nothing")
def test_compiling_is_told_apart_once_a_process_and_no_epoch_waits_for_it(tmp_path, monkeypatch):
    made = plain()

    def slow():
        return keras.Sequential([keras.Input((SIZE, SIZE, 1)), Slow(), made])

    monkeypatch.setattr(sys.modules[__name__], "network", slow)
    run(tmp_path, Schedule(epochs=2, learning_rate=0.02))
    _, history = run(tmp_path, Schedule(epochs=4, learning_rate=0.02))
    assert [row["tracing_s"] >= 1 for row in history] == [True, False, True, False]
    assert [row["tracing_s"] for row in history[1::2]] == [0, 0]
    assert all(row["input_stall"] * row["duration_s"] < row["tracing_s"] / 2 for row in history[::2])
    whole = times(history)
    assert whole["tracing_s"] == history[0]["tracing_s"] + history[2]["tracing_s"]
    assert whole["training_s"] == pytest.approx(whole["tracing_s"] + sum(row["duration_s"] for row in history))


def test_an_epoch_waits_for_its_first_images_however_they_are_drawn(tmp_path):
    def slowly(images, batches):
        time.sleep(0.05)
        return images

    _, history = run(tmp_path, Schedule(epochs=2, learning_rate=0.02), spoil=slowly, made=plain())
    assert all(row["input_stall"] * row["duration_s"] > 0.045 for row in history)
    assert times(history)["input_stall"] > 0.01


def test_neither_validation_nor_what_lies_between_epochs_is_waiting(monkeypatch):
    """Two epochs of two steps by the clock; each first batch is asked for when the epoch begins."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("benchmark.models.training.time", SimpleNamespace(perf_counter=lambda: clock.now))
    model = SimpleNamespace(weights=[], variables=[])
    batches = type("Two", (), {"ready": [0.0, 0.0], "epoch": 0, "__len__": lambda self: 2})()
    written = SimpleNamespace(write=lambda history: None)
    keeper = _Keeper(batches, written, [], np.ones(4), 2, 0, lambda told: None, 5.0, SimpleNamespace())
    keeper.set_model(model)
    for epoch, start in enumerate((100.0, 200.0)):
        for at, step, ready, call in (
            (0, None, None, keeper.on_epoch_begin),
            (1, 0, 3, keeper.on_train_batch_begin),  # three seconds for the first batch
            (5, 0, None, keeper.on_train_batch_end),
            (6, 1, 4, keeper.on_train_batch_begin),  # none for the second, which was drawn meanwhile
            (8, 1, None, keeper.on_train_batch_end),
            (20, None, None, keeper.on_epoch_end),  # after twelve seconds of validation
        ):
            clock.now = start + at
            if ready:
                batches.ready[step] = start + ready
            call(epoch if step is None else step, {"loss": 1.0, "val_loss": 1.0})
    found = [(row["input_stall"], row["tracing_s"], row["duration_s"]) for row in keeper.history]
    assert found == [(3 / 20, 5.0, 20.0), (3 / 20, 0.0, 20.0)]


def test_the_input_stall_is_a_share_of_the_epochs_time():
    rows = [
        {"input_stall": 0.5, "tracing_s": 4.0, "duration_s": 2.0},
        {"input_stall": 0.0, "tracing_s": 0.0, "duration_s": 8.0},
    ]
    assert times(rows) == {"training_s": 14.0, "tracing_s": 4.0, "input_stall": 0.1}


def test_progress_never_goes_back_and_ends_with_every_step_done(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.models.training.REPORT_EVERY_S", 0.0)
    told = []
    run(tmp_path, watch=told.append, made=plain())
    done = [event["done"] for event in told]
    assert done == sorted(done)
    assert set(done) == set(range(1, 16))  # five epochs of three steps
    assert {event["total"] for event in told} == {15}


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the XLA of others takes the network")
def test_several_steps_an_execution_change_no_bit_and_what_xla_lacks_is_not_compiled(
    tmp_path, monkeypatch, uninterrupted
):
    """Two of an epoch's three steps at a time, after steps that were tried and undone; XLA lacks the rotation.

    This processor is taken for an accelerator whose steps last 40 ms.
    """
    monkeypatch.setattr(executions, "has_accelerator", lambda: True)
    monkeypatch.setattr(executions, "executes_several_steps", lambda: True)
    monkeypatch.setattr(executions, "_timed", lambda network, arrays: network.train_on_batch(*arrays) and 0.04)
    monkeypatch.setattr("benchmark.models.training.compiles", lambda: True)
    monkeypatch.setattr("benchmark.models.training.REPORT_EVERY_S", 0.0)
    told = []
    model, history = run(tmp_path, watch=told.append)
    assert executions.execution_settings(model) == {"jit": False, "steps_per_execution": 2}
    assert {event["done"] for event in told} == {step for epoch in range(5) for step in (3 * epoch + 2, 3 * epoch + 3)}
    assert all(0 <= row["input_stall"] <= 1 for row in history)
    assert timeless(history) == timeless(uninterrupted[1])
    for one, other in zip(variables(model), uninterrupted[0], strict=True):
        assert np.array_equal(one, other)


@pytest.fixture
def trained(tmp_path):
    """A compiled network after one step, and its checkpoints."""
    model = network()
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=LOSS, run_eagerly=True)
    model.train_on_batch(*data(8))
    return model, Checkpoints(model, tmp_path)


def test_a_checkpoint_restores_weights_statistics_optimizer_and_seeds(trained):
    model, checkpoints = trained
    checkpoints.write(rows(3))
    before = variables(model)
    model.train_on_batch(*data(8))
    changed = [not np.array_equal(one, other) for one, other in zip(variables(model), before, strict=True)]
    assert sum(changed) == len(changed) - 1  # all but the learning rate
    assert checkpoints.restore(0) == rows(3)
    assert all(np.array_equal(one, other) for one, other in zip(variables(model), before, strict=True))


def test_only_the_newest_epoch_is_kept(trained, tmp_path):
    _, checkpoints = trained
    for losses in ([3], [3, 2], [3, 2, 4], [3, 2, 4, 5, 1]):
        checkpoints.write(rows(*losses))
        assert {path.name for path in tmp_path.iterdir()} == {f"epoch-{len(losses) - 1:04d}"}


@pytest.mark.parametrize("file", ["state.npz", "history.json", None])
def test_a_write_that_is_interrupted_leaves_no_half_epoch(trained, tmp_path, monkeypatch, file):
    """Killed while the arrays are written, before the history is, or before the rename."""
    model, checkpoints = trained
    checkpoints.write(rows(3))
    before = variables(model)
    model.train_on_batch(*data(8))
    with monkeypatch.context() as patch:
        if file == "state.npz":
            patch.setattr(np, "savez", half_written)
        elif file == "history.json":
            patch.setattr("benchmark.models.checkpoints.json.dumps", interrupted)
        else:
            patch.setattr("pathlib.Path.rename", interrupted)
        with pytest.raises(Killed):
            checkpoints.write(rows(3, 2))
    assert checkpoints.restore_newest() == rows(3)
    assert all(np.array_equal(one, other) for one, other in zip(variables(model), before, strict=True))
    checkpoints.write(rows(3, 2))  # and the left-over is no obstacle
    assert {path.name for path in tmp_path.iterdir()} == {"epoch-0001"}


def test_a_full_disk_is_the_systems_error_and_leaves_the_epoch_before(trained, monkeypatch):
    _, checkpoints = trained
    checkpoints.write(rows(3))

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(OSError, match="No space"):
            checkpoints.write(rows(3, 2))
    assert checkpoints.restore_newest() == rows(3)


def test_an_epoch_whose_removal_was_interrupted_goes_with_the_next(trained, tmp_path, monkeypatch):
    _, checkpoints = trained
    checkpoints.write(rows(3))
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda path, ignore_errors=False: None if ignore_errors else interrupted())
        with pytest.raises(Killed):
            checkpoints.write(rows(3, 2))
    assert checkpoints.restore_newest() == rows(3, 2)
    checkpoints.write(rows(3, 2, 1))
    assert {path.name for path in tmp_path.iterdir()} == {"epoch-0002"}


def test_without_a_checkpoint_training_starts_at_the_beginning(trained):
    _, checkpoints = trained
    assert checkpoints.restore_newest() == []


def half_written(path, **_):
    path.write_bytes(b"PK\x03\x04half")
    raise Killed


def interrupted(*_, **__):
    raise Killed


def test_every_seed_generator_gets_a_state_of_its_own_for_seed_and_epoch():
    model = network()
    weights = {id(weight) for weight in model.weights}

    def states(seed, epoch):
        reseed(model, seed, epoch)
        return [tuple(v.numpy().tolist()) for v in model.variables if id(v) not in weights]

    found = states(0, 0)
    assert len(found) == 4  # two flips, the rotation, the dropout
    assert len({*found, *states(0, 1), *states(1, 0)}) == 12
    assert states(0, 0) == found


def test_seeding_leaves_weights_and_batch_statistics_alone():
    model = network()
    before = [weight.numpy() for weight in model.weights]
    reseed(model, 5, 5)
    assert all(np.array_equal(one, other.numpy()) for one, other in zip(before, model.weights, strict=True))
