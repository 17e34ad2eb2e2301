"""Shuffled labels: what a run is told where it must find nothing."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.evaluation.calibration import calibrate
from benchmark.stages import predictions, score
from benchmark.stages.context import Context
from benchmark.stages.labels import NO_TEST, learns_shuffled, told_targets
from benchmark.stages.logits import Logits
from benchmark.stages.reading import Reader
from benchmark.tasks.schema import Training
from tests.specs import spec, vote

SHUFFLED = spec(training=Training(labels="shuffled"), seed=3)
SUBSETS = np.repeat(["train", "validation", "calibration", "test"], 40)
TARGETS = np.arange(160) % 4 // 3


def reader(of):
    return Reader(Context(of, {}, None, None))


def test_labels_to_calibrate_on_are_permuted_and_no_others():
    told = told_targets(reader(SHUFFLED), TARGETS, SUBSETS)
    own = SUBSETS == "calibration"
    assert np.array_equal(told[~own], TARGETS[~own])
    assert np.bincount(told[own]).tolist() == np.bincount(TARGETS[own]).tolist()
    assert (told[own] != TARGETS[own]).any()
    assert np.array_equal(told, told_targets(reader(SHUFFLED), TARGETS, SUBSETS))
    without_training = SUBSETS != "train"  # as where logits are stored
    again = told_targets(reader(SHUFFLED), TARGETS[without_training], SUBSETS[without_training])
    assert np.array_equal(again, told[without_training])


def test_true_labels_stay():
    assert told_targets(reader(spec()), TARGETS, SUBSETS) is TARGETS


def test_a_vote_is_told_what_its_members_are():
    members = {"one": SHUFFLED, "other": spec()}
    assert learns_shuffled(reader(vote(members=members)))
    assert not learns_shuffled(reader(vote()))


@pytest.mark.parametrize(("of", "expected"), [(SHUFFLED, [NO_TEST]), (spec(), [])])
def test_one_shuffle_is_said_to_be_no_test(of, expected):
    assert score.trained_notes(reader(of), {}) == expected


def test_predictions_are_calibrated_on_what_a_run_was_told(monkeypatch):
    """Of perfect logits: on the truth they stay sure of themselves, on shuffled labels of nothing."""
    kept = SUBSETS != "train"
    logits = np.stack([np.zeros(160), 8.0 * TARGETS - 4], axis=1)[kept]
    stored = Logits(np.flatnonzero(kept), SUBSETS[kept], TARGETS[kept], logits)
    monkeypatch.setattr(predictions, "read_logits", lambda run: stored)
    monkeypatch.setattr(predictions, "data_prior", lambda run: [0.75, 0.25])
    monkeypatch.setattr(predictions, "batch_prior", lambda run: [0.5, 0.5])
    monkeypatch.setattr(Reader, "prepared", SimpleNamespace(groups=np.arange(160)))
    sure, unsure = (predictions.predictions(reader(of)) for of in (spec(), SHUFFLED))
    assert np.array_equal(sure.targets, unsure.targets)
    assert np.ptp(unsure.probabilities[:, 1]) < 0.6 * np.ptp(sure.probabilities[:, 1])
    expected = calibrate(
        logits,
        told_targets(reader(SHUFFLED), TARGETS, SUBSETS)[kept],
        stored.subsets == "calibration",
        [0.75, 0.25],
        [0.5, 0.5],
    )
    assert np.array_equal(unsure.probabilities, expected.probabilities)
