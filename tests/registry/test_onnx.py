"""Networks as ONNX files, as backbones: what they give by hand, and what is no backbone in one line."""

import numpy as np
import pytest

from registry.backbones.onnx import onnx
from registry.checks.networks import check_backbone
from registry.errors import ContractError, OptionError
from registry.networks.onnx_file import ImageInput
from registry.networks.onnx_images import taken
from tests.onnx_networks import FILTERS, TensorProto, helper, model, numpy_helper, saved, small, value

SHAPE = (16, 16, 1)


def grey(count=3, side=16):
    return np.random.default_rng(3).random((count, side, side, 1), np.float32)


def reading(size=(None, None), channels=1, channels_first=True, dtype="float32"):
    return ImageInput("x", channels, channels_first, size, dtype)


def test_a_file_keeps_the_contract(tmp_path):
    check_backbone(onnx, path=saved(small(), tmp_path))


def test_a_map_is_averaged_and_numbers_are_taken_as_they_are(tmp_path):
    path = saved(small(), tmp_path)
    of_map, of_pooled = (onnx(SHAPE, path=path, output=name).predict(grey()) for name in ("map", "pooled"))
    assert of_map.shape == (3, FILTERS)
    np.testing.assert_allclose(of_map, of_pooled, rtol=1e-5)
    np.testing.assert_array_equal(onnx(SHAPE, path=path).predict(grey()).shape, (3, 4))


def test_its_parameters_are_the_numbers_in_the_file(tmp_path):
    assert onnx(SHAPE, path=saved(small(), tmp_path)).parameters == FILTERS * 3 * 9 + FILTERS * 4


def _same(shape, operator="Relu", **attributes):
    """A file that gives its images back."""
    node = helper.make_node(operator, ["x"], ["y"], **attributes)
    return model([node], [value("x", shape)], [value("y", None)])


def test_channels_of_a_map_lie_where_those_of_the_images_do_unless_said(tmp_path):
    last = saved(_same(["n", "h", "w", 3]), tmp_path)
    images = grey()
    expected = np.repeat(images.mean(axis=(1, 2)), 3, axis=1)
    np.testing.assert_allclose(onnx(SHAPE, path=last).predict(images), expected, rtol=1e-5)
    turned = onnx(SHAPE, path=last, maps="first").predict(images)  # as if rows were channels
    np.testing.assert_allclose(turned, images.mean(axis=(2, 3)), rtol=1e-5)


def test_images_become_as_large_as_the_file_says(tmp_path):
    path = saved(_same(["n", 1, 8, 8], "Flatten"), tmp_path)
    quarters = grey().reshape(3, 8, 2, 8, 2).mean(axis=(2, 4)).reshape(3, 64)
    np.testing.assert_allclose(onnx(SHAPE, path=path).predict(grey()), quarters, rtol=1e-5)


def test_channels_that_a_file_leaves_open_are_said(tmp_path):
    path = saved(_same(["n", "c", "h", "w"]), tmp_path)
    with pytest.raises(ContractError, match="does not say which axis holds the channels"):
        onnx(SHAPE, path=path)
    assert onnx(SHAPE, path=path, channels=3).predict(grey()).shape == (3, 3)
    with pytest.raises(ContractError, match="has 3 channels, and 1 were asked for"):
        onnx(SHAPE, path=saved(small(), tmp_path, "3.onnx"), channels=1)


@pytest.mark.parametrize(
    ("span", "black", "white"), [("0..1", 0, 1), ("-1..1", -1, 1), ("0..255", 0, 255), ("-1024..1024", -1024, 1024)]
)
def test_pixels_lie_in_the_range_that_was_said(span, black, white):
    images = np.array([0, 1], np.float32).reshape(2, 1, 1, 1)
    assert taken(images, reading(), span).ravel().tolist() == [black, white]


def test_imagenets_range_is_torchvisions_normalisation():
    white = taken(np.ones((1, 1, 1, 1), np.float32), reading(channels=3), "imagenet")
    np.testing.assert_allclose(white.ravel(), [2.2489, 2.4286, 2.64], rtol=1e-4)
    assert white.shape == (1, 3, 1, 1)


def test_bytes_are_whole_numbers_of_their_own_range(tmp_path):
    images = np.array([0.2, 0.5019], np.float32).reshape(2, 1, 1, 1)
    assert taken(images, reading(dtype="uint8"), "0..255").ravel().tolist() == [51, 128]
    made = model([helper.make_node("Cast", ["x"], ["y"], to=1)], [value("x", ["n", 1, "h", "w"], TensorProto.UINT8)],
                 [value("y", None)])  # fmt: skip
    with pytest.raises(ContractError, match=r"takes uint8 images, so expected range=0\.\.255, received 0\.\.1"):
        onnx(SHAPE, path=saved(made, tmp_path))
    assert onnx(SHAPE, path=saved(made, tmp_path), range="0..255").predict(grey()).shape == (3, 1)


def _of_type(shape, element):
    node = helper.make_node("Cast", ["x"], ["y"], to=element)
    return model([node], [value("x", shape)], [value("y", None, element)])


def _reshaped(*shape):
    sides = numpy_helper.from_array(np.array(shape, np.int64), "sides")
    node = helper.make_node("Reshape", ["x", "sides"], ["y"])
    return model([node], [value("x", ["n", 1, 16, 16])], [value("y", None)], [sides])


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (_of_type(["n", 1, "h", "w"], TensorProto.INT64), r"gives no features of 2 images: .* int64 \(2, 1, 16, 16\)"),
        (_reshaped(0, 16, 16), r"received float32 \(2, 16, 16\); name another tensor with output=NAME"),
        (_reshaped(-1), r"received float32 \(512,\)"),
        (_reshaped(1, -1), r"received float32 \(1, 512\)"),
        (_same(["n", 1, 300, 300], "Flatten"), "gives 90,000 features an image, expected at most 65,536"),
    ],
)
def test_what_gives_no_features_is_refused_before_anything_is_prepared_for_it(made, message, tmp_path):
    with pytest.raises(ContractError, match=message) as caught:
        onnx(SHAPE, path=saved(made, tmp_path))
    assert "\n" not in str(caught.value)


def test_a_path_is_asked_for():
    with pytest.raises(OptionError, match=r"needs the path of a network: onnx\[path="):
        onnx(SHAPE)
