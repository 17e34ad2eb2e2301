"""Runs judged elsewhere: calibration and thresholds carried over, drops, local images."""

import numpy as np
import pytest

from benchmark.evaluation.calibration import Calibration, calibrated
from benchmark.evaluation.external import (
    Asked,
    carried_over,
    difference,
    drops,
    needed,
    neutral_logits,
    outputs_of,
    recalibrated,
)
from benchmark.evaluation.intervals import wilson
from benchmark.records.calibration import Threshold
from benchmark.records.estimate import Estimate

ASKED = Asked(["rest", "COVID"], "COVID", 0, 200)
EVEN = [0.5, 0.5]


def world(n=400, shift=0.0, scale=1.0, seed=0):
    """Targets and logits (n, 2) whose log-odds are those of the class, times a scale, plus a shift."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 2, n)
    odds = rng.normal(np.where(targets == 1, 1.0, -1.0), 1.4142)  # its own log-odds: means ± 1, variance 2
    logits = np.stack([np.zeros(n), scale * odds + shift], axis=1)
    return targets, logits


def outputs(logits):
    corrected, probabilities, _ = calibrated(Calibration("identity"), logits, EVEN, EVEN)
    return outputs_of(corrected, probabilities)


def test_a_drop_is_the_difference_of_two_independent_shares_by_newcombes_interval():
    """Newcombe 1998, method 10: 56/70 less 48/80 has [.0524, .3339] by Wilson's ends."""
    one, other = (Estimate(k / n, *wilson(k / n, n), n) for k, n in ((56, 70), (48, 80)))
    found = difference(one, other)
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))


def test_drops_are_of_metrics_that_compare_models_and_undefined_where_one_is():
    own = {
        "accuracy": Estimate(0.9, 0.85, 0.94, 100),
        "calibration-slope": Estimate(1.0, 0.8, 1.2, 100),
        "n/COVID": Estimate(50.0),
        "recall/COVID": Estimate(None, note="no COVID in the test subset"),
    }
    found = drops(own, own)
    assert set(found) == {"accuracy", "recall/COVID"}
    assert found["accuracy"].value == 0.0
    assert found["recall/COVID"].value is None and "no COVID" in found["recall/COVID"].note


def test_without_a_class_what_is_of_all_classes_has_not_dropped_it_is_another_number():
    own = {"balanced-accuracy": Estimate(0.9, 0.85, 0.94, 100), "sensitivity": Estimate(0.9, 0.85, 0.94, 100)}
    found = drops(own | {"n/rest": Estimate(0.0), "n/COVID": Estimate(50.0)}, own)
    assert found["sensitivity"].value == 0.0
    assert found["balanced-accuracy"].value is None
    assert found["balanced-accuracy"].note == "the external dataset has no image of rest"


def test_thresholds_are_carried_over():
    targets, logits = world()
    known = {"specificity-95": Threshold(log_odds=2.0), "specificity-99": Threshold(note="none")}
    found = carried_over(ASKED, targets, outputs(logits), np.arange(400), known, neutral_logits(logits, EVEN))
    above = logits[:, 1] - logits[:, 0] >= 2.0
    assert found["sensitivity@specificity-95"].value == pytest.approx(above[targets == 1].mean())
    assert found["specificity@specificity-95"].value == pytest.approx((~above)[targets == 0].mean())
    assert "sensitivity@specificity-99" not in found
    assert 0.7 < found["calibration-slope"].value < 1.4
    assert "balanced-accuracy@uncalibrated" in found


def test_recalibration_on_local_images_mends_a_shift_that_carrying_over_keeps():
    targets, logits = world(2000, shift=3.0)
    local = np.zeros(2000, bool)
    local[:200] = True
    groups, neutral = np.arange(2000), neutral_logits(logits, EVEN)
    rest = ~local
    kept = carried_over(ASKED, targets[rest], outputs(logits).of(rest), groups[rest], {}, neutral[rest])
    again = recalibrated(ASKED, targets, logits, groups, local, EVEN, EVEN)
    assert kept["balanced-accuracy"].value < 0.65
    assert again.metrics["balanced-accuracy"].value > 0.72
    assert abs(again.metrics["calibration-intercept"].value) < 0.4 < kept["calibration-intercept"].value * -1
    assert again.metrics["accuracy"].n == 1800
    assert again.calibration.n == 200
    assert again.thresholds["specificity-95"].negatives == int((targets[:200] == 0).sum())


def test_local_images_of_one_class_leave_the_prior_of_the_run():
    targets, logits = world()
    local = np.flatnonzero(targets == 1)[:20]
    chosen = np.isin(np.arange(400), local)
    found = recalibrated(ASKED, targets, logits, np.arange(400), chosen, EVEN, EVEN)
    assert "one class only" in found.calibration.note


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_as_many_images_are_needed_as_give_three_points_to_either_side(share):
    right = np.arange(1000) < share * 1000
    count = needed(right, np.arange(1000))
    low, high = wilson(share, count)
    lower, higher = wilson(share, count - 1)
    assert high - low <= 0.06 < higher - lower


def test_images_that_come_in_groups_are_needed_in_greater_number():
    right = np.repeat(np.arange(100) < 80, 3)
    assert needed(right, np.repeat(np.arange(100), 3)) == pytest.approx(3 * needed(right, np.arange(300)), rel=0.01)
    assert needed(np.zeros(0, bool), np.zeros(0)) is None
