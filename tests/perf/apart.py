"""A function in a process of its own, with the memory settings of a worker or with those that any program gets."""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

import keras
import numpy as np

from benchmark.execution.process import ALLOCATOR

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def apart(
    as_worker: bool, work: Callable[Arguments, Result], *arguments: Arguments.args, **more: Arguments.kwargs
) -> Result:
    """What a function of some module gives in a new process; arguments and result are pickled."""
    with _environment(ALLOCATOR if as_worker else {}), ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(work, *arguments, **more).result()


def warm_up(folder: Path) -> None:
    """One step of another training, saved: what the libraries load at their first is not measured."""
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    network.compile("adam", "mse")
    network.fit(np.zeros((4, 4)), np.zeros((4, 2)), validation_data=(np.zeros((4, 4)), np.zeros((4, 2))), verbose=0)
    folder.mkdir(parents=True, exist_ok=True)
    network.save(folder / "warm.keras")
    network.save_weights(folder / "warm.weights.h5")


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
