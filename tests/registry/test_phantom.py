import hashlib
import os
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.contracts import Dataset, Sample
from registry.datasets.phantom import anatomy, findings, readers
from registry.datasets.phantom.catalogue import phantom
from registry.options import read_options
from tests import phantom_measurements as measured

DIGEST_OF = """
import hashlib
from registry.datasets.phantom.catalogue import phantom
digest = hashlib.sha256()
for sample in phantom(None, count=24, seed=3).samples():
    for read in (sample.read_image, sample.read_mask, sample.read_lesion):
        digest.update(read().tobytes())
print(digest.hexdigest())
"""


@pytest.fixture(scope="module")
def radiographs() -> measured.Radiographs:
    return measured.draw(count=480, seed=1)


@pytest.fixture(scope="module")
def betrayed() -> measured.Radiographs:
    return measured.draw(count=240, seed=1, shortcut=1.0, regions=False)


def samples(**options: object) -> list[Sample]:
    return list(phantom(None, **options).samples())


def test_it_is_a_dataset_whose_notice_says_that_the_radiographs_are_drawn():
    dataset = phantom(None)
    assert isinstance(dataset, Dataset)
    assert dataset.name == "phantom"
    assert dataset.labels == ("COVID", "Lung_Opacity", "Normal", "Viral Pneumonia")
    assert "drawn" in dataset.notices[0]
    assert "patients" in dataset.notices[0]


def test_options_have_types_and_ranges_that_a_command_line_can_check():
    options = {option.name: option for option in read_options(phantom)}
    assert list(options) == ["count", "size", "proportions", "difficulty", "shortcut", "lettering", "seed"]
    assert options["proportions"].choices == ("equal", "crd")
    assert options["shortcut"].default == options["lettering"].default == 0


@given(
    size=st.integers(32, 200),
    difficulty=st.floats(0, 1),
    shortcut=st.floats(0, 1),
    lettering=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=15, deadline=None)
def test_every_radiograph_has_lungs_of_plausible_size_and_a_lesion_inside_them_unless_normal(size, **options):
    for sample in samples(count=4, size=size, **options):
        image, mask, lesion = sample.read_image(), sample.read_mask(), sample.read_lesion()
        assert image.shape == mask.shape == lesion.shape == (size, size)
        assert (image.dtype, mask.dtype, lesion.dtype) == (np.uint8, bool, bool)
        assert 0.1 < mask.mean() < 0.5
        assert np.ptp(image) > 100
        assert not (lesion & ~mask).any()
        assert lesion.any() == (sample.label != "Normal")


# Of images, masks and lesions, as they were drawn before there was an option called lettering.
@pytest.mark.parametrize(
    ("options", "digest"),
    [
        ({"count": 24, "size": 64}, "23e9a4c20b0a64d2"),
        ({"count": 24, "size": 150, "seed": 3, "shortcut": 1.0, "difficulty": 0.9}, "2d021bbe5b5e1ba7"),
        ({"count": 24, "size": 32, "seed": 7, "shortcut": 0.5, "proportions": "crd"}, "11a6a364f474d8cf"),
    ],
)
def test_known_answers_rest_on_every_bit_of_a_phantom_without_large_marks(options, digest):
    drawn = hashlib.sha256()
    for sample in samples(**options):
        drawn.update(f"{sample.id} {sample.source} {sample.group}".encode())
        for read in (sample.read_image, sample.read_mask, sample.read_lesion):
            drawn.update(read().tobytes())
    assert drawn.hexdigest()[:16] == digest


def test_samples_name_label_hospital_patient_and_maker_of_the_mask():
    listed = samples(count=400)
    assert len({sample.id for sample in listed}) == 400
    assert {sample.source for sample in listed} == {"hospital-a", "hospital-b", "hospital-c"}
    assert {sample.mask_annotator for sample in listed} == {"drawn"}
    assert {sample.paths for sample in listed} == {()}


def test_listing_radiographs_draws_nothing(monkeypatch):
    monkeypatch.setattr(readers, "draw_anatomy", lambda rng: pytest.fail("drawn"))
    assert len(samples(count=20_000)) == 20_000


def test_proportions_are_equal_or_those_of_the_published_database():
    assert set(Counter(sample.label for sample in samples(count=1200)).values()) == {300}
    published = Counter(sample.label for sample in samples(count=21_165, proportions="crd"))
    assert published == {"COVID": 3616, "Lung_Opacity": 6012, "Normal": 10192, "Viral Pneumonia": 1345}


def test_shares_that_do_not_divide_go_to_the_largest_remainders():
    # 100 × (3616, 6012, 10192, 1345) / 21165 = 17.08, 28.41, 48.15, 6.35
    counted = Counter(sample.label for sample in samples(count=100, proportions="crd"))
    assert counted == {"COVID": 17, "Lung_Opacity": 29, "Normal": 48, "Viral Pneumonia": 6}


def test_radiographs_of_a_patient_share_label_hospital_and_anatomy(monkeypatch):
    drawn = []
    monkeypatch.setattr(readers, "draw_anatomy", lambda rng: drawn.append(anatomy.draw_anatomy(rng)) or drawn[-1])
    listed = samples(count=120)
    sizes = Counter(sample.group for sample in listed)
    assert set(sizes.values()) == {1, 2, 3}
    group = next(group for group, size in sizes.items() if size == 3)
    radiographs = [sample for sample in listed if sample.group == group]
    assert len({(radiograph.label, radiograph.source) for radiograph in radiographs}) == 1
    assert len({radiograph.read_image().tobytes() for radiograph in radiographs}) == 3
    assert all(np.array_equal(drawn[0].lungs, other.lungs) and drawn[0].fat == other.fat for other in drawn)


def test_different_patients_differ_in_anatomy():
    first, second = (anatomy.draw_anatomy(np.random.default_rng(seed)) for seed in (0, 1))
    assert not np.allclose(first.lungs, second.lungs, atol=0.01)


def test_a_larger_count_only_appends():
    few, many = ({s.id: s for s in samples(count=count, seed=5)} for count in (40, 80))
    assert few.keys() < many.keys()
    assert all(few[name].group == many[name].group and few[name].source == many[name].source for name in few)
    assert np.array_equal(few["Normal-10"].read_image(), many["Normal-10"].read_image())


def test_the_same_radiograph_is_drawn_at_every_size():
    small, large = (samples(count=4, size=size)[0].read_image() for size in (64, 256))
    shrunk = large.reshape(64, 4, 64, 4).mean(axis=(1, 3))
    assert np.corrcoef(small.ravel(), shrunk.ravel())[0, 1] > 0.98


def test_two_processes_draw_the_same_bytes_and_leave_global_randomness_alone():
    before = np.random.get_state()[1].copy()
    digest = hashlib.sha256()
    for sample in samples(count=24, seed=3):
        for read in (sample.read_image, sample.read_mask, sample.read_lesion):
            digest.update(read().tobytes())
    assert np.array_equal(np.random.get_state()[1], before)
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).parents[2])}
    answer = subprocess.run(
        [sys.executable, "-c", DIGEST_OF], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == digest.hexdigest()


def test_readers_draw_the_same_after_pickling_and_in_any_order():
    sample = samples(count=8)[1]
    copy = pickle.loads(pickle.dumps(sample))
    lesion, mask, image = copy.read_lesion(), copy.read_mask(), copy.read_image()
    assert np.array_equal(image, sample.read_image())
    assert np.array_equal(mask, sample.read_mask())
    assert np.array_equal(lesion, sample.read_lesion())


def test_another_seed_draws_other_radiographs():
    first, second = (samples(count=4, seed=seed)[0].read_image() for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_covid_lies_in_both_lungs_mostly_below_and_outside(radiographs):
    covid = radiographs.labels == "COVID"
    lesions, masks = radiographs.lesions[covid], radiographs.masks[covid]
    assert (lesions[:, :, :32].any(axis=(1, 2)) & lesions[:, :, 32:].any(axis=(1, 2))).all()
    rows = np.arange(64)[None, :, None]
    assert (lesions * rows).sum() / lesions.sum() > (masks * rows).sum() / masks.sum() + 3
    outward = np.abs(np.arange(64) - 31.5)[None, None, :]
    assert (lesions * outward).sum() / lesions.sum() > (masks * outward).sum() / masks.sum() + 1


def test_ground_glass_at_difficulty_0_has_three_times_the_contrast_of_1(monkeypatch):
    contrasts = []
    glass = readers.DISEASES["COVID"]
    monkeypatch.setitem(readers.DISEASES, "COVID", lambda *given: contrasts.append(given[-1]) or glass(*given))
    easy, hard = (samples(count=4, difficulty=difficulty)[0].read_image() for difficulty in (0.0, 1.0))
    assert contrasts == [1.5, 0.5]
    lesion = samples(count=4)[0].read_lesion()
    assert easy[lesion].std() > 1.2 * hard[lesion].std()  # ribs and vessels are in it too


# On 1,200 radiographs all three scores lie between .46 and .52; at 480 one standard error is about .026.
def test_a_thumbnail_does_not_tell_covid(radiographs):
    assert measured.linear_score(measured.thumbnails(radiographs.equalised), radiographs) < 0.62
    assert measured.linear_score(measured.thumbnails(radiographs.equalised * radiographs.masks), radiographs) < 0.62


def test_the_border_alone_does_not_tell_covid(radiographs):
    assert measured.linear_score(measured.borders(radiographs.equalised), radiographs) < 0.6


def test_without_a_shortcut_hospitals_do_not_follow_the_label():
    listed = samples(count=4000)
    for label in phantom(None).labels:
        shares = Counter(sample.source for sample in listed if sample.label == label)
        assert all(abs(count / 1000 - 1 / 3) < 0.08 for count in shares.values())


def test_with_a_full_shortcut_covid_has_a_hospital_of_its_own(betrayed):
    assert set(betrayed.sources[betrayed.labels == "COVID"]) == {"hospital-a"}
    assert set(betrayed.sources[betrayed.labels != "COVID"]) == {"hospital-b", "hospital-c"}
    assert measured.linear_score(measured.borders(betrayed.equalised), betrayed) > 0.9


def test_half_a_shortcut_betrays_half_of_the_patients():
    listed = [sample for sample in samples(count=8000, shortcut=0.5) if sample.label == "COVID"]
    share = np.mean([sample.source == "hospital-a" for sample in listed])
    assert abs(share - (0.5 + 0.5 / 3)) < 0.05


@pytest.fixture(scope="module")
def lettered() -> measured.Radiographs:
    return measured.draw(count=240, seed=1, lettering=1.0, regions=False)


def test_full_lettering_gives_covid_a_hospital_and_a_border_of_its_own(lettered):
    assert set(lettered.sources[lettered.labels == "COVID"]) == {"hospital-a"}
    assert set(lettered.sources[lettered.labels != "COVID"]) == {"hospital-b", "hospital-c"}
    assert measured.linear_score(measured.borders(lettered.equalised), lettered) > 0.98


def test_half_of_the_lettering_marks_half_of_the_patients_of_every_label():
    listed = samples(count=8000, lettering=0.5)
    telling = {sample.group: sample.read_image.args[0].plate for sample in listed}
    for label in phantom(None).labels:
        shares = [one for group, one in telling.items() if group.startswith(label)]
        assert abs(np.mean(shares) - 0.5) < 0.05
    covid = np.mean([sample.source == "hospital-a" for sample in listed if sample.label == "COVID"])
    assert abs(covid - (0.5 + 0.5 / 3)) < 0.05


def test_lettering_changes_nothing_but_what_lies_over_the_patient():
    for plain, marked in zip(samples(count=40), samples(count=40, lettering=1.0), strict=True):
        assert np.array_equal(plain.read_mask(), marked.read_mask())
        assert np.array_equal(plain.read_lesion(), marked.read_lesion())
        outside = ~cv2.dilate((plain.read_marks() | marked.read_marks()).astype(np.uint8), np.ones((3, 3))).astype(bool)
        lungs = outside & plain.read_mask()
        assert np.array_equal(plain.read_image()[lungs], marked.read_image()[lungs])


def test_large_plates_are_half_light_half_dark_and_never_touch_the_lungs():
    near = np.ones((3, 3), np.uint8)
    for seed in range(3):
        for sample in samples(count=200, seed=seed, lettering=1.0):
            marks, image = sample.read_marks(), sample.read_image()
            assert (marks.dtype, marks.shape) == (bool, (64, 64))
            assert 0.05 < marks.mean() < 0.09
            assert not (marks & cv2.dilate(sample.read_mask().astype(np.uint8), near).astype(bool)).any()
            light, dark = (image[marks] > 200).mean(), (image[marks] < 50).mean()
            assert min(light, dark) > 0.15 and light + dark > 0.5
            within = [cv2.erode(marks.astype(np.uint8), near, iterations=depth) > 0 for depth in (2, 3)]
            ground = within[0] & ~within[1]  # between frame and letters
            assert (np.median(image[ground]) > 128) == (sample.label == "COVID")


def test_the_lungs_of_full_lettering_do_not_tell_covid_from_healthy(monkeypatch):
    # Equalisation spreads over the whole film: plates of unequal brightness would show inside the lungs.
    for label in readers.DISEASES:
        monkeypatch.setitem(readers.DISEASES, label, findings.healthy)
    seen = measured.draw(count=480, seed=1, lettering=1.0)
    assert measured.linear_score(measured.thumbnails(seen.equalised * seen.masks), seen) < 0.6


def test_the_usual_lettering_and_dark_edges_are_marks_too():
    listed = samples(count=80)
    marks = np.stack([sample.read_marks() for sample in listed])
    images = np.stack([sample.read_image() for sample in listed])
    assert marks.any(axis=(1, 2)).mean() > 0.9
    framed = marks[:, 20:44, [0, -1]].all(axis=1).any(axis=1)
    assert 0.1 < framed.mean() < 0.4
    assert images[marks & (np.arange(64) > 40)[None, :, None]].mean() < 60  # below, they are the collimator's alone
    lettered = marks & ~framed[:, None, None]
    brightest = [image[mark].max() for image, mark in zip(images, lettered, strict=True) if mark.any()]
    assert np.median(brightest) > 100  # the corners of a film are black


def test_brightness_alone_does_not_point_at_lesions(radiographs):
    assert 0.9 < measured.lesion_brightness(radiographs) < 1.35


@pytest.mark.real_data
@pytest.mark.skipif("BENCH_REAL_DATA" not in os.environ, reason="BENCH_REAL_DATA does not name a folder of X-rays")
def test_nine_radiographs_in_ten_look_like_real_ones_in_eight_statistics_of_ten(radiographs):
    real = measured.real_statistics(Path(os.environ["BENCH_REAL_DATA"]) / "crd-sample", 64)
    drawn = np.array(
        [measured.ten_statistics(*pair) for pair in zip(radiographs.images, radiographs.masks, strict=True)]
    )
    assert measured.share_like_real(drawn, real) >= 0.9
