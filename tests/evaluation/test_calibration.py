"""Priors, calibration and thresholds against Bayes' rule, scikit-learn and planted parameters."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from benchmark.evaluation.calibration import (
    Calibration,
    calibrate,
    correct_prior,
    fit_calibration,
    softmax,
    threshold_at_specificity,
    without_prior,
)
from benchmark.evaluation.metrics import log_losses
from registry.errors import DataError


def two_normals(n, positives, seed):
    """Targets, and the likelihood log-ratio of N(1, 1) against N(-1, 1), which is twice the observation."""
    rng = np.random.default_rng(seed)
    targets = (rng.random(n) < positives).astype(int)
    return targets, 2 * (rng.normal(size=n) + 2 * targets - 1)


def test_correcting_the_prior_is_bayes_rule():
    likelihoods = np.array([[0.2, 0.6], [0.5, 0.1]])
    batch, data = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    found = softmax(correct_prior(np.log(likelihoods * batch), data, batch))
    expected = likelihoods * data
    assert found == pytest.approx(expected / expected.sum(axis=1, keepdims=True))


@given(st.lists(st.floats(-8, 8), min_size=3, max_size=3), st.lists(st.floats(0.05, 1), min_size=3, max_size=3))
def test_decisions_do_not_depend_on_the_prior_trained_with(likelihood, shares):
    logits = np.array([likelihood])
    trained_otherwise = logits + np.log(np.array(shares) / sum(shares))
    assert without_prior(trained_otherwise, shares) == pytest.approx(logits, abs=1e-9)


def test_two_classes_are_decided_where_the_calibration_subset_says_the_balance_lies():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, 4000)
    odds = 3 * (2 * targets - 1) + rng.logistic(size=4000) - 2.5  # a network that puts its threshold too high
    logits = np.stack([np.zeros(4000), odds], axis=1)
    fit = np.arange(4000) < 1000
    found = calibrate(logits, targets, fit, [0.5, 0.5], [0.5, 0.5])
    biased, mended = (
        (decided == targets)[~fit].mean() for decided in (odds > 0, found.corrected_logits.argmax(axis=1))
    )
    assert biased < 0.83
    assert mended > 0.93


def test_more_classes_are_decided_by_argmax_at_equal_shares():
    logits = np.random.default_rng(0).normal(size=(200, 4))
    found = calibrate(logits, np.arange(200) % 4, np.arange(200) < 100, [1, 2, 3, 4], [3, 3, 3, 3])
    assert (found.corrected_logits.argmax(axis=1) == logits.argmax(axis=1)).all()


def test_a_class_without_training_images_is_refused_by_name_of_the_cause():
    with pytest.raises(DataError, match="without training images"):
        correct_prior(np.zeros((1, 2)), [1.0, 0.0], [0.5, 0.5])


def test_platt_scaling_finds_a_planted_slope_and_intercept():
    targets, odds = two_normals(20_000, 0.3, 0)
    true = odds + np.log(0.3 / 0.7)
    logits = np.stack([np.zeros_like(true), (true - 0.7) / 2.5], axis=1)
    found = fit_calibration(logits, targets)
    assert found.method == "platt"
    assert (found.slope, found.intercept) == pytest.approx((2.5, 0.7), abs=0.12)


def test_platt_scaling_is_logistic_regression_of_the_log_odds():
    targets, odds = two_normals(5000, 0.4, 1)
    found = fit_calibration(np.stack([-odds, odds * 0], axis=1), targets)
    expected = LogisticRegression(C=1e9, tol=1e-8).fit(odds[:, None], targets)
    assert found.slope == pytest.approx(expected.coef_[0, 0], rel=0.01)  # on so many images the prior weighs nothing
    assert found.intercept == pytest.approx(expected.intercept_[0], abs=0.01)


def test_temperature_scaling_finds_a_planted_temperature():
    rng = np.random.default_rng(2)
    logits = 2 * rng.normal(size=(8000, 4))
    targets = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    found = fit_calibration(3 * logits, targets)
    assert found.method == "temperature"
    assert found.temperature == pytest.approx(3, rel=0.05)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]))
def test_calibration_never_raises_the_loss_that_it_was_fitted_on(seed, classes):
    rng = np.random.default_rng(seed)
    targets = np.r_[np.arange(classes), rng.integers(0, classes, 60)]
    logits = rng.normal(size=(len(targets), classes)) * rng.uniform(0.1, 20)
    logits[np.arange(len(targets)), targets] += rng.uniform(0, 3)
    calibrated = fit_calibration(logits, targets).apply(logits)
    assert log_losses(targets, calibrated).mean() <= log_losses(targets, softmax(logits)).mean() + 1e-9


@pytest.mark.parametrize("classes", [2, 3])
def test_separable_images_give_finite_sure_probabilities(classes):
    targets = np.arange(60) % classes
    logits = 50 * np.eye(classes)[targets]
    found = fit_calibration(logits, targets)
    p = found.apply(logits)
    assert np.isfinite([found.temperature, found.slope, found.intercept]).all()
    assert (p.argmax(axis=1) == targets).all()
    assert p.max() > 0.9 and log_losses(targets, p).mean() < 0.1


@pytest.mark.parametrize(
    ("logits", "targets", "reason"),
    [
        (np.zeros((9, 2)), np.arange(9) % 2, "9 images"),
        (np.zeros((0, 3)), np.zeros(0, int), "0 images"),
        (np.zeros((20, 2)), np.ones(20, int), "one class only"),
        (np.full((20, 2), np.nan), np.arange(20) % 2, "not finite"),
    ],
)
def test_what_cannot_be_fitted_stays_as_it_is_and_says_so(logits, targets, reason):
    found = fit_calibration(logits, targets)
    assert found.method == "identity" and reason in found.note
    some = np.random.default_rng(0).normal(size=(5, logits.shape[1]))
    assert found.apply(some) == pytest.approx(softmax(some))


@pytest.mark.parametrize("scale", [0.0, 1e-9, 1.0, 1e4])
def test_scores_that_say_nothing_give_the_class_shares_and_keep_their_order(scale):
    targets = np.repeat([0, 1], [80, 40])
    odds = scale * np.where(np.arange(120) % 2, 1.0, -1.0) * np.where(targets, -0.9, 1)
    logits = np.stack([np.zeros(120), odds], axis=1)
    found = fit_calibration(logits, targets)
    p = found.apply(logits)[:, 1]
    assert p.mean() == pytest.approx(1 / 3, abs=0.02)
    assert found.slope > 0


def test_a_classifier_that_is_the_wrong_way_round_is_named():
    targets = np.arange(100) % 2
    found = fit_calibration(np.stack([targets * 4.0, np.zeros(100)], axis=1), targets)
    assert 0 < found.slope < 0.25 and "did not rise" in found.note
    many = fit_calibration(np.stack([np.tile(targets, 50) * 4.0, np.zeros(5000)], axis=1), np.tile(targets, 50))
    assert many.slope < found.slope / 10  # probabilities close to the class shares


@pytest.mark.parametrize("method", ["temperature", "platt", "identity"])
def test_a_calibration_survives_json(method):
    prior = {"log_slope_sd": 0.5}
    one = Calibration(method, temperature=1.7, slope=0.3, intercept=-2.0, n=44, note="why", prior=prior)
    assert msgspec.json.decode(msgspec.json.encode(one), type=Calibration) == one


def test_the_threshold_is_the_lowest_that_keeps_the_specificity():
    scores = np.r_[np.arange(20.0), 15.0, 30.0]
    targets = np.r_[np.zeros(20), 1, 1]
    threshold = threshold_at_specificity(targets, scores, 0.95)  # 19 of 20 negatives below
    assert threshold > 18.0 and threshold == pytest.approx(18.0)
    assert (scores[:20] < threshold).mean() == 0.95


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=40),
    st.lists(st.integers(-5, 5), max_size=10),
    st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]),
)
def test_a_threshold_reaches_its_specificity_and_the_next_lower_score_does_not(negatives, positives, specificity):
    scores = np.array(negatives + positives, float)
    targets = np.repeat([0, 1], [len(negatives), len(positives)])
    threshold = threshold_at_specificity(targets, scores, specificity)
    below = scores[: len(negatives)]
    assert (below < threshold).mean() >= specificity
    assert (below < np.nextafter(threshold, -np.inf)).mean() < specificity


def test_a_threshold_needs_negatives():
    with pytest.raises(DataError, match="negative"):
        threshold_at_specificity(np.ones(4), np.arange(4.0), 0.95)
