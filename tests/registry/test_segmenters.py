import keras
import numpy as np
import pytest

from registry.datasets.phantom.catalogue import phantom
from registry.errors import ContractError
from registry.networks.losses import cross_entropy_dice
from registry.segmenters.attention_unet import attention_unet
from registry.segmenters.dataset import dataset
from registry.segmenters.none import none
from registry.segmenters.sepunet import sepunet
from registry.segmenters.threshold import threshold
from registry.segmenters.unet import unet

pytestmark = pytest.mark.conformance


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize(
    ("segmenter", "fewest", "most"),
    [(unet, 500_000, 620_000), (attention_unet, 500_000, 700_000), (sepunet, 50_000, 70_000)],
)
def test_segmenters_are_of_the_size_they_claim(segmenter, fewest, most):
    assert fewest < segmenter((64, 64, 1)).count_params() <= most


@pytest.mark.parametrize("segmenter", [unet, attention_unet, sepunet])
def test_networks_draw_at_any_size_that_sixteen_divides(segmenter):
    network = segmenter((None, None, 1), filters=4)
    for shape in ((16, 48), (96, 64)):
        assert network(np.zeros((2, *shape, 1), np.float32)).shape == (2, *shape, 1)


@pytest.mark.parametrize(
    ("segmenter", "name"), [(unet, "unet"), (attention_unet, "attention-unet"), (sepunet, "sepunet")]
)
def test_networks_name_the_nearest_sizes_that_they_can_take(segmenter, name):
    with pytest.raises(ContractError, match=f"^{name} halves.* multiples of 16, received 100x100; use 96 or 112"):
        segmenter((100, 100, 1))


@pytest.mark.parametrize("segmenter", [unet, attention_unet, sepunet])
def test_probabilities_are_float32_in_half_precision(segmenter):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert segmenter((16, 16, 1), filters=4).outputs[0].dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("segmenter", [unet, attention_unet, sepunet])
def test_networks_learn_what_is_dark(segmenter):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    truth = np.kron(rng.random((8, 4, 4, 1)) < 0.4, np.ones((1, 4, 4, 1)))
    images = (0.7 - 0.4 * truth + 0.1 * rng.normal(size=truth.shape)).astype(np.float32)
    network = segmenter((16, 16, 1), filters=4)
    network.compile(keras.optimizers.Adam(0.02), cross_entropy_dice, run_eagerly=True)
    losses = [network.train_on_batch(images, truth) for _ in range(4)]
    assert losses[-1] < 0.85 * losses[0]


def gates(network):
    """The layers that multiply a skip, from the deepest."""
    return [layer for layer in network.layers if isinstance(layer, keras.layers.Multiply)]


def test_every_skip_but_the_finest_passes_a_gate():
    sides = [gate.output.shape[1] for gate in gates(attention_unet((64, 64, 1)))]
    assert sides == [8, 16, 32]


def test_a_gate_multiplies_all_channels_of_a_place_alike_and_starts_nearly_open():
    network = attention_unet((32, 32, 1), filters=4)
    gate = gates(network)[-1]
    images = np.random.default_rng(0).random((2, 32, 32, 1)).astype(np.float32)
    skip, factor, passed = map(
        keras.ops.convert_to_numpy, keras.Model(network.input, [*gate.input, gate.output])(images, training=False)
    )
    assert factor.shape == (2, 16, 16, 1)
    assert 0.5 < factor.min() <= factor.max() < 1
    np.testing.assert_allclose(passed, skip * factor, rtol=1e-6)


def test_the_first_layer_of_sepunet_has_a_kernel_for_each_filter():
    assert sepunet((16, 16, 1), filters=12).layers[1].depthwise_kernel.shape == (3, 3, 1, 12)


def test_loss_of_a_perfect_mask_is_zero_and_of_its_opposite_large():
    truth = np.zeros((1, 4, 4, 1), np.float32)
    truth[:, :2] = 1
    assert float(cross_entropy_dice(truth, truth)[0]) == pytest.approx(0, abs=1e-5)
    assert float(cross_entropy_dice(truth, 1 - truth)[0]) == pytest.approx(-np.log(1e-6) + 1 - 1 / 17, rel=1e-3)


def test_loss_of_one_half_everywhere_is_log_two_plus_one_minus_dice():
    truth = np.zeros((1, 4, 4, 1), np.float32)
    truth[:, :2] = 1
    expected = np.log(2) + 1 - (2 * 4 + 1) / (8 + 8 + 1)
    assert float(cross_entropy_dice(truth, np.full_like(truth, 0.5))[0]) == pytest.approx(expected, rel=1e-5)


def test_loss_of_an_empty_mask_drawn_empty_is_zero():
    empty = np.zeros((2, 8, 8, 1), np.float32)
    np.testing.assert_allclose(cross_entropy_dice(empty, empty), [0, 0], atol=1e-4)


def test_whole_frame_keeps_everything_and_says_so():
    segmenter = none((64, 64, 1))
    assert segmenter.whole_frame
    assert segmenter.predict(np.zeros((2, 8, 6, 1), np.float32)).all()


def test_dataset_masks_are_read_not_predicted():
    segmenter = dataset((64, 64, 1))
    assert segmenter.reads_dataset_masks
    with pytest.raises(ContractError, match="cannot segment new images"):
        segmenter.predict(np.zeros((1, 8, 8, 1), np.float32))


def body_with_two_lungs(noise=0.0):
    """Bright body on a dark frame, two dark ellipses in it; and the ellipses."""
    y, x = np.ogrid[:64, :64]
    lungs = ((y - 30) / 18) ** 2 + ((x - 20) / 8) ** 2 < 1
    lungs |= ((y - 30) / 18) ** 2 + ((x - 44) / 8) ** 2 < 1
    body = (abs(x - 32) < 28) & (y > 4)
    image = np.where(lungs, 0.3, 0.8) * body + noise * np.random.default_rng(0).normal(size=(64, 64))
    return np.clip(image, 0, 1).astype(np.float32)[None, ..., None], lungs[None]


@pytest.mark.parametrize("method", ["otsu", "adaptive", "kmeans"])
def test_threshold_finds_two_dark_lungs_and_not_the_dark_frame(method):
    images, lungs = body_with_two_lungs(noise=0.03)
    found = threshold((64, 64, 1), method=method).predict(images)
    assert dice(found, lungs) > 0.85
    assert not found[0, :, 0].any()


@pytest.mark.parametrize("method", ["otsu", "adaptive", "kmeans"])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_threshold_finds_nothing_in_a_flat_image(method, value):
    assert not threshold((32, 32, 1), method=method).predict(np.full((1, 32, 32, 1), value, np.float32)).any()


def test_threshold_leaves_small_regions_out():
    images, _ = body_with_two_lungs()
    assert not threshold((64, 64, 1), minimum_area=0.1).predict(images[:, :32]).any()


def test_threshold_finds_lungs_in_drawn_radiographs():
    samples = list(phantom(count=24, seed=5).samples())
    images = np.stack([sample.read_image() for sample in samples])[..., None] / np.float32(255)
    truth = np.stack([sample.read_mask() for sample in samples])
    scores = {
        method: np.mean(
            [dice(a, b) for a, b in zip(threshold((64, 64, 1), method=method).predict(images), truth, strict=True)]
        )
        for method in ("otsu", "adaptive", "kmeans")
    }
    assert 0.3 < max(scores.values()) < 0.9
