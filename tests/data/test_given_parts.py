"""Divisions of datasets that come in parts."""

import re
from collections import Counter

import numpy as np
import pytest

from benchmark.data.given_parts import divide_given, leaking, unused
from benchmark.data.part_counts import check_parts
from registry.errors import ConfigError


def columns(**counts):
    """Labels, sources, units and parts of as many images of labels a and b in each part, each its own unit."""
    parts = [part for part, count in counts.items() for _ in range(2 * count)]
    labels = ["ab"[n % 2] for n in range(len(parts))]
    return labels, [None] * len(parts), [f"u{n}" for n in range(len(parts))], parts


def divided(labels, sources, units, parts, seed=0):
    subsets, note = divide_given(labels, sources, units, parts, shares=(0.8, 0.1), seed=seed)
    assert [subset == "test" for subset in subsets] == [part == "test" for part in parts]
    return subsets, note


def test_a_validation_part_is_halved_and_the_rest_stays_as_it_is():
    every = columns(train=40, validation=12, test=20)
    subsets, note = divided(*every)
    for subset, part in zip(subsets, every[3], strict=True):
        assert subset in {"train": ["train"], "validation": ["validation", "calibration"], "test": ["test"]}[part]
    halves = Counter(zip(subsets.tolist(), every[0], strict=True))
    assert {halves[subset, label] for subset in ("validation", "calibration") for label in "ab"} == {6}
    assert "validation part (24 images) halved" in note


def test_groups_of_a_validation_part_are_halved_whole():
    labels, sources, units, parts = columns(train=40, validation=24, test=20)
    units = [unit if part == "train" else f"p{n // 2}" for n, (unit, part) in enumerate(zip(units, parts, strict=True))]
    subsets, _ = divided(labels, sources, units, parts)
    for unit in set(units):
        assert len({subset for subset, own in zip(subsets, units, strict=True) if own == unit}) == 1


def test_a_group_in_training_and_validation_counts_as_training():
    labels, sources, units, parts = columns(train=40, validation=12, test=20)
    units[80] = units[0]
    subsets, note = divided(labels, sources, units, parts)
    assert (parts[80], subsets[80]) == ("validation", "train")
    assert "(23 images)" in note


def test_a_validation_part_of_few_groups_is_joined_to_training_and_cut_anew():
    every = columns(train=90, validation=8, test=20)
    subsets, note = divided(*every)
    counts = Counter(subsets.tolist())
    assert counts["validation"] + counts["calibration"] == pytest.approx(196 / 9, abs=2)
    assert counts["train"] + counts["validation"] + counts["calibration"] == 196
    assert "fewer than 10 groups of a label (a 8, b 8)" in note
    assert "joined to training" in note


def test_without_a_validation_part_it_is_cut_from_training_by_group():
    labels, sources, units, parts = columns(train=90, test=20)
    units = [f"p{n // 3}" for n in range(len(units))]
    units[180:] = [f"t{n}" for n in range(40)]
    subsets, note = divided(labels, sources, units, parts)
    counts = Counter(subsets.tolist())
    assert counts["validation"] + counts["calibration"] == pytest.approx(20, abs=4)
    assert "no validation part" in note
    for unit in set(units):
        assert len({subset for subset, own in zip(subsets, units, strict=True) if own == unit}) == 1


def test_what_is_cut_depends_on_the_seed_and_not_on_the_order():
    every = columns(train=60, test=20)
    subsets, _ = divided(*every)
    order = np.random.default_rng(0).permutation(len(subsets))
    shuffled, _ = divided(*[[column[n] for n in order] for column in every])
    assert shuffled.tolist() == subsets[order].tolist()
    assert divided(*every, seed=1)[0].tolist() != subsets.tolist()


def test_images_outside_of_test_leak_whose_group_is_in_test():
    groups = ["a", "b", "b", "c", "c", "a"]
    parts = ["train", "train", "test", "validation", "test", "train"]
    assert leaking(groups, parts).tolist() == [False, True, False, True, False, False]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({}, "does not"),
        ({None: 9}, "does not"),
        ({"train": 9}, "needs a test part, the dataset has only train"),
        ({"validation": 1, "test": 8}, "needs a train part, the dataset has only validation and test"),
        ({"train": 4, "test": 4, None: 1}, "1 of 9 are in none"),
    ],
)
def test_parts_that_cannot_be_used_are_refused_in_one_line(counts, words):
    with pytest.raises(ConfigError, match=re.escape(words)) as refused:
        check_parts(counts, 9)
    assert "\n" not in str(refused.value)
    assert 'split.parts = "own"' in str(refused.value)


def test_parts_that_can_be_used_pass():
    check_parts({"train": 5, "test": 4}, 9)


def test_that_parts_are_not_used_is_said_where_there_are_any():
    assert unused([None, None]) == []
    assert unused(["train", "test", "train", None]) == [
        "The parts in which the dataset comes (train 2, test 1) are not used: it is divided anew."
    ]
