"""Training steps of one candidate in a process of its own, a few at each word from the process that measures.

`python -m tests.perf.steps CANDIDATE BACKBONE PIXELS`: prints a line when it is ready, then for each line that it reads
the wall and the processor seconds of a step.
"""

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmark.models.classifier import assemble
from benchmark.models.training import compile_for
from benchmark.tasks.schema import Component, Images
from registry.kernels import quick_layers
from tests.perf.candidates import CANDIDATES, OURS, keras_convolutions
from tests.specs import spec

BATCH = 32
OPTIONS = {"xception": {"weights": None}}
STEPS = 5  # at each word


def main(candidate: str, backbone: str, size: str) -> None:
    """Serve until the other end is closed."""
    network = built(backbone, int(size))
    batch = drawn(int(size))
    with quick_layers(network):
        if candidate != OURS:
            keras_convolutions(network)
        CANDIDATES[candidate].change(network)
        step_s(network, batch)
        print("ready", flush=True)
        for _ in sys.stdin:
            print(*step_s(network, batch), flush=True)


def built(backbone: str, size: int) -> keras.Model:
    """The network of a run, compiled as `train` does."""
    keras.utils.set_random_seed(0)
    component = Component(backbone, OPTIONS.get(backbone, {}))
    network = assemble(spec(backbone=component, head=Component("dense"), images=Images(size=size))).network
    compile_for(network, np.full(1000, 1e-3, np.float32), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return network


def drawn(size: int) -> tuple[np.ndarray, np.ndarray]:
    """A batch of noise: nothing of a step depends on what is in it."""
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (BATCH, size, size, 1), np.uint8), generator.integers(0, 2, BATCH)


def step_s(network: keras.Model, batch: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """Seconds of a step, of the quickest of some; and of the processor, on the average of them."""
    found, used = [], time.process_time()
    for _ in range(STEPS):
        started = time.perf_counter()
        network.train_on_batch(*batch)
        found.append(time.perf_counter() - started)
    return min(found), (time.process_time() - used) / STEPS


if __name__ == "__main__":
    main(*sys.argv[1:])
