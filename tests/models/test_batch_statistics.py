"""Batch statistics against NumPy, and what must not touch them."""

import keras
import numpy as np
import pytest

from benchmark.models.batch_statistics import SAMPLE, BatchStatistics
from benchmark.models.batches import Batches

SIZE = 6
IMAGES = np.random.default_rng(3).normal(2.0, 3.0, (40, SIZE, SIZE, 1)).astype(np.float32)
TARGETS = np.repeat([0, 1], [30, 10])


def batches(size=8):
    def read(generator, chosen):
        return IMAGES[chosen], TARGETS[chosen]

    return Batches(TARGETS, read, batch_size=size, balance="batches", num_classes=2, seed=0)


def network(*between, trainable=True):
    inputs = keras.Input((SIZE, SIZE, 1))
    tensor = inputs
    for layer in between:
        tensor = layer(tensor)
    normalised = keras.layers.BatchNormalization(momentum=0.9, trainable=trainable, name="statistics")(tensor)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(normalised))


def estimated(model, source):
    BatchStatistics(model, source, lambda: None).estimate()
    layer = model.get_layer("statistics")
    return [np.asarray(keras.ops.convert_to_numpy(one)) for one in (layer.moving_mean, layer.moving_variance)]


def sample(source):
    steps = [divmod(place, len(source)) for place in range(SAMPLE // source.batch_size)]
    return np.concatenate([IMAGES[source.indices(*step)] for step in steps])


@pytest.mark.parametrize("size", [8, 64])
def test_they_are_mean_and_variance_over_all_images_of_a_balanced_sample(size):
    source = batches(size)
    mean, variance = estimated(network(), source)
    seen = sample(source)
    assert len(seen) == SAMPLE
    assert mean == pytest.approx(seen.mean(), abs=1e-4)
    assert variance == pytest.approx(seen.var(), rel=1e-4)
    assert seen.mean() != pytest.approx(IMAGES.mean(), abs=1e-3)  # of the data as they are it would be another


def test_they_do_not_depend_on_what_was_there_before_and_leave_the_epoch():
    model, source = network(), batches()
    source.epoch = 5
    first = estimated(model, source)
    model.get_layer("statistics").moving_variance.assign([1000.0])
    assert np.array_equal(estimated(model, source), first)
    assert source.epoch == 5


def test_nothing_is_dropped_or_made_noisy_meanwhile_and_settings_come_back():
    noisy = [keras.layers.SpatialDropout2D(0.5), keras.layers.GaussianNoise(0.9), keras.layers.GaussianDropout(0.5)]
    model, source = network(*noisy), batches()
    assert np.allclose(estimated(model, source), estimated(network(), source), rtol=1e-5)
    assert [noisy[0].rate, noisy[1].stddev, noisy[2].rate] == [0.5, 0.9, 0.5]
    assert model.get_layer("statistics").momentum == 0.9


def test_augmentation_goes_on_and_is_the_same_each_time():
    generator = keras.random.SeedGenerator(1)

    class Brighter(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.seed_generator = generator

        def call(self, images, training=False):
            return images + keras.random.uniform((), 50, 60, seed=self.seed_generator) if training else images

    model, source = network(Brighter()), batches()
    state = generator.state
    statistics = BatchStatistics(model, source, lambda: state.assign(np.full(state.shape, 7, state.dtype)))
    means = []
    for _ in range(2):
        statistics.estimate()
        means.append(float(model.get_layer("statistics").moving_mean.numpy()[0]))
    assert means[0] == means[1] > 50


def test_a_frozen_layer_keeps_its_own():
    mean, variance = estimated(network(trainable=False), batches())
    assert (mean, variance) == (0, 1)


def test_layers_within_networks_within_networks_are_found():
    inner = network()
    outer = keras.Sequential([keras.Input((SIZE, SIZE, 1)), keras.Sequential([inner])])
    source = batches()
    BatchStatistics(outer, source, lambda: None).estimate()
    assert float(inner.get_layer("statistics").moving_mean.numpy()[0]) == pytest.approx(sample(source).mean(), abs=1e-4)


def test_a_network_without_any_is_left_alone():
    model = keras.Sequential([keras.Input((SIZE, SIZE, 1)), keras.layers.Dropout(0.5)])
    statistics = BatchStatistics(model, batches(), lambda: pytest.fail("nothing is to be drawn"))
    statistics.compile()
    statistics.estimate()
    assert statistics.cost == 0
