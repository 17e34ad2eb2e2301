import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.linear_model import LogisticRegression

from registry.errors import DataError
from registry.voters.hard import hard
from registry.voters.soft import soft
from registry.voters.stacking import log_odds, stacking
from registry.voters.weighted import skill, weighted


def image(*members):
    """(M, 1, K): what the members say of one image."""
    return np.array(members, float)[:, None]


def rest(p, column, classes):
    """A member that gives its class p and the others the rest, alike."""
    row = np.full(classes, (1 - p) / (classes - 1))
    row[column] = p
    return row


def say(voter, *members):
    """(K,) class probabilities of one image."""
    return voter.predict_proba(image(*members))[0]


def members(classes=4, most=5):
    """(M, N, K) probabilities, coarse enough for ties, zeros and ones."""

    def normalised(counts):
        counts = counts + (counts.sum(axis=-1, keepdims=True) == 0)
        return counts / counts.sum(axis=-1, keepdims=True)

    shapes = st.tuples(st.integers(1, most), st.integers(1, 6), st.integers(2, classes))
    return shapes.flatmap(lambda shape: arrays(np.int64, shape, elements=st.integers(0, 4))).map(normalised)


def test_soft_is_the_mean():
    np.testing.assert_allclose(say(soft(), [0.2, 0.8], [0.6, 0.4]), [0.4, 0.6])


def test_two_votes_beat_one_that_is_surer():
    # Means .47 and .53 for the soft vote; two votes to one for the hard one: (2 + 1.4/3) / 4.
    three = ([0.6, 0.4], [0.7, 0.3], [0.1, 0.9])
    assert np.argmax(say(soft(), *three)) == 1
    np.testing.assert_allclose(say(hard(), *three), [(2 + 1.4 / 3) / 4, (1 + 1.6 / 3) / 4])


def test_a_tie_goes_to_the_larger_mean():
    # One vote each for the first two classes; means .4, .35, .25.
    np.testing.assert_allclose(say(hard(), [0.6, 0.1, 0.3], [0.2, 0.6, 0.2]), [1.4 / 3, 1.35 / 3, 0.25 / 3])


def test_where_nobody_votes_the_mean_is_the_answer():
    np.testing.assert_allclose(say(hard(), [0.4, 0.3, 0.3], [0.1, 0.5, 0.4]), [0.25, 0.4, 0.35])


def test_exactly_one_half_is_no_vote():
    np.testing.assert_allclose(say(hard(), [0.5, 0.5], [0.3, 0.7]), [0.4 / 2, 1.6 / 2])
    np.testing.assert_allclose(say(hard(), [0.5, 0.5, 0.0]), [0.5, 0.5, 0.0])


def test_two_members_against_all_others_tie_and_the_surer_one_wins():
    four = (rest(0.9, 0, 4), rest(0.7, 1, 4), rest(0.2, 2, 4), rest(0.1, 3, 4))
    votes = say(hard(), *four)
    assert np.argsort(-votes)[:2].tolist() == [0, 1]
    assert votes[1] > 1 / 3 > votes[2]


def test_members_against_all_others_that_all_abstain_leave_it_to_the_likeliest():
    three = (rest(0.3, 0, 3), rest(0.45, 1, 3), rest(0.1, 2, 3))
    np.testing.assert_allclose(say(hard(), *three), say(soft(), *three))
    assert np.argmax(say(hard(), *three)) == 1


def test_one_vote_outweighs_any_mean():
    # A vote from a member that barely casts it, against nine that are as sure of the other as they may be without one.
    barely, just_not = np.nextafter(0.5, 1), 0.5
    nine = [[0.0, just_not, 1 - just_not]] * 9
    assert np.argmax(say(hard(), [barely, 1 - barely, 0.0], *nine)) == 0


@given(members())
def test_hard_decides_by_votes_then_by_the_mean(probabilities):
    decided = hard().predict_proba(probabilities).argmax(axis=1)
    votes, mean = (probabilities > 0.5).sum(axis=0), probabilities.mean(axis=0)
    for row, winner in enumerate(decided):
        best = max(zip(votes[row], mean[row], strict=True))
        assert votes[row, winner] == best[0]
        assert mean[row, winner] == pytest.approx(best[1], abs=1e-12)


@given(members(most=1))
def test_hard_vote_of_one_member_is_its_own_decision(probabilities):
    assert (hard().predict_proba(probabilities).argmax(axis=1) == probabilities[0].argmax(axis=1)).all()


@settings(max_examples=50)
@given(members(), st.randoms(use_true_random=False))
def test_votes_are_probabilities_and_do_not_care_who_speaks_first(probabilities, random):
    targets = np.arange(probabilities.shape[1]) % probabilities.shape[2]
    order = random.sample(range(len(probabilities)), len(probabilities))
    for voter in (soft, hard, weighted):
        first = voter().fit(probabilities, targets).predict_proba(probabilities)
        again = voter().fit(probabilities[order], targets).predict_proba(probabilities[order])
        np.testing.assert_allclose(first.sum(axis=1), 1)
        assert first.min() >= 0
        np.testing.assert_allclose(first, again, atol=1e-12)


def test_skill_of_one_half_more_than_chance():
    # Two classes, .8 for the true one: 1 - log(.8) / log(.5) = 1 - .3219.
    assert skill(np.array([[0.8, 0.2], [0.2, 0.8]]), np.array([0, 1])) == pytest.approx(1 - np.log(0.8) / np.log(0.5))


def test_skill_weighs_classes_alike_however_many_images_they_have():
    probabilities = np.array([[0.8, 0.2]] * 9 + [[0.4, 0.6]])
    expected = 1 + (np.log(0.8) + np.log(0.6)) / 2 / np.log(2)
    assert skill(probabilities, np.array([0] * 9 + [1])) == pytest.approx(expected)


def test_skill_of_who_knows_one_class_of_four_for_sure():
    # Log-loss 0 on its own class, log 3 on the three others.
    probabilities = np.array([rest(float(k == 0), 0, 4) for k in range(4)])
    assert skill(probabilities, np.arange(4)) == pytest.approx(1 - 0.75 * np.log(3) / np.log(4), abs=1e-5)


@pytest.mark.parametrize(
    "row", [rest(1 / 3, 0, 3), [0.8, 0.1, 0.1], [1.0, 0.0, 0.0]], ids=["chance", "one-sided", "sure"]
)
def test_who_says_the_same_of_every_image_has_no_skill(row):
    assert skill(np.array([row] * 6), np.arange(6) % 3) == 0


def test_who_misleads_has_no_skill():
    assert skill(np.array([[0.3, 0.7], [0.7, 0.3]]), np.array([0, 1])) == 0


def test_a_class_without_images_is_left_out_of_the_score():
    # Knowing that class 2 does not occur is no skill; between the other two it is the skill of .6 against .2.
    assert skill(np.array([[0.5, 0.5, 0.0]] * 2), np.array([0, 1])) == 0
    found = skill(np.array([[0.6, 0.2, 0.2], [0.2, 0.6, 0.2]]), np.array([0, 1]))
    assert found == pytest.approx(1 - np.log(0.75) / np.log(0.5))


def test_one_error_of_a_sure_member_does_not_cost_it_everything():
    probabilities = np.eye(2)[np.arange(200) % 2]
    probabilities[0] = [0, 1]
    assert skill(probabilities, np.arange(200) % 2) > 0.8


def test_weights_are_shares_of_the_skill():
    good, fair = np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([[0.6, 0.4], [0.4, 0.6]])
    targets = np.array([0, 1])
    voter = weighted().fit(np.stack([good, fair, 1 - good]), targets)
    a, b = 1 - np.log(0.9) / np.log(0.5), 1 - np.log(0.6) / np.log(0.5)
    np.testing.assert_allclose(voter.weights_, [a / (a + b), b / (a + b), 0])
    np.testing.assert_allclose(voter.predict_proba(np.stack([good, fair, 1 - good])), (a * good + b * fair) / (a + b))


@pytest.mark.parametrize("targets", [[0, 1, 2], [1, 1, 1]], ids=["nobody-knows", "one-class"])
def test_without_any_skill_the_weighted_vote_is_the_soft_one(targets):
    voter = weighted().fit(np.full((3, 3, 3), 1 / 3), np.array(targets))
    np.testing.assert_allclose(voter.weights_, 1 / 3)
    three = image([0.2, 0.5, 0.3], [0.4, 0.1, 0.5], [0.6, 0.2, 0.2])
    np.testing.assert_allclose(voter.predict_proba(three), soft().predict_proba(three))


@given(members(most=3), st.integers(0, 3))
def test_who_knows_nothing_does_not_change_the_weighted_vote(probabilities, place):
    _, count, classes = probabilities.shape
    informed = np.concatenate([probabilities, [np.eye(classes)[np.arange(count) % classes] * 0.5 + 0.5 / classes]])
    targets = np.arange(count) % classes
    with_one = np.insert(informed, min(place, len(informed)), 1 / classes, axis=0)
    before = weighted().fit(informed, targets)
    after = weighted().fit(with_one, targets)
    if len(set(targets.tolist())) > 1:  # else nobody can show what they know, and all weigh alike
        np.testing.assert_allclose(before.predict_proba(informed), after.predict_proba(with_one), atol=1e-9)


def opinions(classes=3, images=90, seed=0):
    """A member that knows a little of every class, one that knows class 0 well, one that guesses; and the targets."""
    rng = np.random.default_rng(seed)
    targets = np.arange(images) % classes
    logits = rng.normal(size=(3, images, classes))
    logits[0, np.arange(images), targets] += 1.5
    found = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    chance = 1 / (1 + np.exp(-(3 * (targets == 0) - 1.5 + rng.normal(size=images))))
    found[1] = [rest(p, 0, classes) for p in chance]
    return found, targets


def test_the_log_odds_of_two_classes_are_one_column_a_member():
    found = log_odds(image([0.2, 0.8], [0.5, 0.5]))
    np.testing.assert_allclose(found, [[np.log(0.2 / 0.8) / np.sqrt(2), 0]], atol=1e-12)


@given(members(classes=5, most=1))
def test_log_odds_keep_the_distances_between_centred_logarithms(probabilities):
    logs = np.log(np.maximum(probabilities[0], 1e-6))
    centred = logs - logs.mean(axis=1, keepdims=True)
    columns = log_odds(probabilities)
    assert columns.shape == (centred.shape[0], centred.shape[1] - 1)
    np.testing.assert_allclose(columns @ columns.T, centred @ centred.T, atol=1e-9)


def test_stacking_on_two_classes_is_logistic_regression_on_log_odds():
    probabilities, targets = opinions(classes=2)
    odds = np.log(probabilities[..., 0] / probabilities[..., 1]).T / np.sqrt(2)
    oracle = LogisticRegression(C=0.5, class_weight="balanced", tol=1e-8).fit(odds, targets)
    found = stacking(C=0.5).fit(probabilities, targets).predict_proba(probabilities)
    np.testing.assert_allclose(found, oracle.predict_proba(odds), atol=1e-3)


def test_stacking_on_three_classes_is_logistic_regression_on_centred_logarithms():
    probabilities, targets = opinions()
    logs = np.log(probabilities)
    centred = (logs - logs.mean(axis=-1, keepdims=True)).transpose(1, 0, 2).reshape(len(targets), -1)
    oracle = LogisticRegression(class_weight="balanced", tol=1e-8).fit(centred, targets)
    found = stacking().fit(probabilities, targets).predict_proba(probabilities)
    np.testing.assert_allclose(found, oracle.predict_proba(centred), atol=1e-3)


def test_stacking_does_not_depend_on_the_order_of_classes_or_members():
    probabilities, targets = opinions()
    found = stacking().fit(probabilities, targets).predict_proba(probabilities)
    other = stacking().fit(probabilities[::-1, :, ::-1], 2 - targets).predict_proba(probabilities[::-1, :, ::-1])
    np.testing.assert_allclose(found, other[:, ::-1], atol=1e-3)


def test_stacking_refers_to_equal_class_shares():
    probabilities, targets = opinions(images=900)
    many = np.concatenate([np.arange(900), np.repeat(np.flatnonzero(targets == 1), 4)])
    balanced = stacking().fit(probabilities, targets).predict_proba(probabilities)
    lopsided = stacking().fit(probabilities[:, many], targets[many]).predict_proba(probabilities)
    np.testing.assert_allclose(lopsided.mean(axis=0), balanced.mean(axis=0), atol=0.02)


def test_stacking_undoes_a_member_that_says_the_opposite():
    probabilities, targets = opinions(classes=2, images=200)
    misleading = 1 - probabilities[:1]
    decided = stacking().fit(misleading, targets).predict_proba(misleading).argmax(axis=1)
    assert np.mean(decided == targets) > 0.8 > 0.4 > np.mean(misleading[0].argmax(axis=1) == targets)


def test_a_class_that_stacking_never_saw_gets_one_in_a_thousand():
    probabilities, targets = opinions(classes=4, images=80)
    seen = targets != 2
    found = stacking().fit(probabilities[:, seen], targets[seen]).predict_proba(probabilities)
    assert (found[:, 2] == 0.001).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert np.mean(found[seen].argmax(axis=1) == targets[seen]) > 0.5


def test_stacking_survives_members_that_are_certain():
    certain = np.eye(3)[np.arange(30) % 3][None]
    found = stacking(C=100).fit(certain, np.arange(30) % 3).predict_proba(certain)
    assert (found.argmax(axis=1) == np.arange(30) % 3).all()
    assert np.isfinite(found).all()


@pytest.mark.parametrize(("targets", "received"), [([1] * 5, "received 5 of class number 1"), ([], "received none")])
def test_stacking_needs_two_classes_to_learn_from(targets, received):
    probabilities = np.full((2, len(targets), 3), 1 / 3)
    with pytest.raises(DataError, match=f"two classes or more, {received}; use .*voter soft") as caught:
        stacking().fit(probabilities, np.array(targets, int))
    assert "\n" not in str(caught.value)
