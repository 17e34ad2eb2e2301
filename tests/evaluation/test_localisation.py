"""How far maps keep to regions: worked by hand, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.evaluation.localisation import (
    at_resolution,
    localisation,
    localisation_estimates,
    median_estimate,
    relative_enrichment,
    relative_estimates,
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


def lungs_that_differ(count=150):
    """bool (n, 96, 96): two ellipses whose place, width and height vary as those of patients do."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:96, :96] / 95 - 0.5
    regions = []
    for _ in range(count):
        down, wide, high = generator.normal(0, 0.05), generator.uniform(0.1, 0.2), generator.uniform(0.2, 0.4)
        inside = [
            ((x - side) / wide) ** 2 + ((y - down) / high) ** 2 < 1 for side in generator.normal((-0.22, 0.22), 0.03)
        ]
        regions.append(inside[0] | inside[1])
    return np.array(regions)


def test_a_map_that_never_looks_has_relative_enrichment_one_whatever_its_enrichment():
    regions, generator = lungs_that_differ(), np.random.default_rng(1)
    y, x = np.mgrid[:96, :96] / 95 - 0.5
    blob = np.exp(-(x**2 + y**2) / (2 * 0.2**2))
    maps = np.array([blob * generator.exponential(size=blob.shape) for _ in regions])
    assert np.median(localisation(maps, regions).enrichment) > 1.3
    assert np.median(relative_enrichment(maps, regions, ["a"] * len(regions))) == pytest.approx(1, abs=0.02)


def test_a_map_that_is_its_images_own_region_gains_on_the_mean_and_less_so_in_large_cells():
    regions = lungs_that_differ()
    labels = ["a"] * len(regions)
    gains = [np.median(relative_enrichment(at_resolution(regions, (n, n)), regions, labels)) for n in (96, 16, 8)]
    assert 1.3 < gains[0] < 1.8
    assert gains[0] > gains[1] > gains[2] > 1.05


def test_relative_enrichment_worked_by_hand():
    """Against the mean of the other two, whatever the height of a map."""
    maps = np.array([[[4.0, 0.0], [0.0, 0.0]], [[10.0, 30.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 7.0]]])
    region = np.zeros((3, 2, 2), bool)
    region[:, 0, 0] = True
    found = relative_enrichment(maps, region, ["a"] * 3)
    assert found == pytest.approx([1 / ((0.25 + 0) / 2), 0.25 / ((1 + 0) / 2), 0])
    lungs = np.ones((3, 2, 2), bool)
    lungs[:, 1] = False
    within = relative_enrichment(maps, region, ["a"] * 3, within=lungs)
    assert within[:2] == pytest.approx([1 / 0.25, 0.25 / 1])
    assert np.isnan(within[2])  # no heat in the lungs


def test_a_label_has_its_own_mean_and_what_cannot_be_related_is_left_out():
    generator = np.random.default_rng(2)
    maps, region = generator.random((7, 8, 8)), generator.random((7, 8, 8)) < 0.4
    maps[2] = 0
    labels = np.array(["a", "a", "a", "b", "b", "b", "c"])
    found = relative_enrichment(maps, region, labels)
    assert np.isnan(found).tolist() == [False, False, True, False, False, False, True]  # empty; the only one of c
    assert found[3:6] == pytest.approx(relative_enrichment(maps[3:6], region[3:6], labels[3:6]))
    told = relative_estimates(found, labels, list("uvwxyzt"), "lung-relative-enrichment", 0)
    assert told["lung-relative-enrichment/a"].value == pytest.approx(np.median(found[:2]))
    assert (told["lung-relative-enrichment/b"].n, told["lung-relative-enrichment/c"].value) == (3, None)
    assert relative_enrichment(10 * maps, region, labels) == pytest.approx(found, nan_ok=True)


def test_regions_in_cells_are_shares_of_the_cells():
    region = np.zeros((1, 8, 8), bool)
    region[0, :4, :2] = True
    assert at_resolution(region, (2, 2)).tolist() == [[[0.5, 0], [0, 0]]]
