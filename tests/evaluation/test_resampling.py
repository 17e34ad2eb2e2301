"""Groups are drawn whole, in the right numbers, and the same for the same seed."""

import numpy as np
import pytest

from benchmark.evaluation import resampling
from benchmark.evaluation.resampling import (
    bootstrap,
    correlations,
    group_sums,
    group_weights,
    standard_error,
    without_each_group,
)

GROUPS = ["b", "a", "b", "c", "c", "c"]


def test_images_of_a_group_are_drawn_together_and_as_many_groups_as_there_are():
    weights = np.concatenate(list(group_weights(GROUPS, 500, seed=0)))
    assert weights.shape == (500, 6)
    assert (weights[:, 0] == weights[:, 2]).all() and (weights[:, 3:] == weights[:, 3:4]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(6), abs=0.1)


def test_chunks_make_up_the_number_of_resamples(monkeypatch):
    monkeypatch.setattr(resampling, "CHUNK", 20)
    chunks = list(group_weights(GROUPS, 10, seed=0))
    assert [len(chunk) for chunk in chunks] == [3, 3, 3, 1]


def test_the_bootstrap_is_a_function_of_its_seed():
    values = np.arange(6.0)
    one, again, other = (bootstrap(lambda weights: weights @ values, GROUPS, seed, 50) for seed in (1, 1, 2))
    assert (one == again).all() and (one != other).any()


def test_the_bootstrap_s_error_of_a_mean_is_that_of_the_groups():
    rng = np.random.default_rng(0)
    means = rng.normal(size=200)
    values, groups = np.repeat(means, 5), np.repeat(np.arange(200), 5)
    draws = bootstrap(lambda weights: weights @ values / weights.sum(axis=1), groups, 0)
    assert standard_error(draws) == pytest.approx(means.std() / np.sqrt(200), rel=0.06)


def test_leaving_each_group_out_leaves_the_others_in():
    (weights,) = without_each_group(GROUPS)
    assert weights.astype(int).tolist() == [[1, 0, 1, 1, 1, 1], [0, 1, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0]]
    assert group_sums(np.arange(6.0), GROUPS).tolist() == [1.0, 2.0, 12.0]


def test_undefined_resamples_are_left_out_of_the_error():
    assert standard_error(np.array([1.0, np.nan, 3.0])) == pytest.approx(np.sqrt(2))
    assert standard_error(np.array([np.nan, 1.0])) == 0.0


def test_columns_that_never_vary_get_the_assumed_correlation():
    draws = np.array([[1.0, 2.0, 5.0], [2.0, 4.0, 5.0], [3.0, 6.5, 5.0], [np.nan, 0.0, 5.0]])
    found = correlations(draws, unknown=0.7)
    assert found[0, 1] == pytest.approx(np.corrcoef([1, 2, 3], [2, 4, 6.5])[0, 1])
    assert found[0, 2] == found[2, 1] == 0.7 and (np.diag(found) == 1).all()
    assert correlations(np.full((4, 1), np.nan), 1.0).tolist() == [[1.0]]
