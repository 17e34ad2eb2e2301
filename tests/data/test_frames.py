"""Films that are not square, and masks that are none of lungs: what preparation makes of them and who counts what."""

import cv2
import numpy as np
import pytest

from benchmark.data import control_views
from benchmark.data.frames import film_pixels, frame_of
from benchmark.data.mask_faults import mask_fault
from benchmark.data.masking import apply_masks, equalise_inside, view
from benchmark.evaluation.localisation import localisation
from benchmark.evaluation.masks import implausible, mask_agreement
from benchmark.stages.explain import mean_heat
from registry.errors import DataError
from tests import xrays
from tests.data.test_prepare import prepared, synthetic

TALL, WIDE = (96, 48), (48, 96)
SIZE = 64


def film(shape, number=0, **fields):
    fields = {"mask": xrays.lungs(shape), "lesion": xrays.lungs(shape), "mask_annotator": "me"} | fields
    return synthetic(number, image=xrays.radiograph(number, shape), **fields)


def small(picture, wide, high):
    return cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA)


def test_a_film_keeps_its_aspect_ratio_and_is_equalised_before_its_bars_are_added(tmp_path):
    found = prepared([film(TALL, 0), film(WIDE, 1)], tmp_path / "out", size=SIZE, equalise="histogram")
    assert found.frames.tolist() == [[0, 16, 64, 32], [16, 0, 32, 64]]
    expected = cv2.equalizeHist(small(xrays.radiograph(0, TALL), 32, 64))
    assert np.array_equal(found.images[0][:, 16:48], expected)
    assert not found.images[0][:, :16].any() and not found.images[0][:, 48:].any()
    assert found.notices == (
        "2 of 2 films are not square: they keep their aspect ratio, with black bars beside them (images.fit)",
    )


def test_masks_and_lesions_lie_where_their_film_does(tmp_path):
    found = prepared([film(TALL, 0), film(WIDE, 1, mask=xrays.lungs((96, 192)))], tmp_path / "out", size=SIZE)
    for masks in (found.masks(), found.lesions()):
        assert np.array_equal(masks[0][:, 16:48], xrays.lungs((64, 32)))
        assert np.array_equal(masks[1][16:48], xrays.lungs((32, 64)))
        assert masks.sum() == 2 * xrays.lungs((64, 32)).sum()
    assert np.array_equal(found.films(np.array([1]))[0], film_pixels(found.frames[1:], SIZE)[0])


def test_stretched_and_cut_films_fill_their_images(tmp_path):
    stretched = prepared([film(TALL)], tmp_path / "stretch", size=SIZE, fit="stretch")
    assert stretched.frames is None
    linear = cv2.resize(xrays.radiograph(0, TALL), (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(stretched.images[0], linear)
    cut = prepared([film(TALL, mask=xrays.lungs((192, 96)))], tmp_path / "crop", size=32, fit="crop")
    assert cut.frames is None
    assert np.array_equal(cut.images[0], small(xrays.radiograph(0, TALL)[24:72], 32, 32))
    assert np.array_equal(
        cut.lesions()[0], cv2.resize(xrays.lungs(TALL)[24:72].view(np.uint8), (32, 32), None, 0, 0, 0)
    )
    assert np.array_equal(
        cut.masks()[0], cv2.resize(xrays.lungs((192, 96))[48:144].view(np.uint8), (32, 32), None, 0, 0, 0)
    )
    assert "cut to the square" in cut.notices[0]


def test_a_square_film_is_the_same_however_others_are_fitted(tmp_path):
    made = [prepared([film((80, 80))], tmp_path / fit, size=SIZE, fit=fit) for fit in ("pad", "stretch", "crop")]
    assert all(one.frames is None and not one.notices for one in made)
    assert len({one.images.tobytes() for one in made}) == len({one.masks().tobytes() for one in made}) == 1


def test_square_films_among_others_have_whole_frames(tmp_path):
    found = prepared([film((80, 80), 0), film(WIDE, 1)], tmp_path / "out", size=SIZE)
    assert found.frames.tolist()[0] == [0, 0, SIZE, SIZE]


def test_a_mask_of_another_aspect_ratio_is_refused(tmp_path):
    with pytest.raises(DataError, match="mask of 103×100 pixels does not fit"):
        prepared([film((80, 80), mask=xrays.lungs((100, 103)))], tmp_path / "out")


FRAMES = np.array([frame_of(TALL, SIZE, "pad"), frame_of(WIDE, SIZE, "pad")])
FILMS = film_pixels(FRAMES, SIZE)
IMAGES = np.stack([xrays.radiograph(n, (SIZE, SIZE)) | 1 for n in range(2)]) * FILMS
NONE = np.zeros(FILMS.shape, bool)


def on_film(pictures):
    """What of pictures (2, H, W) lies on their films."""
    return [one[film.any(axis=1)][:, film.any(axis=0)] for one, film in zip(pictures, FILMS, strict=True)]


@pytest.mark.parametrize("how", ["multiply", "mean-fill"])
@pytest.mark.parametrize("equalise", ["lungs", "none"])
def test_bars_stay_black_and_change_nothing(how, equalise):
    lungs = FILMS.copy()
    lungs[0, :10], lungs[1, :, :10] = False, False
    shown = view(IMAGES, lungs, equalise=equalise, mask=how, frames=FRAMES)
    assert not shown[~FILMS].any()
    for image, mask, found in zip(on_film(IMAGES), on_film(lungs), on_film(shown), strict=True):
        assert np.array_equal(found, view(image[None], mask[None], equalise=equalise, mask=how)[0])


def test_a_crop_never_reaches_into_the_bars():
    lungs = FILMS.copy()  # the whole film: a margin would be made of bars
    assert apply_masks(IMAGES, lungs, "crop", FRAMES).all()
    assert not apply_masks(IMAGES, lungs, "crop").all()


def test_the_whole_film_is_equalised_without_its_bars():
    shown = view(IMAGES, None, equalise="lungs", mask="multiply", frames=FRAMES)
    assert np.array_equal(shown, equalise_inside(IMAGES, FILMS))
    assert not shown[~FILMS].any()
    filled = apply_masks(IMAGES, NONE, "mean-fill", FRAMES)
    assert abs(float(filled[FILMS].mean()) - float(IMAGES[FILMS].mean())) < 1


def test_controls_see_films_without_bars():
    for seen in (control_views.border, control_views.thumbnail):
        assert seen(IMAGES, FRAMES).min() > 0
        assert seen(IMAGES).min() == 0
    whole = control_views.mask_shape(FILMS, FRAMES)
    assert np.array_equal(whole, np.ones_like(whole))


def test_shares_of_the_area_are_those_of_the_film():
    region = FILMS.copy()
    region[0, 32:], region[1, :, 32:] = False, False  # half of each film
    heat = np.ones((2, 8, 8))
    assert localisation(heat, region, FILMS).enrichment == pytest.approx([1, 1])
    assert localisation(heat, region).enrichment == pytest.approx([1, 1])
    assert localisation(heat, region, FILMS).share == pytest.approx([0.5, 0.5])
    assert localisation(heat, region).share == pytest.approx([0.25, 0.25])
    mean, _ = mean_heat(heat, (SIZE, SIZE), FILMS)
    assert mean[0, 0] == 0 and mean[32, 32] == pytest.approx(1) and mean[0, 32] == pytest.approx(0.5)


def test_masks_are_judged_on_the_film():
    predicted = FILMS.copy()
    predicted[0, 32:], predicted[1, :, 32:] = False, False
    assert mask_agreement(FILMS, predicted, FILMS)["pixel-accuracy"] == pytest.approx([0.5, 0.5])
    assert mask_agreement(FILMS, predicted)["pixel-accuracy"] == pytest.approx([0.75, 0.75])
    lungs = np.zeros((1, SIZE, SIZE), bool)
    lungs[0, 20:44] = xrays.lungs((24, 64))
    strip = np.zeros((1, SIZE, SIZE), bool)
    strip[0, 20:44] = True
    assert not implausible(lungs, strip)[0]


@pytest.mark.parametrize(
    ("mask", "fault"),
    [
        (xrays.lungs(), ""),
        (~xrays.lungs(), "inverted"),
        (np.zeros((40, 40), bool), "empty"),
        (np.ones((40, 40), bool), "full"),
        (np.arange(40)[:, None] < np.full((40, 40), 30), ""),  # lungs cut by the upper edge and the sides
    ],
)
def test_a_mask_is_empty_full_inverted_or_may_be_one_of_lungs(mask, fault):
    assert mask_fault(mask.astype(np.uint8)) == fault


def faulty(count, of):
    masks = [~xrays.lungs() if n < count else xrays.lungs() for n in range(of)]
    return [synthetic(n, mask=mask, mask_annotator="me") for n, mask in enumerate(masks)]


def test_masks_that_are_nearly_all_inverted_are_refused_with_the_remedy_and_turned_round_by_it(tmp_path):
    with pytest.raises(DataError, match=r"^9 of 10 lung masks are inverted .*--set images.inverted_masks=true$"):
        prepared(faulty(9, 10), tmp_path / "out")
    assert not any((tmp_path / "out").iterdir())
    found = prepared(faulty(10, 10), tmp_path / "turned", size=32, inverted_masks=True)
    assert np.array_equal(found.masks()[0], xrays.lungs((32, 32)))


def test_some_such_masks_are_listed(tmp_path):
    found = prepared(faulty(2, 10), tmp_path / "out")
    assert found.notices == ("2 of 10 lung masks are inverted (white outside the lungs): s0, s1",)


def deep(number, brightest):
    ramp = np.linspace(0, brightest, 64 * 64).reshape(64, 64).astype(np.uint16)
    return synthetic(number, image=np.roll(ramp, number, axis=1))


def test_films_of_sixteen_bits_are_scaled_by_what_their_dataset_needs(tmp_path):
    samples = [synthetic(0), *(deep(n, 4095) for n in range(1, 5)), deep(5, 1023), deep(6, 65535)]
    found = prepared(samples, tmp_path / "out", size=SIZE)
    assert found.depth == (12, 6, {"s6": 16})
    assert found.images[1:].max(axis=(1, 2)).tolist() == [255] * 4 + [64, 255]
    assert found.ids.tolist() == [f"s{n}" for n in range(7)]
    assert np.array_equal(found.images[0], prepared([synthetic(0)], tmp_path / "alone", size=SIZE).images[0])
    assert "scaled by their own, as they need more: s6 (16 bits)" in found.notices[0]


def test_threads_change_nothing_for_films_of_sixteen_bits_either(tmp_path):
    samples = [
        synthetic(n, image=deep(n, 4095).read_image(), paths=("a file",)) if n % 3 else synthetic(n, paths=("a file",))
        for n in range(60)
    ]
    one, many = (prepared(samples, tmp_path / str(count), workers=count) for count in (1, 4))
    for name in ("images.npy", "masks.npy", "index.json"):
        assert (one.folder / name).read_bytes() == (many.folder / name).read_bytes()
