"""Intervals and paired tests against hand-worked numbers, published examples, exact tests and simulation."""

import math
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.evaluation import metrics
from benchmark.evaluation.intervals import (
    auroc_interval,
    auroc_score_interval,
    clustered_error,
    effective_n,
    fisher_interval,
    logit_interval,
    mean_estimate,
    mean_of_estimates,
    paired_difference,
    proportion,
    shifted_interval,
    widening,
    wilson,
)
from benchmark.evaluation.metrics import metric_named
from benchmark.records.estimate import Estimate

accuracy = metric_named("accuracy", ["negative", "positive"], "positive").compute


def one_hot(decisions):
    return np.eye(2)[np.asarray(decisions)]


def test_the_founding_study_s_accuracy_has_the_interval_worked_by_hand():
    low, high = wilson(1008 / 1056, 1056)  # 95.5 %
    assert (round(low, 3), round(high, 3)) == (0.940, 0.966)


@pytest.mark.parametrize(
    ("right", "n", "expected"),
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0.0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_wilson_gives_the_intervals_that_newcombe_tabulated(right, n, expected):
    assert wilson(right / n, n) == pytest.approx(expected, abs=6e-5)  # Newcombe 1998, table I, method 3


def test_all_of_36_right_leaves_room_for_doubt():
    found = proportion(np.ones(36, bool), np.arange(36))
    assert found.value == found.high == 1.0
    assert found.low == pytest.approx(36 / (36 + 1.959964**2), abs=1e-6)


def test_nothing_to_take_a_share_of_is_named():
    assert proportion(np.array([], bool), [], "no COVID in the test subset") == Estimate(
        None, n=0, note="no COVID in the test subset"
    )


def test_fewer_than_ten_images_are_marked():
    assert proportion(np.ones(9, bool), np.arange(9)).note == "fewer than ten groups"
    assert proportion(np.ones(10, bool), np.arange(10)).note == ""


def test_few_are_counted_in_groups_not_in_images():
    assert proportion(np.ones(90, bool), np.arange(90) // 10).note == "fewer than ten groups"
    assert mean_estimate(np.arange(90.0), np.arange(90) // 10, 0, 50).note == "fewer than ten groups"
    assert proportion(np.ones(100, bool), np.arange(100) // 10).note == ""


def test_images_that_agree_inside_groups_count_as_one_per_group():
    outcomes = np.repeat([1, 0, 1, 1, 0], 4)
    assert effective_n(outcomes, np.repeat(np.arange(5), 4)) == pytest.approx(5)


def test_images_that_disagree_inside_groups_are_not_worth_more_than_themselves():
    assert effective_n(np.tile([1, 0], 10), np.repeat(np.arange(10), 2)) == 20


def test_groups_without_any_error_count_once_each():
    assert effective_n(np.ones(30), np.repeat(np.arange(10), 3)) == pytest.approx(10)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40))
def test_effective_n_lies_between_one_and_n_and_the_interval_holds_the_share(images):
    outcomes, groups = map(np.array, zip(*images, strict=True))
    assert 1 - 1e-9 <= effective_n(outcomes, groups) <= len(outcomes) + 1e-9
    found = proportion(outcomes, groups)
    assert 0 <= found.low <= found.value <= found.high <= 1 and found.low < found.high


def test_wilson_covers_on_grouped_images_where_ignoring_groups_does_not():
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(80), 4)
    covered, ignored = [], []
    for _ in range(400):
        shares = rng.beta(3.6, 0.4, 80)  # mean .9, correlation inside groups 1 / (1 + 4) = .2
        outcomes = rng.random(320) < shares[groups]
        found = proportion(outcomes, groups)
        low, high = wilson(outcomes.mean(), 320)
        covered.append(found.low <= 0.9 <= found.high)
        ignored.append(low <= 0.9 <= high)
    assert 0.92 <= np.mean(covered) <= 0.98
    assert np.mean(ignored) < 0.92


def test_the_mean_of_two_perfect_recalls_does_not_collapse():
    parts = [proportion(np.ones(n, bool), np.arange(n)) for n in (36, 100)]
    value, low, high = mean_of_estimates(parts, np.eye(2))
    misses = [1 - part.low for part in parts]
    assert (value, high) == (1.0, 1.0)
    assert low == pytest.approx(1 - math.hypot(*misses) / 2)


def test_parts_that_move_together_give_a_wider_mean():
    parts = [Estimate(0.9, 0.8, 0.95, 50), Estimate(0.8, 0.7, 0.88, 50)]
    together, apart = (mean_of_estimates(parts, matrix) for matrix in (np.ones((2, 2)), np.eye(2)))
    assert together[1:] == pytest.approx((0.75, 0.915))  # the means of the ends
    assert together[1] < apart[1] < apart[2] < together[2]


def test_a_mean_names_the_images_on_which_it_is_undefined():
    found = mean_estimate(np.array([0.5] * 12 + [np.nan] * 3), np.arange(15), seed=0)
    assert (found.value, found.n, found.note) == (0.5, 12, "undefined on 3 of 15 images")
    assert mean_estimate(np.array([np.nan]), ["a"], seed=0).note == "undefined on 1 of 1 images"


def test_a_mean_s_interval_is_that_of_the_central_limit():
    values = np.random.default_rng(0).normal(2.0, 1.0, 400)
    found = mean_estimate(values, np.arange(400), seed=1)
    reach = 1.96 * values.std() / 20
    assert (found.low, found.high) == pytest.approx((values.mean() - reach, values.mean() + reach), abs=0.02)


def test_shifting_takes_the_bias_of_resampling_out():
    low, high = shifted_interval(0.02, np.array([0.03, 0.04, 0.05, np.nan]))
    assert low < 0.02 < high
    assert (low + high) / 2 == pytest.approx(0.02)
    assert shifted_interval(0.001, np.array([0.0, 0.1]))[0] == 0.0


@given(st.floats(0.001, 0.999), st.floats(0.0, 0.5))
def test_transformed_intervals_stay_inside_their_range(value, error):
    low, high = logit_interval(value, error)
    assert 0 <= low <= value + 1e-12 and value - 1e-12 <= high <= 1
    low, high = fisher_interval(2 * value - 1, error)
    assert -1 <= low <= 2 * value - 1 + 1e-12 and 2 * value - 1 - 1e-12 <= high <= 1


def test_the_error_of_an_auroc_is_delong_s():
    # Worked by hand: placements of positives 1, 1, 2/3 and of negatives 1, 1, 2/3; variances S10 = S01 = 1/27.
    positives, scores = np.array([1, 1, 1, 0, 0, 0], bool), np.array([5.0, 4.0, 2.0, 3.0, 1.0, 0.0])
    influence = metrics.auroc_influence(positives, scores)
    assert influence.sum() == pytest.approx(0)
    delong = math.sqrt((1 / 27 / 3) * (2 / 3) + (1 / 27 / 3) * (2 / 3))  # divided by m, not by m - 1
    expected = delong * math.sqrt(6 / 5) * widening(influence)
    assert clustered_error(influence, np.arange(6)) == pytest.approx(expected)


def test_copies_of_every_image_do_not_make_an_auroc_surer():
    rng = np.random.default_rng(1)
    positives, scores = np.arange(60) < 20, rng.normal(size=60) + (np.arange(60) < 20)
    once = clustered_error(metrics.auroc_influence(positives, scores), np.arange(60))
    twice = clustered_error(
        metrics.auroc_influence(np.tile(positives, 2), np.tile(scores, 2)), np.tile(np.arange(60), 2)
    )
    assert twice == pytest.approx(once)


def test_complete_separation_has_an_interval_and_more_images_a_shorter_one():
    few, many = auroc_interval(1.0, 0.0, 36, 36), auroc_interval(1.0, 0.0, 360, 360)
    assert few[1] == many[1] == 1.0
    assert 0.85 < few[0] < many[0] < 1.0


def test_an_auroc_interval_never_passes_one():
    assert auroc_interval(0.999, 0.01, 36, 100)[1] < 1.0


def test_the_score_interval_of_an_auroc_is_where_its_own_error_reaches():
    low, high = auroc_score_interval(0.8, 30, 50)
    for theta in (low, high):
        extra = 39 * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        error = math.sqrt(theta * (1 - theta) * (1 + extra) / 1500)
        assert abs(0.8 - theta) == pytest.approx(1.959964 * error, rel=1e-5)


def test_auroc_intervals_cover_near_one_on_few_images():
    rng = np.random.default_rng(2)
    positives, truth = np.arange(136) < 36, 0.98
    shift = 2.9045  # sqrt(2) times the normal quantile of .98
    covered = []
    for _ in range(300):
        scores = rng.normal(size=136) + shift * positives
        error = clustered_error(metrics.auroc_influence(positives, scores), np.arange(136))
        low, high = auroc_interval(float(metrics.auroc(positives, scores)), error, 36, 100)
        covered.append(low <= truth <= high)
    assert 0.93 <= np.mean(covered) <= 0.995


def test_models_without_a_difference_are_not_significantly_different_and_the_doubt_is_not_zero():
    targets = np.repeat([0, 1], [70, 30])
    found = paired_difference(accuracy, targets, one_hot(targets), one_hot(targets), np.arange(100), seed=0)
    assert (found.value, found.p, found.note) == (0.0, 1.0, "no image tells the two apart")
    assert found.high == -found.low == pytest.approx(wilson(0, 30)[1])


@pytest.mark.parametrize("wins, losses", [(3, 0), (5, 0), (8, 1), (12, 3), (14, 9)])
def test_the_paired_test_agrees_with_mcnemar_s_exact_one(wins, losses):
    targets = np.zeros(400, int)
    a, b = targets.copy(), targets.copy()
    b[:wins] = 1
    a[wins : wins + losses] = 1
    found = paired_difference(accuracy, targets, one_hot(a), one_hot(b), np.arange(400), seed=0)
    n = wins + losses
    exact = min(1.0, 2 * sum(comb(n, k) for k in range(losses + 1)) / 2**n)
    assert found.value == pytest.approx((wins - losses) / 400)
    assert found.p == pytest.approx(exact, abs=0.12)
    assert (found.p < 0.05) == (exact < 0.05)
    assert (found.p < 0.05) == (found.low > 0)


def test_a_model_is_compared_on_whole_groups():
    targets = np.zeros(400, int)
    a, b = targets.copy(), targets.copy()
    b[:12] = 1
    apart = paired_difference(accuracy, targets, one_hot(a), one_hot(b), np.arange(400), seed=0)
    together = paired_difference(accuracy, targets, one_hot(a), one_hot(b), np.arange(400) // 4, seed=0)
    assert apart.p < 0.01 and together.p > 0.05  # twelve radiographs of three patients


def test_seeds_of_a_model_are_averaged_and_may_differ_in_number():
    targets = np.tile([0, 1], 100)
    wrong = targets.copy()
    wrong[:20] = 1 - wrong[:20]
    a = np.stack([one_hot(targets), one_hot(targets), one_hot(wrong)])
    found = paired_difference(accuracy, targets, a, one_hot(wrong)[None], np.arange(200), seed=0)
    assert found.value == pytest.approx(0.1 * 2 / 3)


def test_the_detectable_difference_is_detected_in_four_tries_of_five():
    rng = np.random.default_rng(3)
    targets = np.zeros(1000, int)
    right = rng.random(1000) < 0.9
    a, b = (np.where(rng.random(1000) < 0.05, ~right, right) for _ in range(2))
    planned = paired_difference(accuracy, targets, one_hot(~a + 0), one_hot(~b + 0), np.arange(1000), 0, 500)
    spread = planned.minimum_detectable / (1.959964 + 0.841621)
    assert np.mean(np.abs(rng.normal(planned.minimum_detectable, spread, 4000)) > 1.959964 * spread) == pytest.approx(
        0.8, abs=0.03
    )
    assert spread == pytest.approx((planned.high - planned.low) / 2 / 1.959964)


def test_a_metric_that_is_not_defined_gives_no_difference():
    auroc = metric_named("auroc", ["negative", "positive"], "positive").compute
    outputs = np.random.default_rng(0).normal(size=(20, 2))
    found = paired_difference(auroc, np.zeros(20, int), outputs, outputs, np.arange(20), seed=0)
    assert found.value is None and found.note == "not defined on these images"


def test_the_same_seed_gives_the_same_difference_and_swapping_turns_its_sign():
    rng = np.random.default_rng(4)
    targets, a, b = rng.integers(0, 2, 80), rng.normal(size=(80, 2)), rng.normal(size=(80, 2))
    one, again, swapped = (
        paired_difference(accuracy, targets, *pair, np.arange(80) // 2, seed=7) for pair in ((a, b), (a, b), (b, a))
    )
    assert one == again
    assert (swapped.value, swapped.low, swapped.high) == pytest.approx((-one.value, -one.high, -one.low))
