import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmark.data.masking import MASKINGS, apply_masks, equalise_inside, view
from registry.errors import UnknownNameError
from tests import xrays

films = arrays(np.uint8, (2, 12, 9))
masks = arrays(bool, (2, 12, 9))


@settings(deadline=None)
@given(films, masks)
def test_multiply_blackens_the_rest_and_nothing_else(films, masks):
    masked = apply_masks(films, masks, "multiply")
    assert np.array_equal(masked[masks], films[masks])
    assert not masked[~masks].any()


@settings(deadline=None)
@given(films, masks)
def test_mean_fill_paints_the_rest_in_the_mean_of_the_lungs(films, masks):
    masked = apply_masks(films, masks, "mean-fill")
    assert np.array_equal(masked[masks], films[masks])
    for film, mask, result in zip(films, masks, masked, strict=True):
        inside = film[mask] if mask.any() else film
        assert (np.abs(result[~mask].astype(float) - inside.mean()) <= 0.5).all()


@settings(deadline=None)
@given(films, masks)
def test_whatever_the_masking_shape_and_depth_stay_and_the_input_too(films, masks):
    before = films.copy()
    for how in MASKINGS:
        masked = apply_masks(films, masks, how)
        assert (masked.shape, masked.dtype) == (films.shape, np.uint8)
    assert np.array_equal(films, before)


def test_crop_enlarges_the_box_of_the_lungs_with_its_margin():
    film = np.zeros((100, 100), np.uint8)
    mask = np.zeros((100, 100), bool)
    mask[30:70, 20:80] = True  # 40 rows and 60 columns, so margins of 2 and 3: the crop is [28:72, 17:83]
    film[28:72, 19:81] = 200
    (cropped,) = apply_masks(film[None], mask[None], "crop")
    assert (cropped[:, 5:-5] == 200).all()
    assert not cropped[:, [0, -1]].any()  # columns 17 and 82


def test_crop_shows_what_lies_between_the_lungs():
    film, mask = xrays.film(), xrays.lungs()
    mask[:] = False
    mask[0, 0] = mask[-1, -1] = True
    assert np.array_equal(apply_masks(film[None], mask[None], "crop")[0], film)


def test_crop_with_an_empty_mask_is_the_whole_image():
    film = xrays.film()
    assert np.array_equal(apply_masks(film[None], np.zeros((1, 40, 40), bool), "crop")[0], film)


def test_memory_mapped_images_give_plain_arrays(tmp_path):
    np.save(tmp_path / "films.npy", xrays.film()[None])
    mapped = np.load(tmp_path / "films.npy", mmap_mode="r")
    for how in MASKINGS:
        assert type(apply_masks(mapped, xrays.lungs()[None], how)) is np.ndarray


def test_an_unknown_masking_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean multiply"):
        apply_masks(xrays.film()[None], xrays.lungs()[None], "multipli")


@settings(deadline=None)
@given(films)
def test_equalising_inside_the_whole_frame_is_opencvs_equalisation(films):
    whole = equalise_inside(films, np.ones(films.shape, bool))
    opencvs = np.array([cv2.equalizeHist(film) for film in films], int)
    assert np.abs(whole - opencvs).max() <= 1  # it scales in float32, so exact halves may fall the other way
    assert np.array_equal(whole, equalise_inside(films, np.zeros(films.shape, bool)))


@settings(deadline=None)
@given(films, masks, st.integers(0, 255))
def test_pixels_outside_do_not_change_the_equalisation_inside(films, masks, grey):
    masks[:, 2, 2:4] = True
    other = np.where(masks, films, np.uint8(grey))
    assert np.array_equal(equalise_inside(films, masks)[masks], equalise_inside(other, masks)[masks])


@settings(deadline=None)
@given(films, masks)
def test_a_view_is_equalised_inside_the_masks_before_they_are_applied(films, masks):
    for how in MASKINGS:
        assert np.array_equal(view(films, masks, equalise="clahe", mask=how), apply_masks(films, masks, how))
        inside = apply_masks(equalise_inside(films, masks), masks, how)
        assert np.array_equal(view(films, masks, equalise="lungs", mask=how), inside)


@settings(deadline=None)
@given(films)
def test_without_masks_a_view_is_the_whole_frame(films):
    for how in MASKINGS:
        assert np.array_equal(view(films, None, equalise="none", mask=how), films)
        whole = [cv2.equalizeHist(film) for film in films]
        assert np.array_equal(view(films, None, equalise="lungs", mask=how), whole)
