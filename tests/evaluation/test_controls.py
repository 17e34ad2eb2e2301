"""Control rows from the published counts, and what they learn from."""

import numpy as np
import pytest

from benchmark.evaluation.controls import class_shares, controls, outputs_of_shares
from benchmark.evaluation.estimates import evaluate

# Class x source cells of the published database's metadata sheets.
PUBLISHED = {
    ("COVID", "BIMCV"): 2474,
    ("COVID", "COVID-CXNet"): 400,
    ("COVID", "Eurorad"): 258,
    ("COVID", "Hannover"): 183,
    ("COVID", "ieee8023"): 182,
    ("COVID", "SIRM"): 119,
    ("Lung_Opacity", "RSNA"): 6012,
    ("Normal", "RSNA"): 8851,
    ("Normal", "Kermany"): 1341,
    ("Viral Pneumonia", "Kermany"): 1345,
}
CLASSES = ["COVID", "Lung_Opacity", "Normal", "Viral Pneumonia"]


def published():
    """Class index and source of all 21,165 images."""
    counts = list(PUBLISHED.values())
    targets = np.repeat([CLASSES.index(label) for label, _ in PUBLISHED], counts)
    return targets, np.repeat([source for _, source in PUBLISHED], counts)


def oracle_on_published(classes, positive, targets, sources):
    outputs = outputs_of_shares(class_shares(len(classes), sources, targets, sources))
    return evaluate(classes, positive, targets, outputs, np.arange(len(targets)), seed=0, resamples=20)


def test_the_source_alone_scores_what_the_published_counts_say():
    targets, sources = published()
    found = oracle_on_published(CLASSES, None, targets, sources)
    assert round(found["accuracy"].value, 4) == 0.6526
    assert round(found["balanced-accuracy"].value, 3) == 0.717


def test_the_source_alone_tells_covid_from_the_rest_without_an_error():
    targets, sources = published()
    found = oracle_on_published(["COVID", "rest"], "COVID", np.minimum(targets, 1), sources)
    for name in ("accuracy", "balanced-accuracy", "sensitivity", "specificity", "auroc", "mcc"):
        assert found[name].value == 1.0, name
        assert found[name].low < 1.0, name


@pytest.mark.parametrize(("classes", "expected"), [(4, 0.4815), (2, 0.8292)])
def test_the_majority_scores_what_the_published_counts_say(classes, expected):
    targets, _ = published()
    targets = targets if classes == 4 else np.minimum(targets, 1)
    nowhere = np.zeros(len(targets), int)
    outputs = outputs_of_shares(class_shares(classes, nowhere, targets, nowhere))
    found = evaluate(CLASSES[:classes], None, targets, outputs, np.arange(len(targets)), seed=0, resamples=20)
    assert round(found["accuracy"].value, 4) == expected
    assert found["balanced-accuracy"].value == pytest.approx(1 / classes)
    assert found["auroc"].value == 0.5 and "do not vary" in found["auroc"].note
    assert found["mcc"].value == 0.0 and "one class only decided" in found["mcc"].note


def test_controls_learn_on_train_and_are_scored_on_test():
    targets = np.array([0, 0, 0, 1, 1, 1, 0, 1])
    sources = ["x", "x", "y", "y", "y", "x", "y", "x"]  # train says x: 0, y: 1; test is the other way round
    subsets = np.array(["train"] * 6 + ["test"] * 2)
    found = controls(["a", "b"], None, targets, subsets, np.arange(8), sources, seed=0, resamples=20)
    assert found["source-oracle"]["accuracy"].value == 0.0


def test_the_majority_is_sure_of_its_balanced_accuracy_and_says_why():
    targets = np.arange(40) % 4 // 3
    subsets = np.array(["train"] * 20 + ["test"] * 20)
    found = controls(["a", "b"], "b", targets, subsets, np.arange(40), None, seed=0, resamples=20)["majority"]
    for name, value in (("balanced-accuracy", 0.5), ("sensitivity", 0.0), ("specificity", 1.0)):
        assert (found[name].low, found[name].value, found[name].high) == (value, value, value)
        assert found[name].note == "gives every image the same answer"


def test_a_source_unseen_in_training_gets_the_overall_shares():
    shares = class_shares(2, np.array(["x"] * 4), np.array([0, 0, 0, 1]), np.array(["elsewhere"]))
    assert shares == pytest.approx(np.array([[3.5 / 5, 1.5 / 5]]))
