"""Degenerate cases have names, perfect ones an interval, and intervals know about groups."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.evaluation.estimates import Outputs, evaluate
from benchmark.evaluation.intervals import wilson


def outputs_of(decisions, classes, sureness=3.0):
    logits = sureness * np.eye(classes)[np.asarray(decisions)]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Outputs(np.asarray(decisions), np.log(p / (1 - p)), p)


def judge(targets, decisions, classes=("COVID", "rest"), positive="COVID", groups=None, resamples=200):
    targets = np.asarray(targets)
    groups = np.arange(len(targets)) if groups is None else groups
    positive = positive if len(classes) == 2 else None
    return evaluate(classes, positive, targets, outputs_of(decisions, len(classes)), groups, 0, resamples)


def test_the_founding_study_s_matrix_has_wilson_s_intervals():
    targets = np.repeat([0, 0, 1, 1], [337, 24, 23, 1731])
    decisions = np.repeat([0, 1, 0, 1], [337, 24, 23, 1731])
    found = judge(targets, decisions)
    assert found["sensitivity"].value == pytest.approx(337 / 361)
    assert (found["sensitivity"].low, found["sensitivity"].high) == pytest.approx(wilson(337 / 361, 361))
    assert (found["specificity"].low, found["specificity"].high) == pytest.approx(wilson(1731 / 1754, 1754))
    assert found["precision/COVID"].value == pytest.approx(337 / 360)
    assert [round(found[name].value, 3) for name in ("balanced-accuracy", "macro-f1", "mcc")] == [0.960, 0.961, 0.921]
    # The root of the summed squares of the recalls' lower arms, over two.
    arms = [found[name].value - found[name].low for name in ("sensitivity", "specificity")]
    assert found["balanced-accuracy"].low == pytest.approx(found["balanced-accuracy"].value - math.hypot(*arms) / 2)


@pytest.mark.parametrize("classes", [("COVID", "rest"), ("a", "b", "c")])
def test_no_interval_collapses_where_all_of_36_are_right(classes):
    targets = np.repeat(np.arange(len(classes)), 36)
    found = judge(targets, targets, classes)
    names = ["accuracy", "balanced-accuracy", "macro-f1", "mcc", "auroc", "auprc", f"recall/{classes[0]}"]
    for name in [*names, f"precision/{classes[0]}", f"f1/{classes[0]}"]:
        assert found[name].value == found[name].high == 1.0, name
        assert 0.75 < found[name].low < 0.99, name


def test_all_wrong_is_as_uncertain_as_all_right():
    targets = np.repeat([0, 1], 36)
    right, wrong = judge(targets, targets), judge(targets, 1 - targets)
    for name in ("accuracy", "balanced-accuracy", "sensitivity"):
        assert wrong[name].high == pytest.approx(1 - right[name].low)
    assert (wrong["mcc"].low, wrong["mcc"].high) == pytest.approx((-1, -right["mcc"].low))
    assert wrong["auroc"].value == 0.0 and wrong["auroc"].high > 0


def test_a_class_absent_from_test_is_named_everywhere():
    targets = np.repeat([0, 1], 20)
    found = judge(targets, targets, ("a", "b", "c"))
    for name in ("recall/c", "auroc/c"):
        assert found[name].value is None and found[name].note == "no c in the test subset"
    assert found["precision/c"].note == "never decided c"
    assert found["f1/c"].note == "c neither in the test subset nor decided"
    for name in ("balanced-accuracy", "auroc", "auprc"):
        assert found[name].value == 1.0 and "2 of 3 classes" in found[name].note
    assert found["n/c"].value == 0


def test_a_test_part_of_one_class_has_no_ranking_and_no_correlation():
    found = judge(np.zeros(20, int), np.repeat([0, 1], [15, 5]))
    for name in ("auroc", "auprc", "mcc", "specificity"):
        assert found[name].value is None and found[name].note, name
    assert found["balanced-accuracy"].value == 0.75
    assert found["specificity"].note == "no rest in the test subset"


def test_few_images_are_marked_in_every_metric_that_rests_on_them():
    targets = np.repeat([0, 1], [4, 60])
    found = judge(targets, np.r_[0, 0, 0, 1, np.ones(60, int)])
    assert found["sensitivity"].note == found["auprc"].note == found["auroc"].note == "fewer than ten groups"
    assert found["balanced-accuracy"].note == "COVID: fewer than ten groups"
    assert found["specificity"].note == found["accuracy"].note == ""


@pytest.mark.parametrize("classes", [("COVID", "rest"), ("a", "b", "c")])
def test_one_answer_for_all_images_has_the_interval_of_the_constant_rule_and_says_so(classes):
    targets = np.arange(90) % len(classes)
    found = judge(targets, np.zeros(90, int), classes)
    certain = {"balanced-accuracy": 1 / len(classes), f"recall/{classes[0]}": 1.0, f"recall/{classes[1]}": 0.0}
    two = {"sensitivity": 1.0, "specificity": 0.0}
    certain |= two if len(classes) == 2 else {"specificity/a": 0.0, "specificity/b": 1.0}
    for name, value in certain.items():
        one = found[name]
        assert (one.value, one.low, one.high) == pytest.approx((value, value, value)), name
        assert one.note == "gives every image the same answer", name
    assert found["accuracy"].low < found["accuracy"].value < found["accuracy"].high  # the share of the class is known
    assert (found["mcc"].low, found["mcc"].high) == (0, 0)


def test_a_network_that_decides_alike_and_is_not_equally_sure_has_the_intervals_of_shares_of_all_and_none():
    """It may decide otherwise on other images: of 45 all right leave Wilson's .921, hand-worked as n / (n + z²)."""
    targets = np.arange(90) % 2
    logits = np.c_[1 + np.arange(90) / 90, np.zeros(90)]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    outputs = Outputs(np.zeros(90, int), np.log(p / (1 - p)), p)
    found = evaluate(("COVID", "rest"), "COVID", targets, outputs, np.arange(90), 0, 200)
    least = 45 / (45 + 1.959964**2)
    assert (found["sensitivity"].low, found["sensitivity"].high) == pytest.approx((least, 1.0))
    assert (found["specificity"].low, found["specificity"].high) == pytest.approx((0.0, 1 - least))
    balanced = found["balanced-accuracy"]
    assert balanced.low < balanced.value == 0.5 < balanced.high
    assert {found[name].note for name in ("sensitivity", "specificity", "balanced-accuracy")} == {""}


def test_one_other_answer_is_no_constant_rule():
    found = judge(np.arange(90) % 2, np.eye(90, dtype=int)[0])
    assert found["balanced-accuracy"].low < found["balanced-accuracy"].high and not found["balanced-accuracy"].note


def test_one_answer_on_images_of_one_class_may_be_skill():
    found = judge(np.zeros(40, int), np.zeros(40, int))
    assert found["sensitivity"].low < 1 and found["sensitivity"].note == ""


def test_a_single_group_is_named():
    targets = np.repeat([0, 1], 10)
    found = judge(targets, targets, groups=np.zeros(20))
    assert all("one group only" in estimate.note for estimate in found.values())


def test_few_are_counted_in_groups():
    targets = np.repeat([0, 1], [60, 60])
    found = judge(targets, np.where(np.arange(120) % 7 == 0, 1 - targets, targets), groups=np.arange(120) // 10)
    for name in ("sensitivity", "specificity", "f1/COVID", "auroc", "auprc"):
        assert "fewer than ten groups" in found[name].note, name
    assert found["accuracy"].note == found["mcc"].note == ""  # of twelve


def test_a_single_image_is_survived():
    found = judge([1], [1])
    assert found["accuracy"].value == 1.0
    assert found["accuracy"].note == "fewer than ten groups; one group only: interval not valid"


def test_copies_of_every_image_widen_no_interval_and_narrow_none():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, 150)
    decisions = np.where(rng.random(150) < 0.85, targets, 1 - targets)
    once = judge(targets, decisions, resamples=2000)
    twice = judge(np.tile(targets, 2), np.tile(decisions, 2), groups=np.tile(np.arange(150), 2), resamples=2000)
    for name in ("accuracy", "balanced-accuracy", "f1/COVID", "macro-f1", "auroc"):
        assert (twice[name].low, twice[name].high) == pytest.approx((once[name].low, once[name].high), abs=0.003), name
    for name in ("mcc", "log-loss", "brier"):
        assert (twice[name].low, twice[name].high) == pytest.approx((once[name].low, once[name].high), abs=0.02), name


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 4), st.integers(1, 30), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_whatever_comes_in_every_number_is_ordered_or_named(classes, n, seed, skill):
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, classes, n)
    decisions = np.where(rng.random(n) < skill, targets, rng.integers(0, classes, n))
    names = ["a", "b", "c", "d"][:classes]
    found = judge(targets, decisions, names, "a", groups=rng.integers(0, n, n), resamples=30)
    for name, estimate in found.items():
        if estimate.value is None:
            assert estimate.note, name
        elif not name.startswith("n/") and name != "ece":
            assert estimate.low - 1e-9 <= estimate.value <= estimate.high + 1e-9, name
            assert math.isfinite(estimate.low) and math.isfinite(estimate.high), name


def test_intervals_cover_the_truth_on_patients_with_two_radiographs():
    rng = np.random.default_rng(3)
    targets, groups = np.repeat([0, 1], [40, 100]), np.arange(140) // 2
    truth = {"balanced-accuracy": 0.875, "mcc": 0.7349, "macro-f1": 0.8670, "f1/COVID": 0.8125}  # recalls .85 and .90
    matrix = np.array([[0.85 * 40, 0.15 * 40], [0.1 * 100, 0.9 * 100]])
    truth["mcc"] = (34 * 90 - 6 * 10) / math.sqrt(40 * 100 * 44 * 96)
    truth["f1/COVID"] = 2 * 34 / 84
    truth["macro-f1"] = (2 * 34 / 84 + 2 * 90 / 196) / 2
    assert matrix.sum() == 140
    limits = np.array([1.0364, 1.2816])[targets]  # normal quantiles of .85 and .90
    covered = {name: [] for name in truth}
    for _ in range(250):
        noise = math.sqrt(0.6) * rng.normal(size=70)[groups] + math.sqrt(0.4) * rng.normal(size=140)
        found = judge(targets, np.where(noise > limits, 1 - targets, targets), groups=groups, resamples=150)
        for name, value in truth.items():
            covered[name].append(found[name].low <= value <= found[name].high)
    for name, hits in covered.items():
        assert np.mean(hits) >= 0.91, name
