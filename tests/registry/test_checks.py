import importlib
import sys
import tomllib
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from registry.checks.datasets import check_dataset
from registry.checks.networks import check_backbone, check_head, check_segmenter
from registry.checks.voters import check_voter
from registry.contracts import Sample
from registry.datasets.phantom.catalogue import phantom
from registry.errors import ContractError

pytestmark = pytest.mark.conformance

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "plugin"))  # as if it were installed


def registered(kind):
    """(name, module:factory) of the built-ins and of the plugin, from their metadata."""
    for project in (ROOT.parent, ROOT / "plugin"):
        points = tomllib.loads((project / "pyproject.toml").read_text())["project"]["entry-points"]
        yield from points.get(f"cxr_bench.{kind}s", {}).items()


def factories(kind):
    return [pytest.param(name, place, id=name) for name, place in registered(kind)]


def load(place):
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize(("name", "place"), factories("segmenter"))
def test_every_segmenter_keeps_the_contract(name, place):
    check_segmenter(load(place))


@pytest.mark.parametrize(("name", "place"), factories("head"))
def test_every_head_keeps_the_contract(name, place):
    check_head(load(place))


@pytest.mark.parametrize(("name", "place"), factories("voter"))
def test_every_voter_keeps_the_contract(name, place):
    check_voter(load(place))


def test_datasets_that_need_no_files_keep_the_contract():
    check_dataset(phantom(count=40))
    check_dataset(load(dict(registered("dataset"))["discs"])(count=10))


def test_the_plugin_imports_nothing_of_benchmark():
    assert "benchmark" not in (ROOT / "plugin" / "cxr_bench_example.py").read_text()


def test_a_backbone_of_the_plugin_takes_at_most_fifteen_lines():
    source = (ROOT / "plugin" / "cxr_bench_example.py").read_text()
    body = source[source.index("def strided") : source.index("def linear")]
    assert len(body.strip().splitlines()) <= 15


def flat(image_shape):
    return keras.Sequential([keras.Input(image_shape), layers.Flatten(), layers.Dense(3)])


def constant_lungs(image_shape):
    return keras.Sequential([keras.Input(image_shape), layers.Conv2D(1, 1)])


def with_a_lambda(image_shape):
    images = keras.Input(image_shape)
    return keras.Model(images, layers.Lambda(lambda x: 2 * x)(layers.Conv2D(2, 3, strides=2)(images)))


def with_a_way_around(image_shape):
    images = keras.Input(image_shape)
    fine = layers.Conv2D(2, 3, strides=2, padding="same")(images)
    around = layers.AveragePooling2D(4)(images)
    return keras.Model(images, [layers.Concatenate()([layers.AveragePooling2D(2)(fine), around]), fine])


def coarser_second(image_shape):
    images = keras.Input(image_shape)
    fine = layers.Conv2D(2, 3, strides=2, padding="same")(images)
    return keras.Model(images, [fine, layers.AveragePooling2D(2)(fine)])


def own_random_weights(image_shape):
    kernel = np.random.default_rng().normal(size=(3, 3, 1, 2))
    images = keras.Input(image_shape)
    return keras.Model(images, layers.Conv2D(2, 3, kernel_initializer=keras.initializers.Constant(kernel))(images))


def softmaxed(feature_shape, num_classes):
    return keras.Sequential(
        [keras.Input(feature_shape), layers.GlobalAveragePooling2D(), layers.Dense(num_classes, "softmax")]
    )


def always_two(feature_shape, num_classes):
    return keras.Sequential([keras.Input(feature_shape), layers.GlobalAveragePooling2D(), layers.Dense(2)])


@pytest.mark.parametrize(
    ("check", "factory", "message"),
    [
        (check_backbone, flat, r"flat: feature maps are \(B, h, w, C\), received \(4, 3\)"),
        (check_backbone, with_a_lambda, "safe mode"),
        (check_backbone, with_a_way_around, "do not pass through alone"),
        (check_backbone, coarser_second, "the second output is the finer map"),
        (check_backbone, own_random_weights, "equal seeds give equal weights"),
        (check_head, softmaxed, "leave the softmax out"),
        (check_head, always_two, r"logits \(B, 4\)"),
        (check_segmenter, constant_lungs, r"lie in \[0, 1\]"),
        (check_segmenter, lambda image_shape: object(), r"has predict\(\), received a object"),
        (check_voter, lambda: object(), r"has fit\(\)"),
    ],
)
def test_a_broken_promise_is_one_line_that_names_it(check, factory, message):
    with pytest.raises(ContractError, match=message) as caught:
        check(factory)
    assert "\n" not in str(caught.value)


class Broken:
    name, labels, licence, origin, notices = "broken", ("a",), "", "", ()

    def __init__(self, *samples):
        self.listed = samples

    def samples(self):
        return self.listed


def gray():
    return np.zeros((4, 4), np.uint8)


def coloured():
    return np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ((), "no samples"),
        ((Sample("1", "b", None, "g", gray),), r"label 'b', which is none of \('a',\)"),
        ((Sample("1", "a", None, "g", gray),) * 2, "ids are unique; 1 of 2"),
        ((Sample("1", "a", None, "", gray),), "group is a text, received ''"),
        ((Sample("1", "a", None, "g", coloured),), r"uint8 \(H, W\), received uint8 \(4, 4, 3\)"),
        ((Sample("1", "a", None, "g", lambda: gray()),), "cannot be pickled"),
        ((Sample("1", "a", None, "g", gray, gray),), r"mask of sample '1' is bool \(H, W\), received uint8"),
    ],
)
def test_a_broken_dataset_is_told_what_is_wrong(samples, message):
    with pytest.raises(ContractError, match=message):
        check_dataset(Broken(*samples))


def test_a_classical_head_is_a_head():
    from sklearn.linear_model import LogisticRegression

    check_head(lambda feature_shape, num_classes: LogisticRegression())
