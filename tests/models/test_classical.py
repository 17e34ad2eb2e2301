import json
import pickle
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators
from xgboost import XGBClassifier, XGBRFClassifier

from benchmark.models import classical
from registry.errors import ContractError, DataError, DataNotFoundError, OptionError
from registry.heads.majority import majority
from registry.heads.scikit_learn import scikit_learn
from registry.heads.xgboost import xgboost

C = 6
SHAPE = (None, None, C)
FLOOR = np.log(classical.FLOOR)


def blobs(counts, *, gap=4.0, seed=0):
    """Features (N, C) and targets: class k lies `gap` along axis k, with noise of deviation 1."""
    targets = np.repeat(np.arange(len(counts)), counts)
    features = np.random.default_rng(seed).normal(size=(len(targets), C)).astype(np.float32)
    features[np.arange(len(targets)), targets] += gap
    return features, targets


def learn(head, counts=(60, 60), *, balance="batches", gap=4.0, seed=0, validation=None):
    features, targets = blobs(counts, gap=gap)
    validation = validation or blobs([30] * len(counts), gap=gap, seed=1)
    return classical.fit(head, features, targets, len(counts), balance=balance, validation=validation, seed=seed)


HEADS = {
    "boosted trees": lambda k: xgboost(SHAPE, k, trees=60),
    "logistic regression": lambda k: scikit_learn(SHAPE, k),
    "support vectors": lambda k: scikit_learn(SHAPE, k, classifier="SVC"),
    "neighbours": lambda k: scikit_learn(SHAPE, k, classifier="KNeighborsClassifier"),
    "forest": lambda k: scikit_learn(SHAPE, k, classifier="RandomForestClassifier", parameters="n_estimators=20"),
}


@pytest.mark.parametrize("make", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("classes", [2, 3])
def test_a_classical_head_tells_blobs_apart(make, classes):
    learnt = learn(make(classes), (80,) * classes)
    features, targets = blobs((100,) * classes, seed=2)
    found = classical.logits(learnt.classifier, features, classes)
    assert (found.dtype, found.shape) == (np.float64, (100 * classes, classes))
    assert (found.argmax(axis=1) == targets).mean() > 0.97
    np.testing.assert_allclose(learnt.prior, 1 / classes)


@pytest.mark.parametrize("make", HEADS.values(), ids=HEADS)
def test_the_same_seed_gives_the_same_logits_and_another_is_another(make):
    features, _ = blobs((50, 50), gap=1.0, seed=2)
    same, again, other = (
        classical.logits(learn(make(2), gap=1.0, seed=seed).classifier, features, 2) for seed in (5, 5, 6)
    )
    assert np.array_equal(same, again)
    drawn = make in (HEADS["boosted trees"], HEADS["forest"])
    assert np.array_equal(same, other) != drawn


def test_a_seed_reaches_every_random_state():
    head = make_pipeline(StandardScaler(), BaggingClassifier(DecisionTreeClassifier()))
    told = learn(head, seed=2**32 - 1).classifier.get_params()
    assert {name: value for name, value in told.items() if name.endswith("random_state")} == {
        "baggingclassifier__random_state": 2**32 - 1,
        "baggingclassifier__estimator__random_state": 2**32 - 1,
    }


def test_majority_knows_the_class_shares_and_nothing_else():
    found = classical.logits(learn(majority(SHAPE, 2), (90, 30), balance="none").classifier, blobs((3, 3))[0], 2)
    np.testing.assert_allclose(found, np.log([[0.75, 0.25]] * 6))
    even = classical.logits(learn(majority(SHAPE, 2), (90, 30)).classifier, blobs((3, 3))[0], 2)
    np.testing.assert_allclose(even, np.log(0.5))


@pytest.mark.parametrize("balance", ["batches", "weights"])
def test_weights_decide_as_scikit_learns_own_class_weights_do(balance):
    features, targets = blobs((400, 20), gap=1.0)
    learnt = learn(make_pipeline(StandardScaler(), LogisticRegression()), (400, 20), balance=balance, gap=1.0)
    oracle = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced")).fit(features, targets)
    fresh, truth = blobs((200, 200), gap=1.0, seed=2)
    found = classical.logits(learnt.classifier, fresh, 2)
    np.testing.assert_allclose(found, oracle.predict_log_proba(fresh), rtol=1e-4, atol=1e-4)
    assert learnt.how == "weights"
    np.testing.assert_allclose(learnt.prior, 0.5)
    plain = classical.logits(learn(LogisticRegression(), (400, 20), balance="none", gap=1.0).classifier, fresh, 2)
    recall = [(scores.argmax(axis=1) == truth)[truth == 1].mean() for scores in (found, plain)]
    assert recall[0] > recall[1] + 0.3


def test_where_fit_takes_no_weights_rows_are_repeated_instead():
    """Each of the 20 rows enters 20 times, so that discriminant analysis must find what equal priors give."""
    features, targets = blobs((400, 20), gap=1.0)
    learnt = learn(LinearDiscriminantAnalysis(solver="lsqr"), (400, 20), gap=1.0)
    oracle = LinearDiscriminantAnalysis(solver="lsqr", priors=[0.5, 0.5]).fit(features, targets)
    fresh, _ = blobs((50, 50), gap=1.0, seed=2)
    found = classical.logits(learnt.classifier, fresh, 2)
    np.testing.assert_allclose(found, oracle.predict_log_proba(fresh), atol=1e-4)
    assert (learnt.how, learnt.prior.tolist()) == ("repeated", [0.5, 0.5])


def test_without_balance_the_prior_is_that_of_the_data():
    learnt = learn(KNeighborsClassifier(), (90, 30), balance="none")
    assert (learnt.how, learnt.prior.tolist()) == ("as they are", [0.75, 0.25])


@given(st.lists(st.integers(1, 9), min_size=2, max_size=4))
def test_repeated_rows_hold_every_row_and_as_many_of_each_class(counts):
    targets = np.repeat(np.arange(len(counts)), counts)
    rows = classical._repeated(targets)
    assert set(rows) == set(range(len(targets)))
    assert np.bincount(targets[rows]).tolist() == [max(counts)] * len(counts)
    times = np.bincount(rows)
    assert all(np.ptp(times[targets == k]) <= 1 for k in range(len(counts)))


@pytest.mark.parametrize("classes", [2, 3])
def test_growing_stops_where_validation_says(classes):
    learnt = learn(xgboost(SHAPE, classes, trees=500, patience=5), (60,) * classes, gap=1.0)
    assert learnt.rounds == learnt.classifier.best_iteration + 1 < 300
    assert learnt.notes == ()
    losses = next(iter(learnt.classifier.evals_result()["validation_0"].values()))
    assert int(np.argmin(losses)) + 1 == learnt.rounds
    assert len(losses) == learnt.rounds + 5


def test_the_best_round_answers_not_the_last():
    learnt = learn(xgboost(SHAPE, 2, trees=300, patience=20), gap=0.5)
    features, _ = blobs((20, 20), gap=0.5, seed=2)
    margins = learnt.classifier.predict(features, output_margin=True, iteration_range=(0, learnt.rounds))
    np.testing.assert_allclose(classical.logits(learnt.classifier, features, 2)[:, 1], margins)


def test_a_class_absent_from_early_stopping_is_no_obstacle():
    features, targets = blobs((20, 20, 20), seed=1)
    held = targets < 2
    learnt = learn(xgboost(SHAPE, 3, trees=20), (40, 40, 40), validation=(features[held], targets[held]))
    assert (classical.logits(learnt.classifier, features, 3).argmax(axis=1) == targets).mean() > 0.9


class Recorder(BaseEstimator, ClassifierMixin):
    """Keeps what it is given; takes `eval_set`, but no weights for it."""

    def fit(self, features, targets, eval_set=None):
        self.classes_ = np.unique(targets)
        self.seen_ = features, eval_set
        return self

    def predict(self, features):
        return (features[:, 1] > features[:, 0]).astype(int)


def test_what_growing_stops_on_is_scaled_and_balanced_as_the_training_images_are():
    learnt = learn(make_pipeline(StandardScaler(), Recorder()), (40, 10), validation=blobs((8, 2), seed=1))
    seen, ((watched, truth),) = learnt.classifier[-1].seen_
    assert np.bincount(truth).tolist() == [8, 8]
    assert len(seen) == 80
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-6)
    expected = learnt.classifier[0].transform(blobs((8, 2), seed=1)[0])
    np.testing.assert_allclose(np.unique(watched, axis=0), np.unique(expected, axis=0))


def test_weights_of_what_growing_stops_on_are_balanced_too():
    head = XGBClassifier(n_estimators=5, early_stopping_rounds=2, n_jobs=1)
    validation = blobs((45, 5), gap=1.0, seed=1)
    learnt = learn(head, (90, 10), gap=1.0, validation=validation)
    answer = softmax(classical.logits(learnt.classifier, validation[0], 2), axis=1)
    losses = -np.log(answer[np.arange(50), validation[1]])
    even = (losses[:45].mean() + losses[45:].mean()) / 2
    assert min(learnt.classifier.evals_result()["validation_0"]["logloss"]) == pytest.approx(even, rel=1e-4)


@pytest.mark.parametrize("classes", [2, 3])
def test_margins_of_boosted_trees_are_the_logarithms_of_their_probabilities(classes):
    learnt = learn(xgboost(SHAPE, classes, trees=30), (60,) * classes, gap=1.0)
    features, _ = blobs((20,) * classes, gap=1.0, seed=2)
    found = softmax(classical.logits(learnt.classifier, features, classes), axis=1)
    np.testing.assert_allclose(found, learnt.classifier.predict_proba(features), atol=1e-6)


def test_probabilities_of_none_are_read_as_the_floor():
    features, targets = blobs((40, 40))
    found = classical.logits(DecisionTreeClassifier().fit(features, targets), features, 2)
    np.testing.assert_allclose(np.sort(found, axis=1), [[FLOOR, 0]] * 80)


@pytest.mark.parametrize("classes", [2, 4])
def test_decision_functions_are_logits(classes):
    features, targets = blobs((40,) * classes)
    head = SVC().fit(features, targets)
    found, given_ = classical.logits(head, features, classes), head.decision_function(features)
    expected = np.stack([np.zeros(len(targets)), given_], axis=1) if classes == 2 else given_
    assert np.array_equal(found, expected)


def test_a_classifier_that_only_decides_gets_the_floor_for_the_rest():
    features, targets = blobs((5, 5))
    found = classical.logits(Recorder().fit(features, targets), features, 2)
    np.testing.assert_allclose(found, np.where(np.eye(2)[targets] == 1, 0, FLOOR))


@pytest.mark.parametrize("head", [LogisticRegression(), SVC(), RidgeClassifier(), DecisionTreeClassifier()])
@pytest.mark.parametrize("learnt", [(0, 2), (1, 2, 3)])
def test_a_class_that_was_never_seen_scores_lowest(head, learnt):
    features, targets = blobs((30,) * 4)
    held = np.isin(targets, learnt)
    found = classical.logits(head.fit(features[held], targets[held]), features, 4)
    unseen = [k for k in range(4) if k not in learnt]
    assert found[:, unseen].max(axis=1) == pytest.approx(found[:, learnt].min(axis=1) + FLOOR)
    assert (found.argmax(axis=1) == targets)[held].all()


def test_what_a_classifier_warns_of_is_a_note_and_not_on_the_screen(capfd):
    learnt = learn(scikit_learn(SHAPE, 2, classifier="MLPClassifier", parameters="max_iter=2"))
    (note,) = learnt.notes
    assert note.startswith("ConvergenceWarning: ")
    assert "(2) reached" in note
    assert capfd.readouterr() == ("", "")


def test_features_that_are_no_numbers_are_counted():
    features, targets = blobs((5, 5))
    features[3, 1], features[7] = np.nan, np.inf
    with pytest.raises(DataError, match="the features of 2 of 10 images are not finite"):
        classical.fit(LogisticRegression(), features, targets, 2, balance="none", validation=blobs((2, 2)), seed=0)
    with pytest.raises(DataError, match="2 of 10"):
        classical.logits(LogisticRegression().fit(*blobs((5, 5))), features, 2)
    with pytest.raises(DataError, match="2 of 10"):
        learn(LogisticRegression(), validation=(features, targets))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classifier": "ComplementNB"}, "classifier ComplementNB cannot learn from these features: Negative values"),
        ({"classifier": "NuSVC", "parameters": "nu=1.0"}, "NuSVC cannot learn .* nu is infeasible"),
    ],
)
def test_a_classifier_that_refuses_says_why_in_one_line(options, message):
    with pytest.raises(DataError, match=message) as caught:
        learn(scikit_learn(SHAPE, 2, **options), (40, 20), balance="none")
    assert "\n" not in str(caught.value)


def test_a_classifier_that_cannot_answer_says_why_in_one_line():
    learnt = learn(scikit_learn(SHAPE, 2, classifier="RadiusNeighborsClassifier", parameters="radius=0.01"))
    with pytest.raises(DataError, match="RadiusNeighborsClassifier cannot answer for these features: No neighbors"):
        classical.logits(learnt.classifier, blobs((5, 5), seed=9)[0], 2)


class Pairs(Recorder):
    """Scores every pair of classes."""

    def decision_function(self, features):
        return np.zeros((len(features), 6))


class Blank(Recorder):
    def predict_proba(self, features):
        return np.full((len(features), 2), np.nan)


@pytest.mark.parametrize(
    ("head", "classes", "message"),
    [(Pairs(), 4, r"gives scores \(20, 6\), expected \(20, 4\)"), (Blank(), 2, "scores that are not finite")],
)
def test_scores_that_are_none_are_an_error(head, classes, message):
    features, targets = blobs((20 // classes,) * classes)
    with pytest.raises(ContractError, match=message):
        classical.logits(head.fit(features, targets), features, classes)


STANDING_ALONE = []
for name, _ in all_estimators(type_filter="classifier"):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            scikit_learn(SHAPE, 3, classifier=name)
    except OptionError:
        continue
    STANDING_ALONE.append(name)


@pytest.mark.filterwarnings("ignore:Class .* is deprecated:FutureWarning")
@pytest.mark.parametrize("name", STANDING_ALONE)
def test_every_classifier_comes_back_from_its_file_with_the_same_logits(name, tmp_path):
    few = {"n_estimators": "n_estimators=5", "max_iter": "max_iter=20"}
    head = scikit_learn(SHAPE, 3, classifier=name, scale="min-max")
    parameters = ";".join(text for option, text in few.items() if option in head[-1].get_params())
    learnt = learn(scikit_learn(SHAPE, 3, classifier=name, scale="min-max", parameters=parameters), (20, 20, 20))
    assert classical.save(learnt.classifier, tmp_path) == tmp_path / "classifier.skops"
    features, _ = blobs((20, 20, 20))
    loaded = classical.load(tmp_path)
    assert np.array_equal(classical.logits(learnt.classifier, features, 3), classical.logits(loaded, features, 3))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "make", [lambda k: xgboost(SHAPE, k, trees=30, patience=3), lambda k: XGBRFClassifier(n_estimators=5)]
)
def test_boosted_trees_come_back_from_their_file_with_the_same_logits(make, classes, tmp_path):
    learnt = learn(make(classes), (40,) * classes, gap=1.0)
    assert classical.save(learnt.classifier, tmp_path) == tmp_path / "classifier.ubj"
    features, _ = blobs((20,) * classes, gap=1.0, seed=2)
    loaded = classical.load(tmp_path)
    found = classical.logits(loaded, features, classes)
    assert np.array_equal(classical.logits(learnt.classifier, features, classes), found)
    assert getattr(loaded, "best_iteration", None) == getattr(learnt.classifier, "best_iteration", None)


def test_the_majority_comes_back_from_its_file(tmp_path):
    classical.save(learn(majority(SHAPE, 2)).classifier, tmp_path)
    np.testing.assert_allclose(classical.logits(classical.load(tmp_path), blobs((1, 1))[0], 2), np.log(0.5))


def test_no_file_is_a_pickle(tmp_path):
    path = classical.save(learn(LogisticRegression()).classifier, tmp_path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert json.loads(archive.read("schema.json"))["protocol"] >= 0
    assert {name.rpartition(".")[2] for name in names} <= {"json", "npy"}


def test_types_of_a_plugin_are_trusted_only_where_its_package_is_named(tmp_path):
    own = __name__.partition(".")[0]
    learnt = learn(make_pipeline(StandardScaler(), Recorder()))
    with pytest.raises(ContractError, match=rf"Pipeline cannot be stored .*{__name__}.Recorder; expected types of"):
        classical.save(learnt.classifier, tmp_path)
    assert not list(tmp_path.iterdir())
    classical.save(learnt.classifier, tmp_path, [own])
    with pytest.raises(ContractError, match=rf"classifier.skops holds {__name__}.Recorder; expected types of numpy"):
        classical.load(tmp_path)
    assert isinstance(classical.load(tmp_path, [own])[-1], Recorder)


def test_a_function_is_not_trusted_whosever_it_is(tmp_path):
    import skops.io  # looks through all of Keras, for seconds: not in every process that collects these tests

    path = tmp_path / "classifier.skops"
    skops.io.dump(make_pipeline(FunctionTransformer(skops.io.dump), LogisticRegression()), path)
    with pytest.raises(ContractError, match="holds skops"):
        classical.load(tmp_path)
    skops.io.dump(make_pipeline(FunctionTransformer(all_estimators), LogisticRegression()), path)
    with pytest.raises(ContractError, match=r"holds sklearn.*all_estimators"):
        classical.load(tmp_path)


def test_what_cannot_be_stored_says_so_when_saved(tmp_path):
    head = LogisticRegression().fit(*blobs((5, 5)))
    head.forgotten = lambda features: features
    with pytest.raises(ContractError, match="classifier LogisticRegression cannot be stored without pickle") as caught:
        classical.save(head, tmp_path, [__name__])
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_a_classifier_says_what_was_expected(tmp_path):
    (tmp_path / "classifier.pkl").write_bytes(pickle.dumps(1))
    with pytest.raises(DataNotFoundError, match=r"expected classifier.ubj or classifier.skops"):
        classical.load(tmp_path)
