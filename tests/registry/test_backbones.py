import keras
import numpy as np
import pytest

from registry.backbones.sepcnn import sepcnn
from registry.backbones.xception import xception
from registry.errors import WeightsError
from registry.heads.dense import dense
from registry.networks.explanation import features
from registry.segmenters.unet import unet

pytestmark = pytest.mark.conformance


def trainable(*models):
    return sum(int(np.prod(weight.shape)) for model in models for weight in model.trainable_weights)


def test_the_founding_pipeline_has_the_size_of_the_study():
    segmenter, backbone = unet((64, 64, 1)), sepcnn((64, 64, 1))
    head = dense(tuple(features(backbone.outputs).shape[1:]), 2)
    assert 600_000 <= sum(model.count_params() for model in (segmenter, backbone, head)) <= 680_000
    assert 60_000 <= trainable(backbone, head) <= 75_000


@pytest.mark.parametrize(("size", "cells"), [(16, 16), (64, 16), (96, 24), (128, 16), (256, 32)])
def test_sepcnn_explains_on_at_least_sixteen_cells(size, cells):
    (last,) = sepcnn((size, size, 1)).outputs
    assert last.shape[1:] == (cells, cells, 128)


def test_the_first_layer_of_sepcnn_has_a_kernel_for_each_filter():
    assert sepcnn((64, 64, 1), filters=24).layers[1].depthwise_kernel.shape == (3, 3, 1, 24)


def test_sepcnn_is_built_for_open_sizes():
    assert features(sepcnn((None, None, 1))(np.zeros((1, 48, 80, 1), np.float32))).shape[-1] == 128


def test_batch_statistics_of_a_fresh_network_settle_fast():
    for backbone in (sepcnn((64, 64, 1)), xception((64, 64, 1), weights=None)):
        layers = [layer for layer in backbone._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
        assert {layer.momentum for layer in layers} == {0.9}


@pytest.fixture(scope="module")
def fresh():
    return xception((64, 64, 1), weights=None)


@pytest.mark.parametrize(("size", "cells", "fine"), [(64, 4, 29), (96, 6, 23), (128, 8, 16), (256, 16, None)])
def test_xception_explains_on_the_deepest_map_with_sixteen_cells(size, cells, fine):
    outputs = xception((size, size, 1), weights=None).outputs
    assert outputs[0].shape[1:] == (cells, cells, 728)
    assert [output.shape[1] for output in outputs[1:]] == [fine] * (fine is not None)


def test_cut_45_is_the_sum_that_closes_block_5():
    network = keras.applications.Xception(weights=None, include_top=False, input_shape=(None, None, 3))
    assert isinstance(network.layers[45], keras.layers.Add)
    assert network.layers[44].name == "block5_sepconv3_bn"
    assert network.layers[46].name.startswith("block6")


def test_xception_equals_the_published_one_on_rescaled_gray_in_three_channels(tmp_path):
    whole = keras.applications.Xception(weights=None, include_top=False, input_shape=(None, None, 3))
    whole.save_weights(tmp_path / "mine.weights.h5")
    images = np.random.default_rng(0).random((2, 64, 64, 1)).astype(np.float32)
    expected = keras.Model(whole.input, whole.layers[45].output)(np.repeat(images * 2 - 1, 3, axis=-1), training=False)
    received = features(xception((64, 64, 1), weights=str(tmp_path / "mine.weights.h5"))(images, training=False))
    np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (received, expected)), rtol=1e-4, atol=1e-5)


def test_frozen_weights_do_not_train(fresh):
    assert trainable(fresh) > 2_000_000
    assert trainable(xception((64, 64, 1), weights=None, frozen=True)) == 0


def test_weights_that_are_not_there_are_an_error_with_a_remedy(tmp_path):
    with pytest.raises(WeightsError, match=r"no weights file '.*absent.h5'.*weights=imagenet or none"):
        xception((64, 64, 1), weights=str(tmp_path / "absent.h5"))


def test_a_file_of_other_weights_is_an_error(tmp_path):
    other = tmp_path / "other.weights.h5"
    sepcnn((64, 64, 1)).save_weights(other)
    with pytest.raises(WeightsError, match="cannot be had"):
        xception((64, 64, 1), weights=str(other))


def test_without_a_network_the_remedy_is_named(monkeypatch):
    def offline(**options):
        raise Exception("URL fetch failure on https://example.org/xception.h5: None -- no network")

    monkeypatch.setattr(keras.applications, "Xception", offline)
    with pytest.raises(WeightsError, match=r"no network.*weights=none, or weights=FILE"):
        xception((64, 64, 1))
