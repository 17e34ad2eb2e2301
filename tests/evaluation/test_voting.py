"""Members' probabilities, made comparable, and votes whose calibration images their voter has not seen."""

import numpy as np
import pytest

from benchmark.evaluation.voting import agreement, member_probabilities, vote


def test_a_member_of_one_class_gives_the_rest_to_the_others_in_equal_parts():
    """Even odds at one class in four: odds of 3 to 1 against, less log 3 for the prior, is p = 1 / 2."""
    logits = np.array([[0.0, np.log(3.0)], [0.0, 0.0]])
    assert member_probabilities(logits, 2, 4) == pytest.approx(np.array([[1 / 6, 1 / 6, 1 / 2, 1 / 6], [1 / 4] * 4]))


def test_a_member_of_all_classes_keeps_its_own_chances():
    logits = np.log([[0.7, 0.2, 0.1]])
    assert member_probabilities(logits, None, 3) == pytest.approx(np.array([[0.7, 0.2, 0.1]]))


def test_with_two_classes_both_kinds_of_member_say_the_same():
    logits = np.array([[0.3, 1.7], [800.0, -800.0]])
    assert member_probabilities(logits, 1, 2) == pytest.approx(member_probabilities(logits, None, 2), abs=1e-12)


class Memory:
    """Knows by heart what it was fitted on and nothing else."""

    def fit(self, probabilities, targets):
        self.known = {voice.tobytes(): target for voice, target in zip(probabilities[0], targets, strict=True)}
        return self

    def predict_proba(self, probabilities):
        found = [self.known.get(voice.tobytes()) for voice in probabilities[0]]
        return np.array([[0.5, 0.5] if k is None else np.eye(2)[k] for k in found])


def test_a_voter_that_learns_by_heart_shows_nothing_on_the_images_it_is_calibrated_on():
    members = np.random.default_rng(0).dirichlet([1, 1], (1, 40))
    targets, fit = np.arange(40) % 2, np.arange(40) < 24
    probabilities, note = vote(Memory, members, targets, [f"g{i // 2}" for i in range(40)], fit, 0)
    assert note == ""
    assert (probabilities == 0.5).all()  # neither on the calibration subset, nor on what it never saw


def test_a_class_with_one_group_to_fit_on_is_told():
    members = np.random.default_rng(0).dirichlet([1, 1], (1, 12))
    targets, groups = np.array([0] * 10 + [1, 1]), [f"g{i}" for i in range(10)] + ["same"] * 2
    probabilities, note = vote(Memory, members, targets, groups, np.ones(12, bool), 0)
    assert "one group to fit on" in note
    assert probabilities == pytest.approx(np.eye(2)[targets])


def test_agreement_counts_ties_silence_and_contradictions():
    members = np.array(
        [
            [[0.8, 0.1, 0.1], [0.4, 0.3, 0.3], [0.8, 0.1, 0.1]],
            [[0.9, 0.05, 0.05], [0.4, 0.3, 0.3], [0.1, 0.8, 0.1]],
        ]
    )
    told = agreement(members, [None, None])
    assert {name: where.tolist() for name, where in told.items()} == {
        "disagreement": [False, False, True],
        "no-vote": [False, True, False],
        "tie": [False, False, True],
    }


def test_members_of_one_class_each_disagree_unless_exactly_one_claims_the_image():
    claims = np.array([[0.9, 0.9, 0.1], [0.1, 0.9, 0.1], [0.2, 0.2, 0.2]])  # member x image
    rest = (1 - claims) / 2
    members = np.stack([np.where(np.eye(3)[m], claims[m][:, None], rest[m][:, None]) for m in range(3)])
    told = agreement(members, [0, 1, 2])
    assert told["disagreement"].tolist() == [False, True, True]
    assert told["no-vote"].tolist() == [False, False, True]
    assert told["tie"].tolist() == [False, True, False]
