"""A fresh start for Keras before each network: nothing of the run before is left."""

from typing import TYPE_CHECKING

import keras

from registry.backend import enable_determinism

if TYPE_CHECKING:
    from benchmark.config import Runtime


def begin(seed: int, runtime: "Runtime") -> None:
    """Forget every network, seed everything, and make operations repeatable where asked.

    Args:
        seed: of initial weights.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    if runtime.deterministic:
        enable_determinism(runtime.threads)
