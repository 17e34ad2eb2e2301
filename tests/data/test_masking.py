import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmark.data.masking import MASKINGS, apply_masks, equalise_inside, view
from registry.errors import UnknownNameError
from tests import xrays

radiographs = arrays(np.uint8, (2, 12, 9))
masks = arrays(bool, (2, 12, 9))


@settings(deadline=None)
@given(radiographs, masks)
def test_multiply_blackens_the_rest_and_nothing_else(radiographs, masks):
    masked = apply_masks(radiographs, masks, "multiply")
    assert np.array_equal(masked[masks], radiographs[masks])
    assert not masked[~masks].any()


@settings(deadline=None)
@given(radiographs, masks)
def test_mean_fill_paints_the_rest_in_the_mean_of_the_lungs(radiographs, masks):
    masked = apply_masks(radiographs, masks, "mean-fill")
    assert np.array_equal(masked[masks], radiographs[masks])
    for radiograph, mask, result in zip(radiographs, masks, masked, strict=True):
        inside = radiograph[mask] if mask.any() else radiograph
        assert (np.abs(result[~mask].astype(float) - inside.mean()) <= 0.5).all()


@settings(deadline=None)
@given(radiographs, masks)
def test_whatever_the_masking_shape_and_depth_stay_and_the_input_too(radiographs, masks):
    before = radiographs.copy()
    for how in MASKINGS:
        masked = apply_masks(radiographs, masks, how)
        assert (masked.shape, masked.dtype) == (radiographs.shape, np.uint8)
    assert np.array_equal(radiographs, before)


def test_crop_enlarges_the_box_of_the_lungs_with_its_margin():
    radiograph = np.zeros((100, 100), np.uint8)
    mask = np.zeros((100, 100), bool)
    mask[30:70, 20:80] = True  # 40 rows and 60 columns, so margins of 2 and 3: the crop is [28:72, 17:83]
    radiograph[28:72, 19:81] = 200
    (cropped,) = apply_masks(radiograph[None], mask[None], "crop")
    assert (cropped[:, 5:-5] == 200).all()
    assert not cropped[:, [0, -1]].any()  # columns 17 and 82


def test_crop_shows_what_lies_between_the_lungs():
    radiograph, mask = xrays.radiograph(), xrays.lungs()
    mask[:] = False
    mask[0, 0] = mask[-1, -1] = True
    assert np.array_equal(apply_masks(radiograph[None], mask[None], "crop")[0], radiograph)


def test_crop_with_an_empty_mask_is_the_whole_image():
    radiograph = xrays.radiograph()
    assert np.array_equal(apply_masks(radiograph[None], np.zeros((1, 40, 40), bool), "crop")[0], radiograph)


def test_memory_mapped_images_give_plain_arrays(tmp_path):
    np.save(tmp_path / "radiographs.npy", xrays.radiograph()[None])
    mapped = np.load(tmp_path / "radiographs.npy", mmap_mode="r")
    for how in MASKINGS:
        assert type(apply_masks(mapped, xrays.lungs()[None], how)) is np.ndarray


def test_an_unknown_masking_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean multiply"):
        apply_masks(xrays.radiograph()[None], xrays.lungs()[None], "multipli")


@settings(deadline=None)
@given(radiographs)
def test_equalising_inside_the_whole_frame_is_opencvs_equalisation(radiographs):
    whole = equalise_inside(radiographs, np.ones(radiographs.shape, bool))
    opencvs = np.array([cv2.equalizeHist(radiograph) for radiograph in radiographs], int)
    assert np.abs(whole - opencvs).max() <= 1  # it scales in float32, so exact halves may fall the other way
    assert np.array_equal(whole, equalise_inside(radiographs, np.zeros(radiographs.shape, bool)))


@settings(deadline=None)
@given(radiographs, masks, st.integers(0, 255))
def test_pixels_outside_do_not_change_the_equalisation_inside(radiographs, masks, grey):
    masks[:, 2, 2:4] = True
    other = np.where(masks, radiographs, np.uint8(grey))
    assert np.array_equal(equalise_inside(radiographs, masks)[masks], equalise_inside(other, masks)[masks])


@settings(deadline=None)
@given(radiographs, masks)
def test_a_view_is_equalised_inside_the_masks_before_they_are_applied(radiographs, masks):
    for how in MASKINGS:
        assert np.array_equal(
            view(radiographs, masks, equalise="clahe", mask=how), apply_masks(radiographs, masks, how)
        )
        inside = apply_masks(equalise_inside(radiographs, masks), masks, how)
        assert np.array_equal(view(radiographs, masks, equalise="lungs", mask=how), inside)


@settings(deadline=None)
@given(radiographs)
def test_without_masks_a_view_is_the_whole_frame(radiographs):
    for how in MASKINGS:
        assert np.array_equal(view(radiographs, None, equalise="none", mask=how), radiographs)
        whole = equalise_inside(radiographs, np.ones(radiographs.shape, bool))
        assert np.array_equal(view(radiographs, None, equalise="lungs", mask=how), whole)
