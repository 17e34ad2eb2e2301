"""What components may declare: the default where they say nothing, one line where they say it wrongly."""

import ast
import sys
from types import SimpleNamespace

import pytest

from registry import declarations
from registry.errors import ContractError, PluginError


def drawn(root=None, *, count=4): ...


def read(root, *, name=""): ...


def recognising(answer):
    def factory(root): ...

    factory.recognises = answer
    return factory


def test_a_dataset_needs_files_where_their_folder_has_no_default():
    assert declarations.needs_files(read)
    assert not declarations.needs_files(drawn)


@pytest.mark.parametrize("factory", [lambda: None, lambda *, root: None])
def test_a_dataset_that_takes_no_folder_is_told_to(factory):
    with pytest.raises(ContractError, match=r"takes the folder of its files first, received <lambda>\(.*add root"):
        declarations.needs_files(factory)


def test_who_does_not_say_which_folders_it_reads_recognises_none():
    assert declarations.recognition(read, "anywhere") == 0


def test_who_says_which_folders_it_reads_is_asked():
    assert declarations.recognition(recognising({"here": 2, "there": True}.get), "here") == 2
    assert declarations.recognition(recognising({"here": 2, "there": True}.get), "there") == 1


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("*.png", r"recognises is a function \(root\) -> int, received a str"),
        (lambda root: "yes", "the score of recognises is a whole number, received 'yes'"),
        (lambda root: 0.5, r"is a whole number, received 0\.5"),
        (lambda root: -1, "is 0 or more, received -1"),
    ],
)
def test_a_wrong_recognition_is_one_line(declared, message):
    with pytest.raises(ContractError, match=message):
        declarations.recognition(recognising(declared), "here")


class Masks:
    def predict(self, images): ...


@pytest.mark.parametrize(
    ("name", "asks"),
    [
        ("whole_frame", declarations.keeps_whole_frame),
        ("reads_dataset_masks", declarations.reads_dataset_masks),
    ],
)
def test_a_flag_is_a_bool_and_false_by_default(name, asks):
    product = Masks()
    assert asks(product) is False
    setattr(product, name, True)
    assert asks(product) is True
    setattr(product, name, "yes")
    with pytest.raises(ContractError, match=f"{name} of a Masks is True or False, received 'yes'"):
        asks(product)


def test_what_predicts_masks_is_a_segmenter_that_is_not_trained():
    assert not declarations.is_trained(Masks())
    with pytest.raises(ContractError, match=r"a segmenter is a keras.Model or has predict\(\), received an object"):
        declarations.is_trained(object())


def test_what_fits_and_predicts_is_a_classical_head():
    assert declarations.is_classical(SimpleNamespace(fit=len, predict=len))
    with pytest.raises(
        ContractError, match=r"a head is a keras.Model or has fit\(\) and predict\(\), received a Masks"
    ):
        declarations.is_classical(Masks())


def test_nothing_is_a_network_where_nobody_imported_keras(monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    assert not declarations.is_network(Masks())


def test_a_network_knows_its_outputs():
    keras = pytest.importorskip("keras")

    class Called(keras.Model):
        def call(self, inputs):
            return inputs

    built = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(1, 1)])
    assert declarations.is_network(built)
    assert declarations.is_trained(built)
    assert not declarations.is_classical(built)
    for unknown in (Called(), keras.Sequential([keras.layers.Conv2D(1, 1)])):
        with pytest.raises(
            ContractError,
            match=r"keras\.Model with an Input, received a (Called|Sequential) that does not know its outputs",
        ):
            declarations.is_network(unknown)


class Stopping:
    def fit(self, features, targets, eval_set=None, sample_weight=None): ...

    def predict(self, features): ...


def test_a_fit_is_offered_what_it_names():
    assert declarations.fit_arguments(Stopping()) == {"sample_weight": "sample_weight", "eval_set": "eval_set"}
    assert declarations.fit_arguments(SimpleNamespace(fit=lambda features, targets: None)) == {}


def test_of_a_pipeline_the_last_step_is_asked():
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    last = Stopping()
    last.best_iteration = 3
    pipeline = Pipeline([("scale", StandardScaler()), ("grow", last)])
    assert declarations.last_step(pipeline) is last
    assert declarations.fit_arguments(pipeline)["eval_set"] == "grow__eval_set"
    assert declarations.best_round(pipeline) == 3


def test_every_random_state_takes_the_seed():
    parameters = {"random_state": None, "grow__random_state": 3, "state": 1}
    assert declarations.random_states(SimpleNamespace(get_params=lambda: parameters)) == [
        "random_state",
        "grow__random_state",
    ]
    assert declarations.random_states(object()) == []


def test_the_first_method_that_there_is_answers():
    assert declarations.answers_by(SimpleNamespace(predict=len, decision_function=len)) == "decision_function"
    assert declarations.answers_by(SimpleNamespace(predict=len, predict_proba=len)) == "predict_proba"
    assert declarations.answers_by(Stopping()) == "predict"


def test_all_classes_are_known_unless_it_says_which():
    assert declarations.known_classes(Stopping(), 3) == [0, 1, 2]
    assert declarations.known_classes(SimpleNamespace(classes_=[2.0, 0]), 3) == [2, 0]
    with pytest.raises(ContractError, match="classes_ of a SimpleNamespace holds indices below 2, received ill, well"):
        declarations.known_classes(SimpleNamespace(classes_=["ill", "well"]), 2)


def test_growing_to_the_end_has_no_best_round():
    assert declarations.best_round(Stopping()) is None
    with pytest.raises(ContractError, match="best_iteration of a SimpleNamespace is a whole number, received 'last'"):
        declarations.best_round(SimpleNamespace(best_iteration="last"))


def told(text):
    (statement,) = ast.parse(text).body
    return declarations.data_files(statement, "x.py")


def test_data_files_are_read_from_the_statement_that_names_them():
    assert told("cxr_bench_sources = ['a.txt', 'b.txt']") == ["a.txt", "b.txt"]
    assert told("cxr_bench_sources: tuple = 'a.txt'") == ["a.txt"]
    assert told("other = ['a.txt']") == told("import a") == told("cxr_bench_sources: list") == []


@pytest.mark.parametrize("value", ["list(names)", "3", "['a.txt', 3]"])
def test_data_files_that_are_not_written_out_are_an_error(value):
    with pytest.raises(PluginError, match=r"x\.py:1: cxr_bench_sources is read without running the file; expected"):
        told(f"cxr_bench_sources = {value}")


def test_libraries_are_read_alike():
    (named, other) = ast.parse("cxr_bench_libraries = ['theirs']\nother = ['theirs']").body
    assert declarations.libraries(named, "x.py") == ["theirs"]
    assert declarations.libraries(other, "x.py") == declarations.data_files(named, "x.py") == []
    (unwritten,) = ast.parse("cxr_bench_libraries = [one]").body
    with pytest.raises(PluginError, match=r"cxr_bench_libraries is read without running .* names of distributions"):
        declarations.libraries(unwritten, "x.py")


def pretrained(declared):
    def backbone(image_shape, *, weights="imagenet"):
        return None

    backbone.pretrained = declared
    return backbone


def test_a_backbone_says_how_its_published_weights_are_trained():
    assert declarations.pretrained_training(read) == {}
    declared = {"learning_rate": 3e-4, "epochs": 10}
    assert declarations.pretrained_training(pretrained(declared)) == declared


@pytest.mark.parametrize(
    "declared",
    [{"learning_rate": 0}, {"epochs": 2.5}, {"epochs": True}, {"batch_size": 3}, {"learning_rate": "3e-4"}, [1], None],
)
def test_a_wrong_word_on_published_weights_is_one_line(declared):
    with pytest.raises(ContractError, match="pretrained holds learning_rate"):
        declarations.pretrained_training(pretrained(declared))
