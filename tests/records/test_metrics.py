import pytest

from benchmark.records.metrics import OF_CALIBRATION, SECONDARY, direction, metrics_of

CLASSES = {2: ["a", "b"], 3: ["a", "b", "c"]}


def test_losses_and_calibration_errors_are_better_lower_and_nothing_else_is():
    names = {*metrics_of(CLASSES[2], "b"), *metrics_of(CLASSES[3], None), *OF_CALIBRATION}
    lower = {"log-loss", "brier", "ece", "ece-floor", "rms-calibration-error"}
    assert {name for name in names if direction(name) < 0} == lower


def test_sensitivity_and_specificity_need_a_positive_class():
    assert {"sensitivity", "specificity"} <= set(metrics_of(CLASSES[2], "b"))
    assert not {"sensitivity", "specificity"} & {*metrics_of(CLASSES[2], None), *metrics_of(CLASSES[3], "b")}


@pytest.mark.parametrize(("classes", "kinds"), [(2, {"precision", "recall", "f1"}), (3, {"specificity", "auroc"})])
def test_metrics_of_a_class_are_named_after_it(classes, kinds):
    found = metrics_of(CLASSES[classes], None)
    assert {f"{kind}/{name}" for kind in kinds for name in CLASSES[classes]} <= set(found)


def test_every_metric_that_tables_show_is_one_that_a_run_is_measured_by():
    assert set(SECONDARY) <= set(metrics_of(CLASSES[2], "b"))
