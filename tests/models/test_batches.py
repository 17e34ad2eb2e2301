"""Which images a step sees, worked out by hand and checked for every shape of data that hypothesis finds."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.models.batches import Batches, class_weights, realised_shares


def batches(targets, batch_size=4, balance="batches", num_classes=2, seed=0):
    targets = np.asarray(targets)
    return Batches(
        targets,
        lambda generator, chosen: (generator.random(len(chosen)), targets[chosen]),
        batch_size=batch_size,
        balance=balance,
        num_classes=num_classes,
        seed=seed,
    )


@st.composite
def labelled(draw):
    """Targets of two to five classes, each with at least one image, and a batch size."""
    counts = draw(st.lists(st.integers(1, 23), min_size=2, max_size=5))
    targets = np.repeat(np.arange(len(counts)), counts)
    return draw(st.permutations(targets.tolist())), len(counts), draw(st.integers(2, 17))


def stream(batches, steps):
    """Every index of the first steps, in the order of training."""
    return np.concatenate([batches.indices(*divmod(step, len(batches))) for step in range(steps)])


def test_a_batch_is_a_function_of_seed_epoch_and_step_alone():
    targets = np.arange(40) % 2
    asked, again = batches(targets, seed=3), batches(targets, seed=3)
    first = [again.indices(epoch, step) for epoch in (2, 0, 1) for step in (9, 0, 4)]
    second = [asked.indices(epoch, step) for epoch in (2, 0, 1) for step in (9, 0, 4)]
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(asked.indices(0, 0), asked.indices(1, 0))
    assert not np.array_equal(asked.indices(0, 0), batches(targets, seed=4).indices(0, 0))


def test_the_reader_draws_from_a_generator_of_seed_epoch_and_step():
    asked = batches(np.arange(40) % 2, seed=3)
    asked.epoch = 2
    expected = np.random.default_rng((3, 2, 5)).random(4)
    assert np.array_equal(asked[5][0], expected)
    asked[1]
    assert np.array_equal(asked[5][0], expected)


def test_the_epoch_in_force_is_the_one_that_was_set():
    asked = batches(np.arange(40) % 2)
    asked.epoch = 7
    assert np.array_equal(asked[3][1], (np.arange(40) % 2)[asked.indices(7, 3)])


@pytest.mark.parametrize(("images", "steps"), [(8, 2), (9, 3), (11, 3), (12, 3), (3, 1)])
def test_an_epoch_has_as_many_steps_as_the_images_fill(images, steps):
    assert len(batches(np.arange(images) % 2, batch_size=4)) == steps


def test_rare_and_common_classes_fill_equal_parts_of_every_batch():
    asked = batches([0] * 30 + [1] * 3, batch_size=8)
    for step in range(10):
        assert np.bincount((np.arange(33) >= 30)[asked.indices(0, step)], minlength=2).tolist() == [4, 4]


def test_where_the_classes_do_not_divide_the_batch_the_remainder_goes_round():
    """Batches of 8 over three classes: slots 0-7 hold 3+3+2, slots 8-15 hold 3+2+3, slots 16-23 hold 2+3+3."""
    targets = np.arange(60) % 3
    asked = batches(targets, batch_size=8, num_classes=3)
    counted = [np.bincount(targets[asked.indices(0, step)], minlength=3).tolist() for step in range(4)]
    assert counted == [[3, 3, 2], [3, 2, 3], [2, 3, 3], [3, 3, 2]]


@given(labelled(), st.integers(0, 5))
def test_batches_are_full_and_balanced_to_one_image(data, seed):
    targets, classes, size = data
    asked = batches(targets, size, "batches", classes, seed)
    total = np.zeros(classes, int)
    for step in range(7):
        counted = np.bincount(np.array(targets)[asked.indices(*divmod(step, len(asked)))], minlength=classes)
        assert counted.sum() == size
        assert counted.max() - counted.min() <= 1
        total += counted
        assert total.max() - total.min() <= 1


@given(labelled(), st.integers(0, 5))
def test_each_pass_over_a_class_sees_every_image_of_it_once(data, seed):
    targets, classes, size = data
    asked = batches(targets, size, "batches", classes, seed)
    seen = stream(asked, 12)
    for k in range(classes):
        members = np.flatnonzero(np.array(targets) == k)
        own = seen[np.isin(seen, members)]
        for start in range(0, len(own) - len(members) + 1, len(members)):
            assert sorted(own[start : start + len(members)]) == members.tolist()


@given(labelled(), st.sampled_from(["none", "weights"]))
def test_unbalanced_batches_pass_over_all_images_before_any_comes_again(data, balance):
    targets, classes, size = data
    asked = batches(targets, size, balance, classes)
    seen = stream(asked, len(asked))
    assert set(seen) == set(range(len(targets)))
    counts = Counter(seen.tolist())
    assert max(counts.values()) - min(counts.values()) <= 1


def test_passes_come_in_orders_of_their_own():
    asked = batches([0] * 20 + [1] * 20, batch_size=20, balance="batches")
    seen = stream(asked, 8)
    passes = [tuple(own) for own in seen[seen < 20].reshape(-1, 20)]
    assert len(set(passes)) == 4
    twins = seen[seen >= 20].reshape(-1, 20) - 20
    assert all(tuple(other) not in passes for other in twins)  # nor do two classes share an order


def test_class_weights_by_hand():
    """Six images of one class and two of the other: 8/(2·6) and 8/(2·2)."""
    weights = class_weights(np.array([0] * 6 + [1] * 2), 2)
    assert weights == pytest.approx([2 / 3, 2])
    assert weights.dtype == np.float32


@given(labelled())
def test_class_weights_give_every_class_the_same_total_and_a_mean_of_one(data):
    targets, classes, _ = data
    weights = class_weights(np.array(targets), classes)[targets]
    totals = np.bincount(targets, weights, minlength=classes)
    assert totals == pytest.approx(np.full(classes, len(targets) / classes))
    assert weights.mean() == pytest.approx(1)


def test_a_class_without_images_gets_a_finite_weight():
    assert np.isfinite(class_weights(np.array([0, 0]), 2)).all()


def test_only_weighted_batches_hand_weights_to_the_loss():
    targets = [0] * 6 + [1] * 2
    _, told, weights = batches(targets, balance="weights")[0]
    assert weights == pytest.approx(np.where(told == 0, 2 / 3, 2))
    assert len(batches(targets, balance="batches")[0]) == 2
    assert len(batches(targets, balance="none")[0]) == 2


@pytest.mark.parametrize(
    ("balance", "shares"), [("batches", [1 / 3, 1 / 3, 1 / 3]), ("none", [0.6, 0.3, 0.1]), ("weights", [0.6, 0.3, 0.1])]
)
def test_realised_shares_are_counted_from_the_batches(balance, shares):
    targets = np.repeat([0, 1, 2], [36, 18, 6])
    asked = batches(targets, 6, balance, 3)
    assert realised_shares(asked, targets, 3, len(asked)) == pytest.approx(shares)


def test_realised_shares_tell_the_remainder_too():
    """Five slots of two classes: three and two in the first step, even after the second."""
    targets = np.repeat([0, 1], 20)
    asked = batches(targets, 5)
    assert realised_shares(asked, targets, 2, 1) == pytest.approx([0.6, 0.4])
    assert realised_shares(asked, targets, 2, 2) == pytest.approx([0.5, 0.5])
