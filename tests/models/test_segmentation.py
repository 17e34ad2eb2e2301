"""What a segmenter learns from, and what draws masks."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from benchmark.models.segmentation import Segmentation, distorted, load_segmentation, make_segmentation
from benchmark.tasks.schema import Component
from registry.errors import ContractError
from tests.stages.test_stages import SIZE, lungs, one_layer, radiographs


def test_distortion_moves_a_radiograph_and_its_mask_alike():
    """Radiographs that show their own mask still do, up to the border and the exposure."""
    drawn = lungs()[..., None].astype(np.float32)
    shown = (drawn * 255).astype(np.uint8)
    radiographs_, masks_ = distorted(np.random.default_rng(0), shown, drawn)
    assert (radiographs_.shape, radiographs_.dtype, masks_.dtype) == (shown.shape, np.uint8, np.float32)
    assert set(np.unique(masks_)) <= {0.0, 1.0}
    assert ((radiographs_ > 127) == (masks_ > 0.5)).mean() > 0.97
    assert not np.array_equal(masks_, drawn)
    again, _ = distorted(np.random.default_rng(0), shown, drawn)
    assert np.array_equal(radiographs_, again)


def test_a_network_draws_where_it_gives_more_than_a_half_whatever_the_batch(tmp_path):
    keras.utils.set_random_seed(0)
    network = one_layer((SIZE, SIZE, 1))
    network.layers[-1].bias.assign(
        [-0.5 * float(network.layers[-1].kernel.numpy().sum())]
    )  # half at a grey of one half
    expected = network.predict(radiographs()[..., None] / np.float32(255), verbose=0)[..., 0] > 0.5
    assert 0 < expected.mean() < 1
    for batch in (7, 32):
        found = Segmentation(network).masks(radiographs(), batch)
        assert (found.shape, found.dtype) == (radiographs().shape, bool)
        assert (found == expected).mean() > 0.999
    network.save(tmp_path / "model.keras")
    assert (load_segmentation(tmp_path / "model.keras", "unet").masks(radiographs()) == expected).mean() > 0.999


def test_what_was_not_trained_is_asked_with_images_between_0_and_1():
    seen = []
    product = SimpleNamespace(predict=lambda images: seen.append(images) or images[..., 0] > 0.5)
    assert np.array_equal(Segmentation(product).masks(radiographs()), radiographs() > 127)
    assert (seen[0].shape, seen[0].dtype, seen[0].max() <= 1) == ((24, SIZE, SIZE, 1), np.float32, True)


def test_what_hands_on_masks_of_the_dataset_draws_none():
    found = make_segmentation(Component("dataset"), SIZE)
    assert (found.reads_dataset_masks, found.whole_frame) == (True, False)
    with pytest.raises(ContractError, match="reads stored masks"):
        found.masks(radiographs())
    assert make_segmentation(Component("none"), SIZE).whole_frame
    assert isinstance(make_segmentation(Component("unet", {"filters": 4}), SIZE).product, keras.Model)
