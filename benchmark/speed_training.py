"""Images per second of training: epochs of the very graph that the stage fit trains, on random images."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from benchmark.batches import Batches
from benchmark.pace import settle
from benchmark.speed_record import Rate
from benchmark.stages.fit import assemble, cross_entropy
from benchmark.timing import AIM_S, fitting, quiet, rate
from benchmark.training import compile_for

if TYPE_CHECKING:
    from benchmark.context import Context

IMAGES = 64  # different ones
MOST_STEPS = 20


def training_rate(context: "Context", repeats: int, tell: Callable[[str], None]) -> Rate:
    """Augmentation, forward, backward and update at the task's batch size, validation and checkpoints apart."""
    spec, size = context.spec, context.spec.images.size
    network, _, _ = assemble(context, size)
    compile_for(network, spec.training, cross_entropy())
    films = np.random.default_rng(0).integers(0, 256, (IMAGES, size, size, 1), np.uint8)

    def epochs(steps: int, count: int, *, first: bool = False) -> list[float]:
        targets = np.arange(steps * spec.training.batch_size) % len(spec.classes)
        clock = _Clock()
        batches = Batches(
            targets,
            lambda generator, chosen: (films[chosen % IMAGES], targets[chosen]),
            batch_size=spec.training.batch_size,
            balance=spec.training.balance,
            num_classes=len(spec.classes),
            seed=spec.seed,
        )
        if first:
            settle(network, batches, fixed=spec.runtime.deterministic)
        with quiet():
            network.fit(batches, epochs=count, shuffle=False, verbose=0, callbacks=[clock])
        return clock.seconds

    tell("training")
    once_s = min(epochs(2, 2, first=True)) / 2  # the first of both compiles
    steps = fitting(once_s, AIM_S, 2, MOST_STEPS)
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
