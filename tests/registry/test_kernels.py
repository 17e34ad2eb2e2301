"""Kernels of TensorFlow's that take the place of many operations compute what Keras computes."""

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
    with kernels.fused_normalisation(fused):
        found = trained(fused, kernels.adam(1e-2))
    expected = trained(network(**options), keras.optimizers.Adam(1e-2))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("count", [1, 7])
def test_the_moving_variance_is_that_of_the_batch_itself(count):
    model = keras.Sequential([keras.Input((1, 1, 2)), layers.BatchNormalization(momentum=0.0)])
    batch = np.random.default_rng(2).normal(size=(count, 1, 1, 2)).astype(np.float32)
    with kernels.fused_normalisation(model):
        training_pass(model)(batch)
    np.testing.assert_allclose(model.layers[0].moving_variance.numpy(), batch.var(axis=(0, 1, 2)), atol=1e-6)


def names_of_operations(model):
    """Of the graph that a training pass would run."""
    import tensorflow as tf

    function = tf.function(lambda batch: model(batch, training=True))
    return {operation.type for operation in function.get_concrete_function(images()).graph.get_operations()}


def test_inside_the_block_alone_a_trained_layer_is_one_operation():
    model = network()
    with kernels.fused_normalisation(model):
        assert "FusedBatchNormV3" in names_of_operations(model)
        model.layers[1].trainable = False
        assert "FusedBatchNormV3" not in names_of_operations(model)
    model.layers[1].trainable = True
    assert "FusedBatchNormV3" not in names_of_operations(model)
    assert type(model.layers[1]).call.__get__(model.layers[1]) == model.layers[1].call


def test_an_answer_does_not_depend_on_the_block():
    model = network()
    expected = model(images(), training=False).numpy()
    with kernels.fused_normalisation(model):
        np.testing.assert_array_equal(model(images(), training=False).numpy(), expected)


def test_half_precision_is_normalised_as_keras_does():
    model = network(dtype="mixed_bfloat16")
    with kernels.fused_normalisation(model):
        assert "FusedBatchNormV3" not in names_of_operations(model)


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
