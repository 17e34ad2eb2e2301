"""What is inside of a mask, in whatever way people draw one."""

import cv2
import numpy as np
import pytest

from registry.readers.files import read_mask
from tests import xrays

LUNGS = xrays.lungs((96, 96))
LEFT = LUNGS & (np.arange(96) < 48)
RIGHT = LUNGS & ~LEFT


def two(left, right, kind=np.uint8):
    """A value for each lung on 0."""
    return (LEFT * left + RIGHT * right).astype(kind)


def colours(left, right, ground=(0, 0, 0)):
    """A colour for each lung, and one around them."""
    return np.where(LEFT[..., None], left, np.where(RIGHT[..., None], right, ground)).astype(np.uint8)


def blurred(mask, sigma=2.0):
    return cv2.GaussianBlur(mask.astype(np.uint8) * 255, (0, 0), sigma)


def mask_of(folder, pixels, suffix=".png", *settings):
    path = folder / f"mask{suffix}"
    path.write_bytes(cv2.imencode(suffix, pixels, list(settings))[1].tobytes())
    return read_mask(str(path))


@pytest.mark.parametrize(
    "pixels",
    [
        two(255, 255),
        two(1, 1),
        two(1, 2),
        two(127, 254),
        two(85, 170),
        two(254, 30),
        two(1, 1, np.uint16),
        two(1, 2, np.uint16),
        two(3000, 65535, np.uint16),
        colours((0, 0, 255), (0, 255, 0)),
        colours((0, 0, 128), (0, 255, 0)),
        colours((0, 0, 255), (0, 255, 0), (255, 255, 255)),
        colours((255, 255, 255), (255, 255, 255)),
    ],
)
def test_everything_but_the_background_is_inside(tmp_path, pixels):
    assert np.array_equal(mask_of(tmp_path, pixels), LUNGS)


@pytest.mark.parametrize(
    "pixels",
    [
        np.dstack([two(255, 255)] * 3 + [np.full((96, 96), 255, np.uint8)]),  # opaque everywhere
        np.dstack([np.full((96, 96), 255, np.uint8)] * 3 + [two(255, 255)]),  # white, seen in the lungs alone
        np.dstack([np.zeros((96, 96), np.uint8)] * 3 + [two(255, 255)]),  # and black
        np.dstack([colours((0, 0, 255), (0, 255, 0)), two(255, 255)]),
    ],
)
def test_transparent_pixels_are_outside(tmp_path, pixels):
    assert np.array_equal(mask_of(tmp_path, pixels), LUNGS)


def test_a_palette_means_its_colours(tmp_path):
    pixels = colours((0, 0, 200), (0, 160, 0))
    bmp = mask_of(tmp_path, pixels, ".bmp")
    assert np.array_equal(bmp, LUNGS)


@pytest.mark.parametrize("sigma", [0.7, 2.0, 4.0])
def test_soft_edges_are_cut_at_half_as_ever(tmp_path, sigma):
    soft = blurred(LUNGS, sigma)
    assert np.array_equal(mask_of(tmp_path, soft), soft >= 128)


def test_a_map_of_probabilities_is_cut_at_half_of_its_range(tmp_path):
    ramp = np.tile(np.arange(96, dtype=np.uint8), (96, 1))
    assert np.array_equal(mask_of(tmp_path, ramp), ramp > 95 / 2)
    deep = blurred(LUNGS).astype(np.uint16) * 257
    assert np.array_equal(mask_of(tmp_path, deep), blurred(LUNGS) >= 128)


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_the_noise_of_compression_moves_no_border(tmp_path, quality):
    for pixels in (two(255, 255), blurred(LUNGS)):
        stored = cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0)
        assert np.array_equal(mask_of(tmp_path, pixels, ".jpg", cv2.IMWRITE_JPEG_QUALITY, quality), stored >= 128)
        assert np.array_equal(mask_of(tmp_path, stored), stored >= 128)  # and stored without loss afterwards


@pytest.mark.parametrize("pixels", [two(127, 254), two(85, 170), colours((0, 0, 255), (0, 255, 0))])
def test_several_values_survive_compression(tmp_path, pixels):
    found = mask_of(tmp_path, pixels, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 90)
    assert (found != LUNGS).mean() < 0.02
    assert found[LEFT].mean() > 0.95 and found[RIGHT].mean() > 0.95


def test_soft_edges_of_a_mask_of_two_values_are_cut_halfway_to_the_darker(tmp_path):
    soft = cv2.GaussianBlur(two(100, 250), (0, 0), 1.0)
    found = mask_of(tmp_path, soft)
    assert np.array_equal(found[:, :48], soft[:, :48] > 50)


def test_white_around_the_lungs_is_left_as_it_is_for_the_dataset_to_be_judged(tmp_path):
    assert np.array_equal(mask_of(tmp_path, 255 - two(255, 255)), ~LUNGS)
    assert np.array_equal(mask_of(tmp_path, 255 - two(255, 255), ".jpg"), ~LUNGS)


def test_one_value_is_nothing_or_everything(tmp_path):
    assert not mask_of(tmp_path, np.zeros((20, 20), np.uint8)).any()
    assert mask_of(tmp_path, np.full((20, 20), 7, np.uint8)).all()
