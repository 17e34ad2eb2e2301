"""A fresh start for Keras before each network: nothing of the run before is left."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import keras

from registry.backend import enable_determinism

if TYPE_CHECKING:
    from benchmark.tasks.spec import Runtime


def reset_keras(seed: int, runtime: "Runtime") -> None:
    """Forget every network, seed everything, set the precision, and make operations repeatable where asked.

    Args:
        seed: of initial weights.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(runtime.precision)
    if runtime.deterministic:
        enable_determinism(runtime.threads)


@contextmanager
def full_precision() -> Iterator[None]:
    """Layers made inside compute in float32, whatever the policy of the others."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
