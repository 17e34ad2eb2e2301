"""A classifier of elsewhere asked about grey images: layouts, ranges, and what does not fit, said in one line."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.models.onnx_classifier import OnnxClassifier
from benchmark.tasks.spec import Classifier
from registry.errors import BenchError
from tests.onnx_networks import helper, model, numpy_helper, saved, value

SIDE = 8
IMAGES = np.random.default_rng(0).integers(0, 256, (5, SIDE, SIDE), np.uint8)


def mean_of_pixels(*, last=False, softmax=False, sigmoid=False, flat=False, channels=3, columns=2, scale=1.0):
    """Answers (mean, −mean) of its input's pixels, a softmax of these, or the mean alone, as it is or by a sigmoid."""
    columns = 1 if sigmoid or flat else columns
    weights = np.array([[scale, -scale, 0][:columns]], np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
        helper.make_node("MatMul", ["column", "weights"], ["logits" if softmax or sigmoid or flat else "answers"]),
    ]
    nodes += [helper.make_node("Softmax", ["logits"], ["answers"], axis=1)] if softmax else []
    nodes += [helper.make_node("Sigmoid", ["logits"], ["answers"])] if sigmoid else []
    nodes += [helper.make_node("Squeeze", ["logits", "one"], ["answers"])] if flat else []
    numbers = [numpy_helper.from_array(np.array([1]), "one"), numpy_helper.from_array(weights, "weights")]
    shape = ["n", SIDE, SIDE, channels] if last else ["n", channels, SIDE, SIDE]
    return model(nodes, [value("images", shape)], [value("answers", ["n"] if flat else ["n", columns])], numbers)


def asked(folder, made=None, *, size=SIDE, grey="0..1", channels=3, outputs="logits"):
    path = Path(saved(made or mean_of_pixels(), folder))
    return OnnxClassifier(path, Classifier(grey, channels, outputs, ["COVID", "rest"]), size, 1)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("grey", "low", "span"), [("0..1", 0, 1), ("-1..1", -1, 2), (".5,.25", -2, 4)])
def test_the_network_sees_grey_levels_as_the_range_says_in_its_own_layout(tmp_path, last, grey, low, span):
    network = asked(tmp_path, mean_of_pixels(last=last), grey=grey)
    mean = low + span * IMAGES.mean(axis=(1, 2)) / 255
    np.testing.assert_allclose(network(IMAGES), np.stack([mean, -mean], axis=1), atol=1e-5)
    assert f"channels {'last' if last else 'first'}" in network.try_out()


def test_probabilities_become_their_logarithms(tmp_path):
    network = asked(tmp_path, mean_of_pixels(softmax=True), outputs="probabilities")
    mean = IMAGES.mean(axis=(1, 2)) / 255
    found = network(IMAGES)
    np.testing.assert_allclose(found[:, 0] - found[:, 1], 2 * mean, atol=1e-5)


@pytest.mark.parametrize(
    ("made", "outputs", "said"),
    [
        ({"columns": 1}, "logits", "one logit, that of rest, the second of --classes, against COVID"),
        ({"flat": True}, "logits", "one logit, that of rest, the second of --classes, against COVID"),
        ({"sigmoid": True}, "probabilities", "one probability, that of rest, the second of --classes, against COVID"),
    ],
)
def test_a_single_answer_is_that_of_the_second_of_two_classes(tmp_path, made, outputs, said):
    network = asked(tmp_path, mean_of_pixels(**made), outputs=outputs)
    assert network.try_out().endswith(f"answers {said}")
    found = network(IMAGES)
    assert found.shape == (5, 2)
    np.testing.assert_allclose(found[:, 1] - found[:, 0], IMAGES.mean(axis=(1, 2)) / 255, atol=1e-5)
    assert np.shape(network(IMAGES[:1])) == (1, 2)


@pytest.mark.parametrize(
    ("made", "how", "said"),
    [
        ({}, {"size": 16}, "8×8 pixels, --size says 16"),
        ({}, {"channels": 1}, r"3 channel\(s\), --channels says 1"),
        ({"columns": 3}, {}, r"answers \(3, 3\) for 3 images, expected \(3, 2\)"),
        (
            {"columns": 1, "scale": 9.0},
            {"outputs": "probabilities"},
            r"answers 4\.\d+, which is no probability; use --outputs",
        ),
        ({"sigmoid": True}, {}, "answers what a sigmoid gives, so these are no logits; use --outputs probabilities"),
        ({"softmax": True}, {}, "these are no logits; use --outputs probabilities"),
        ({"scale": 9.0}, {"outputs": "probabilities"}, "use --outputs logits"),
        ({"scale": float("nan")}, {}, "NaN or infinity"),
        ({}, {"grey": "1..0"}, "cannot be used"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path, made, how, said):
    with pytest.raises(BenchError, match=said) as refused:
        asked(tmp_path, mean_of_pixels(**made), **how).try_out()
    assert "\n" not in str(refused.value)
