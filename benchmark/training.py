"""One training loop for every network, which a killed process can take up again to the bit.

Everything random is a function of (seed, epoch, index), everything adaptive a function of the history; so a checkpoint
is the variables and the history, and nothing else needs to be remembered.
"""

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from benchmark.batches import Batches
from registry.errors import DivergedError

FALLS = 3
TELL_EVERY_S = 0.5
History = list[dict[str, float]]
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
        schedule: a `benchmark.config.Schedule`.
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
) -> History:
    """Train to the end of the schedule, from the newest checkpoint in `folder` if there is one.

    Leaves the network with the best epoch's weights and gives its history, one row per epoch.

    Args:
        validation: images, targets and loss weights of the *select* part.
        schedule: a `benchmark.config.Schedule`.

    Raises:
        DivergedError: the loss is not finite.
    """
    compile_for(network, schedule, loss)
    checkpoints = Checkpoints(network, folder)
    history = checkpoints.restore_newest()
    if not decide(history, schedule, len(batches)).stop:
        keeper = _Keeper(batches, checkpoints, history, schedule, seed, progress)
        network.fit(
            batches,
            validation_data=validation,
            validation_batch_size=schedule.batch_size,
            initial_epoch=len(history),
            epochs=schedule.epochs,
            shuffle=False,
            verbose=0,
            callbacks=[keeper],
        )
    checkpoints.restore(decide(history, schedule, len(batches)).best)
    return history


def compile_for(network: keras.Model, schedule: Any, loss: Any) -> None:
    """Make a network ready to be trained, its optimizer's variables included."""
    optimizer = keras.optimizers.Adam(schedule.learning_rate)
    network.compile(optimizer=optimizer, loss=loss)
    optimizer.build(network.trainable_variables)


class Checkpoints:
    """``epoch-NNNN/`` folders below one folder: every variable of network and optimizer, and the history so far."""

    def __init__(self, network: keras.Model, folder: Path) -> None:
        self.network = network
        self.folder = folder

    def restore_newest(self) -> History:
        """Load the newest checkpoint, if any; gives its history."""
        epochs = self._epochs()
        return self.restore(max(epochs)) if epochs else []

    def restore(self, epoch: int) -> History:
        """Load the checkpoint written after that epoch; gives its history."""
        place = self.folder / f"epoch-{epoch:04d}"
        with np.load(place / "state.npz", allow_pickle=False) as state:
            for index, variable in enumerate(self._variables()):
                variable.assign(state[f"{index:04d}"])
        history: History = json.loads((place / "history.json").read_text())
        return history

    def write(self, history: History, best: int) -> None:
        """Write the newest epoch whole or not at all; keep it and the best one."""
        newest = len(history) - 1
        place = self.folder / f"epoch-{newest:04d}"
        building = place.with_suffix(".tmp")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
        state = {f"{index:04d}": variable.numpy() for index, variable in enumerate(self._variables())}
        np.savez(building / "state.npz", **state)
        (building / "history.json").write_text(json.dumps(history))
        for path in building.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())  # a rename that survives a power loss must not outlive what it names
        building.rename(place)
        for epoch in self._epochs() - {newest, best}:
            shutil.rmtree(self.folder / f"epoch-{epoch:04d}")

    def _epochs(self) -> set[int]:
        return {int(path.name[6:]) for path in self.folder.glob("epoch-????")}

    def _variables(self) -> list[Any]:
        return [*self.network.variables, *self.network.optimizer.variables]


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
    ) -> None:
        super().__init__()
        self.batches = batches
        self.checkpoints = checkpoints
        self.history = history
        self.schedule = schedule
        self.seed = seed
        self.progress = progress
        self.started = 0.0
        self.told = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.started = time.perf_counter()
        self.batches.epoch = epoch
        self.model.optimizer.learning_rate.assign(decide(self.history, self.schedule, len(self.batches)).rate)
        reseed(self.model, self.seed, epoch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            raise DivergedError(
                f"the training loss became {loss} in epoch {len(self.history) + 1}, step {batch + 1}; "
                "lower training.learning_rate or check the images"
            )
        if time.perf_counter() - self.told > TELL_EVERY_S:
            self.told = time.perf_counter()
            self._tell(len(self.history) * len(self.batches) + batch + 1, loss)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        told = {name: float(value) for name, value in (logs or {}).items()}
        if not math.isfinite(told["val_loss"]):
            raise DivergedError(f"the validation loss became {told['val_loss']} in epoch {epoch + 1}")
        rate = float(self.model.optimizer.learning_rate.numpy())
        seconds = time.perf_counter() - self.started
        self.history.append({"epoch": epoch + 1, **told, "rate": rate, "duration_s": seconds})
        decision = decide(self.history, self.schedule, len(self.batches))
        self.checkpoints.write(self.history, decision.best)
        self._tell(len(self.history) * len(self.batches), told["loss"])
        self.model.stop_training = decision.stop

    def _tell(self, done: int, loss: float) -> None:
        last = self.history[-1] if self.history else {}
        told = {"done": done, "total": self.schedule.epochs * len(self.batches), "epoch": len(self.history)}
        self.progress({**told, "loss": loss, "val_loss": last.get("val_loss")})


def reseed(network: keras.Model, seed: int, epoch: int) -> None:
    """Set every seed generator's state as a function of (seed, epoch, its place in the network)."""
    weights = {id(weight) for weight in network.weights}
    states = [variable for variable in network.variables if id(variable) not in weights]
    for place, variable in enumerate(states):
        words = np.random.SeedSequence((seed, epoch, place)).generate_state(int(np.prod(variable.shape)))
        variable.assign(words.reshape(variable.shape).astype(variable.dtype))
