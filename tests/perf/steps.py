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
STEPS = 8  # at each word


def main(candidate: str, backbone: str, size: str) -> None:
    """Serve until the other end is closed."""
    network = built(backbone, int(size))
    data = drawn(int(size))
    with quick_layers(network):
        if candidate != OURS:
            keras_convolutions(network)
        CANDIDATES[candidate].change(network)
        step_s(network, *data)
        print("ready", flush=True)
        for _ in sys.stdin:
            print(*step_s(network, *data), flush=True)


def built(backbone: str, size: int) -> keras.Model:
    """The network of a run, compiled as `train` does."""
    keras.utils.set_random_seed(0)
    component = Component(backbone, OPTIONS.get(backbone, {}))
    network = assemble(spec(backbone=component, head=Component("dense"), images=Images(size=size))).network
    compile_for(network, np.full(1000, 1e-3, np.float32), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return network


def drawn(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of noise and their targets: nothing of a step depends on what is in them."""
    generator, count = np.random.default_rng(0), STEPS * BATCH
    return generator.integers(0, 256, (count, size, size, 1), np.uint8), generator.integers(0, 2, count)


def step_s(network: keras.Model, images: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """Wall and processor seconds of a step."""
    used, started = time.process_time(), time.perf_counter()
    network.fit(images, targets, batch_size=BATCH, shuffle=False, verbose=0)
    return (time.perf_counter() - started) / STEPS, (time.process_time() - used) / STEPS


if __name__ == "__main__":
    main(*sys.argv[1:])
