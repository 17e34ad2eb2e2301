"""Shrunk fits against SciPy's minimum of the same cost, scikit-learn's regression without a prior, and invariants."""

import numpy as np
import pytest
from scipy.optimize import brute, minimize, minimize_scalar
from sklearn.linear_model import LogisticRegression

from benchmark.evaluation.calibration import calibrate, fit_calibration
from benchmark.evaluation.shrinkage import (
    INTERCEPT_SD,
    LOG_SLOPE_SD,
    LOG_TEMPERATURE_SD,
    shrunk_platt,
    shrunk_temperature,
)
from tests.simulations.shrinkage import NO_PRIOR, platt, regrets, simulated


def drawn(n, seed=0, prevalence=0.3, slope=0.5, intercept=1.0, distance=2.0):
    """Log-odds at equal class shares of a network that `slope` and `intercept` would calibrate; positives."""
    rng = np.random.default_rng(seed)
    positives = np.arange(n) < max(1, round(prevalence * n))
    true = distance * (rng.normal(size=n) + distance * (positives - 0.5))
    return (true - intercept) / slope, positives


def cost_of(odds, positives, log_slope_sd=LOG_SLOPE_SD, intercept_sd=INTERCEPT_SD):
    """The cost as the docstring has it, of (log slope, intercept)."""
    shift = np.log(positives.sum() / (~positives).sum())

    def cost(found):
        p = 1 / (1 + np.exp(-(np.exp(found[0]) * odds + found[1] + shift)))
        likelihood = np.log(np.where(positives, p, 1 - p)).sum()
        return -likelihood + found[0] ** 2 / (2 * log_slope_sd**2) + found[1] ** 2 / (2 * intercept_sd**2)

    return cost


@pytest.mark.parametrize("prevalence", [0.1, 0.5])
@pytest.mark.parametrize("n", [10, 16, 55, 500])
def test_slope_and_intercept_are_where_the_written_cost_is_least(n, prevalence):
    odds, positives = drawn(n, seed=n, prevalence=prevalence, slope=1.5)
    expected = minimize(cost_of(odds, positives), [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9})
    found = shrunk_platt(odds, positives)
    assert found == pytest.approx((np.exp(expected.x[0]), expected.x[1]), rel=1e-5, abs=1e-6)


def test_of_several_minima_the_lowest_is_found():
    """A network that has hardly moved, but in the right direction: nothing near the identity is as good."""
    positives = np.arange(600) % 2 == 0
    odds = 1e-3 * (2 * positives - 1.0)
    odds[:60] *= -1
    slope, intercept = shrunk_platt(odds, positives)
    grid, lowest, *_ = brute(cost_of(odds, positives), ((-2, 9), (-1, 1)), Ns=60, full_output=True)
    assert cost_of(odds, positives)((np.log(slope), intercept)) <= lowest + 1e-9
    assert np.log(slope) == pytest.approx(grid[0], abs=0.01) and slope > 100


def test_without_a_prior_it_is_logistic_regression_with_the_class_shares_taken_out():
    odds, positives = drawn(800)
    found = shrunk_platt(odds, positives, NO_PRIOR, NO_PRIOR)
    expected = LogisticRegression(C=1e9, tol=1e-10).fit(odds[:, None], positives)
    at_equal_shares = expected.intercept_[0] - np.log(positives.sum() / (~positives).sum())
    assert found == pytest.approx((expected.coef_[0, 0], at_equal_shares), rel=1e-4)


def test_the_more_images_say_the_same_the_less_is_it_shrunk():
    odds, positives = drawn(60)
    limit = shrunk_platt(odds, positives, NO_PRIOR, NO_PRIOR)
    fits = [shrunk_platt(np.tile(odds, times), np.tile(positives, times)) for times in (1, 2, 4, 16, 256)]
    away = [(np.log(slope) / LOG_SLOPE_SD) ** 2 + (intercept / INTERCEPT_SD) ** 2 for slope, intercept in fits]
    losses = [cost_of(odds, positives, NO_PRIOR, NO_PRIOR)((np.log(slope), intercept)) for slope, intercept in fits]
    assert (np.diff(away) > 0).all() and (np.diff(losses) < 0).all()
    assert fits[-1] == pytest.approx(limit, abs=2e-3)
    assert abs(np.log(limit[0])) > 0.3 and abs(limit[1]) > 0.3


def test_the_stronger_the_prior_the_nearer_is_the_fit_to_the_identity():
    odds, positives = drawn(30)
    fits = [shrunk_platt(odds, positives, sd, 2 * sd) for sd in (4, 1, 0.5, 0.1, 0.001)]
    away = [np.log(slope) ** 2 + intercept**2 / 4 for slope, intercept in fits]
    assert (np.diff(away) < 0).all()
    assert away[-1] == pytest.approx(0, abs=1e-6)


def test_it_does_not_matter_how_many_of_each_class_there_are_to_fit_on():
    many, few = ([*drawn(40_000, seed=3, prevalence=prevalence)] for prevalence in (0.5, 0.05))
    assert shrunk_platt(*many) == pytest.approx(shrunk_platt(*few), abs=0.06)
    assert shrunk_platt(*many) == pytest.approx((0.5, 1.0), abs=0.05)


def test_a_slope_alone_moves_no_decision_whatever_the_shares_of_the_data():
    odds, positives = drawn(200, prevalence=0.1, slope=0.3, intercept=0.0, distance=3.0)
    odds = np.r_[odds, -odds]  # as many errors on either side: the intercept stays where it is
    targets = np.r_[positives, ~positives].astype(int)
    logits = np.stack([np.zeros(400), odds + np.log(9)], axis=1)  # of batches with nine positives in ten
    found = calibrate(logits, targets, np.ones(400, bool), [0.9, 0.1], [0.1, 0.9])
    assert found.calibration.slope < 0.6
    assert (found.corrected_logits.argmax(axis=1) == (odds > 0)).all()


@pytest.mark.parametrize("n", [10, 16, 30])
def test_separable_images_keep_every_decision(n):
    positives = np.arange(n) % 3 == 0
    odds = np.where(positives, 4.0, -6.0) + np.linspace(-1, 1, n)
    slope, intercept = shrunk_platt(odds, positives)
    assert 1 < slope < 1.5
    assert ((slope * np.linspace(-10, 10, 100) + intercept > 0) == (np.linspace(-10, 10, 100) > 0)).mean() >= 0.98


def test_a_shifted_threshold_is_mended_on_sixteen_images_where_the_classes_overlap():
    """The network calls hardly any image positive; its ranking is as good as before."""
    odds, positives = drawn(4000, seed=1, prevalence=0.5, slope=1.0, intercept=2.0, distance=1.0)
    fit = np.r_[:8, 3992:4000]
    slope, intercept = shrunk_platt(odds[fit], positives[fit])

    def balanced_accuracy(decided):
        return (decided[positives].mean() + (~decided[~positives]).mean()) / 2

    assert balanced_accuracy(odds > 0) < 0.54
    assert balanced_accuracy(slope * odds + intercept > 0) > 0.62


def test_a_temperature_is_where_the_written_cost_is_least():
    rng = np.random.default_rng(4)
    true = 2 * rng.normal(size=(40, 4))
    targets = (true + rng.gumbel(size=true.shape)).argmax(axis=1)

    def cost(log_temperature):
        scaled = 3 * true / np.exp(log_temperature)
        p = np.exp(scaled) / np.exp(scaled).sum(axis=1, keepdims=True)
        return -np.log(p[np.arange(40), targets]).sum() + log_temperature**2 / (2 * LOG_TEMPERATURE_SD**2)

    expected = minimize_scalar(cost, bounds=(-3, 3), method="bounded", options={"xatol": 1e-10}).x
    assert shrunk_temperature(3 * true, targets) == pytest.approx(np.exp(expected), rel=1e-6)


def test_a_temperature_is_shrunk_as_far_as_the_images_are_few():
    rng = np.random.default_rng(5)
    true = 2 * rng.normal(size=(20, 4))
    targets = (true + rng.gumbel(size=true.shape)).argmax(axis=1)
    few, many = (shrunk_temperature(np.tile(3 * true, (k, 1)), np.tile(targets, k)) for k in (1, 50))
    assert 1 < few < many == pytest.approx(shrunk_temperature(3 * true, targets, NO_PRIOR), rel=0.02)


@pytest.mark.parametrize(
    ("classes", "names"), [(2, ["log_slope_sd", "intercept_sd"]), (3, ["log_temperature_sd"]), (1, [])]
)
def test_a_calibration_says_by_what_prior_it_was_shrunk(classes, names):
    logits = np.random.default_rng(0).normal(size=(30, max(classes, 2)))
    assert list(fit_calibration(logits, np.arange(30) % classes).prior) == names


@pytest.mark.parametrize("images", [16, 55])
def test_on_simulated_networks_it_is_hardly_ever_worse_than_the_better_of_none_and_platts(images):
    own = f"{LOG_SLOPE_SD:.2f} {INTERCEPT_SD:.1f}"
    found = simulated(images, settings=12, repeats=2, seed=1, priors=((LOG_SLOPE_SD, INTERCEPT_SD),))
    lost = regrets(found, own, 0)
    assert np.median(lost) < 0.01 and lost.max() < 0.1
    means = {name: verdicts[:, 0].mean() for name, verdicts in found.items()}
    assert means[own] > max(means["raw"], means["ml"])
    assert found[own][:, 1].mean() < min(found["raw"][:, 1].mean(), found["ml"][:, 1].mean())


def test_the_simulation_fits_platt_as_scikit_learn_does():
    odds, positives = drawn(5000)
    expected = LogisticRegression(C=1e9, tol=1e-8).fit(odds[:, None], positives)  # softened by one image in 1,500
    shift = np.log(positives.sum() / (~positives).sum())
    assert platt(odds, positives) == pytest.approx((expected.coef_[0, 0], expected.intercept_[0] - shift), abs=0.01)
