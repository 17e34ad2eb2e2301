import zipfile

import keras
import numpy as np
import pytest
from keras import layers

from registry.backbones.keras_file import keras_file
from registry.backbones.sepcnn import sepcnn
from registry.checks.networks import check_backbone
from registry.errors import ContractError, OptionError, WeightsError
from registry.networks.explanation import features

pytestmark = pytest.mark.conformance


def block(tensor, filters):
    tensor = layers.Conv2D(filters, 3, strides=2, padding="same")(tensor)
    return layers.Dropout(0.5)(layers.ReLU()(layers.BatchNormalization()(tensor)))


def network(shape=(64, 64, 3)):
    images = keras.Input(shape)
    return keras.Model(images, block(block(block(images, 4), 6), 8))


@pytest.fixture
def save(tmp_path):
    def save(model, name="model.keras"):
        model.save(tmp_path / name)
        return str(tmp_path / name)

    return save


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def batch(size):
    return np.random.default_rng(0).random((2, size, size, 1), np.float32)


def give_the_same(one, other):
    np.testing.assert_allclose(array(features(one)), array(features(other)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_saved_model_keeps_the_contract(channels, save):
    check_backbone(keras_file, path=save(network((64, 64, channels))))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_model_reads_what_was_declared(channels, save):
    saved = network((64, 64, channels))
    backbone = keras_file((64, 64, 1), path=save(saved), mean=127.0, deviation=128.0)
    radiographs = np.repeat(batch(64), channels, axis=-1)
    give_the_same(backbone(batch(64)), saved((radiographs * 255 - 127) / 128))


def test_by_default_the_model_reads_images_in_zero_to_one(save):
    saved = network((64, 64, 1))
    give_the_same(keras_file((64, 64, 1), path=save(saved))(batch(64)), saved(batch(64)))


@pytest.mark.parametrize("size", [48, 96])
def test_a_model_saved_for_another_size_works_where_its_layers_allow(size, save):
    saved = network()
    open_ = network((None, None, 3))
    open_.set_weights(saved.get_weights())
    give_the_same(keras_file((size, size, 1), path=save(saved))(batch(size)), open_(np.repeat(batch(size), 3, axis=-1)))


def nested():
    """A network in a network in a network, with layers of one name in each."""
    inner = keras.Sequential([keras.Input((16, 16, 4)), layers.Conv2D(5, 3, strides=2, padding="same", name="conv")])
    images = keras.Input((32, 32, 3))
    tensor = inner(layers.ReLU(name="relu")(layers.Conv2D(4, 3, strides=2, padding="same", name="conv")(images)))
    middle = keras.Model(images, layers.ReLU(name="last")(tensor))
    images = keras.Input((64, 64, 3))
    return keras.Model(images, middle(layers.Conv2D(3, 3, strides=2, padding="same", name="conv")(images)))


@pytest.mark.parametrize("size", [64, 96])
def test_networks_inside_a_model_are_looked_into_for_the_finer_map(size, save):
    saved = nested()
    backbone = keras_file((size, size, 1), path=save(saved))
    assert [output.shape[1:] for output in backbone.outputs] == [(size // 8, size // 8, 5), (size // 4, size // 4, 4)]
    again = keras.saving.load_model(save(backbone, "again.keras"), compile=False)
    give_the_same(backbone(batch(size)), again(batch(size)))
    if size == 64:
        give_the_same(backbone(batch(size)), saved(np.repeat(batch(size), 3, axis=-1)))


def test_a_network_called_twice_keeps_its_weights_in_common(save):
    images = keras.Input((64, 64, 3))
    shared = keras.Sequential([keras.Input((64, 64, 3)), layers.Conv2D(3, 3, padding="same")])
    saved = keras.Model(images, layers.AveragePooling2D(8)(shared(shared(images))))
    backbone = keras_file((64, 64, 1), path=save(saved))
    assert len(backbone.trainable_weights) == 2
    give_the_same(backbone(batch(64)), saved(np.repeat(batch(64), 3, axis=-1)))


def test_what_a_run_saved_is_a_backbone_again(save):
    own = sepcnn((64, 64, 1))
    give_the_same(keras_file((64, 64, 1), path=save(own))(batch(64)), own(batch(64)))
    twice = keras_file((64, 64, 1), path=save(network(), "3.keras"))
    assert len(twice.outputs) == 2
    give_the_same(keras_file((64, 64, 1), path=save(twice))(batch(64)), twice(batch(64)))


def test_a_model_of_bytes_is_given_fractions(save):
    images = keras.Input((64, 64, 1), dtype="uint8")
    saved = keras.Model(images, layers.MaxPooling2D(4)(layers.Rescaling(255.0)(images)))
    radiographs = batch(64)
    expected = radiographs.reshape(2, 16, 4, 16, 4).max(axis=(2, 4))[..., None] * 255
    give_the_same(keras_file((64, 64, 1), path=save(saved))(radiographs), expected)


def test_a_frozen_model_is_one_function_that_training_leaves_alone(save):
    backbone = keras_file((64, 64, 1), path=save(network()), frozen=True)
    before = backbone.get_weights()
    classifier = keras.Model(
        backbone.input, layers.Dense(2)(layers.GlobalAveragePooling2D()(features(backbone.outputs)))
    )
    classifier.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    classifier.train_on_batch(batch(64), np.arange(2))
    assert all(np.array_equal(a, b) for a, b in zip(before, backbone.get_weights(), strict=True))
    give_the_same(backbone(batch(64), training=True), backbone(batch(64), training=False))


def test_a_model_saved_frozen_trains_unless_frozen_is_said(save):
    saved = network()
    saved.trainable = False
    path = save(saved)
    assert len(keras_file((64, 64, 1), path=path).trainable_weights) == 12
    assert keras_file((64, 64, 1), path=path, frozen=True).trainable_weights == []


def one_line(error, **options):
    with pytest.raises(error) as caught:
        keras_file((64, 64, 1), **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_path_is_asked_for():
    assert "needs the path of a saved model: keras-file[path=" in one_line(OptionError)


def test_a_deviation_of_zero_is_refused(save):
    assert "'deviation'" in one_line(OptionError, path=save(network()), deviation=0.0)


def test_a_file_that_is_not_there_is_named():
    assert "no file 'absent.keras'" in one_line(WeightsError, path="absent.keras")


def test_a_folder_is_no_model(tmp_path):
    assert "no file" in one_line(WeightsError, path=str(tmp_path))


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "weights.txt"])
def test_a_file_of_something_else_is_no_model(name, tmp_path):
    (tmp_path / name).write_text("hello")
    assert "is no Keras 3 model" in one_line(WeightsError, path=str(tmp_path / name))


def test_an_archive_of_something_else_is_no_model(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert "cannot be loaded in safe mode" in one_line(WeightsError, path=str(tmp_path / "model.keras"))


def test_a_lambda_is_refused(save):
    images = keras.Input((64, 64, 3))
    model = keras.Model(images, layers.Lambda(lambda x: 2 * x)(layers.Conv2D(2, 3)(images)))
    told = one_line(WeightsError, path=save(model))
    assert "cannot be loaded in safe mode" in told
    assert "lambda" in told.lower()


class Doubled(layers.Layer):
    def call(self, inputs):
        return 2 * inputs


def test_a_layer_of_somebody_else_is_refused(save):
    images = keras.Input((64, 64, 3))
    path = save(keras.Model(images, Doubled()(layers.Conv2D(2, 3)(images))))
    assert "Keras's own layers" in one_line(WeightsError, path=path)


def test_a_model_with_top_is_refused(save):
    images = keras.Input((64, 64, 3))
    path = save(keras.Model(images, layers.Dense(3)(layers.GlobalAveragePooling2D()(images))))
    assert "expected one output (B, h, w, C), received (None, 3); save it without top" in one_line(
        ContractError, path=path
    )


def test_a_model_of_many_maps_is_refused(save):
    images = keras.Input((64, 64, 3))
    path = save(keras.Model(images, [layers.Conv2D(filters, 3)(images) for filters in (1, 2, 3)]))
    assert "does not end in a feature map" in one_line(ContractError, path=path)


@pytest.mark.parametrize("shape", [(64, 64, 4), (64, 64, 2), (64, 64)])
def test_a_model_of_other_channels_is_refused(shape, save):
    inputs = keras.Input(shape)
    path = save(keras.Model(inputs, layers.Activation("relu")(inputs)))
    assert f"received {(None, *shape)}" in one_line(ContractError, path=path)


def test_a_model_of_two_images_is_refused(save):
    pair = [keras.Input((64, 64, 1), name=name) for name in ("a", "b")]
    assert "expected one input" in one_line(ContractError, path=save(keras.Model(pair, layers.Add()(pair))))


def test_a_model_whose_layers_fix_the_size_says_so_at_another(save):
    images = keras.Input((32, 32, 1))
    path = save(keras.Model(images, layers.Reshape((16, 64, 1))(layers.Conv2D(1, 3, padding="same")(images))))
    told = one_line(ContractError, path=path)
    assert "saved with input (None, 32, 32, 1), cannot read images of (64, 64) pixels" in told
    assert "images.size" in told
