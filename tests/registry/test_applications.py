"""Networks of keras.applications: the contract of each, and what is published of it."""

import functools
import inspect
import socket

import keras
import numpy as np
import pytest
from keras import layers
from keras.src.utils import file_utils

from registry.backbones import applications
from registry.checks.building import IMAGE_SHAPE
from registry.checks.networks import check_backbone
from registry.errors import ContractError, WeightsError
from registry.lookup import find, load
from registry.networks.depthwise import depthwise
from registry.networks.explanation import features
from registry.networks.pretrained import PATIENCE_S, patience
from registry.options import read_options

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

MODULES = {
    "mobilenetv3_small": keras.applications.mobilenet_v3,
    "efficientnetv2_b0": keras.applications.efficientnet_v2,
    "densenet121": keras.applications.densenet,
    "resnet50v2": keras.applications.resnet_v2,
    "convnext_tiny": keras.applications.convnext,
}
BUILT = {}  # by a test of the contract: to build one takes a second or two
each = pytest.mark.parametrize("name", MODULES)


def fresh(name):
    """A network that nothing has trained, for the tests that only look at it."""
    if name not in BUILT:
        BUILT[name] = getattr(applications, name)(IMAGE_SHAPE, weights=None)
    return BUILT[name]


def shape_of(name, **options):
    """A network whose weights nobody draws, which takes most of the time: for its layers and their settings alone."""
    with keras.StatelessScope(initialize_variables=False):
        return getattr(applications, name)(IMAGE_SHAPE, **options)


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def images(count=2):
    return np.random.default_rng(0).random((count, 64, 64, 1), np.float32)


@each
def test_a_registered_application_keeps_the_contract(name):
    factory = load(find("backbone", name.replace("_", "-")))
    assert factory is getattr(applications, name)

    @functools.wraps(factory)
    def kept(*arguments, **options):
        BUILT[name] = factory(*arguments, **options)  # the last is compared with the first, which is trained
        return BUILT[name]

    check_backbone(kept, weights=None)
    assert BUILT[name].input_shape[1:] == IMAGE_SHAPE


@each
def test_a_factory_tells_its_name_its_options_and_what_it_is(name):
    factory = getattr(applications, name)
    assert factory.__name__ == name
    assert "\n" not in inspect.getdoc(factory)
    assert [option.text() for option in read_options(factory)] == ["weights=imagenet", "frozen=false"]


@each
def test_the_network_reads_what_keras_prepares_for_it(name):
    backbone, batch = fresh(name), images()
    prepare = next(layer for layer in backbone.layers if isinstance(layer, layers.Rescaling))
    expected = MODULES[name].preprocess_input(np.repeat(batch * 255, 3, axis=-1))
    received = array(keras.Model(backbone.input, prepare.output)(batch))
    np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-5)


@each
def test_the_finer_map_has_sixteen_cells_where_the_last_has_two(name):
    assert [output.shape[1:3] for output in fresh(name).outputs] == [(2, 2), (16, 16)]


@each
def test_the_summary_gives_the_number_of_parameters(name):
    assert f"{fresh(name).count_params() / 1e6:.1f} M parameters" in inspect.getdoc(getattr(applications, name))


@each
def test_batch_statistics_of_a_fresh_network_settle_fast(name):
    momenta = {layer.momentum for layer in fresh(name)._flatten_layers() if hasattr(layer, "momentum")}
    assert momenta == (set() if name == "convnext_tiny" else {0.9})


@each
def test_without_a_network_the_file_that_keras_wanted_is_named(name, monkeypatch):
    def offline(file, *args, **options):
        raise Exception(f"URL fetch failure on https://example.org/{file}")

    monkeypatch.setattr(file_utils, "get_file", offline)
    with pytest.raises(WeightsError, match="URL fetch failure") as caught:
        shape_of(name)
    wanted = str(caught.value).partition("example.org/")[2].partition(")")[0]
    assert str(caught.value).endswith(f"use weights=none, or weights=FILE with a copy of {wanted}")


def test_weights_from_a_file_are_those_in_it(tmp_path):
    whole = keras.applications.MobileNetV3Small(weights=None, include_top=False, input_shape=(64, 64, 3))
    whole.save_weights(tmp_path / "mine.weights.h5")
    batch = images()
    expected = whole(np.repeat(batch * 255, 3, axis=-1), training=True)
    backbone = applications.mobilenetv3_small((64, 64, 1), weights=str(tmp_path / "mine.weights.h5"))
    received = features(backbone(batch, training=True))
    assert array(expected).std() > 0.1
    np.testing.assert_allclose(array(received), array(expected), rtol=1e-3, atol=1e-4)


def test_weights_of_another_network_are_an_error(tmp_path):
    keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 3)]).save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(WeightsError, match=r"MobileNetV3Small's weights '.*other.weights.h5' cannot be had"):
        applications.mobilenetv3_small((64, 64, 1), weights=str(tmp_path / "other.weights.h5"))


def test_a_weights_file_that_is_not_there_is_an_error():
    with pytest.raises(WeightsError, match=r"no weights file 'absent.h5' for backbone 'convnext-tiny'; give an"):
        applications.convnext_tiny((64, 64, 1), weights="absent.h5")


def test_images_that_five_halvings_leave_nothing_of_are_refused():
    with pytest.raises(ContractError, match=r"backbone 'densenet121' .*32 pixels a side or more, received \(48, 16\)"):
        applications.densenet121((48, 16, 1), weights=None)


def test_training_leaves_a_frozen_network_and_its_batch_statistics_alone():
    backbone = applications.mobilenetv3_small((64, 64, 1), weights=None, frozen=True)
    classifier = keras.Model(
        backbone.input, layers.Dense(2)(layers.GlobalAveragePooling2D()(features(backbone.outputs)))
    )
    before = backbone.get_weights()
    classifier.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    classifier.train_on_batch(images(), np.arange(2))
    assert all(np.array_equal(a, b) for a, b in zip(before, backbone.get_weights(), strict=True))


def test_a_frozen_network_drops_nothing():
    rates = {layer.rate for layer in fresh("efficientnetv2_b0")._flatten_layers() if isinstance(layer, layers.Dropout)}
    assert max(rates) > 0.1
    frozen = shape_of("efficientnetv2_b0", weights=None, frozen=True)
    assert {layer.rate for layer in frozen._flatten_layers() if isinstance(layer, layers.Dropout)} == {0.0}


def test_convnext_has_no_grouped_convolution():
    convolutions = [layer for layer in fresh("convnext_tiny")._flatten_layers() if isinstance(layer, layers.Conv2D)]
    assert {layer.groups for layer in convolutions} == {1}


def test_depthwise_convolutions_give_what_grouped_ones_gave():
    inputs = keras.Input((9, 9, 4))
    grouped = layers.Conv2D(4, 3, strides=2, padding="same", groups=4, activation="gelu")(inputs)
    halved = layers.Conv2D(8, 3, groups=2)(grouped)  # stays as it is: four filters of two channels each a group
    network = keras.Model(inputs, halved)
    network.set_weights([np.random.default_rng(0).normal(size=weight.shape) for weight in network.get_weights()])
    changed = depthwise(network)
    assert [type(layer) for layer in changed.layers[1:]] == [layers.DepthwiseConv2D, layers.Conv2D]
    batch = np.random.default_rng(1).normal(size=(2, 9, 9, 4)).astype(np.float32)
    np.testing.assert_allclose(array(changed(batch)), array(network(batch)), rtol=1e-4, atol=1e-5)


def test_a_download_that_stands_still_ends():
    before = socket.getdefaulttimeout()
    with patience():
        assert socket.getdefaulttimeout() == PATIENCE_S
    assert socket.getdefaulttimeout() == before
