"""Films that two datasets share."""

import numpy as np

from benchmark.data.shared_films import IDENTICAL, SEARCHED, Films, Memory, shared_films
from registry.contracts import Sample
from tests.data.test_copies import crop, film, sample


def films(names, images, rows=None):
    rows = np.arange(len(names)) if rows is None else np.array(rows)
    samples = [Sample(id=name, label="a", source=None, group=name, read_image=images.copy) for name in names]
    return Films(samples, rows, images)


def test_films_that_were_learnt_from_are_named_with_the_one_that_they_are():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 8, 8), np.uint8)
    others = np.concatenate([rng.integers(0, 256, (3, 8, 8), np.uint8), images[2:3], images[:1]])
    ours, theirs = films(["b", "c", "d"], images, [1, 2, 3]), films(["x", "z"], others, [1, 3])
    pairs, how, memory = shared_films(ours, theirs, Memory(), lambda *told: None)
    assert pairs == {"c": "z"}  # the first of ours, and so the last of theirs, is not asked about
    assert (how, memory) == (IDENTICAL, None)


def test_a_crop_of_a_film_that_was_learnt_from_is_found_and_remembered(tmp_path):
    nothing = np.zeros((20, 8, 8), np.uint8)
    nothing[:] = np.arange(20)[:, None, None]
    learnt = [sample(tmp_path / "learnt" / f"{seed}.png", film(seed)) for seed in range(16)]
    own = [
        sample(tmp_path / "own" / name, pixels)
        for name, pixels in (("crop.png", crop(film(7), 0.8)), ("b.png", film(99)))
    ]
    ours, theirs = Films(own, np.array([18, 19]), nothing), Films(learnt, np.arange(16), nothing)
    pairs, how, memory = shared_films(ours, theirs, Memory(), lambda *told: None)
    assert pairs == {own[0].id: learnt[7].id}
    assert how == SEARCHED
    assert shared_films(ours, theirs, Memory(memory), lambda *told: None)[:2] == (pairs, how)
