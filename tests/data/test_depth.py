import numpy as np
import pytest

from benchmark.data.depth import bits_needed, dataset_depth, described, eight_bits
from benchmark.data.prepared import Depth


def film(brightest, shape=(100, 100)):
    """A ramp uint16 from 0 to the brightest."""
    return np.linspace(0, brightest, shape[0] * shape[1]).reshape(shape).astype(np.uint16)


@pytest.mark.parametrize(
    ("brightest", "bits"), [(0, 8), (255, 8), (300, 10), (1023, 10), (4095, 12), (16383, 14), (16900, 16), (65535, 16)]
)
def test_the_bits_of_a_film_are_the_fewest_that_hold_its_values(brightest, bits):
    assert bits_needed(film(brightest)) == bits


def test_a_hundredth_of_brighter_pixels_is_lettering_and_more_is_not():
    lettered = film(4095)
    lettered[0] = 65535  # 100 of 10,000
    assert bits_needed(lettered) == 12
    lettered[1, 0] = 65535
    assert bits_needed(lettered) == 16


def test_a_dataset_needs_what_a_quarter_of_its_films_need():
    assert dataset_depth({}) is None
    assert dataset_depth({"a": 16, "b": 12, "c": 12, "d": 12}) == Depth(16, 4, {})
    assert dataset_depth({"a": 16, "b": 12, "c": 12, "d": 12, "e": 10}) == Depth(12, 5, {"a": 16})


def test_the_whole_range_comes_out_as_it_ever_did():
    every = np.arange(1 << 16, dtype=np.uint16).reshape(256, 256)
    assert np.array_equal(eight_bits(every), (every.astype(np.uint32) + 128) // 257)
    assert np.array_equal(eight_bits(every, 12), eight_bits(every))  # its own bits, where they are more


def test_twelve_bits_become_the_whole_range_and_brighter_pixels_white():
    twelve = film(4095)
    twelve[-1, -3:] = 65535
    small = eight_bits(twelve)
    assert small.dtype == np.uint8 and small.min() == 0 and small.max() == 255
    assert np.abs(small - twelve.clip(0, 4095) * (255 / 4095)).max() <= 0.51
    assert len(np.unique(small)) == 256


def test_a_film_of_a_deeper_dataset_is_scaled_as_its_neighbours_are():
    assert eight_bits(film(1023), 12).max() == round(1023 * 255 / 4095)


def test_eight_bits_stay_the_same_array():
    small = np.zeros((4, 4), np.uint8)
    assert eight_bits(small, 12) is small


def test_large_films_are_scaled_in_pieces_alike():
    large = np.random.default_rng(0).integers(0, 1 << 16, (1100, 2000)).astype(np.uint16)
    assert np.array_equal(eight_bits(large), (large.astype(np.uint32) + 128) // 257)


def test_what_was_done_is_said_in_a_line():
    assert described(Depth(12, 17, {"Normal/x": 16})) == (
        "17 films of 16 bits a pixel: values up to 4095 (12 bits) became 0 to 255; scaled by their own, as they need "
        "more: Normal/x (16 bits)"
    )
