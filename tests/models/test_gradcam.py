import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers, ops

from benchmark.evaluation.localisation import localisation
from benchmark.models.gradcam import class_log_odds, grad_cam
from registry.backbones.sepcnn import sepcnn
from registry.backbones.xception import xception
from registry.backend import gradient
from registry.errors import ContractError
from registry.heads.dense import dense

pytestmark = pytest.mark.conformance


def images(n=3, size=32):
    return np.random.default_rng(0).random((n, size, size, 1)).astype(np.float32)


def sigmoid_of_hand():
    """1x1 convolution to two channels (x, 1 - x), then logits of their means."""
    pixels = keras.Input((2, 2, 1))
    backbone = keras.Model(pixels, layers.Conv2D(2, 1)(pixels))
    backbone.set_weights([np.array([[[[1.0, -1.0]]]], np.float32), np.array([0.0, 1.0], np.float32)])
    features = keras.Input((2, 2, 2))
    head = keras.Model(features, layers.Dense(2)(layers.GlobalAveragePooling2D()(features)))
    head.set_weights([np.array([[1.0, 3.0], [2.0, 1.0]], np.float32), np.zeros(2, np.float32)])
    return backbone, head


def test_a_tiny_network_gives_the_map_worked_by_hand():
    # Evidence for class 1 is z1 - z0 = 2 mean(x) - 1 mean(1 - x); a cell's share of a mean is 1/4, so the weights
    # are 2/4 and -1/4 and the map is relu(x/2 - (1 - x)/4) = relu(3x/4 - 1/4).
    x = np.array([[0.0, 1.0], [0.5, 0.2]], np.float32)
    backbone, head = sigmoid_of_hand()
    expected = [[[0, 0.5], [0.125, 0]]]
    np.testing.assert_allclose(grad_cam(backbone, head, x[None, ..., None], 1), expected, atol=1e-6)
    np.testing.assert_allclose(grad_cam(backbone, head, x[None, ..., None], 0), [[[0.25, 0], [0, 0.1]]], atol=1e-6)


@given(st.lists(st.lists(st.floats(-40, 40), min_size=3, max_size=3), min_size=1, max_size=4), st.integers(0, 2))
@settings(max_examples=30, deadline=None)
def test_class_log_odds_are_those_of_the_softmax(logits, k):
    logits = np.array(logits, np.float32)
    exact = logits.astype(float)
    others = np.delete(exact, k, axis=1)
    expected = exact[:, k] - np.log(np.exp(others - others.max(1, keepdims=True)).sum(1)) - others.max(1)
    np.testing.assert_allclose(class_log_odds(logits, k), expected, rtol=1e-5, atol=1e-5)


def test_log_odds_of_two_classes_are_the_difference_of_logits():
    logits = np.array([[0.5, 2.0], [3.0, -1.0]], np.float32)
    np.testing.assert_allclose(class_log_odds(logits, 1), [1.5, -4.0], rtol=1e-6)
    np.testing.assert_allclose(class_log_odds(logits, np.array([1, 0])), [1.5, 4.0], rtol=1e-6)


def shifted(head, classes):
    """The head with one nonlinear function of the features added to every logit."""
    features = keras.Input(head.input_shape[1:])
    shift = layers.Dense(1)(layers.Activation("tanh")(layers.GlobalMaxPooling2D()(5 * features)))
    return keras.Model(features, layers.Add()([head(features), layers.Concatenate()([shift] * classes)]))


@pytest.mark.parametrize("classes", [2, 4])
def test_a_function_of_the_features_added_to_all_logits_leaves_the_map_unchanged(classes):
    keras.utils.set_random_seed(1)
    backbone = sepcnn((32, 32, 1), filters=8)
    head = dense(tuple(backbone.outputs[0].shape[1:]), classes)
    other = shifted(head, classes)
    features = np.random.default_rng(0).random((2, *head.input_shape[1:])).astype(np.float32)
    logits = [ops.convert_to_numpy(network(features)) for network in (head, other)]
    assert not np.allclose(*logits, atol=1e-2)
    for k in range(classes):
        maps = grad_cam(backbone, head, images(), k)
        np.testing.assert_allclose(grad_cam(backbone, other, images(), k), maps, atol=1e-5 * max(maps.max(), 1))


def test_two_classes_give_the_map_of_a_single_sigmoid_logit():
    backbone, head = sigmoid_of_hand()
    single = keras.Input((2, 2, 2))
    one = keras.Model(single, layers.Dense(1, use_bias=False)(layers.GlobalAveragePooling2D()(single)))
    one.set_weights([np.array([[2.0], [-1.0]], np.float32)])
    tensor = backbone(images(size=2))
    _, slope = gradient(lambda x: one(x)[:, 0], tensor)
    expected = np.maximum((ops.convert_to_numpy(tensor) * slope.mean((1, 2), keepdims=True)).sum(-1), 0)
    np.testing.assert_allclose(grad_cam(backbone, head, images(size=2), 1), expected, atol=1e-6)


def bright_spots(size=32, nested=False):
    """A backbone whose one channel is brightness above .8 on half the resolution, inside another model if `nested`."""
    pixels = keras.Input((size, size, 1))
    convolution = layers.Conv2D(1, 1, activation="relu")
    tensor = layers.AveragePooling2D(2)(convolution(pixels))
    inner = keras.Model(pixels, tensor)
    convolution.set_weights([np.ones((1, 1, 1, 1), np.float32), np.array([-0.8], np.float32)])
    if not nested:
        return inner
    outside = keras.Input((size, size, 1))
    return keras.Model(outside, layers.Identity()(inner(outside)))


def spot_head():
    features = keras.Input((16, 16, 1))
    head = keras.Model(features, layers.Dense(2)(layers.GlobalAveragePooling2D()(features)))
    head.set_weights([np.array([[0.0, 1.0]], np.float32), np.zeros(2, np.float32)])
    return head


@pytest.mark.parametrize("nested", [False, True])
def test_a_planted_lesion_is_found(nested):
    radiographs = 0.7 * images()
    lesion = np.zeros((3, 32, 32), bool)
    for i, (row, column) in enumerate([(4, 6), (20, 10), (12, 24)]):
        lesion[i, row : row + 4, column : column + 4] = True
    radiographs[lesion] = 1.0
    maps = grad_cam(bright_spots(nested=nested), spot_head(), radiographs, 1)
    seen = localisation(maps, lesion)
    # 16 of 1024 pixels: all heat inside is enrichment 64; the bilinear rim outside takes a part
    assert (seen.enrichment > 25).all() and not seen.pointing_game_missed.any() and seen.defined.all()
    assert localisation(grad_cam(bright_spots(nested=nested), spot_head(), radiographs, 0), lesion).empty.all()


def test_the_map_is_the_same_after_saving(tmp_path):
    backbone = xception((64, 64, 1), weights=None, cut=25)
    head = dense(tuple(backbone.outputs[0].shape[1:]), 3)
    radiographs = images(size=64)
    before = grad_cam(backbone, head, radiographs, 2)
    backbone.save(tmp_path / "backbone.keras")
    head.save(tmp_path / "head.keras")
    loaded = [keras.saving.load_model(tmp_path / f"{name}.keras", compile=False) for name in ("backbone", "head")]
    np.testing.assert_allclose(grad_cam(*loaded, radiographs, 2), before, rtol=1e-4, atol=1e-6 * before.max())
    assert before.shape == (3, 29, 29)
    assert grad_cam(backbone, head, radiographs, 2, fine=False).shape == (3, *backbone.outputs[0].shape[1:3])


def test_a_finer_map_that_is_the_last_one_gives_the_same_heat():
    pixels = keras.Input((16, 16, 1))
    tensor = layers.Conv2D(4, 3, activation="relu")(pixels)
    once, twice = keras.Model(pixels, tensor), keras.Model(pixels, [layers.Identity()(tensor), tensor])
    head = dense((14, 14, 4), 2)
    np.testing.assert_allclose(
        grad_cam(twice, head, images(size=16), 1), grad_cam(once, head, images(size=16), 1), atol=1e-6
    )


def test_batches_and_classes_of_their_own_change_nothing():
    backbone, head = sigmoid_of_hand()
    radiographs = images(5, 2)
    both = grad_cam(backbone, head, radiographs, np.array([0, 1, 0, 1, 1]), batch_size=2)
    for k in (0, 1):
        rows = np.array([0, 1, 0, 1, 1]) == k
        np.testing.assert_allclose(both[rows], grad_cam(backbone, head, radiographs[rows], k), atol=1e-7)


def test_a_head_with_one_logit_is_refused():
    backbone, _ = sigmoid_of_hand()
    features = keras.Input((2, 2, 2))
    one = keras.Model(features, layers.Dense(1)(layers.GlobalAveragePooling2D()(features)))
    with pytest.raises(ContractError, match=r"logits \(B, K\) with K >= 2"):
        grad_cam(backbone, one, images(size=2), 0)


def test_a_class_that_is_not_there_is_refused():
    with pytest.raises(ContractError, match="column of 2 logits, received 5"):
        grad_cam(*sigmoid_of_hand(), images(size=2), 5)


def test_gradcam_of_no_images_is_no_maps():
    assert len(grad_cam(*sigmoid_of_hand(), np.zeros((0, 2, 2, 1), np.float32), 1)) == 0


def test_logits_of_tensors_and_arrays_are_alike():
    logits = np.array([[1.0, 2.0, 3.0]], np.float32)
    np.testing.assert_allclose(class_log_odds(ops.convert_to_tensor(logits), 2), class_log_odds(logits, 2))
