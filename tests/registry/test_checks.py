import copy
import importlib
import sys
import tomllib
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.tree import DecisionTreeClassifier

from registry.checks.datasets import check_dataset
from registry.checks.networks import check_backbone, check_head, check_segmenter
from registry.checks.voters import check_voter
from registry.contracts import Sample
from registry.datasets.phantom.catalogue import phantom
from registry.errors import ContractError

pytestmark = pytest.mark.conformance

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "plugin"))  # as if it were installed
QUICK = {"xgboost": {"trees": 10}}  # the others take no time by their defaults


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
    check_head(load(place), **QUICK.get(name, {}))


@pytest.mark.parametrize(("name", "place"), factories("voter"))
def test_every_voter_keeps_the_contract(name, place):
    check_voter(load(place))


def test_datasets_that_need_no_files_keep_the_contract():
    check_dataset(phantom, count=40)
    check_dataset(load(dict(registered("dataset"))["discs"]), count=10)


def test_the_plugin_imports_nothing_of_benchmark():
    assert "benchmark" not in (ROOT / "plugin" / "cxr_bench_example.py").read_text()


def test_a_backbone_of_the_plugin_takes_at_most_fifteen_lines():
    source = (ROOT / "plugin" / "cxr_bench_example.py").read_text()
    body = source[source.index("def strided") : source.index("def linear")]
    assert len(body.strip().splitlines()) <= 15


def with_a_way_around(image_shape):
    images = keras.Input(image_shape)
    fine = layers.Conv2D(2, 3, strides=2, padding="same")(images)
    around = layers.AveragePooling2D(4)(images)
    return keras.Model(images, [layers.Concatenate()([layers.AveragePooling2D(2)(fine), around]), fine])


def coarser_second(image_shape):
    images = keras.Input(image_shape)
    fine = layers.Conv2D(2, 3, strides=2, padding="same")(images)
    return keras.Model(images, [fine, layers.AveragePooling2D(2)(fine)])


def always_two(feature_shape, num_classes):
    return keras.Sequential([keras.Input(feature_shape), layers.GlobalAveragePooling2D(), layers.Dense(2)])


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    """Knows its outputs only once it is called."""

    def __init__(self, **options):
        super().__init__(**options)
        self.layer = layers.Conv2D(2, 3, strides=2)

    def call(self, images):
        return self.layer(images)


class Masks:
    """Keeps the contract, whatever else it declares."""

    def __init__(self, **declared):
        vars(self).update(declared)

    def predict(self, images):
        return images[..., 0] > 0.5


def declaring_network(image_shape):
    network = keras.Sequential([keras.Input(image_shape), layers.Conv2D(1, 3, padding="same", activation="sigmoid")])
    network.whole_frame = True
    return network


def declaring_by_option(image_shape, *, whole: bool = False):
    return Masks(whole_frame=whole)


def classical_by_option(feature_shape, num_classes, *, trees: bool = False):
    return DecisionTreeClassifier() if trees else linear(feature_shape, num_classes)


def linear(feature_shape, num_classes):
    return keras.Sequential([keras.Input(feature_shape), layers.GlobalAveragePooling2D(), layers.Dense(num_classes)])


class Unseeded(DecisionTreeClassifier):
    """Its answers are random, by nothing that the run's seed reaches."""

    def fit(self, X, y):
        self.share = np.random.random()
        return super().fit(X, y)

    def predict_proba(self, X):
        return self.share * super().predict_proba(X) + (1 - self.share) / self.n_classes_


class Misnamed(DecisionTreeClassifier):
    """Counts its classes from one."""

    def fit(self, X, y):
        super().fit(X, y)
        self.classes_ = self.classes_ + 1
        return self


class Holding(DecisionTreeClassifier):
    """Cannot be stored without pickle."""

    def fit(self, X, y):
        self.answer = lambda: 0
        return super().fit(X, y)


def head(made):
    return lambda feature_shape, num_classes: copy.deepcopy(made)


@pytest.mark.parametrize(
    ("check", "factory", "message"),
    [
        (check_backbone, lambda image_shape: Subclassed(), "received a Subclassed that does not know its outputs"),
        (check_backbone, lambda image_shape: Masks(), "untrained is False of the factory, which makes no network"),
        (check_segmenter, lambda image_shape: Subclassed(), "received a Subclassed that does not know its outputs"),
        (check_segmenter, lambda image_shape: Masks(whole_frame="yes"), "True or False, received 'yes'"),
        (check_segmenter, lambda image_shape: Masks(reads_dataset_masks=1), "reads_dataset_masks of a Masks"),
        (
            check_segmenter,
            lambda image_shape: Masks(whole_frame=True, reads_dataset_masks=True),
            "received keeps_whole_frame and reads_dataset_masks",
        ),
        (check_segmenter, declaring_network, "received is_trained and keeps_whole_frame"),
        (partial(check_segmenter, whole=True), declaring_by_option, "keeps_whole_frame True with them and False"),
        (partial(check_head, trees=True), classical_by_option, "is_classical True with them and False by default"),
        (check_head, head(Masks()), r"has fit\(\) and predict\(\), received a Masks"),
        (check_head, head(Misnamed()), "classes_ of a Misnamed holds indices below 2, received 1, 2"),
        (check_head, head(Holding()), "a Holding cannot be stored without pickle"),
        (check_head, head(Unseeded()), "fitted twice with the same random_state it answered otherwise"),
        (check_backbone, with_a_way_around, "do not pass through alone"),
        (check_backbone, coarser_second, "the second output is the finer map"),
        (check_head, always_two, r"logits \(B, 4\)"),
        (check_segmenter, lambda image_shape: object(), r"has predict\(\), received an object"),
        (check_voter, lambda: object(), r"has fit\(\)"),
    ],
)
def test_a_broken_promise_is_one_line_that_names_it(check, factory, message):
    with pytest.raises(ContractError, match=message) as caught:
        check(factory)
    assert "\n" not in str(caught.value)


class Broken:
    name, labels, licence, origin, notices = "broken", ("a", "b"), "", "", ()

    def __init__(self, *samples, **changed):
        self.listed = samples
        vars(self).update(changed)

    def samples(self):
        return self.listed


def gray():
    return np.zeros((4, 4), np.uint8)


def lungs():
    return np.zeros((4, 4), bool)


def coloured():
    return np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ((), "no samples"),
        ((Sample("1", "c", None, "g", gray),), r"label 'c', which is none of \('a', 'b'\)"),
        ((Sample("1", "a", None, "g", gray),) * 2, "ids are unique; 1 of 2"),
        ((Sample("1", "a", None, "", gray),), "group is a text, received ''"),
        ((Sample("1", "a", None, "g", coloured),), r"uint8 \(H, W\), received uint8 \(4, 4, 3\)"),
        ((Sample("1", "a", None, "g", lambda: gray()),), "cannot be pickled"),
        ((Sample("1", "a", 3, "g", gray),), "source is a text or None, received 3 of sample '1'"),
        ((Sample("1", "a", None, "g", gray, paths=["x"]),), r"paths are a tuple of texts, received \['x'\]"),
        (
            (Sample("1", "a", None, "g", gray, paths=("not-there",)),),
            "paths of sample '1' are files, received not-there",
        ),
        ((Sample("1", "a", None, "g", gray, lungs),), "sample '1' has a mask and mask_annotator=None"),
        ((Sample("1", "a", None, "g", gray, mask_annotator="me"),), "sample '1' has no mask and mask_annotator='me'"),
        (
            (Sample("1", "a", None, "g", gray, read_marks=gray),),
            r"marks of sample '1' is bool \(H, W\), received uint8",
        ),
        ((Sample("1", "a", None, "g", gray, gray),), r"mask of sample '1' is bool \(H, W\), received uint8"),
    ],
)
def test_a_broken_dataset_is_told_what_is_wrong(samples, message):
    with pytest.raises(ContractError, match=message):
        check_dataset(lambda root=None: Broken(*samples))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"notices": "one line"}, "notices are a tuple of texts, received 'one line'"),
        ({"labels": ["a", "b"]}, r"labels are a tuple of texts, received \['a', 'b'\]"),
        ({"labels": ("a",)}, "labels are two distinct names or more"),
        ({"labels": ("a", "b\n")}, "labels can be printed"),
        ({"licence": None}, "licence is a text, received None"),
        ({"passed_over": ["a.txt"]}, r"passed over is a tuple of PassedOver, received \['a.txt'\]"),
        ({"patients": None}, "how a dataset knows patients is a text, received None"),
    ],
)
def test_a_dataset_says_what_it_is_in_texts(changed, message):
    with pytest.raises(ContractError, match=message):
        check_dataset(lambda root=None: Broken(Sample("1", "a", None, "g", gray), **changed))


def reads_files(root):
    return Broken(Sample("1", "a", None, "g", gray))


def recognising(answer):
    def factory(root):
        return reads_files(root)

    factory.recognises = answer
    return factory


def test_a_dataset_of_files_is_checked_on_its_folder(tmp_path):
    with pytest.raises(ContractError, match=r"^reads_files: is read from files, received no folder"):
        check_dataset(reads_files)
    check_dataset(reads_files, tmp_path)


def broken(root):
    raise KeyError("nothing")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("*.png", r"recognises is a function \(root\) -> int, received a str"),
        (lambda root: "yes", "the score of recognises is a whole number"),
        (lambda root: 1, "recognises gives 0 for an empty folder, received 1"),
        (lambda root: 0, "recognises gives 1 or more for the dataset's own folder, received 0"),
        (broken, "raised KeyError"),
    ],
)
def test_a_dataset_recognises_its_own_folder_and_no_other(answer, message, tmp_path):
    with pytest.raises(ContractError, match=message):
        check_dataset(recognising(answer), tmp_path)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("['table.txt']", None),
        ("['table.txt', 'other.txt']", r"names files in the folder of .*\.py, which lacks other\.txt"),
        ("list(NAMES)", r"\.py:3: cxr_bench_sources is read without running the file"),
    ],
)
def test_declared_data_files_are_written_out_and_there(declared, message, tmp_path, monkeypatch):
    name = f"declaring_{sum(map(ord, declared))}"
    code = f"from registry.voters.soft import soft\nNAMES = ('table.txt',)\ncxr_bench_sources = {declared}\n"
    (tmp_path / f"{name}.py").write_text(f"{code}\n\ndef voter():\n    return soft()\n")
    (tmp_path / "table.txt").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    factory = importlib.import_module(name).voter
    if message is None:
        check_voter(factory)
        return
    with pytest.raises(ContractError, match=f"^voter: .*{message}"):
        check_voter(factory)


def test_a_classical_head_is_a_head():
    from sklearn.linear_model import LogisticRegression

    check_head(lambda feature_shape, num_classes: LogisticRegression())
