"""What a network gives, batch by batch: Keras's `predict` to the bit, compiled once for each size of batch."""

import keras
import numpy as np
import pytest

from benchmark.models.inference import outputs, warm_up
from registry.backend import NAME

SIZE, BATCH = 16, 8


class Counted(keras.layers.Layer):
    """Counts how often Python runs it: once a compilation."""

    calls = 0

    def call(self, images):
        self.calls += 1
        return images


def network(counted=None):
    keras.utils.set_random_seed(0)
    images = keras.Input((SIZE, SIZE, 1), dtype="uint8")
    tensor = keras.layers.Rescaling(1 / 255)(images)
    tensor = (counted or Counted())(tensor)
    tensor = keras.layers.SeparableConv2D(8, 3, activation="relu")(tensor)
    tensor = keras.layers.BatchNormalization()(tensor)
    return keras.Model(images, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(tensor)))


def images(count):
    return np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE, 1), np.uint8)


@pytest.mark.parametrize("count", [1, 7, 8, 16, 19])
def test_outputs_are_those_of_predict_to_the_bit_whatever_the_batch_leaves_over(count):
    made = network()
    expected = network().predict(images(count), batch_size=BATCH, verbose=0)
    for _ in range(2):  # compiled for one size, then for two
        found = outputs(made, images(count), BATCH)
        assert (found.shape, found.dtype) == ((count, 3), np.float32)
        assert np.array_equal(found, expected)


@pytest.mark.skipif(NAME == "torch", reason="PyTorch compiles nothing")
@pytest.mark.parametrize("count", [5, 8, 16, 19])
def test_nothing_is_compiled_after_the_warm_up(count):
    counted = Counted()
    made = network(counted)
    warm_up(made, images(BATCH), BATCH, count)
    compiled = counted.calls
    outputs(made, images(count), BATCH)
    assert counted.calls == compiled


@pytest.mark.skipif(NAME != "tensorflow", reason="JAX compiles for a size, PyTorch not at all")
def test_a_batch_that_is_left_over_compiles_nothing_of_its_own():
    counted = Counted()
    made = network(counted)
    outputs(made, images(BATCH), BATCH)
    compiled = counted.calls
    outputs(made, images(2 * BATCH + 3), BATCH)
    assert counted.calls == compiled


def test_of_a_network_without_declared_inputs_outputs_are_those_of_predict():
    class Mean(keras.Model):
        def call(self, images):
            return keras.ops.mean(keras.ops.cast(images, "float32"), axis=(1, 2))

    expected = Mean().predict(images(19), batch_size=BATCH, verbose=0)
    assert np.array_equal(outputs(Mean(), images(19), BATCH), expected)
