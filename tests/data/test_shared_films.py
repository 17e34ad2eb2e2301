"""Films that two datasets share."""

import numpy as np

from benchmark.data.shared_films import IDENTICAL, Films, Memory, shared_films
from registry.contracts import Sample


def films(names, images, rows=None):
    rows = np.arange(len(names)) if rows is None else np.array(rows)
    samples = [Sample(id=name, label="a", source=None, group=name, read_image=images.copy) for name in names]
    return Films(samples, rows, images)


def test_films_that_were_learnt_from_are_named_with_the_one_that_they_are():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 8, 8), np.uint8)
    others = np.concatenate([rng.integers(0, 256, (3, 8, 8), np.uint8), images[2:3], images[:1]])
    ours, theirs = films(["b", "c", "d"], images, [1, 2, 3]), films(["x", "z"], others, [1, 3])
    pairs, how, memory = shared_films(ours, theirs, Memory(), lambda text: None)
    assert pairs == {"c": "z"}  # the first of ours, and so the last of theirs, is not asked about
    assert (how, memory) == (IDENTICAL, None)
