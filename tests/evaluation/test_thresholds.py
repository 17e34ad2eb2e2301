"""Decisions at thresholds that were chosen for a specificity: worth, notes, and tests between pipelines."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmark.evaluation.metrics import metric_named
from benchmark.evaluation.paired import paired_test
from benchmark.evaluation.thresholds import at_specificities, decided_at, few_negatives, outputs_of
from benchmark.records.calibration import CalibrationInfo, Threshold
from benchmark.records.findings import Findings, SplitInfo
from benchmark.records.metrics import LEVELS, specificity_of
from benchmark.records.record import Record
from benchmark.stages.score_folds import thresholds_of
from tests import factories

CLASSES = ["Non-COVID", "COVID"]
NAME = "sensitivity@specificity-95"


def logits(odds):
    """(n, 2) of log-odds of the second class."""
    odds = np.asarray(odds, float)
    return np.stack([-odds / 2, odds / 2], axis=1)


@pytest.mark.parametrize(("column", "decided"), [(1, [0, 1, 1]), (0, [1, 0, 0])])
def test_an_image_is_positive_from_the_threshold_on(column, decided):
    odds = np.array([0.5, 1.0, 1.5]) * (1 if column else -1)  # of the second class
    assert decided_at(logits(odds), column, 1.0).argmax(axis=1).tolist() == decided


def test_each_image_may_have_its_own_threshold():
    found = decided_at(logits([1.0, 1.0, 1.0]), 1, np.array([0.5, 1.5, 1.0]))
    assert found.argmax(axis=1).tolist() == [1, 0, 1]


def test_levels_name_the_specificity():
    assert [specificity_of(level) for level in LEVELS] == [0.95, 0.99]


def test_a_threshold_on_few_negatives_says_how_many_it_takes():
    assert few_negatives(np.arange(100), 0.95) == ""
    assert few_negatives(np.arange(99), 0.95) == "threshold chosen on negatives of fewer than 100 groups"
    assert few_negatives(np.arange(499), 0.99).endswith("fewer than 500 groups")
    assert few_negatives(np.arange(300) // 5, 0.95) and not few_negatives(np.arange(300), 0.95)


def test_the_note_stands_at_the_threshold_and_at_what_it_is_worth():
    rng = np.random.default_rng(0)
    targets, odds = np.arange(600) % 2, rng.normal(size=600) + 2 * (np.arange(600) % 2)
    subsets = np.where(np.arange(600) < 240, "calibration", "test")
    found, thresholds = at_specificities(1, targets, odds, subsets, np.arange(600))
    assert thresholds["specificity-95"].note == found[NAME].note == found["specificity@specificity-95"].note == ""
    assert thresholds["specificity-99"].note == found["sensitivity@specificity-99"].note != ""
    assert thresholds["specificity-99"].log_odds is not None


def run(folder: Path, name: str, shift: float, *, seed: int = 0, n: int = 600) -> Record:
    """A run whose log-odds are off by `shift` for all images, and whose threshold is off with them."""
    rng = np.random.default_rng(seed)
    targets = np.arange(n) % 2
    odds = rng.normal(size=n) + 2 * targets + shift
    subsets = np.where(np.arange(n) < 200, "calibration", "test")
    found, thresholds = at_specificities(1, targets, odds, subsets, np.arange(n))
    folder.mkdir(parents=True)
    ids = np.array([f"image-{place:03}" for place in range(n)])
    np.savez(
        folder / "predictions.npz", ids=ids, groups=ids, targets=targets, subsets=subsets,
        corrected_logits=logits(odds), probabilities=1 / (1 + np.exp(-logits(odds))),
    )  # fmt: skip
    return factories.record(
        pipeline=name, seed=seed, run=folder.name, key=folder.name, metrics=found,
        calibration=CalibrationInfo(thresholds=thresholds),
    )  # fmt: skip


def test_sensitivity_at_a_threshold_is_tested_like_any_metric(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", "a", 0.0), run(tmp_path / "b", "b", 3.0, seed=1)
    found = paired_test(lambda one: tmp_path / one.run)([a], [b], NAME)
    assert found.value == pytest.approx(a.metrics[NAME].value - b.metrics[NAME].value)
    assert found.low < found.value < found.high and found.n == 400


def test_each_seed_is_decided_at_its_own_threshold(tmp_path: Path) -> None:
    runs = [run(tmp_path / str(seed), "a", 5.0 * seed, seed=seed) for seed in range(3)]
    other = run(tmp_path / "b", "b", 0.0, seed=9)
    found = paired_test(lambda one: tmp_path / one.run)(runs, [other], NAME)
    expected = np.mean([one.metrics[NAME].value for one in runs]) - other.metrics[NAME].value
    assert found.value == pytest.approx(expected)


def test_pooled_folds_are_decided_at_the_threshold_of_each() -> None:
    thresholds = {"specificity-95": Threshold(of_folds=[0.5, 1.5])}
    pooled = factories.record(fold=None, calibration=CalibrationInfo(thresholds=thresholds))
    metric = metric_named(NAME, CLASSES, "COVID")
    found = outputs_of(pooled, metric, logits([1.0, 1.0]), np.array([0, 1]))
    assert found is not None and found.argmax(axis=1).tolist() == [1, 0]
    weights = np.ones((1, 2))
    assert metric.compute(np.array([1, 1]), found, weights) == pytest.approx([0.5])


@pytest.mark.parametrize("threshold", [None, Threshold(note="no negatives"), Threshold(of_folds=[0.5, None])])
def test_where_the_threshold_is_not_recorded_there_is_no_test(threshold: Threshold | None, tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", "a", 0.0), run(tmp_path / "b", "b", 1.0)
    kept = CalibrationInfo(thresholds={"specificity-95": threshold} if threshold else {})
    found = paired_test(lambda one: tmp_path / one.run)([msgspec.structs.replace(a, calibration=kept)], [b], NAME)
    assert found.value is None and found.note == "a does not say its threshold for specificity-95"


def test_other_metrics_take_the_outputs_as_they_are() -> None:
    outputs = logits([1.0, 2.0])
    assert outputs_of(factories.record(), metric_named("accuracy", CLASSES), outputs) is outputs


def test_metrics_at_thresholds_are_those_of_the_positive_class() -> None:
    targets, decided = np.array([0, 0, 0, 1, 1]), np.eye(2)[[0, 0, 1, 1, 0]]
    found = {
        kind: float(metric_named(f"{kind}@specificity-99", CLASSES, "COVID").compute(targets, decided))
        for kind in ("sensitivity", "specificity")
    }
    assert found == pytest.approx({"sensitivity": 1 / 2, "specificity": 2 / 3})


def test_pooled_folds_keep_the_thresholds_of_all_and_say_of_how_many_a_note_is() -> None:
    def fold(threshold: Threshold) -> Findings:
        calibration = CalibrationInfo(thresholds={"specificity-95": threshold})
        split = SplitInfo("digest", "group", 0, {})
        return Findings(split, images={}, metrics={}, controls={}, confusion=[], calibration=calibration)

    found = thresholds_of([fold(Threshold(log_odds=0.5)), fold(Threshold(log_odds=1.5, note="few"))])
    assert found["specificity-95"] == Threshold(of_folds=[0.5, 1.5], note="1 of 2 folds: few")
    lacking = thresholds_of([fold(Threshold(log_odds=0.5)), fold(Threshold(note="no negatives"))])
    assert lacking["specificity-95"].of_folds == [0.5, None]
