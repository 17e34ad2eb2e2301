import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from registry.networks.explanation import features, halves
from registry.networks.finer import finer_map, join, passages

pytestmark = pytest.mark.conformance


def conv(tensor, filters=4, **options):
    return layers.Conv2D(filters, 3, padding="same", **options)(tensor)


def names(tensors):
    return [tensor._keras_history.operation.name for tensor in tensors]


@pytest.fixture
def residual():
    """32 cells, 16 after the first block, 8 after the second; each block has a shortcut."""
    images = keras.Input((32, 32, 3))
    tensor = conv(images, name="stem")
    for block in ("a", "b"):
        shortcut = layers.Conv2D(4, 1, strides=2, name=f"{block}_shortcut")(tensor)
        tensor = conv(tensor, name=f"{block}_inner")
        squeezed = layers.GlobalAveragePooling2D(keepdims=True, name=f"{block}_squeeze")(tensor)
        tensor = layers.Multiply(name=f"{block}_excite")([tensor, layers.Conv2D(4, 1)(squeezed)])
        tensor = layers.Add(name=f"{block}_sum")([shortcut, layers.AveragePooling2D(2, name=f"{block}_pool")(tensor)])
    return keras.Model(images, layers.ReLU(name="last")(tensor))


def test_only_sums_lie_on_every_way_through_residual_blocks(residual):
    assert names(passages(residual)) == ["stem", "a_sum", "b_sum"]


def test_the_finer_map_is_the_deepest_passage_with_sixteen_cells(residual):
    assert names([finer_map(residual, (32, 32, 3))]) == ["a_sum"]


@pytest.mark.parametrize("sides", [(None, None), (None, 32), (64, 64), (8, 8)])
def test_there_is_no_finer_map_of_open_sizes_nor_where_the_last_has_enough_nor_where_none_has(sides):
    images = keras.Input((None, None, 3))
    network = keras.Model(images, layers.MaxPooling2D(4)(conv(conv(images, strides=1))))
    assert finer_map(network, (*sides, 3)) is None


def test_the_shorter_side_counts():
    images = keras.Input((None, None, 3))
    network = keras.Model(images, conv(conv(conv(images, name="fine"), strides=2, name="flat"), strides=4))
    assert names([finer_map(network, (64, 24, 3))]) == ["fine"]
    assert names([finer_map(network, (64, 32, 3))]) == ["flat"]


def test_padded_maps_are_not_explained_on():
    images = keras.Input((32, 32, 3))
    fine = layers.ZeroPadding2D(name="padded")(conv(images, strides=2, name="fine"))
    network = keras.Model(images, layers.Conv2D(4, 3, strides=2)(fine))
    assert names(passages(network)) == ["fine"]


def test_images_that_no_kernel_has_seen_are_no_features():
    images = keras.Input((16, 16, 3))
    prepared = layers.BatchNormalization()(layers.Rescaling(2.0)(images))
    network = keras.Model(images, conv(prepared, strides=2))
    assert list(passages(network)) == []


def test_a_layer_called_twice_is_two_passages():
    images = keras.Input((16, 16, 3))
    shared = layers.Conv2D(4, 3, padding="same", name="shared")
    network = keras.Model(images, layers.MaxPooling2D(2)(shared(shared(conv(images, name="first")))))
    assert names(passages(network)) == ["first", "shared", "shared"]


def test_a_way_around_leaves_no_passage_between_its_ends():
    images = keras.Input((32, 32, 3))
    stem = conv(images, name="stem")
    network = keras.Model(images, layers.Concatenate()([conv(conv(stem), strides=2), layers.MaxPooling2D(2)(stem)]))
    assert names(passages(network)) == ["stem"]


def can_go_on_from(tensor, last):
    try:
        keras.Model(tensor, last)
    except ValueError:
        return False
    return True


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True), min_size=2, max_size=7))
def test_passages_are_the_tensors_from_which_keras_can_rebuild_the_rest(wiring):
    """Each call reads one tensor or the sum of some, by how many calls ago they were made."""
    images = keras.Input((4, 4, 1))
    tensors = [layers.Conv2D(1, 1)(images)]
    for steps in wiring:
        read = [tensors[max(len(tensors) - 1 - step, 0)] for step in steps]
        tensors.append(layers.Add()(read) if len(read) > 1 else layers.ReLU()(*read))
    network = keras.Model(images, tensors[-1])
    read = [tensor for tensor in tensors[:-1] if tensor._keras_history.operation in network.operations]
    assert names(passages(network)) == names(tensor for tensor in read if can_go_on_from(tensor, tensors[-1]))


def test_joined_networks_give_what_the_network_gives(residual):
    images = keras.Input((32, 32, 3))
    backbone = join(images, layers.Rescaling(2.0)(images), residual, "joined")
    batch = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    expected = residual(2 * batch)
    to_map, to_features = halves(backbone)
    assert to_map(batch).shape == (2, 16, 16, 4)
    for received in (features(backbone(batch)), to_features(to_map(batch))):
        np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (received, expected)), rtol=1e-5, atol=1e-6)


def test_a_network_of_fine_features_has_one_output():
    images = keras.Input((64, 64, 3))
    backbone = join(images, images, keras.Sequential([keras.Input((64, 64, 3)), layers.Conv2D(2, 3)]), "joined")
    assert [output.shape[1:] for output in backbone.outputs] == [(62, 62, 2)]
