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
    """(N, M) of each of our films by its best window with each of theirs whole, one by one and exactly."""
    cuts, wholes = windows(ours).astype(int), windows(theirs)[0].astype(int)
    return np.max([cut @ wholes.T for cut in cuts], axis=0)


def searched(alike):
    """Of each row the places of the highest, and of equal ones the first, row first."""
    return {(one, int(j)) for one, row in enumerate(alike) for j in np.argsort(-row, kind="stable")[:NEAREST]}


def searched_within(thumbnails):
    """The pairs of a search of all."""
    alike = correlations(thumbnails, thumbnails)
    np.fill_diagonal(alike, np.iinfo(int).min + 1)
    return {(min(pair), max(pair)) for pair in searched(alike) | searched(alike.T)}


def pairs_of(found):
    return {tuple(pair) for pair in found.tolist()}


@pytest.mark.parametrize("directions", [4, 63])
@pytest.mark.parametrize("tile", [16, 1024])
def test_pairs_are_those_of_a_search_of_all_whatever_the_bound_and_the_blocks(
    thumbnails, monkeypatch, tile, directions
):
    monkeypatch.setattr(search, "TILE", tile)
    monkeypatch.setattr(search, "BLOCK", tile * 2)
    monkeypatch.setattr(search, "DIRECTIONS", directions)
    pairs = pairs_of(candidates(thumbnails, lambda *_: None, NEAREST))
    assert pairs == searched_within(thumbnails[:-1])  # the last is without content
    assert {(seed, 70 + seed) for seed in range(18)} | {(3, 88)} <= pairs


def noise(random):
    return random.integers(0, 256, (60, 64, 64))


def few_patterns(random):
    """Films that lie among the directions of the bound but for their rounding to bytes."""
    patterns = np.stack([thumbnail(film(seed, 128)) for seed in range(4)])
    return np.tensordot(random.dirichlet(np.ones(4), 60), patterns, 1)


def repeated(random):
    """Twelve films five times each: more equal ones than are asked for."""
    return np.tile(random.integers(0, 256, (12, 64, 64)), (5, 1, 1))


def two_valued(random):
    """Films in black and white, with many equal correlations."""
    return np.kron(random.integers(0, 2, (60, 2, 2)) * 255, np.ones((32, 32)))


@pytest.mark.parametrize("drawn", [noise, few_patterns, repeated, two_valued])
@pytest.mark.parametrize("seed", range(3))
def test_drawn_films_find_those_that_a_search_of_all_finds(drawn, seed, monkeypatch):
    monkeypatch.setattr(search, "BLOCK", 16)
    monkeypatch.setattr(search, "TILE", 32)
    films = drawn(np.random.default_rng(seed)).astype(np.uint8)
    films = films[[one.min() < one.max() for one in films]]  # those of one value find nothing
    assert pairs_of(candidates(films, lambda *_: None, NEAREST)) == searched_within(films)


def test_of_two_sets_the_pairs_are_those_of_a_search_of_all(thumbnails):
    ours, theirs = thumbnails[70:89], thumbnails[:70]
    pairs = pairs_of(candidates_between(ours, theirs, lambda *_: None, NEAREST))
    backward = searched(correlations(theirs, ours).T)
    assert pairs == searched(correlations(ours, theirs)) | backward
    assert {(seed, seed) for seed in range(18)} | {(18, 3)} <= pairs


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_fewer_films_than_are_asked_for_are_all_taken(thumbnails, count):
    pairs = candidates(thumbnails[:count], lambda *_: None, NEAREST)
    assert len(pairs) == count * (count - 1) // 2
    assert len(candidates_between(thumbnails[:count], thumbnails[10:12], lambda *_: None, NEAREST)) == 2 * count


@pytest.mark.parametrize("drawn", [noise, few_patterns, repeated, two_valued])
def test_the_bound_is_one(drawn):
    cuts = windows(drawn(np.random.default_rng(0)).astype(np.uint8))
    basis = search._directions(cuts[0])
    for cut in cuts:
        bounds = search._bounding(cut, basis) @ search._bounding(cuts[0], basis).T
        assert (bounds >= cut.astype(int) @ cuts[0].astype(int).T - search.SLACK).all()


def test_the_bound_is_narrow(thumbnails):
    cuts = windows(thumbnails[:-1])
    basis = search._directions(cuts[0])
    bounds = search._bounding(cuts[5], basis) @ search._bounding(cuts[0], basis).T
    assert (bounds - cuts[5] @ cuts[0].T).mean() < 0.2 * search.LENGTH**2


def test_products_of_windows_are_exact_in_whatever_order_they_are_summed(thumbnails):
    cuts = windows(thumbnails)
    assert (cuts == cuts.astype(int)).all()
    assert (cuts.astype(int) ** 2).sum(axis=-1).max() < 2**24  # which float32 counts to, and no product is higher


def test_the_bound_holds_where_of_one_window_next_to_nothing_is_left_and_that_is_what_the_other_is():
    random = np.random.default_rng(0)
    basis, left = np.split(np.linalg.qr(random.standard_normal((256, search.DIRECTIONS + 1)))[0], [-1], axis=1)
    some = random.standard_normal((500, search.DIRECTIONS)) @ basis.T
    ours = some / np.linalg.norm(some, axis=1, keepdims=True) + 1e-4 * left.T
    ours, theirs = (search.LENGTH * films.astype(np.float32) for films in (ours, left.T))
    bounds = search._bounding(ours, basis) @ search._bounding(theirs, basis).T
    assert (bounds >= ours.astype(float) @ theirs.T.astype(float) - search.SLACK).all()
