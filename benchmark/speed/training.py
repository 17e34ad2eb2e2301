"""Images per second of training: epochs of the very graph that the stage fit trains, on random images."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from benchmark.models.batches import Batches
from benchmark.models.classifier import assemble, cross_entropy
from benchmark.models.executions import choose_steps_per_execution
from benchmark.models.training import compile_for
from benchmark.records.speed import Rate
from benchmark.speed.timing import AIM_S, fitting, quiet, rate
from registry.backend import feed
from registry.kernels import quick_layers

if TYPE_CHECKING:
    from benchmark.tasks.spec import RunSpec

IMAGES = 64  # different ones
MOST_STEPS = 100


def training_rate(spec: "RunSpec", repeats: int, tell: Callable[[str], None]) -> Rate:
    """Augmentation, forward, backward and update at the task's batch size, validation and checkpoints apart."""
    size = spec.images.size
    network = assemble(spec).network
    compile_for(network, np.full(1, spec.training.learning_rate, np.float32), cross_entropy())
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, size, size, 1), np.uint8)

    def batches(steps: int) -> Batches:
        targets = np.arange(steps * spec.training.batch_size) % len(spec.classes)
        return Batches(
            targets,
            lambda generator, chosen: (images[chosen % IMAGES], targets[chosen]),
            batch_size=spec.training.batch_size,
            balance=spec.training.balance,
            num_classes=len(spec.classes),
            seed=spec.seed,
        )

    def epochs(steps: int, count: int) -> list[float]:
        clock = _Clock()
        with feed(batches(steps)) as fed, quiet():
            network.fit(fed, epochs=count, shuffle=False, verbose=0, callbacks=[clock])
        return clock.seconds

    tell("training")
    # As in an epoch of so many steps.
    choose_steps_per_execution(network, batches(MOST_STEPS), fixed=spec.runtime.deterministic)
    least = max(2, network.steps_per_execution)
    with quick_layers(network):
        once_s = min(epochs(least, 2)) / least  # the first of both compiles
        steps = fitting(once_s, AIM_S, least, MOST_STEPS)
        return rate(epochs(steps, repeats), steps * spec.training.batch_size)


class _Clock(keras.callbacks.Callback):
    """Seconds of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self.started = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        float((logs or {})["loss"])  # the device has done all steps when it has the last one's loss
        self.seconds.append(time.perf_counter() - self.started)
