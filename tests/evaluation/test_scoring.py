"""The front door: what is fitted where, one decision rule."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmark.evaluation.calibration import softmax
from benchmark.evaluation.metrics import metric_named
from benchmark.evaluation.scoring import score
from benchmark.evaluation.shrinkage import INTERCEPT_SD, LOG_SLOPE_SD
from benchmark.evaluation.thresholds import decided_at
from benchmark.records.metrics import OF_CALIBRATION, OF_DECISIONS, OF_POSITIVE, metrics_of
from registry.errors import DataError

CLASSES = ["COVID", "Lung_Opacity", "Normal", "Viral Pneumonia"]


def fake(n=600, classes=2, seed=0, shift=2.0, shares=None):
    """Keyword arguments of `score` for a network trained on balanced batches of unbalanced data."""
    rng = np.random.default_rng(seed)
    shares = np.full(classes, 1 / classes) if shares is None else np.asarray(shares)
    targets = rng.choice(classes, n, p=shares)
    logits = rng.normal(size=(n, classes))
    logits[np.arange(n), targets] += shift
    names = ["COVID", "rest"] if classes == 2 else CLASSES[:classes]
    return {
        "classes": names,
        "positive": "COVID" if classes == 2 else None,
        "targets": targets,
        "logits": logits,
        "subsets": rng.choice(["train", "validation", "calibration", "test"], n, p=[0.4, 0.1, 0.2, 0.3]),
        "groups": [f"patient-{i // 2}" for i in range(n)],
        "data_prior": shares,
        "batch_prior": np.full(classes, 1 / classes),
        "seed": 1,
        "sources": ["a" if i % 3 else "b" for i in range(n)],
        "resamples": 300,
    }


def test_unknown_sources_leave_out_the_oracle_but_not_the_majority():
    arguments = fake()
    arguments["sources"][5] = None
    assert list(score(**arguments).controls) == ["majority"]
    assert list(score(**(arguments | {"sources": None})).controls) == ["majority"]
    assert list(score(**fake()).controls) == ["majority", "source-oracle"]


@pytest.mark.parametrize("classes", [2, 4])
def test_every_metric_that_tables_name_is_there_with_an_interval_around_it(classes):
    arguments = fake(classes=classes)
    found = score(**arguments).metrics
    names = [*metrics_of(arguments["classes"], arguments["positive"]), "ece-floor", "rms-calibration-error"]
    if classes == 2:
        names += ["calibration-slope", "calibration-intercept"]
        names += [f"{side}@specificity-{at}" for side in ("sensitivity", "specificity") for at in (95, 99)]
        names += [f"{name}@uncalibrated" for name in (*OF_DECISIONS, *OF_POSITIVE)]
    assert {*names, *(f"n/{name}" for name in arguments["classes"])} == set(found)
    for name in set(names) - {"ece"}:  # which has what a perfect model shows beside it instead
        estimate = found[name]
        assert estimate.low <= estimate.value <= estimate.high and estimate.low < estimate.high, name
        noted = "@specificity" in name or (name == "brier" and classes > 2)  # few negatives; halved
        assert estimate.n > 0 and bool(estimate.note) == noted, name
    counts = {f"n/{name}" for name in arguments["classes"]}
    assert set(found) == set(names) | counts
    assert sum(found[name].value for name in counts) == (arguments["subsets"] == "test").sum()


def test_the_confusion_matrix_holds_the_test_images_and_gives_the_recalls():
    arguments = fake(shares=[0.2, 0.8])
    found = score(**arguments)
    (tp, fn), (fp, tn) = found.confusion
    assert tp + fn + fp + tn == (arguments["subsets"] == "test").sum()
    assert found.metrics["sensitivity"].value == pytest.approx(tp / (tp + fn))
    assert found.metrics["specificity"].value == pytest.approx(tn / (tn + fp))


def test_training_prior_changes_no_decision_and_no_ranking():
    balanced = fake(shares=[0.1, 0.9], n=1500)
    as_it_is = balanced | {
        "logits": balanced["logits"] + np.log(balanced["data_prior"]),
        "batch_prior": balanced["data_prior"],
    }
    one, other = score(**balanced), score(**as_it_is)
    assert one.confusion == other.confusion
    assert one.probabilities == pytest.approx(other.probabilities)
    for name, estimate in one.metrics.items():
        assert estimate.value == pytest.approx(other.metrics[name].value), name


def test_probabilities_refer_to_the_shares_of_the_data():
    arguments = fake(n=4000, shares=[0.1, 0.9])
    found = score(**arguments)
    test = arguments["subsets"] == "test"
    assert found.probabilities[test, 0].mean() == pytest.approx((arguments["targets"][test] == 0).mean(), abs=0.02)
    assert found.probabilities.sum(axis=1) == pytest.approx(1)
    assert found.metrics["ece"].value < 0.03


def test_nothing_is_fitted_on_test():
    arguments = fake()
    test = arguments["subsets"] == "test"
    spoilt = arguments["logits"].copy()
    spoilt[test] = spoilt[test][:, ::-1]
    one, other = score(**arguments), score(**(arguments | {"logits": spoilt}))
    assert one.calibration == other.calibration
    assert (one.probabilities[~test] == other.probabilities[~test]).all()


def test_train_and_validation_do_not_enter_calibration_thresholds_or_metrics():
    arguments = fake()
    others = np.isin(arguments["subsets"], ["train", "validation"])
    spoilt = arguments["logits"].copy()
    spoilt[others] *= -3
    one, other = score(**arguments), score(**(arguments | {"logits": spoilt}))
    assert one.calibration == other.calibration and one.metrics == other.metrics


def test_thresholds_reach_their_specificity_on_validation_and_test_shows_its_own():
    arguments = fake(n=4000)
    found = score(**arguments)
    told = found.calibration.thresholds["specificity-95"]
    negatives = (arguments["targets"] == 1) & (arguments["subsets"] == "calibration")
    assert told.negatives == negatives.sum()
    assert 0.95 <= told.calibration_specificity < 0.95 + 1 / negatives.sum()
    assert found.metrics["specificity@specificity-95"].value == pytest.approx(0.95, abs=0.03)
    odds = found.corrected_logits[:, 0] - found.corrected_logits[:, 1]
    positives = (arguments["targets"] == 0) & (arguments["subsets"] == "test")
    expected = (odds[positives] >= told.log_odds).mean()
    assert found.metrics["sensitivity@specificity-95"].value == pytest.approx(expected)


def test_without_negatives_to_choose_on_thresholds_are_named_missing():
    arguments = fake()
    negatives = (arguments["subsets"] == "calibration") & (arguments["targets"] == 1)
    arguments["subsets"] = np.where(negatives, "train", arguments["subsets"])
    found = score(**arguments)
    assert found.metrics["sensitivity@specificity-95"].value is None
    assert "no threshold" in found.metrics["sensitivity@specificity-95"].note
    assert found.calibration.method == "identity" and "one class only" in found.calibration.note
    assert msgspec.to_builtins(found.calibration.thresholds["specificity-95"]) == {
        "note": found.metrics["sensitivity@specificity-95"].note
    }


def test_what_the_record_keeps_of_calibration_is_json_with_every_fitted_number():
    found = json.loads(msgspec.json.encode(score(**fake(classes=4)).calibration))
    assert list(found) == [
        "method", "temperature", "slope", "intercept", "n", "groups", "prior", "note", "data_prior", "batch_prior",
        "decisions", "probabilities", "subset",
    ]  # fmt: skip
    assert found["method"] == "temperature" and "equal class shares" in found["decisions"]
    assert list(found["data_prior"]) == CLASSES


def test_the_record_says_how_many_groups_calibration_rests_on_and_by_what_prior():
    arguments = fake()
    found, calibrating = score(**arguments).calibration, arguments["subsets"] == "calibration"
    assert found.n == calibrating.sum()
    assert found.groups == len({group for group, own in zip(arguments["groups"], calibrating, strict=True) if own})
    assert found.groups < found.n
    assert found.prior == {"log_slope_sd": LOG_SLOPE_SD, "intercept_sd": INTERCEPT_SD}


def test_decisions_without_calibration_are_measured_beside_the_calibrated_ones():
    arguments = fake(shares=[0.2, 0.8], n=2000)
    arguments["logits"][:, 1] += 2  # the network calls too few of them COVID
    found, test = score(**arguments), arguments["subsets"] == "test"
    raw = arguments["logits"][test].argmax(axis=1)  # balanced batches: nothing to take out
    targets = arguments["targets"][test]
    recalls = [(raw == k)[targets == k].mean() for k in (0, 1)]
    assert found.metrics["balanced-accuracy@uncalibrated"].value == pytest.approx(np.mean(recalls))
    assert found.metrics["sensitivity@uncalibrated"].value == pytest.approx(recalls[0])
    assert found.metrics["balanced-accuracy"].value > np.mean(recalls) + 0.05
    one = found.metrics["balanced-accuracy@uncalibrated"]
    assert one.low < one.value < one.high and one.n == test.sum()


def test_where_nothing_could_be_calibrated_both_are_the_same():
    arguments = fake()
    arguments["subsets"] = np.where(arguments["subsets"] == "calibration", "validation", arguments["subsets"])
    found = score(**arguments)
    assert found.calibration.method == "identity" and found.calibration.prior == {}
    for name in (*OF_DECISIONS, *OF_POSITIVE):
        assert found.metrics[f"{name}@uncalibrated"] == found.metrics[name]


def test_a_temperature_moves_no_decision_so_that_there_is_one_of_each():
    assert not [name for name in score(**fake(classes=4)).metrics if "uncalibrated" in name]


def test_a_threshold_without_positives_says_so_in_json():
    arguments = fake()
    positives = (arguments["subsets"] == "calibration") & (arguments["targets"] == 0)
    arguments["subsets"] = np.where(positives, "train", arguments["subsets"])
    threshold = json.loads(msgspec.json.encode(score(**arguments).calibration.thresholds["specificity-95"]))
    assert list(threshold) == [
        "log_odds",
        "calibration_specificity",
        "calibration_sensitivity",
        "negatives",
        "positives",
        "note",
    ]
    assert "negatives of" in threshold["note"]
    assert (threshold["calibration_sensitivity"], threshold["positives"]) == (None, 0)


def test_the_same_seed_gives_the_same_scores_and_another_moves_only_intervals():
    arguments = fake()
    one, again, other = score(**arguments), score(**arguments), score(**(arguments | {"seed": 9}))
    assert one.metrics == again.metrics != other.metrics
    for name in set(one.metrics) - {"ece-floor"}:
        assert one.metrics[name].value == other.metrics[name].value


def test_no_test_images_and_logits_that_are_not_finite_are_refused():
    arguments = fake()
    with pytest.raises(DataError, match="test subset is empty"):
        score(**(arguments | {"subsets": np.full(600, "train")}))
    broken = arguments["logits"].copy()
    broken[3, 0] = np.inf
    with pytest.raises(DataError, match="1 of 600"):
        score(**(arguments | {"logits": broken}))


def test_probabilities_of_the_network_s_own_prior_are_left_alone_when_nothing_is_to_correct():
    arguments = fake(classes=3)
    arguments["subsets"] = np.where(arguments["subsets"] == "calibration", "validation", arguments["subsets"])
    assert score(**arguments).probabilities == pytest.approx(softmax(arguments["logits"]))


def test_scoring_imports_no_statistics_package_and_no_classifier_library():
    for module in (Path(__file__).parents[2] / "benchmark" / "evaluation").glob("*.py"):
        text = module.read_text(encoding="utf-8")
        assert "sklearn" not in text and "scipy.stats" not in text and "keras" not in text, module.name


@pytest.mark.parametrize("classes", [2, 4])
def test_a_metric_recomputed_by_its_name_is_the_one_that_was_scored(classes):
    arguments = fake(classes=classes, shares=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    found, test = score(**arguments), arguments["subsets"] == "test"
    outputs = {
        "corrected_logits": found.corrected_logits,
        "probabilities": found.probabilities,
    }
    for name, estimate in found.metrics.items():
        if name.startswith("n/") or name.endswith("@uncalibrated") or name in OF_CALIBRATION:
            continue
        metric = metric_named(name, arguments["classes"], arguments["positive"])
        values = outputs[metric.needs][test]
        if metric.threshold:
            values = decided_at(values, 0, found.calibration.thresholds[metric.threshold].log_odds)
        again = metric.compute(arguments["targets"][test], values, np.ones((1, test.sum())))
        assert again == pytest.approx([estimate.value]), name
