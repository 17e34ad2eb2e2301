"""Values against scikit-learn, hand-worked matrices and invariants."""

import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.evaluation import metrics
from benchmark.evaluation.calibration import softmax
from benchmark.records.metrics import OF_PROBABILITIES, metrics_of
from registry.errors import UnknownNameError

FOUNDING = np.array([[337, 24], [23, 1731]])  # rows: COVID, others


@pytest.fixture(params=[2, 4])
def case(request):
    """Targets, logits with ties, and weights of three resamples of 300 images."""
    rng = np.random.default_rng(request.param)
    targets = rng.integers(0, request.param, 300)
    logits = rng.normal(size=(300, request.param)).round(1)
    logits[np.arange(300), targets] += 1.0
    return targets, logits, rng.integers(0, 4, (3, 300)).astype(float)


def test_the_founding_study_s_matrix_gives_its_published_figures():
    recalls = metrics.recalls(FOUNDING)
    assert recalls.round(3).tolist() == [0.934, 0.987]
    assert metrics.balanced_accuracy(FOUNDING).round(3) == 0.960
    assert metrics.macro_f1(FOUNDING).round(3) == 0.961
    assert metrics.matthews(FOUNDING).round(3) == 0.921
    assert metrics.accuracy(FOUNDING).round(4) == 0.9778
    assert metrics.specificities(FOUNDING).round(3).tolist() == [0.987, 0.934]


def test_decision_metrics_agree_with_scikit_learn_on_every_resample(case):
    targets, logits, weights = case
    decided = logits.argmax(axis=1)
    matrices = metrics.confusion(targets, decided, logits.shape[1], weights)
    for matrix, weight in zip(matrices, weights, strict=True):
        assert (matrix == oracle.confusion_matrix(targets, decided, sample_weight=weight)).all()
        expected = oracle.precision_recall_fscore_support(targets, decided, sample_weight=weight)
        assert metrics.precisions(matrix) == pytest.approx(expected[0])
        assert metrics.recalls(matrix) == pytest.approx(expected[1])
        assert metrics.f1s(matrix) == pytest.approx(expected[2])
        balanced = oracle.balanced_accuracy_score(targets, decided, sample_weight=weight)
        assert metrics.balanced_accuracy(matrix) == pytest.approx(balanced)
        assert metrics.matthews(matrix) == pytest.approx(
            oracle.matthews_corrcoef(targets, decided, sample_weight=weight)
        )
        assert metrics.accuracy(matrix) == pytest.approx(oracle.accuracy_score(targets, decided, sample_weight=weight))


def test_ranking_metrics_agree_with_scikit_learn_on_every_resample(case):
    targets, logits, weights = case
    for k in range(logits.shape[1]):
        own, scores = targets == k, logits[:, k]
        expected = [oracle.roc_auc_score(own, scores, sample_weight=weight) for weight in weights]
        assert metrics.auroc(own, scores, weights) == pytest.approx(expected)
        expected = [oracle.average_precision_score(own, scores, sample_weight=weight) for weight in weights]
        assert metrics.auprc(own, scores, weights) == pytest.approx(expected)


def test_losses_agree_with_scikit_learn(case):
    targets, logits, weights = case
    p = softmax(logits)
    log_losses, brier_scores = metrics.log_losses(targets, p), metrics.brier_scores(targets, p)
    expected = [oracle.log_loss(targets, p, sample_weight=weight) for weight in weights]
    assert metrics.weighted_mean(log_losses, weights) == pytest.approx(expected)
    if p.shape[1] == 2:
        assert metrics.weighted_mean(brier_scores) == pytest.approx(oracle.brier_score_loss(targets, p[:, 1]))
    assert metrics.weighted_mean(brier_scores) == pytest.approx(
        ((p - np.eye(p.shape[1])[targets]) ** 2).sum(1).mean() / 2
    )


def test_the_mean_over_classes_of_the_auroc_is_scikit_learn_s():
    rng = np.random.default_rng(0)
    targets, logits = rng.integers(0, 3, 200), rng.normal(size=(200, 3))
    found = metrics.metric_named("auroc", ["a", "b", "c"]).compute(targets, logits, np.ones((1, 200)))
    assert found == pytest.approx([oracle.roc_auc_score(targets, softmax(logits), multi_class="ovr")])


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_repeating_images_is_the_same_as_weighing_them(seed, classes):
    rng = np.random.default_rng(seed)
    targets, outputs = rng.integers(0, classes, 40), rng.normal(size=(40, classes)).round(1)
    weights = rng.integers(1, 4, 40)
    names = ["accuracy", "balanced-accuracy", "macro-f1", "mcc", "auroc", "auprc", "recall/a", "f1/b", "auroc/a"]
    for name in names:
        compute = metrics.metric_named(name, ["a", "b", "c", "d"][:classes]).compute
        repeated = compute(np.repeat(targets, weights), np.repeat(outputs, weights, axis=0))
        assert compute(targets, outputs, weights[None]) == pytest.approx(np.array([repeated]), nan_ok=True)


def test_log_odds_do_not_saturate_where_probabilities_do():
    logits = np.array([[40.0, 0.0], [60.0, 0.0]])
    assert softmax(logits)[:, 0].tolist() == [1.0, 1.0]
    assert metrics.log_odds(logits)[:, 0].tolist() == [40.0, 60.0]


def test_log_odds_are_those_of_the_softmax():
    logits = np.random.default_rng(0).normal(size=(20, 4))
    p = softmax(logits)
    assert metrics.log_odds(logits) == pytest.approx(np.log(p / (1 - p)))


def test_influences_predict_what_leaving_an_image_out_does():
    rng = np.random.default_rng(1)
    positives, scores = rng.random(200) < 0.3, rng.normal(size=200).round(1)
    scores[positives] += 1
    influence = metrics.auroc_influence(positives, scores)
    left_out = 1 - np.eye(200)
    jackknife = metrics.auroc(positives, scores) - metrics.auroc(positives, scores, left_out)
    assert np.corrcoef(influence, jackknife)[0, 1] > 0.999
    assert influence == pytest.approx(jackknife, rel=0.05, abs=1e-6)


def test_absent_classes_are_left_out_of_means():
    matrix = np.array([[8.0, 2.0, 0.0], [1.0, 9.0, 0.0], [0.0, 0.0, 0.0]])
    assert np.isnan(metrics.recalls(matrix)[2]) and np.isnan(metrics.f1s(matrix)[2])
    assert metrics.balanced_accuracy(matrix) == pytest.approx(0.85)


def test_a_class_never_decided_has_no_precision_but_an_f1_of_zero():
    matrix = np.array([[10.0, 0.0], [5.0, 0.0]])
    assert np.isnan(metrics.precisions(matrix)[1]) and metrics.f1s(matrix)[1] == 0
    assert np.isnan(metrics.matthews(matrix))


def test_ranking_one_class_alone_is_undefined():
    assert np.isnan(metrics.auroc(np.ones(5, bool), np.arange(5.0)))
    assert np.isnan(metrics.auprc(np.zeros(5, bool), np.arange(5.0)))


def test_calibration_error_is_that_of_bins_worked_by_hand():
    sure = np.repeat([0.6, 0.9], 50)  # two distinct confidences: two bins
    right = np.r_[np.arange(50) < 20, np.arange(50) < 45]  # .4 and .9 right
    probabilities = np.stack([sure, 1 - sure], axis=1)
    targets = np.where(right, 0, 1)
    assert metrics.ece(targets, probabilities) == pytest.approx(0.5 * 0.2 + 0.5 * 0.0)


def test_the_calibration_error_does_not_depend_on_the_order_of_the_images():
    rng = np.random.default_rng(0)
    probabilities = softmax(rng.normal(size=(101, 3)).round())
    targets, order = rng.integers(0, 3, 101), rng.permutation(101)
    assert metrics.ece(targets, probabilities) == pytest.approx(metrics.ece(targets[order], probabilities[order]))


def test_an_unknown_metric_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="balanced-accuracy"):
        metrics.metric_named("balanced-acuracy", ["a", "b"])


def test_losses_need_probabilities_and_all_else_the_corrected_logits():
    names = metrics_of(["a", "b"], "b")
    needs = {name: metrics.metric_named(name, ["a", "b"], "b").needs for name in names}
    assert {name for name, kind in needs.items() if kind == "probabilities"} == set(OF_PROBABILITIES)
    assert set(needs.values()) == {"probabilities", "corrected_logits"}


@pytest.mark.parametrize(("classes", "positive"), [(["a", "b"], None), (["a", "b"], "a"), (["a", "b", "c"], None)])
def test_every_metric_that_a_task_may_ask_for_can_be_recomputed_on_resamples(classes, positive):
    found = [metrics.metric_named(name, classes, positive).name for name in metrics_of(classes, positive)]
    assert found == metrics_of(classes, positive)


def test_sensitivity_and_specificity_are_the_recalls_of_the_two_classes():
    targets = np.array([0, 0, 0, 0, 1, 1, 1])
    outputs = np.eye(2)[[0, 0, 0, 1, 1, 0, 0]]
    for positive, expected in (("a", (3 / 4, 1 / 3)), ("b", (1 / 3, 3 / 4))):
        found = [
            metrics.metric_named(name, ["a", "b"], positive).compute(targets, outputs)
            for name in ("sensitivity", "specificity")
        ]
        assert found == pytest.approx(expected)
