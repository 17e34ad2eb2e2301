"""What every network must do: the same from the same seed, learn, and come back from its file."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from registry.checks.building import BATCH, FEATURE_SHAPE, IMAGE_SHAPE, build
from registry.checks.promises import expect, reason
from registry.errors import ContractError
from registry.networks.explanation import features


def images() -> np.ndarray:
    """What a segmenter or a backbone is tried on."""
    return np.random.default_rng(0).random((BATCH, *IMAGE_SHAPE), np.float32)


def maps() -> np.ndarray:
    """What a head that is a network is tried on."""
    return np.random.default_rng(1).normal(size=(BATCH, *FEATURE_SHAPE)).astype(np.float32)


def array(tensor: Any) -> np.ndarray:
    """A tensor as float32."""
    return np.asarray(ops.convert_to_numpy(tensor), np.float32)


def call(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """What a network, or a backbone's first output, says of inputs."""
    return array(features(model(inputs, training=False)))


def cross_entropy() -> keras.losses.Loss:
    """Of logits and class indices."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def check_shape(model: keras.Model, inputs: np.ndarray, shape: tuple[int, ...], what: str) -> None:
    """See that a network gives what has that shape."""
    output = model(inputs, training=False)
    received = tuple(output.shape) if hasattr(output, "shape") else f"{len(output)} outputs"
    expect(received == shape, f"{model.name!r} gives {what}, {shape} here; received {received}")


def check_finite(values: np.ndarray, what: str) -> None:
    """See that no number is NaN or infinite."""
    expect(
        bool(np.isfinite(values).all()),
        f"{what} hold NaN or infinity, expected finite numbers; look for divisions, logarithms or roots of 0",
    )


def check_seed(product: keras.Model, factory: Callable[..., Any], arguments: tuple, options: dict[str, Any]) -> None:
    """Of a product of `build` that nothing has trained yet."""
    again = build(factory, arguments, options)
    expect(again is not product, "the factory makes a new network at each call, received the same; build it inside")
    same = all(np.array_equal(a, b) for a, b in zip(product.get_weights(), again.get_weights(), strict=True))
    expect(same, "two calls after the same keras.utils.set_random_seed() gave other weights; initialise by Keras alone")


def check_training(model: keras.Model, inputs: np.ndarray, targets: np.ndarray, loss: Any) -> None:
    """See that one step of training has a finite loss and changes weights."""
    before = [array(weight) for weight in model.trainable_weights]
    model.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)
    value = float(np.asarray(model.train_on_batch(inputs, targets)))
    expect(np.isfinite(value), f"the loss of one training step is {value}, expected a finite number")
    moved = [not np.array_equal(a, array(b)) for a, b in zip(before, model.trainable_weights, strict=True)]
    expect(
        not moved or any(moved),
        "one training step left all weights as they were; look for a layer that passes no gradient on",
    )


def check_saving(model: keras.Model, inputs: np.ndarray) -> None:
    """See that a network comes back from its file as it was, without running code of that file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        try:
            model.save(path)
            loaded = keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:
            raise ContractError(
                f"{model.name!r} does not survive saving as .keras in safe mode "
                f"({reason(error)}); no Lambda layers, and "
                "register own layers with keras.saving.register_keras_serializable"
            ) from error
        same = np.allclose(call(model, inputs), call(loaded, inputs), rtol=1e-4, atol=1e-5, equal_nan=True)
    expect(
        same,
        f"{model.name!r} predicts something else after saving and loading; get_config() of own layers gives all of it",
    )
