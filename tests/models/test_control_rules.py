import numpy as np
import pytest

from benchmark.models.control_rules import balanced_log_loss, boosted_trees, learn, logistic_regression

GENERATOR = np.random.default_rng(0)
COUNT = 600
FEATURES = GENERATOR.normal(size=(COUNT, 6)).astype(np.float32)
TRAIN, VALIDATION, TEST = (np.arange(COUNT) % 3 == part for part in range(3))


def accuracy(logits, targets):
    return float((logits.argmax(axis=1) == targets)[TEST].mean())


def test_the_loss_weighs_classes_alike():
    logits = np.log([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.25, 0.75]])
    assert balanced_log_loss(logits, np.array([0, 0, 0, 1])) == pytest.approx((np.log(2) - np.log(0.75)) / 2)


def test_a_plane_is_left_to_regression_and_a_chessboard_to_trees():
    plane = (FEATURES @ np.arange(1, 7) + GENERATOR.normal(size=COUNT) > 0).astype(int)
    found = learn(FEATURES, plane, TRAIN, VALIDATION, 2)
    assert found.learner == "logistic regression"
    assert found.losses["logistic regression"] < found.losses["boosted trees"]
    board = (FEATURES[:, 0] * FEATURES[:, 1] > 0).astype(int)
    found = learn(FEATURES, board, TRAIN, VALIDATION, 2)
    assert found.learner == "boosted trees"
    assert accuracy(found.logits, board) > 0.9


@pytest.mark.parametrize("fit", [boosted_trees, logistic_regression])
def test_three_classes_are_learnt(fit):
    targets = np.digitize(FEATURES[:, 0], [-0.5, 0.5])
    logits = fit(FEATURES, targets, TRAIN, VALIDATION, 3)
    assert logits.shape == (COUNT, 3)
    assert accuracy(logits, targets) > 0.85


@pytest.mark.parametrize("fit", [boosted_trees, logistic_regression])
def test_where_nothing_can_be_learnt_a_rare_class_is_called_as_often_as_another(fit):
    targets = (np.arange(COUNT) % 10 < 1).astype(int)
    logits = fit(FEATURES, targets, TRAIN, VALIDATION, 2)
    assert 0.2 < logits[TEST].argmax(axis=1).mean() < 0.8


@pytest.mark.parametrize("fit", [boosted_trees, logistic_regression])
def test_fitting_twice_gives_the_same_bits(fit):
    targets = (FEATURES[:, 0] > 0).astype(int)
    assert np.array_equal(*(fit(FEATURES, targets, TRAIN, VALIDATION, 2) for _ in range(2)))
