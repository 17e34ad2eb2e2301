"""One training loop for every network, which a killed process can take up again to the bit.

Everything random is a function of (seed, epoch, index), the learning rate one of the step, and nothing is steered by
validation; so a checkpoint is the variables and the history, and nothing else needs to be remembered.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from benchmark.models.batch_statistics import BatchStatistics
from benchmark.models.batches import Batches, Slices
from benchmark.models.checkpoints import Checkpoints, History
from benchmark.models.executions import choose_steps_per_execution, input_stall_s, trace
from benchmark.models.schedule import learning_rates, length, reached, validated
from registry.backend import compiles, feed
from registry.errors import DivergedError
from registry.kernels import adam, quick_layers

KEPT_EVERY = 25  # steps, at least, from one checkpoint to the next
VALIDATED_AT_ONCE = 4  # training batches: nothing is kept for a gradient
REPORT_EVERY_S = 0.5
Progress = Callable[[dict[str, Any]], None]


def train(
    network: keras.Model,
    batches: Batches,
    validation: tuple[np.ndarray, ...],
    schedule: Any,
    *,
    loss: Any,
    seed: int,
    folder: Path,
    progress: Progress,
    until: int | None = None,
    deterministic: bool = False,
) -> History:
    """Train to the end of the schedule, from the newest checkpoint in `folder` if there is one.

    Leaves the network with its last weights and gives its history, one row per epoch; in it `learning_rate` is that of
    the epoch's last step, `input_stall` the share of `duration_s` in which the steps waited for their images,
    `tracing_s` what compiling took before it.  Only some epochs are validated and have a `val_loss`, the last one too.

    Args:
        validation: images, targets and loss weights of the validation subset.
        schedule: a `benchmark.tasks.schema.Schedule`.
        deterministic: one step per execution, whatever the time that a step takes.
        until: epochs of those that the schedule asks for, after which to pause; where `minimum_steps` make it longer,
            the same share of it.  The next call goes on as if there had been no pause.

    Raises:
        DivergedError: the loss is not finite.
    """
    epochs = length(schedule, len(batches))
    rates = learning_rates(schedule.learning_rate, epochs * len(batches))
    compile_for(network, rates, loss)
    checkpoints = Checkpoints(network, folder)
    history = checkpoints.restore_newest()
    last = epochs if until is None else reached(schedule, epochs, until)
    if len(history) < last:
        choose_steps_per_execution(network, batches, fixed=deterministic)
        statistics = BatchStatistics(network, batches, lambda: reseed(network, seed, epochs))
        slices = Slices(validation, VALIDATED_AT_ONCE * schedule.batch_size)
        with quick_layers(network):
            tracing_s = trace(network, batches, slices, statistics.compile)
            keeper = _Keeper(batches, checkpoints, history, rates, last, seed, progress, tracing_s, statistics)
            cost = len(slices.arrays[0]) + statistics.cost
            checked = validated(schedule, epochs, len(batches) * schedule.batch_size, cost)
            with feed(batches) as training, feed(slices) as checking:
                network.fit(
                    training,
                    validation_data=checking,
                    validation_freq=[*checked, last],
                    initial_epoch=len(history),
                    epochs=last,
                    shuffle=False,
                    verbose=0,
                    callbacks=[keeper],
                )
    return history


class LearningRates(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of every step, as the optimizer asks for it.

    Args:
        rates: (steps,) float32.
    """

    def __init__(self, rates: np.ndarray) -> None:
        self.rates = rates

    def __call__(self, step: Any) -> Any:
        """That of a step; after the last, the last."""
        return ops.take(self.rates, ops.minimum(ops.cast(step, "int32"), len(self.rates) - 1))


def compile_for(network: keras.Model, rates: np.ndarray, loss: Any) -> None:
    """Make a network ready to be trained, its optimizer's variables included.

    Args:
        rates: (steps,) the learning rate of every step.
    """
    # Under mixed_float16 Keras wraps the optimizer in one that scales the loss, so the network's own is built.
    network.compile(optimizer=adam(LearningRates(rates)), loss=loss, jit_compile=compiles())
    network.optimizer.build(network.trainable_variables)


class _Keeper(keras.callbacks.Callback):
    """Sets what is random before an epoch, estimates batch statistics before a validation, writes checkpoints."""

    def __init__(
        self,
        batches: Batches,
        checkpoints: Checkpoints,
        history: History,
        rates: np.ndarray,
        last: int,
        seed: int,
        progress: Progress,
        tracing_s: float,
        statistics: BatchStatistics,
    ) -> None:
        super().__init__()
        self.batches = batches
        self.checkpoints = checkpoints
        self.history = history
        self.rates = rates
        self.last = last  # epoch of this call
        self.kept = len(history)  # epochs at the newest checkpoint
        self.seed = seed
        self.progress = progress
        self.tracing_s = tracing_s  # not yet in an epoch's row
        self.statistics = statistics
        self.started = 0.0
        self.reported = 0.0
        self.waited_s = 0.0
        self.asked = self.begun = 0.0  # the next execution's images are waited for, the execution began
        self.first = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.started = time.perf_counter()
        self.waited_s = 0.0
        self.batches.epoch = epoch
        reseed(self.model, self.seed, epoch)
        self.asked = time.perf_counter()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.begun = time.perf_counter()
        self.first = batch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After each execution; the loss is the mean over the epoch so far, so what is no number stays none."""
        now, done = time.perf_counter(), min(batch + 1, len(self.batches))
        self.waited_s += input_stall_s(self.batches.ready[self.first : done], self.asked, self.begun, now)
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            raise DivergedError(
                f"the training loss became {loss} in epoch {len(self.history) + 1}, step {done}; "
                "lower training.learning_rate or check the images"
            )
        if now - self.reported > REPORT_EVERY_S:
            self.reported = now
            self._report(len(self.history) * len(self.batches) + done, loss)
        self.asked = time.perf_counter()

    def on_test_begin(self, logs: Any = None) -> None:
        """Between an epoch's last step and its validation."""
        self.statistics.estimate()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        losses = {name: float(value) for name, value in (logs or {}).items()}
        if not math.isfinite(losses.get("val_loss", 0.0)):
            raise DivergedError(f"the validation loss became {losses['val_loss']} in epoch {epoch + 1}")
        rate = float(self.rates[(epoch + 1) * len(self.batches) - 1])
        seconds = time.perf_counter() - self.started
        spent = {"input_stall": self.waited_s / seconds, "tracing_s": self.tracing_s, "duration_s": seconds}
        self.history.append({"epoch": epoch + 1, **losses, "learning_rate": rate, **spent})
        self.tracing_s = 0.0
        if epoch + 1 == self.last or (epoch + 1 - self.kept) * len(self.batches) >= KEPT_EVERY:
            self.checkpoints.write(self.history)
            self.kept = epoch + 1
        self._report(len(self.history) * len(self.batches), losses["loss"])

    def _report(self, done: int, loss: float) -> None:
        validation = next((row["val_loss"] for row in reversed(self.history) if "val_loss" in row), None)
        fields = {"done": done, "total": len(self.rates), "epoch": len(self.history)}
        self.progress({**fields, "loss": loss, "val_loss": validation})


def reseed(network: keras.Model, seed: int, epoch: int) -> None:
    """Set every seed generator's state as a function of (seed, epoch, its place in the network)."""
    weights = {id(weight) for weight in network.weights}
    states = [variable for variable in network.variables if id(variable) not in weights]
    for place, variable in enumerate(states):
        words = np.random.SeedSequence((seed, epoch, place)).generate_state(int(np.prod(variable.shape)))
        variable.assign(words.reshape(variable.shape).astype(variable.dtype))


def times(history: History) -> dict[str, float]:
    """Of a whole training: ``training_s``, of which ``tracing_s``; ``input_stall``, a share of the epochs' time."""
    tracing_s, epochs_s = (sum(row[name] for row in history) for name in ("tracing_s", "duration_s"))
    waited_s = sum(row["input_stall"] * row["duration_s"] for row in history)
    return {"training_s": tracing_s + epochs_s, "tracing_s": tracing_s, "input_stall": waited_s / epochs_s}
