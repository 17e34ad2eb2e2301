"""Kernels of TensorFlow's that take the place of many operations compute what Keras computes."""

import contextlib

import keras
import numpy as np
import pytest
from keras import layers

from registry import kernels
from registry.backend import NAME, training_pass

pytestmark = pytest.mark.skipif(NAME != "tensorflow", reason="the others' own are used as they are")


def network(**options):
    """A convolution, normalised, on images of 6 × 6."""
    keras.utils.set_random_seed(0)
    # No bias: normalised away, its gradient is nothing but rounding, which Adam makes as large as any other.
    normalised = layers.BatchNormalization(momentum=0.8, **options)
    return keras.Sequential(
        [keras.Input((6, 6, 2)), layers.Conv2D(5, 3, use_bias=False), normalised, layers.GlobalAveragePooling2D()]
    )


def images(count=7):
    return np.random.default_rng(1).normal(3, 2, (count, 6, 6, 2)).astype(np.float32)


def trained(model, optimizer, steps=5):
    """The variables of a model after some steps."""
    model.compile(optimizer=optimizer, loss="mse")
    for _ in range(steps):
        model.train_on_batch(images(), np.ones((7, 5), np.float32))
    return [variable.numpy() for variable in model.variables]


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}, {"axis": 3}])
def test_a_fused_training_gives_the_weights_and_statistics_of_a_plain_one(options):
    fused = network(**options)
    with kernels.quick_layers(fused):
        found = trained(fused, kernels.adam(1e-2))
    expected = trained(network(**options), keras.optimizers.Adam(1e-2))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("count", [1, 7])
def test_the_moving_variance_is_that_of_the_batch_itself(count):
    model = keras.Sequential([keras.Input((1, 1, 2)), layers.BatchNormalization(momentum=0.0)])
    batch = np.random.default_rng(2).normal(size=(count, 1, 1, 2)).astype(np.float32)
    with kernels.quick_layers(model):
        training_pass(model)(batch)
    np.testing.assert_allclose(model.layers[0].moving_variance.numpy(), batch.var(axis=(0, 1, 2)), atol=1e-6)


def names_of_operations(model):
    """Of the graph that a training pass would run."""
    import tensorflow as tf

    function = tf.function(lambda batch: model(batch, training=True))
    return {operation.type for operation in function.get_concrete_function(images()).graph.get_operations()}


def test_inside_the_block_alone_a_trained_layer_is_one_operation():
    model = network()
    with kernels.quick_layers(model):
        assert "FusedBatchNormV3" in names_of_operations(model)
        model.layers[1].trainable = False
        assert "FusedBatchNormV3" not in names_of_operations(model)
    model.layers[1].trainable = True
    assert "FusedBatchNormV3" not in names_of_operations(model)
    assert type(model.layers[1]).call.__get__(model.layers[1]) == model.layers[1].call


def test_an_answer_does_not_depend_on_the_block():
    model = network()
    expected = model(images(), training=False).numpy()
    with kernels.quick_layers(model):
        np.testing.assert_array_equal(model(images(), training=False).numpy(), expected)


def test_half_precision_is_normalised_as_keras_does():
    model = network(dtype="mixed_bfloat16")
    with kernels.quick_layers(model):
        assert "FusedBatchNormV3" not in names_of_operations(model)


CONVOLUTIONS = {
    "one channel": (1, lambda: layers.SeparableConv2D(8, 3, depth_multiplier=8, padding="same", use_bias=False)),
    "one channel, a bias and an activation": (
        1,
        lambda: layers.SeparableConv2D(5, 3, depth_multiplier=5, bias_initializer="ones", activation="relu"),
    ),
    "wide": (64, lambda: layers.SeparableConv2D(70, 3, padding="same", activation="tanh")),
    "cells": (64, lambda: layers.Conv2D(70, 1, bias_initializer="ones", activation="tanh")),
}


def convolved(name, block):
    """A convolution on images of 9 × 8: names of operations, outputs, and gradients of inputs and weights."""
    import tensorflow as tf

    keras.utils.set_random_seed(5)
    channels, layer = CONVOLUTIONS[name]
    model = keras.Sequential([keras.Input((9, 8, channels)), layer()])
    batch = tf.constant(np.random.default_rng(6).normal(size=(3, 9, 8, channels)).astype(np.float32))

    @tf.function(autograph=False)
    def run(batch):
        with tf.GradientTape() as tape:
            tape.watch(batch)
            outputs = model(batch, training=True)
            loss = tf.reduce_sum(tf.square(outputs))
        weights = [variable.value for variable in model.trainable_variables]
        return outputs, tape.gradient(loss, [batch, *weights])

    with block(model):
        function = run.get_concrete_function(batch)
        outputs, gradients = function(batch)
    names = {operation.type for operation in function.graph.get_operations()}
    return names, outputs.numpy(), [gradient.numpy() for gradient in gradients]


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_quick_convolution_has_the_outputs_and_gradients_of_a_plain_one(name):
    _, outputs, gradients = convolved(name, kernels.quick_layers)
    _, expected, slopes = convolved(name, contextlib.nullcontext)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)
    assert len(gradients) == len(slopes)
    for one, other in zip(gradients, slopes, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4 * np.abs(other).max())


@pytest.mark.parametrize(
    ("name", "slow"),
    [
        ("one channel", "DepthwiseConv2dNative"),
        ("one channel, a bias and an activation", "DepthwiseConv2dNative"),
        ("wide", "Conv2DBackpropFilter"),
        ("cells", "Conv2DBackpropFilter"),
    ],
)
def test_a_quick_convolution_leaves_the_slow_operation_out(name, slow):
    assert slow in convolved(name, contextlib.nullcontext)[0]
    assert slow not in convolved(name, kernels.quick_layers)[0]


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(64, 1, strides=2),
        layers.Conv2D(64, 3),
        layers.Conv2D(63, 1),
        layers.Conv2D(64, 1, dtype="mixed_bfloat16"),
        layers.SeparableConv2D(64, 3, strides=2),
        layers.SeparableConv2D(64, 3, dilation_rate=2),
        layers.SeparableConv2D(63, 3),
        layers.DepthwiseConv2D(3),
    ],
)
def test_other_convolutions_are_left_to_keras(layer):
    model = keras.Sequential([keras.Input((9, 9, 64)), layer])
    before = dict(vars(layer))
    with kernels.quick_layers(model):
        assert vars(layer) == before


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_after_the_block_a_layer_is_as_before(name):
    channels, make = CONVOLUTIONS[name]
    model = keras.Sequential([keras.Input((9, 9, channels)), make()])
    before = dict(vars(model.layers[0]))
    with kernels.quick_layers(model):
        assert vars(model.layers[0]) != before
    assert vars(model.layers[0]) == before


@pytest.mark.parametrize("places", [[], [2], [0, 3, 4], range(5)])
def test_images_that_are_chosen_are_changed_as_among_all_to_the_bit(places):
    images = np.random.default_rng(7).random((5, 6, 6, 1)).astype(np.float32)
    factors = np.random.default_rng(8).random((5, 1, 1, 1)).astype(np.float32)
    chosen = np.isin(np.arange(5), places)
    found = kernels.change_some(
        lambda images, factors: keras.ops.sqrt(images) * factors,
        keras.ops.convert_to_tensor(chosen),
        keras.ops.convert_to_tensor(images),
        keras.ops.convert_to_tensor(factors),
    )
    expected = np.where(chosen[:, None, None, None], np.sqrt(images) * factors, images)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(found), expected)


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_quick_convolution_computes_eagerly_too_and_has_gradients_of_gradients(name):
    import tensorflow as tf

    channels, layer = CONVOLUTIONS[name]
    model = keras.Sequential([keras.Input((5, 4, channels)), layer()])
    batch = tf.constant(np.random.default_rng(9).normal(size=(2, 5, 4, channels)).astype(np.float32))

    def curvature():
        with tf.GradientTape() as outer:
            outer.watch(batch)
            with tf.GradientTape() as inner:
                inner.watch(batch)
                loss = tf.reduce_sum(model(batch, training=True) ** 2)
            steepness = tf.reduce_sum(inner.gradient(loss, batch) ** 2)
        return outer.gradient(steepness, [batch, model.trainable_variables[0].value])

    expected = curvature()
    with kernels.quick_layers(model):
        found = curvature()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4 * np.abs(other).max())


class Sparing(layers.Layer):
    """Holds layers that it never calls."""

    def __init__(self):
        super().__init__()
        self.spare = [layers.Conv2D(64, 1), layers.SeparableConv2D(64, 3), layers.BatchNormalization()]

    def build(self, shape):
        pass

    def call(self, inputs):
        return inputs


def test_a_layer_that_is_never_called_is_left_alone():
    model = keras.Sequential([keras.Input((5, 4, 1)), layers.BatchNormalization(), Sparing()])
    with kernels.quick_layers(model):
        assert "call" in vars(model.layers[0])
        assert not any({"call", "convolution_op"} & vars(layer).keys() for layer in model.layers[1].spare)
    assert "call" not in vars(model.layers[0])


def test_a_step_of_adam_is_one_operation_for_each_variable():
    import tensorflow as tf

    model = network()
    optimizer = kernels.adam(1e-2)
    optimizer.build(model.trainable_variables)
    step = tf.function(lambda gradients: optimizer.apply(gradients))
    gradients = [tf.ones(variable.shape) for variable in model.trainable_variables]
    found = [operation.type for operation in step.get_concrete_function(gradients).graph.get_operations()]
    assert found.count("ResourceApplyAdam") == len(gradients)


def test_sparse_gradients_are_applied_as_keras_does():
    def moved(optimizer):
        import tensorflow as tf

        variable = keras.Variable(np.ones((4, 2), np.float32))
        optimizer.build([variable])
        for _ in range(3):
            optimizer.apply([tf.IndexedSlices(tf.ones((1, 2)), tf.constant([2]), tf.constant([4, 2]))], [variable])
        return variable.numpy()

    np.testing.assert_array_equal(moved(kernels.adam(0.1)), moved(keras.optimizers.Adam(0.1)))


@pytest.mark.parametrize("size", [(16, 16), (7, 10)])
def test_every_second_pixel_of_a_transform_is_that_of_the_whole_to_the_bit(size):
    images = np.random.default_rng(3).random((5, *size, 2)).astype(np.float32)
    turns = np.random.default_rng(4).uniform(-3, 3, (5, 8)).astype(np.float32) * [1, 1, 4, 1, 1, 4, 0.01, 0.01]
    whole = keras.ops.image.affine_transform(images, turns, interpolation="bilinear", fill_mode="constant")
    found = kernels.every_second_pixel(images, keras.ops.cast(turns, "float32"))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(found), keras.ops.convert_to_numpy(whole)[:, ::2, ::2])
