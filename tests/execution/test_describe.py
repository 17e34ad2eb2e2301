"""What a component says of itself when it is asked once, with its default options."""

import re

import pytest

from benchmark.execution import describe
from registry.lookup import find


class Masks:
    def predict(self, images): ...


@pytest.fixture
def described(monkeypatch):
    """Describes a factory as if it were registered under the name of one of ours."""

    def ask(kind, name, factory):
        monkeypatch.setattr(describe, "load", lambda entry: factory)
        return describe.describe(find(kind, name))

    return ask


def test_a_segmenter_says_how_it_comes_by_its_masks(described):
    class Frame(Masks):
        whole_frame = True

    description = described("segmenter", "none", lambda image_shape: Frame())
    assert description.traits == {"trains": False, "whole_frame": True, "reads_dataset_masks": False}


def test_a_head_with_fit_and_predict_is_classical(described):
    class Rule(Masks):
        def fit(self, features, targets): ...

    assert described("head", "dense", lambda feature_shape, num_classes: Rule()).traits == {"classical": True}


@pytest.mark.parametrize(
    ("kind", "name", "product", "line"),
    [
        ("segmenter", "none", type("Odd", (Masks,), {"whole_frame": 1})(), "whole_frame of an Odd is True or False"),
        ("segmenter", "none", object(), r"a segmenter is a keras.Model or has predict\(\), received an object"),
        ("head", "dense", Masks(), r"a head is a keras.Model or has fit\(\) and predict\(\), received a Masks"),
    ],
)
def test_a_product_that_breaks_its_contract_is_told_before_anything_runs(described, kind, name, product, line):
    description = described(kind, name, lambda *shapes: product)
    assert description.error.startswith(f"{kind} '{name}' breaks its contract: ")
    assert re.search(line, description.error)
    assert "\n" not in description.error
