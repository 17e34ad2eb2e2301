"""One training loop for every network, which a killed process can take up again to the bit.

Everything random is a function of (seed, epoch, index), everything adaptive a function of the history; so a checkpoint
is the variables and the history, and nothing else needs to be remembered.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from benchmark.models.batches import Batches, Slices
from benchmark.models.checkpoints import Checkpoints, History
from benchmark.models.executions import choose_steps_per_execution, input_stall_s, trace
from registry.backend import compiles, feed
from registry.errors import DivergedError

FALLS = 3
REPORT_EVERY_S = 0.5
Progress = Callable[[dict[str, Any]], None]


class Decision(NamedTuple):
    """What the history so far says of the next epoch; `best` is the epoch whose weights are kept."""

    rate: float
    stop: bool
    best: int


def decide(history: Sequence[Mapping[str, float]], schedule: Any, steps: int) -> Decision:
    """The schedule: a pure function of the history.

    The learning rate falls after `patience` epochs without a better validation loss, at the third fall training
    stops; neither a stop nor a choice of weights happens before `minimum_steps` steps are done, because batch
    statistics settle slower than weights.

    Args:
        schedule: a `benchmark.tasks.schema.Schedule`.
        steps: per epoch.
    """
    falls, waited, lowest = 0, 0, math.inf
    for epoch in history:
        improved = epoch["val_loss"] < lowest
        lowest = min(lowest, epoch["val_loss"])
        waited = 0 if improved else waited + 1
        if waited >= schedule.patience:
            falls, waited = falls + 1, 0
    minimum = max(1, math.ceil(schedule.minimum_steps / steps))
    ripe = range(min(minimum, len(history)) - 1, len(history)) if history else range(0)
    best = min(ripe, key=lambda index: history[index]["val_loss"], default=-1)
    stop = len(history) >= schedule.epochs or (falls >= FALLS and len(history) >= minimum)
    return Decision(schedule.learning_rate * schedule.decay ** min(falls, FALLS - 1), stop, best)


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

    Leaves the network with the best epoch's weights and gives its history, one row per epoch; in it `input_stall` is
    the share of `duration_s` in which the steps waited for their images, `tracing_s` what compiling took before it.

    Args:
        validation: images, targets and loss weights of the validation subset.
        schedule: a `benchmark.tasks.schema.Schedule`.
        deterministic: one step per execution, whatever the time that a step takes.
        until: epochs after which to pause; the next call goes on as if there had been no pause.

    Raises:
        DivergedError: the loss is not finite.
    """
    compile_for(network, schedule, loss)
    checkpoints = Checkpoints(network, folder)
    history = checkpoints.restore_newest()
    last = schedule.epochs if until is None else min(until, schedule.epochs)
    if len(history) < last and not decide(history, schedule, len(batches)).stop:
        choose_steps_per_execution(network, batches, fixed=deterministic)
        slices = Slices(validation, schedule.batch_size)
        keeper = _Keeper(batches, checkpoints, history, schedule, seed, progress, trace(network, batches, slices))
        with feed(batches) as training, feed(slices) as checking:
            network.fit(
                training,
                validation_data=checking,
                initial_epoch=len(history),
                epochs=last,
                shuffle=False,
                verbose=0,
                callbacks=[keeper],
            )
    checkpoints.restore(decide(history, schedule, len(batches)).best)
    return history


def compile_for(network: keras.Model, schedule: Any, loss: Any) -> None:
    """Make a network ready to be trained, its optimizer's variables included."""
    # Under mixed_float16 Keras wraps the optimizer in one that scales the loss, so the network's own is built.
    network.compile(optimizer=keras.optimizers.Adam(schedule.learning_rate), loss=loss, jit_compile=compiles())
    network.optimizer.build(network.trainable_variables)


class _Keeper(keras.callbacks.Callback):
    """Sets what is random and what adapts before an epoch; writes the checkpoint after it."""

    def __init__(
        self,
        batches: Batches,
        checkpoints: Checkpoints,
        history: History,
        schedule: Any,
        seed: int,
        progress: Progress,
        tracing_s: float,
    ) -> None:
        super().__init__()
        self.batches = batches
        self.checkpoints = checkpoints
        self.history = history
        self.schedule = schedule
        self.seed = seed
        self.progress = progress
        self.tracing_s = tracing_s  # not yet in an epoch's row
        self.started = 0.0
        self.reported = 0.0
        self.waited_s = 0.0
        self.asked = self.begun = 0.0  # the next execution's images are waited for, the execution began
        self.first = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.started = time.perf_counter()
        self.waited_s = 0.0
        self.batches.epoch = epoch
        self.model.optimizer.learning_rate.assign(decide(self.history, self.schedule, len(self.batches)).rate)
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

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        losses = {name: float(value) for name, value in (logs or {}).items()}
        if not math.isfinite(losses["val_loss"]):
            raise DivergedError(f"the validation loss became {losses['val_loss']} in epoch {epoch + 1}")
        rate = float(self.model.optimizer.learning_rate.numpy())
        seconds = time.perf_counter() - self.started
        spent = {"input_stall": self.waited_s / seconds, "tracing_s": self.tracing_s, "duration_s": seconds}
        self.history.append({"epoch": epoch + 1, **losses, "learning_rate": rate, **spent})
        self.tracing_s = 0.0
        decision = decide(self.history, self.schedule, len(self.batches))
        self.checkpoints.write(self.history, decision.best)
        self._report(len(self.history) * len(self.batches), losses["loss"])
        self.model.stop_training = decision.stop

    def _report(self, done: int, loss: float) -> None:
        last = self.history[-1] if self.history else {}
        fields = {"done": done, "total": self.schedule.epochs * len(self.batches), "epoch": len(self.history)}
        self.progress({**fields, "loss": loss, "val_loss": last.get("val_loss")})


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
