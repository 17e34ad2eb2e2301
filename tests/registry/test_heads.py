import importlib
import json
import warnings
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import xgboost as xgb
from keras.ops import convert_to_numpy
from sklearn.pipeline import Pipeline
from sklearn.utils import all_estimators

from registry.checks.networks import check_head
from registry.errors import ContractError, OptionError, UnknownNameError
from registry.heads.attention_pool import attention_pool
from registry.heads.dense import dense
from registry.heads.majority import majority
from registry.heads.scikit_learn import scikit_learn
from registry.heads.sepconv import sepconv
from registry.heads.xgboost import xgboost
from registry.options import read_options

pytestmark = pytest.mark.conformance

SHAPE = (None, None, 6)
# Some that all_estimators names leave scikit-learn soon: until then they can be chosen.
ON_THE_WAY_OUT = pytest.mark.filterwarnings("ignore:Class .* is deprecated:FutureWarning")
boosting = importlib.import_module("registry.heads.xgboost")


@pytest.mark.parametrize("head", [dense, sepconv, attention_pool])
@pytest.mark.parametrize("num_classes", [2, 4, 14])
def test_a_head_gives_one_logit_a_class_at_any_size(head, num_classes):
    network = head(SHAPE, num_classes)
    for shape in ((3, 5), (8, 8)):
        assert network(np.zeros((2, *shape, 6), np.float32)).shape == (2, num_classes)


@pytest.mark.parametrize("head", [dense, sepconv, attention_pool])
def test_logits_are_float32_in_mixed_precision(head):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert head((4, 4, 6), 2).outputs[0].dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("head", [dense, attention_pool])
def test_a_head_that_pools_first_does_not_see_how_cells_lie(head):
    network = head((4, 4, 3), 2)
    features = np.random.default_rng(0).random((5, 4, 4, 3)).astype(np.float32)
    logits, flipped = (convert_to_numpy(network(tensor)) for tensor in (features, features[:, ::-1].copy()))
    np.testing.assert_allclose(logits, flipped, atol=1e-5)


def test_sepconv_sees_how_cells_lie():
    network = sepconv((4, 4, 3), 2)
    features = np.random.default_rng(0).random((5, 4, 4, 3)).astype(np.float32)
    logits, flipped = (convert_to_numpy(network(tensor)) for tensor in (features, features[:, ::-1].copy()))
    assert not np.allclose(logits, flipped, atol=1e-5)


def test_attention_pool_is_the_formula_of_its_source():
    network = attention_pool(SHAPE, 3, units=16)
    cells = np.random.default_rng(0).normal(size=(2, 20, 6)).astype(np.float32)
    v, v0 = network.get_layer("content").get_weights()
    u, u0 = network.get_layer("gate").get_weights()
    (w,) = network.get_layer("scores").get_weights()
    out, out0 = network.layers[-1].get_weights()
    scores = (np.tanh(cells @ v + v0) / (1 + np.exp(-(cells @ u + u0)))) @ w
    weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    expected = (weights * cells).sum(axis=1) @ out + out0
    found = convert_to_numpy(network(cells.reshape(2, 4, 5, 6)))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_attention_without_preference_is_the_mean_of_the_cells():
    network = attention_pool(SHAPE, 2)
    scores = network.get_layer("scores")
    scores.set_weights([np.zeros_like(scores.get_weights()[0])])
    features = np.random.default_rng(0).random((3, 4, 4, 6)).astype(np.float32)
    out, out0 = network.layers[-1].get_weights()
    found = convert_to_numpy(network(features))
    np.testing.assert_allclose(found, features.mean(axis=(1, 2)) @ out + out0, atol=1e-5)


def test_attention_pool_learns_to_look_at_the_one_cell_that_tells():
    """Class 1 differs by one cell of 64, whose first channel marks it: in the mean it drowns in the others' noise."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(512, 64, 6)).astype(np.float32)
    targets = np.arange(512) % 2
    cells = rng.integers(0, 64, 512)
    features[np.arange(512), cells, 0] = 8
    features[np.arange(512), cells, 1] = np.where(targets == 1, 2, -2)
    features = features.reshape(512, 8, 8, 6)
    keras.utils.set_random_seed(0)
    network = attention_pool(SHAPE, 2, dropout=0.0)
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.optimizer.learning_rate = 0.01
    network.fit(features[:256], targets[:256], epochs=20, batch_size=64, verbose=0)
    found = convert_to_numpy(network(features[256:])).argmax(axis=1)
    assert (found == targets[256:]).mean() > 0.95


def test_majority_answers_with_the_class_shares_whatever_the_image():
    head = majority(SHAPE, 2).fit(np.zeros((4, 6)), [0, 0, 0, 1])
    np.testing.assert_allclose(head.predict_proba(np.random.default_rng(0).random((3, 6))), [[0.75, 0.25]] * 3)


def test_options_of_the_boosted_trees_reach_the_library():
    head = xgboost(SHAPE, 3, trees=70, depth=5, learning_rate=0.3, subsample=0.5, colsample=0.7, l2=2.0, patience=9)
    told = head.get_params()
    names = ("n_estimators", "max_depth", "learning_rate", "subsample", "colsample_bytree", "reg_lambda")
    assert [told[name] for name in names] == [70, 5, 0.3, 0.5, 0.7, 2.0]
    assert (told["early_stopping_rounds"], told["eval_metric"]) == (9, "mlogloss")
    assert {option.name for option in read_options(xgboost) if option.range} == {
        "trees",
        "depth",
        "learning_rate",
        "subsample",
        "colsample",
        "l2",
        "patience",
    }


@pytest.fixture
def asked(monkeypatch):
    boosting.device.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    boosting.device.cache_clear()


@pytest.mark.parametrize(("told", "expected"), [("cuda:0", "cuda"), ("cpu", "cpu")])
def test_the_device_is_where_the_library_says_that_it_trained(asked, told, expected):
    config = json.dumps({"learner": {"generic_param": {"device": told}}})

    def train(settings, data, rounds):
        assert settings["device"] == "cuda"
        warnings.warn("no visible GPU", UserWarning, stacklevel=2)
        return SimpleNamespace(save_config=lambda: config)

    asked.setattr(xgb, "train", train)
    assert boosting.device() == expected


def test_a_gpu_that_the_build_cannot_use_means_the_cpu(asked):
    def train(settings, data, rounds):
        raise xgb.core.XGBoostError("no kernel image is available")

    asked.setattr(xgb, "train", train)
    assert boosting.device() == "cpu"


def test_boosted_trees_learn_on_the_device_and_answer_on_the_cpu_without_a_word(asked, capfd):
    used = []
    asked.setattr(boosting, "device", lambda: used.append("asked") or "cpu")
    features = np.random.default_rng(0).random((40, 6)).astype(np.float32)
    targets = (features[:, 0] > 0.5).astype(int)
    head = xgboost(SHAPE, 2, trees=10).fit(features, targets, eval_set=[(features, targets)])
    assert used == ["asked"]
    assert head.get_params()["device"] == "cpu"
    assert json.loads(head.get_booster().save_config())["learner"]["generic_param"]["device"] == "cpu"
    assert capfd.readouterr() == ("", "")


CLASSIFIERS = dict(all_estimators(type_filter="classifier"))


@ON_THE_WAY_OUT
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_of_scikit_learn_is_built_or_says_what_it_lacks(name):
    try:
        head = scikit_learn(SHAPE, 2, classifier=name)
    except OptionError as error:
        assert "estimator" in str(error)
        assert "\n" not in str(error)
    else:
        assert isinstance(head, Pipeline)
        assert type(head[-1]) is CLASSIFIERS[name]


@ON_THE_WAY_OUT
def test_classifiers_that_wrap_another_are_the_only_ones_left_out():
    refused = set()
    for name in CLASSIFIERS:
        try:
            scikit_learn(SHAPE, 2, classifier=name)
        except OptionError:
            refused.add(name)
    expected = {"OneVsRestClassifier", "OneVsOneClassifier", "OutputCodeClassifier", "ClassifierChain"}
    expected |= {"VotingClassifier", "StackingClassifier", "MultiOutputClassifier", "SelfTrainingClassifier"}
    assert expected <= refused <= expected | {"FixedThresholdClassifier", "TunedThresholdClassifierCV"}


def test_parameters_reach_the_classifier_with_their_types():
    head = scikit_learn(SHAPE, 2, classifier="SVC", parameters="C=10; gamma=0.1;kernel=poly;shrinking=false;")
    told = head[-1].get_params()
    assert (told["C"], told["gamma"], told["kernel"], told["shrinking"]) == (10, 0.1, "poly", False)
    assert scikit_learn(SHAPE, 2, classifier="MLPClassifier", parameters="n_iter_no_change=3")[-1].n_iter_no_change == 3
    forest = scikit_learn(SHAPE, 2, classifier="RandomForestClassifier", parameters="max_features=None")
    assert forest[-1].max_features is None


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"classifier": "SVCC"}, UnknownNameError, "no classifier of scikit-learn named 'SVCC'; did you mean .*SVC"),
        ({"classifier": "SVR"}, UnknownNameError, "no classifier of scikit-learn named 'SVR'"),
        ({"classifier": "VotingClassifier"}, OptionError, r"needs another estimator \(estimators\)"),
        ({"classifier": "SelfTrainingClassifier"}, OptionError, "'estimator' .* must be an object implementing 'fit'"),
        ({"parameters": "c=3"}, UnknownNameError, "no parameter of LogisticRegression named 'c'; did you mean C"),
        ({"parameters": "C=-1"}, OptionError, "LogisticRegression cannot be built: The 'C' parameter .* Got -1"),
        ({"parameters": "C"}, OptionError, "NAME=VALUE, each once, with ';' between them, received 'C'"),
        ({"parameters": "C=1;C=2"}, OptionError, "each once"),
        ({"parameters": "random_state=1"}, OptionError, "'random_state' cannot be given: the run's seed sets it"),
        ({"parameters": "class_weight=balanced"}, OptionError, r"\[training\] balance decides"),
        ({"classifier": "SVC", "parameters": "decision_function_shape=ovo"}, OptionError, "one score per class"),
    ],
)
def test_a_wrong_choice_is_one_line_that_helps(options, kind, message):
    with pytest.raises(kind, match=message) as caught:
        scikit_learn(SHAPE, 2, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("scale", "expected"), [("standard", [-1, 1, 3]), ("min-max", [0, 1, 1])])
def test_features_are_scaled_by_what_was_learnt_from(scale, expected):
    head = scikit_learn((None, None, 1), 2, scale=scale).fit(np.array([[2.0], [6.0]]), [0, 1])
    np.testing.assert_allclose(head[0].transform([[2.0], [6.0], [10.0]]).ravel(), expected)


def test_without_a_scaler_the_classifier_stands_alone():
    assert type(scikit_learn(SHAPE, 2, classifier="SVC", scale="none")) is CLASSIFIERS["SVC"]


@pytest.mark.parametrize(
    "options",
    [
        {"classifier": "SVC", "parameters": "C=10"},
        {"classifier": "RandomForestClassifier", "parameters": "n_estimators=10"},
        {"classifier": "ComplementNB", "scale": "min-max"},
        {"classifier": "RidgeClassifier", "scale": "none"},
    ],
    ids=lambda options: options["classifier"],
)
def test_classifiers_of_every_sort_keep_the_contract(options):
    check_head(scikit_learn, **options)


class Fixed:
    """A classifier with something wrong."""

    def fit(self, features, targets):
        self.count = len(np.unique(targets))
        return self

    def predict(self, features):
        return np.full(len(features), 7)


class Unsummed(Fixed):
    def predict_proba(self, features):
        return np.ones((len(features), 4))


class Random(Fixed):
    def decision_function(self, features):
        return np.random.default_rng().normal(size=(len(features), self.count))


class Greedy(Fixed):
    def fit(self, features, targets):
        features[:] = 0
        return super().fit(features, targets)

    def decision_function(self, features):
        return np.zeros((len(features), self.count))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Fixed, "class indices"),
        (Unsummed, r"\(40, 2\) here; received \(40, 4\)"),
        (Random, "fitted twice with the same random_state it answered otherwise"),
        (Greedy, "changed the features that it was given; copy them first"),
        (dict, r"has fit\(\) and predict\(\), received a dict"),
    ],
)
def test_a_classifier_that_breaks_the_contract_is_told(kind, message):
    with pytest.raises(ContractError, match=message):
        check_head(lambda feature_shape, num_classes: kind())
