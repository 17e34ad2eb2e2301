"""Calibration errors worked by hand, against scikit-learn and SciPy, and on simulated models."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.linear_model import LogisticRegression

from benchmark.evaluation import metrics
from benchmark.evaluation.calibration import softmax
from benchmark.evaluation.calibration_error import (
    ece_of_perfect,
    recalibration_intercept,
    recalibration_slope,
    signed_root,
    squared_error,
    unbiased_squared_error,
)
from benchmark.evaluation.estimates import Outputs, evaluate
from benchmark.evaluation.intervals import Z, clustered_error, widening
from benchmark.evaluation.probability_estimates import recalibration_estimates, rms_calibration_error
from benchmark.evaluation.resampling import group_sums
from tests.simulations.calibration_error import Model, drawn, held


def two_bins():
    """Targets and probabilities: 50 images at a confidence of .6 and 50 at .9; .4 and .9 of them are right."""
    sure = np.repeat([0.6, 0.9], 50)
    right = np.r_[np.arange(50) < 20, np.arange(50) < 45]
    return np.where(right, 0, 1), np.stack([sure, 1 - sure], axis=1)


def test_the_squared_error_is_that_of_bins_worked_by_hand():
    assert squared_error(*two_bins()) == pytest.approx(0.5 * 0.2**2)


def test_what_chance_adds_to_it_is_taken_out_bin_by_bin():
    # Fifty answers of which .4 are right: .24 / 49 is the variance of their share.
    expected = 0.5 * (0.2**2 - 0.24 / 49) + 0.5 * (0 - 0.09 / 49)
    assert unbiased_squared_error(*two_bins(), np.arange(100)) == pytest.approx(expected)


def test_groups_of_equal_images_count_once():
    targets, probabilities = two_bins()
    once = unbiased_squared_error(targets, probabilities, np.arange(100))
    thrice = unbiased_squared_error(np.repeat(targets, 3), np.repeat(probabilities, 3, axis=0), np.arange(300) // 3)
    assert thrice == pytest.approx(once)
    assert unbiased_squared_error(np.repeat(targets, 3), np.repeat(probabilities, 3, axis=0), np.arange(300)) > once


def test_a_bin_of_one_group_says_nothing():
    targets, probabilities = two_bins()
    groups = np.where(np.arange(100) < 50, 0, np.arange(100))
    assert unbiased_squared_error(targets, probabilities, groups) == pytest.approx(0.5 * (0 - 0.09 / 49))


def test_resampled_squares_are_those_of_repeated_images():
    targets, probabilities = two_bins()
    weights = np.random.default_rng(0).integers(0, 4, 100)
    repeated = squared_error(np.repeat(targets, weights), np.repeat(probabilities, weights, axis=0))
    assert squared_error(targets, probabilities, weights[None].astype(float)) == pytest.approx([repeated])


@pytest.mark.parametrize("size", [1, 3])
def test_on_average_nothing_is_left_of_a_perfect_model_and_the_truth_of_another(size):
    for stated, truth in ((1.0, 0.0), (2.0, 0.0907**2)):
        found = []
        for seed in range(200):
            images = drawn(Model(600, size, stated), np.random.default_rng(seed))
            found.append(unbiased_squared_error(*images))
        assert np.mean(found) == pytest.approx(truth, abs=4 * np.std(found) / math.sqrt(200) + 1e-4)


def test_roots_keep_their_sign():
    assert [signed_root(one) for one in (0.04, -0.04, 0.0)] == pytest.approx([0.2, -0.2, 0.0])


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(("stated", "least"), [(1.0, 0.95), (1.3, 0.93), (2.0, 0.93)])
def test_the_interval_of_the_calibration_error_holds_the_truth(size, stated, least):
    shares = held(Model(300, size, stated), draws=80, resamples=200)
    spread = math.sqrt(least * (1 - least) / 80)
    assert shares["rms-calibration-error"] >= least - spread
    assert min(shares.values()) >= 0.88


def test_a_perfect_model_has_no_calibration_error_below_nothing():
    for seed in range(20):
        images = drawn(Model(300, 1, 1.0), np.random.default_rng(seed))
        draws = np.random.default_rng(seed).normal(0.002, 0.001, 400)
        one = rms_calibration_error(*images, draws)
        assert 0 <= one.low <= one.value <= one.high


def test_a_perfect_model_of_2116_images_shows_a_calibration_error_of_about_a_hundredth():
    rng = np.random.default_rng(0)
    confidence = rng.beta(20, 1, 2116)
    targets = (rng.random(2116) > confidence).astype(int)
    floor = ece_of_perfect(targets, np.stack([confidence, 1 - confidence], axis=1), np.arange(2116), seed=0)
    assert 0.006 < floor.mean() < 0.014


@pytest.mark.parametrize("size", [1, 5])
def test_the_floor_is_what_a_perfect_model_shows(size):
    """Images of a group are copies: what one uniform for each group makes of them."""
    rng = np.random.default_rng(1)
    groups = np.arange(500) // size
    p = softmax(2 * rng.normal(size=(500, 3)))[groups * size]
    cumulated = p.cumsum(axis=1)
    answers = [(rng.random(groups[-1] + 1)[groups, None] > cumulated).sum(axis=1) for _ in range(200)]
    shown = [metrics.ece(targets, p) for targets in answers]
    floors = [ece_of_perfect(targets, p, groups, seed=2, simulations=200) for targets in answers[:20]]
    assert np.mean(floors) == pytest.approx(np.mean(shown), rel=0.07)
    assert np.mean([np.quantile(one, 0.95) for one in floors]) == pytest.approx(np.quantile(shown, 0.95), rel=0.12)


def stated_too_boldly(n=1500, seed=0):
    """Positives and probabilities of which log-odds, times .6 and less .5, would be calibrated; groups of two."""
    rng = np.random.default_rng(seed)
    odds = np.repeat(rng.normal(size=n // 2) * 2, 2)
    positives = np.repeat(rng.random(n // 2), 2) < 1 / (1 + np.exp(-(0.6 * odds - 0.5)))
    p = 1 / (1 + np.exp(-odds))
    return positives, np.stack([1 - p, p], axis=1), np.arange(n) // 2


def test_the_slope_is_logistic_regression_s():
    positives, p, _ = stated_too_boldly()
    odds = np.log(p[:, 1] / p[:, 0])[:, None]
    expected = LogisticRegression(C=np.inf, tol=1e-10).fit(odds, positives)
    assert recalibration_slope(positives, p).value == pytest.approx(expected.coef_[0, 0], rel=1e-5)


def test_the_intercept_brings_the_mean_probability_to_the_share():
    positives, p, _ = stated_too_boldly()
    odds = np.log(p[:, 1] / p[:, 0])
    root = brentq(lambda shift: (1 / (1 + np.exp(-odds - shift))).mean() - positives.mean(), -5, 5)
    assert recalibration_intercept(positives, p).value == pytest.approx(root, abs=1e-8)


def test_their_errors_are_the_clustered_sandwich_written_out():
    positives, p, groups = stated_too_boldly()
    odds = np.log(p[:, 1] / p[:, 0])
    design = np.stack([np.ones_like(odds), odds], axis=1)
    fit = LogisticRegression(C=np.inf, tol=1e-12).fit(odds[:, None], positives)
    fitted = 1 / (1 + np.exp(-(fit.intercept_[0] + fit.coef_[0, 0] * odds)))
    bread = np.linalg.inv((design * (fitted * (1 - fitted))[:, None]).T @ design)
    scores = design * (positives - fitted)[:, None]
    meat = sum(np.outer(total, total) for total in (scores[groups == g].sum(axis=0) for g in range(groups[-1] + 1)))
    count = groups[-1] + 1
    expected = math.sqrt((bread @ meat @ bread)[1, 1] * count / (count - 1))
    influence = recalibration_slope(positives, p).influence
    found = clustered_error(influence, groups)
    assert found == pytest.approx(expected * widening(group_sums(influence, groups)), rel=1e-6)
    one = recalibration_estimates(positives, p, groups)["calibration-slope"]
    assert (one.low, one.high) == pytest.approx((one.value - Z * found, one.value + Z * found))


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_stating_the_odds_so_many_times_as_large_divides_the_slope(factor):
    positives, p, _ = stated_too_boldly()
    odds = factor * np.log(p[:, 1] / p[:, 0])
    stated = np.stack([1 / (1 + np.exp(odds)), 1 / (1 + np.exp(-odds))], axis=1)
    expected = recalibration_slope(positives, p).value / factor
    assert recalibration_slope(positives, stated).value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("positives", "odds", "said"),
    [
        ([0, 0, 1, 1], [-2, -1, 1, 2], "separate the classes or are equal"),
        ([1, 1, 0, 0], [-2, -1, -1, 2], "separate the classes or are equal"),
        ([0, 0, 1, 1], [1, 1, 1, 1], "separate the classes or are equal"),
        ([1, 1, 1, 1], [1, 2, 3, 4], "one class only"),
    ],
)
def test_where_there_is_no_finite_slope_that_is_said(positives, odds, said):
    p = 1 / (1 + np.exp(-np.array(odds, float)))
    found = recalibration_estimates(np.array(positives, bool), np.stack([1 - p, p], axis=1), np.arange(4))
    assert found["calibration-slope"].value is None and said in found["calibration-slope"].note
    assert (found["calibration-intercept"].value is None) == (said == "one class only")


def test_extreme_probabilities_are_survived():
    rng = np.random.default_rng(3)
    positives = rng.random(400) < 0.5
    odds = 200 * rng.normal(size=400) + 100 * positives
    stated = softmax(np.stack([np.zeros(400), odds], axis=1))
    found = recalibration_estimates(positives, stated, np.arange(400))
    assert all(math.isfinite(one.value) and one.low < one.value < one.high for one in found.values())
    assert 0 < found["calibration-slope"].value < 0.1


def judged(n=400, wrong=40, classes=2):
    """Metrics of a model that decides so many images wrongly."""
    targets = np.arange(n) % classes
    decisions = np.where(np.arange(n) < wrong, (targets + 1) % classes, targets)
    p = softmax(3.0 * np.eye(classes)[decisions])
    names = [f"class {k}" for k in range(classes)]
    return evaluate(names, None, targets, Outputs(decisions, np.log(p / (1 - p)), p), np.arange(n) // 2, 0, 100)


def test_the_expected_error_stands_without_interval_beside_what_a_perfect_model_shows():
    found = judged()
    assert (found["ece"].low, found["ece"].high) == (None, None)
    assert 0 == found["ece-floor"].low < found["ece-floor"].value < found["ece-floor"].high


def test_losses_are_marked_where_few_groups_are_wrong():
    for name in ("log-loss", "brier"):
        assert judged(wrong=20)[name].note == ""
        assert judged(wrong=18)[name].note == "fewer than ten wrong decisions"


def test_a_brier_score_of_several_classes_says_that_it_is_halved():
    assert judged(classes=3)["brier"].note.startswith("halved")
    assert "calibration-slope" not in judged(classes=3) and "calibration-slope" in judged()
