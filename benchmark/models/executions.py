"""How the steps of a training reach the device: compiled, several at once, and how long they wait for images."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from benchmark.models.batches import Batches, Excerpt, Slices
from registry.backend import executes_several_steps, feed, has_accelerator, is_not_compilable

EXECUTION_S = 0.075  # long against what Python does between two executions, short to who watches
TRIED_STEPS = 5

Arrays = tuple[np.ndarray, ...]


def choose_steps_per_execution(network: keras.Model, batches: Batches, *, fixed: bool) -> None:
    """Set how many steps of a compiled network an execution holds, and `jit_compile` to false where XLA lacks a part.

    On an accelerator a few steps are tried and undone.

    Args:
        fixed: one step, however short.
    """
    if not has_accelerator():
        return
    several = executes_several_steps() and not fixed
    network.steps_per_execution = 2 if several else 1  # tells JAX's trainer to prepare for more than one
    arrays = batches[0]
    with _undone(network):
        _compile(network, arrays)
        step_s = _timed(network, arrays)
    network.steps_per_execution = max(1, min(len(batches), round(EXECUTION_S / step_s))) if several else 1


def execution_settings(network: keras.Model) -> dict[str, Any]:
    """What was chosen, for the record."""
    return {"jit": bool(network.jit_compile), "steps_per_execution": network.steps_per_execution}


def trace(network: keras.Model, batches: Batches, validation: Slices, others: Callable[[], None]) -> float:
    """Seconds that it took to compile what `fit` executes, by one execution and two steps of validation; undone.

    Args:
        others: compiles what else the training executes.
    """
    started = time.perf_counter()
    first = range(min(len(batches), network.steps_per_execution))
    both_sizes = sorted({0, len(validation) - 1})
    with (
        _undone(network),
        feed(Excerpt(batches, first)) as training,
        feed(Excerpt(validation, both_sizes)) as checking,
    ):
        network.fit(training, validation_data=checking, shuffle=False, verbose=0)
        others()
    return time.perf_counter() - started


def input_stall_s(ready: Sequence[float], asked: float, begun: float, ended: float) -> float:
    """Seconds that an execution of several steps stood still for want of images.

    JAX's and PyTorch's trainers take the images of all its steps before it begins, so all that time is counted.
    TensorFlow's takes them within, where nothing can be seen; so its steps are taken to compute equally long, each as
    soon as the one before it has ended and its images are there, and that time to be the longest that ends when they
    did.

    Args:
        ready: when the images of each step were there.
        asked: when the execution before it had ended.
        begun: when it began.
        ended: when it ended.
    """
    steps = len(ready)
    compute_s = min((ended - min(max(begun, at), ended)) / (steps - place) for place, at in enumerate(ready))
    return max(0.0, min(max(ready), begun) - asked) + ended - begun - steps * compute_s


@contextmanager
def _undone(network: keras.Model) -> Iterator[None]:
    """What is done inside leaves the variables of network and optimizer as they were."""
    variables = [*network.variables, *network.optimizer.variables]
    before = [variable.numpy() for variable in variables]
    yield
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)


def _compile(network: keras.Model, arrays: Arrays) -> None:
    """Take the first step, without XLA where it does not know every operation: TensorFlow's knows no bicubic resize."""
    try:
        network.train_on_batch(*arrays)
    except Exception as error:
        if not (network.jit_compile and is_not_compilable(error)):
            raise
        network.jit_compile = False
        network.make_train_function(force=True)
        network.train_on_batch(*arrays)


def _timed(network: keras.Model, arrays: Arrays) -> float:
    """Seconds that a step takes."""
    started = time.perf_counter()
    for _ in range(TRIED_STEPS):
        network.train_on_batch(*arrays)
    return (time.perf_counter() - started) / TRIED_STEPS
