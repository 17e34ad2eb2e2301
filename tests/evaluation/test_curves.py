"""Curves against scikit-learn's points, hand-worked numbers, and simulations of what a band promises."""

import json
from statistics import NormalDist

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_recall_curve, roc_curve

from benchmark.evaluation.calibration import softmax
from benchmark.evaluation.curves import Outputs, curves, encoded
from benchmark.evaluation.recomputing_curves import curve_contradictions
from benchmark.records.curves import FILE, read_curves
from tests.factories import record

ROUNDED = 6e-4


def binary(targets: np.ndarray, odds: np.ndarray) -> Outputs:
    logits = np.stack([np.zeros(len(odds)), odds], axis=1)
    return Outputs(logits, softmax(logits))


def drawn(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = (rng.random(n) < 0.3).astype(int)
    return targets, np.round(rng.normal(1.5 * targets, 1), 1)  # with ties


def of(targets, odds, resamples=0, groups=None):
    groups = np.arange(len(targets)) if groups is None else groups
    return curves(["well", "ill"], "ill", targets, {"": binary(targets, odds)}, groups, 0, resamples)


def test_sensitivity_is_that_of_scikit_learn_between_its_points():
    targets, odds = drawn()
    found = of(targets, odds)
    rates, hits, _ = roc_curve(targets, odds, drop_intermediate=False)
    (one,) = found.of[""]
    assert one.sensitivity.value == pytest.approx(np.interp(found.false_positive_rate, rates, hits), abs=ROUNDED)
    assert (found.false_positive_rate[0], found.false_positive_rate[-1]) == (0, 1)


def test_precision_is_that_of_scikit_learn_at_the_first_score_that_reaches_a_recall():
    targets, odds = drawn()
    found = of(targets, odds)
    precision, recall, _ = precision_recall_curve(targets, odds)
    expected = [precision[np.flatnonzero(recall >= level - 1e-9)[-1]] for level in found.recall]
    (one,) = found.of[""]
    assert one.precision.value == pytest.approx(expected, abs=ROUNDED)


def test_reliability_is_that_of_scikit_learn_in_bins_of_equal_mass():
    targets, odds = drawn(400)
    odds = odds + np.linspace(0, 0.01, 400)  # without ties both put every image into the same bin
    (one,) = of(targets, odds).of[""]
    chances = binary(targets, odds).probabilities[:, 1]
    observed, predicted = calibration_curve(targets, chances, n_bins=10, strategy="quantile")
    assert one.reliability.predicted == pytest.approx(predicted, abs=ROUNDED)
    assert one.reliability.observed.value == pytest.approx(observed, abs=ROUNDED)
    assert sum(one.reliability.n) == 400


def test_net_benefit_is_the_one_worked_by_hand():
    targets, odds = (
        np.array([1, 1, 0, 0, 0]),
        np.log(np.array([0.8, 0.3, 0.6, 0.2, 0.1]) / (1 - np.array([0.8, 0.3, 0.6, 0.2, 0.1]))),
    )
    found = of(targets, odds)
    (one,) = found.of[""]
    by_threshold = dict(zip(found.threshold, one.net_benefit.value, strict=True))
    at = min(found.threshold, key=lambda threshold: abs(threshold - 0.5))  # one hit, one false alarm
    assert by_threshold[at] == pytest.approx(1 / 5 - 1 / 5 * at / (1 - at), abs=ROUNDED)
    assert by_threshold[0.01] == pytest.approx(2 / 5 - 3 / 5 * 0.01 / 0.99, abs=ROUNDED)  # everybody is called


def above(mean: float, cuts: list[float]) -> np.ndarray:
    """How many of those around a mean with a variance of 2 lie above."""
    return np.array([1 - NormalDist(mean, np.sqrt(2)).cdf(cut) for cut in cuts])


def test_bands_hold_the_truth_about_as_often_as_they_say():
    # Log-odds at equal shares around 1 and -1 with a variance of 2 are those that such scores have.
    rng, share = np.random.default_rng(1), 0.3
    healthy, ill = NormalDist(-1, np.sqrt(2)), NormalDist(1, np.sqrt(2))
    targets = np.repeat([1, 0], [60, 140])
    within = {"sensitivity": slice(8, -1), "precision": slice(4, -2), "net_benefit": slice(None)}
    held: dict[str, list[np.ndarray]] = {name: [] for name in within}
    for _ in range(120):
        logits = np.stack([np.zeros(200), rng.normal(np.where(targets == 1, 1, -1), np.sqrt(2))], axis=1)
        outputs = Outputs(logits, softmax(logits + np.log([1 - share, share])))
        found = curves(["well", "ill"], "ill", targets, {"": outputs}, np.arange(200), 0, 150)
        recall, threshold = np.array(found.recall[4:-2]), np.array(found.threshold)
        alarms = above(-1, [ill.inv_cdf(1 - x) for x in recall])
        cuts = np.log(threshold / (1 - threshold)) - np.log(share / (1 - share))
        truth = {
            "sensitivity": above(1, [healthy.inv_cdf(1 - x) for x in found.false_positive_rate[8:-1]]),
            "precision": share * recall / (share * recall + (1 - share) * alarms),
            "net_benefit": share * above(1, cuts) - (1 - share) * above(-1, cuts) * threshold / (1 - threshold),
        }
        for name, where in within.items():
            band = getattr(found.of[""][0], name)
            low, high = (np.array(end, float)[where] for end in (band.low, band.high))
            held[name].append((low - 1e-3 <= truth[name]) & (truth[name] <= high + 1e-3))
    coverage = {name: float(np.mean(shares)) for name, shares in held.items()}
    assert all(0.91 <= one <= 0.99 for one in coverage.values()), coverage


def test_a_band_does_not_collapse_where_the_classes_are_told_apart():
    targets = np.repeat([1, 0], [20, 30])
    (one,) = of(targets, np.where(targets == 1, 4.0, -4.0), resamples=50).of[""]
    assert set(one.sensitivity.value) == {1.0}
    assert set(one.sensitivity.low) == {0.839}  # Wilson's of 20 of 20


def test_images_of_one_patient_count_as_one():
    targets, odds = drawn(120, seed=3)
    alone = of(targets, odds, 100).of[""][0].sensitivity
    four = of(np.tile(targets, 4), np.tile(odds, 4), 100, np.tile(np.arange(120), 4)).of[""][0].sensitivity
    widths = [np.array(band.high) - np.array(band.low) for band in (alone, four)]
    assert np.allclose(*widths, atol=0.01)


def test_each_of_several_classes_has_a_curve_and_an_absent_one_none():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 3, 90)
    logits = rng.normal(size=(90, 4)) + 2 * np.eye(4)[targets]
    outputs = {"": Outputs(logits, softmax(logits))}
    found = curves(["a", "b", "c", "never"], None, targets, outputs, np.arange(90), 0, 20)
    assert [one.name for one in found.of[""]] == ["a", "b", "c"]
    assert {one.positives for one in found.of[""]} == set(np.bincount(targets).tolist())


@pytest.mark.parametrize(("classes", "rules"), [(2, 1), (4, 1), (14, 1), (4, 7), (80, 1)])
def test_a_file_has_at_most_20_kilobytes(classes, rules, tmp_path):
    rng = np.random.default_rng(0)
    targets = rng.integers(0, classes, 20 * classes)
    logits = rng.normal(size=(len(targets), classes)) + 3 * np.eye(classes)[targets]
    names = [f"a finding of number {k}" for k in range(classes)]
    outputs = {f"rule-{n}": Outputs(logits, softmax(logits)) for n in range(rules)}
    found = encoded(curves(names, None, targets, outputs, np.arange(len(targets)), 0, 20))
    assert len(found) <= 20_000
    (tmp_path / FILE).write_bytes(found)
    assert encoded(read_curves(tmp_path)) == found


def test_stored_outputs_contradict_curves_that_were_changed(tmp_path):
    targets, odds = drawn()
    own = record(classes=["well", "ill"], positive="ill")
    outputs, groups = {"": binary(targets, odds)}, np.arange(len(targets))
    assert list(curve_contradictions(own, tmp_path, targets, outputs, groups)) == []  # older records have none
    text = encoded(of(targets, odds, 30)).decode()
    (tmp_path / FILE).write_text(text)
    assert list(curve_contradictions(own, tmp_path, targets, outputs, groups)) == []
    changed = json.loads(text)
    changed["of"][""][0]["sensitivity"]["value"][5] += 0.002
    (tmp_path / FILE).write_text(json.dumps(changed))
    (said,) = curve_contradictions(own, tmp_path, targets, outputs, groups)
    assert "other curves of ill" in said
    (tmp_path / FILE).write_text(text.replace('"ill"', '"well"'))
    (said,) = curve_contradictions(own, tmp_path, targets, outputs, groups)
    assert "of the classes ['well']" in said
    (tmp_path / FILE).write_text(text[:-20])
    assert list(curve_contradictions(own, tmp_path, targets, outputs, groups)) == [f"{FILE} cannot be read"]
