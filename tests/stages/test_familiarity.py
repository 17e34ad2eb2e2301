"""What tells images unlike those that a run learnt from: planted photographs, and films turned or inverted."""

import zipfile

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from benchmark.data.descriptors import COUNT, descriptors
from benchmark.data.frames import film_pixels
from benchmark.data.image import prepare_image
from benchmark.data.samples import open_dataset
from benchmark.evaluation.familiarity import FILE, load_familiarity
from benchmark.stages import familiarity
from benchmark.tasks.spec import DatasetChoice
from registry.errors import DataError
from tests.stages import test_stages

SIZE = 64
context = test_stages.context  # a run's context, on two dozen images of noise


@pytest.fixture(scope="module")
def films():
    """uint8 (300, 64, 64) of the phantom."""
    choice = DatasetChoice("phantom", None, {"count": 300, "size": SIZE}, None, False)
    _, samples, _ = open_dataset(choice, 0)
    order = np.random.default_rng(0).permutation(300)
    return np.array([samples[place].read_image() for place in order])


@pytest.fixture(scope="module")
def known(films):
    """Fitted on 180 of them, the limit set on 60."""
    return familiarity.fit(descriptors(films[:180]), descriptors(films[180:240]))


def photographs():
    """uint8 (40, 64, 64): squares of a temple and of a flower."""
    rng, squares = np.random.default_rng(1), []
    for picture in load_sample_images().images:
        for _ in range(20):
            side = int(rng.integers(150, 420))
            top, left = (int(rng.integers(0, room - side)) for room in picture.shape[:2])
            grey = picture[top : top + side, left : left + side].mean(axis=2).astype(np.uint8)
            squares.append(prepare_image(grey, SIZE, lambda image: image, "pad"))
    return np.array(squares)


def test_photographs_and_films_inverted_upside_down_or_on_their_side_are_unlike_and_films_are_not(films, known):
    test = films[240:]
    assert known.unlike(descriptors(test)).mean() <= 0.08
    for odd in (photographs(), 255 - test, test[:, ::-1], np.rot90(test, axes=(1, 2)), np.rot90(test, 3, (1, 2))):
        assert known.unlike(descriptors(np.ascontiguousarray(odd))).mean() > 0.95


def test_the_distance_is_mahalanobiss_under_the_shrunk_covariance(films, known):
    """By scikit-learn's own, but for the ridge."""
    found = descriptors(films).astype(float)
    scaled = (found - known.centre) / known.scale
    shrunk = familiarity.LedoitWolf(assume_centered=True).fit(scaled[:180])
    np.testing.assert_allclose(known.distances(found), shrunk.mahalanobis(scaled), rtol=0.1)


def test_bars_beside_a_film_count_for_nothing(films):
    """A film of 64×32 between bars is described as that film is alone, whatever the bars hold."""
    frame = np.array([[0, 16, 64, 32]])
    padded = np.zeros((1, 64, 64), np.uint8)
    padded[0, :, 16:48] = films[0][:, 16:48]
    noisy = np.where(film_pixels(frame, 64), padded, 200).astype(np.uint8)
    assert descriptors(padded, frame).shape == (1, COUNT)
    np.testing.assert_array_equal(descriptors(padded, frame), descriptors(noisy, frame))
    assert not np.array_equal(descriptors(padded), descriptors(noisy))


@pytest.mark.parametrize(
    ("distances", "expected"),
    [([], np.inf), ([3.0], np.inf), (range(1, 100), 96), (range(1, 25), 24)],
)
def test_the_limit_is_the_order_statistic_that_leaves_a_twenty_fifth(distances, expected):
    """Of 99 it is the 96th, ceil(100 · .96); of 24 the largest; equally spaced ones have no longer tail than that."""
    limit = familiarity.limit_of(np.array([*distances], float))
    assert limit >= expected
    assert limit == expected or len(distances) > 1


def test_few_that_happen_to_be_alike_leave_room_beyond_the_largest():
    """Hand-worked: logarithms 0, .1, .2 have mean .1 and deviation .1; t at .96 with 2 degrees of freedom is 3.32."""
    limit = familiarity.limit_of(np.exp([0.0, 0.1, 0.2]))
    assert np.log(limit) == pytest.approx(0.1 + 3.320 * 0.1 * np.sqrt(4 / 3), abs=2e-3)


def test_the_stage_writes_what_is_fitted_with_the_count_of_false_alarms(context, tmp_path):
    folder = test_stages.build(context, familiarity, "familiarity")
    found = load_familiarity(folder / FILE)
    images = test_stages.radiographs()
    assert (found.calibration, found.tested) == (4, 4)
    assert found.false_alarms == found.unlike(descriptors(images[20:])).sum()
    again = familiarity.fit(descriptors(images[:12]), descriptors(images[16:20]))
    assert found.limit == again.limit  # what is stored is what was judged by
    assert {path.name for path in folder.iterdir()} == {FILE}


def test_equal_or_single_images_can_be_learnt_from():
    same = descriptors(np.repeat(test_stages.radiographs()[:1], 3, axis=0))
    assert not familiarity.fit(same, same).unlike(same).any()
    with pytest.warns(UserWarning, match="Only one sample"):
        assert familiarity.fit(same[:1], same[:0]).limit == np.inf


@pytest.mark.parametrize(
    "content", [b"", b"no archive", "objects", "shapes", "lacking", "nan", "zero", "negative", "text", "bomb"]
)
def test_a_damaged_file_is_one_line_and_runs_no_code(content, tmp_path):
    path = tmp_path / FILE
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        arrays = {"centre": np.zeros(2), "scale": np.ones(2), "factor": np.eye(2)}
        scalars = {} if content == "lacking" else {"limit": 1.0, "calibration": 3, "false_alarms": 0, "tested": 1}
        arrays |= {"factor": np.eye(3)} if content == "shapes" else {}
        arrays |= {"centre": np.array([0, np.nan])} if content == "nan" else {}
        arrays |= {"scale": np.zeros(2)} if content == "zero" else {}
        scalars |= {"negative": {"tested": -1}, "text": {"limit": "x"}}.get(content, {})
        arrays |= {"centre": np.array([Bomb(tmp_path / "ran"), None], object)} if content == "objects" else {}
        np.savez(path, **arrays, **scalars, allow_pickle=True)
        if content == "bomb":
            with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("more.npy", bytes(65 << 20))
    with pytest.raises(DataError, match="run the run again") as caught:
        load_familiarity(path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))
