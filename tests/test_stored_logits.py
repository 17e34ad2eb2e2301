"""What follows from stored logits stays as it was: see `tests.stored_logits`, which also makes the files anew."""

import numpy as np
import pytest

from tests.stored_logits import FITTED_NAME, flat, results, stored

EXACT, CONVERGED = {"rtol": 1e-12, "atol": 1e-14}, {"rtol": 1e-6, "atol": 1e-8}


@pytest.fixture(scope="module")
def both():
    """What follows from the stored inputs now, and what did."""
    given, expected = stored()
    return flat(results(given)), expected


def test_the_same_values_have_names(both):
    now, before = both
    assert now.keys() == before.keys()
    assert len(now) > 1000


@pytest.mark.parametrize("fitted", [False, True])
def test_scores_intervals_votes_maps_and_masks_are_as_they_were(both, fitted):
    now, before = both
    names = [name for name in before if (FITTED_NAME in name.split(" › ")) == fitted]
    different = [name for name in names if not alike(now[name], before[name], CONVERGED if fitted else EXACT)]
    assert not different, {name: (now[name], before[name]) for name in different[:5]}
    assert len(names) > 100


def alike(one, other, tolerance):
    if other is None:
        return one == other
    return one is not None and np.shape(one) == np.shape(other) and np.allclose(one, other, equal_nan=True, **tolerance)
