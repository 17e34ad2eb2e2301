"""Films worth comparing: none is lost to the bound that spares most correlations."""

import numpy as np
import pytest

from benchmark.data import candidates as search
from benchmark.data.candidates import candidates, candidates_between, thumbnail, windows
from tests.data.test_copies import crop, film

NEAREST = 5


@pytest.fixture(scope="module")
def thumbnails():
    """Ninety films, every fifth a crop of another, one of them twice and one without content."""
    films = [film(seed, 128) for seed in range(70)] + [crop(film(seed, 128), 0.8) for seed in range(18)]
    films += [film(3, 128), np.full((128, 128), 90, np.uint8)]
    return np.stack([thumbnail(one) for one in films])


def correlations(ours, theirs):
    """(N, M) of each of our films by its best window with each of theirs whole, one by one."""
    cuts, wholes = windows(ours), windows(theirs)[0]
    return np.max([cut @ wholes.T for cut in cuts], axis=0)


def reached(pairs, alike, axis):
    """Of each film the correlations of its pairs, highest first, as far as they are asked for."""
    found = [[] for _ in range(alike.shape[axis])]
    for pair in pairs:
        found[pair[axis]].append(alike[tuple(pair)])
    return [sorted(one, reverse=True) for one in found]


@pytest.mark.parametrize("tile", [16, 1024])
def test_of_each_film_the_most_alike_are_those_of_a_search_of_all(thumbnails, monkeypatch, tile):
    monkeypatch.setattr(search, "TILE", tile)
    monkeypatch.setattr(search, "BLOCK", tile * 2)
    alike = correlations(thumbnails, thumbnails)
    np.fill_diagonal(alike, -2)
    pairs = {tuple(pair) for pair in candidates(thumbnails, lambda *_: None, NEAREST).tolist()}
    for one in range(len(thumbnails) - 1):
        for values in (alike[one], alike[:, one]):
            enough = np.sort(values)[-NEAREST] + 1e-4  # of equal ones any may be taken
            assert all((min(one, int(j)), max(one, int(j))) in pairs for j in np.flatnonzero(values > enough))
    assert len(pairs) <= 2 * NEAREST * len(thumbnails)
    assert not any(len(thumbnails) - 1 in pair for pair in pairs)  # without content
    assert {(seed, 70 + seed) for seed in range(18)} | {(3, 88)} <= pairs


def test_of_two_sets_the_most_alike_are_those_of_a_search_of_all(thumbnails):
    ours, theirs = thumbnails[70:89], thumbnails[:70]
    pairs = {tuple(pair) for pair in candidates_between(ours, theirs, lambda *_: None, NEAREST).tolist()}
    for alike in (correlations(ours, theirs), correlations(theirs, ours).T):
        for one, values in enumerate(alike):
            enough = np.sort(values)[-NEAREST] + 1e-4
            assert all((one, int(j)) in pairs for j in np.flatnonzero(values > enough))
    assert {(seed, seed) for seed in range(18)} | {(18, 3)} <= pairs
    assert len(pairs) <= 2 * NEAREST * len(ours)


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_fewer_films_than_are_asked_for_are_all_taken(thumbnails, count):
    pairs = candidates(thumbnails[:count], lambda *_: None, NEAREST)
    assert len(pairs) == count * (count - 1) // 2
    assert len(candidates_between(thumbnails[:count], thumbnails[10:12], lambda *_: None, NEAREST)) == 2 * count


def test_the_bound_is_one(thumbnails):
    cuts, basis = windows(thumbnails), search._directions(windows(thumbnails)[0])
    bounds = search._bounding(cuts[5], basis) @ search._bounding(cuts[0], basis).T
    assert (bounds >= cuts[5] @ cuts[0].T - 1e-5).all()
    assert (bounds[:-1, :-1] - cuts[5][:-1] @ cuts[0][:-1].T).mean() < 0.2  # and a narrow one
