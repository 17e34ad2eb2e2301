"""How far maps keep to regions: worked by hand, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.evaluation.localisation import (
    localisation,
    localisation_estimates,
    median_estimate,
    share_estimates,
    upsample,
)


def test_upsampling_keeps_where_a_cell_is():
    heat = np.zeros((4, 4), np.float32)
    heat[1, 2] = 1
    large = upsample(heat, (32, 32))
    y, x = np.mgrid[:32, :32]
    assert (large * y).sum() / large.sum() == pytest.approx(1.5 * 8 - 0.5)  # centre of the cell, in pixels
    assert (large * x).sum() / large.sum() == pytest.approx(2.5 * 8 - 0.5)


def test_enrichment_worked_by_hand():
    heat = np.array([[[3.0, 1.0], [0.0, 4.0]]])
    region = np.array([[[True, False], [False, False]]])
    lungs = np.array([[[True, True], [True, False]]])
    assert localisation(heat, region).enrichment[0] == pytest.approx((3 / 8) / (1 / 4))
    assert localisation(heat, region).share[0] == pytest.approx(3 / 8)
    assert localisation(heat, region).pointing_game_missed[0]
    seen = localisation(heat, region, within=lungs)
    assert seen.enrichment[0] == pytest.approx((3 / 4) / (1 / 3))
    assert seen.share[0] == pytest.approx(3 / 4)
    assert not seen.pointing_game_missed[0]


def test_even_heat_has_enrichment_one():
    region = np.random.default_rng(0).random((5, 16, 16)) < 0.3
    np.testing.assert_allclose(localisation(np.ones((5, 4, 4)), region).enrichment, 1, rtol=1e-5)


@given(st.floats(0.01, 1000))
@settings(max_examples=20, deadline=None)
def test_enrichment_does_not_depend_on_the_scale_of_the_map(scale):
    heat = np.random.default_rng(1).random((2, 8, 8))
    region = np.zeros((2, 16, 16), bool)
    region[:, 3:9, 2:7] = True
    np.testing.assert_allclose(
        localisation(scale * heat, region).enrichment, localisation(heat, region).enrichment, rtol=1e-4
    )


def test_empty_maps_and_impossible_regions_are_named_not_divided_by_zero():
    heat = np.ones((4, 4, 4))
    heat[0] = 0
    region = np.zeros((4, 8, 8), bool)
    region[0, :2] = region[3, :2] = True
    region[2] = True
    seen = localisation(heat, region)
    assert seen.empty.tolist() == [True, False, False, False]
    assert seen.defined.tolist() == [False, False, False, True]
    told = localisation_estimates(seen, ["a"] * 4, list("wxyz"), "lesion", 0)
    assert told["lesion-enrichment/a"].value == pytest.approx(1)
    notes = told["lesion-enrichment/a"].note.split("; ")
    assert notes == ["fewer than ten groups", "1 empty maps left out", "2 images without such a region"]
    assert (told["lesion-empty/a"].value, told["lesion-empty/a"].n) == (1, 4)


def test_shares_are_medians_of_each_label_of_the_images_with_such_a_region():
    heat = np.zeros((5, 2, 2))
    heat[:, 0, 0], heat[:, 1, 1] = (1, 2, 3, 0, 5), (3, 2, 1, 0, 5)
    region = np.zeros((5, 2, 2), bool)
    region[:4, 0, 0] = True
    told = share_estimates(localisation(heat, region), ["a", "a", "a", "a", "b"], list("vwxyz"), "marks", 0)
    assert told["marks-share/a"].value == pytest.approx(2 / 4)  # of 1/4, 2/4, 3/4
    assert (told["marks-share/a"].low, told["marks-share/a"].high) == pytest.approx((1 / 4, 3 / 4))
    assert told["marks-share/a"].note == "fewer than ten groups; 1 empty maps left out"
    assert (told["marks-share/b"].value, told["marks-share/b"].note) == (
        None,
        "no map to judge; 1 images without such a region",
    )


def test_a_label_with_empty_maps_only_has_no_number():
    seen = localisation(np.zeros((2, 4, 4)), np.eye(4, dtype=bool)[None].repeat(2, 0))
    told = localisation_estimates(seen, ["a", "b"], ["x", "y"], "lung", 0)
    assert told["lung-enrichment/a"].value is None
    assert told["lung-misses/b"].value is None
    assert told["lung-empty/b"].value == 1


def test_no_images_give_no_statistics():
    none = np.zeros((0, 4, 4), bool)
    assert localisation(none, none).enrichment.shape == (0,)
    assert localisation_estimates(localisation(none, none), [], [], "lung", 0) == {}


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_median_lies_in_its_interval_and_both_in_the_data(values, seed):
    values = np.array(values, float)
    found = median_estimate(values, [f"g{i // 2}" for i in range(len(values))], seed, resamples=200)
    assert found.value == np.median(values)
    assert values.min() <= found.low <= found.high <= values.max()


def test_interval_of_a_median_is_wider_when_images_share_patients():
    values = np.repeat(np.random.default_rng(0).normal(size=30), 4)
    alone = median_estimate(values, [str(i) for i in range(120)], 0)
    shared = median_estimate(values, [str(i // 4) for i in range(120)], 0)
    assert shared.high - shared.low > 1.3 * (alone.high - alone.low)


def test_brightness_is_judged_by_the_same_rule():
    radiographs = np.full((1, 8, 8), 10, np.uint8)
    radiographs[0, :4] = 30
    region = np.zeros((1, 8, 8), bool)
    region[0, :4] = True
    assert localisation(radiographs, region).enrichment[0] == pytest.approx((30 / 40) / (1 / 2))
