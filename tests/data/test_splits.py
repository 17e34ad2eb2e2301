import csv
import hashlib
import itertools
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data.splits import SUBSETS, fold_of, limit, masks_leak, split, write_csv
from benchmark.tasks.schema import Split
from registry.errors import ConfigError, StorageError, UnknownNameError

FRACTIONS = (0.8, 0.1, 0.1)
FIRST_NAMES = {"validation": "select", "calibration": "fit"}  # what schema 1 called them
SHARES = dict(zip(SUBSETS, (0.8, 0.05, 0.05, 0.1), strict=True))


def columns(rows):
    """labels, sources, groups of (label, source, group) rows."""
    return [list(column) for column in zip(*rows, strict=True)]


def subsets_of(rows, seed=0, grouping="group", fractions=FRACTIONS, **options):
    return split(*columns(rows), fractions=fractions, seed=seed, grouping=grouping, **options).tolist()


STRATA = list(itertools.product("abc", ("x", "y", None)))
# Made once: hypothesis takes as long to make a strategy as to draw from it.
ALIKE = st.builds(lambda stratum, size: [stratum] * size, st.sampled_from(STRATA), st.integers(1, 4))
SPREAD = st.one_of(*(st.lists(st.sampled_from(STRATA), min_size=size, max_size=size) for size in range(1, 5)))
SIZES = st.integers(4, 60)


@st.composite
def collections(draw, spread=False):
    """Rows of groups of 1 to 4 samples; `spread` lets a group hold samples of several labels and sources."""
    group = SPREAD if spread else ALIKE
    return [(*stratum, f"g{number}") for number in range(draw(SIZES)) for stratum in draw(group)]


@settings(deadline=None)
@given(collections(spread=True), st.integers(0, 5))
def test_no_group_lies_on_two_sides(rows, seed):
    sides = defaultdict(set)
    for (_, _, group), subset in zip(rows, subsets_of(rows, seed), strict=True):
        sides[group].add(subset)
    assert all(len(subsets) == 1 for subsets in sides.values())


@settings(deadline=None)
@given(collections(spread=True), st.randoms())
def test_the_order_of_samples_does_not_matter(rows, random):
    named = [(*row, n) for n, row in enumerate(rows)]
    before = dict(zip([row[3] for row in named], subsets_of(rows), strict=True))
    random.shuffle(named)
    after = dict(zip([row[3] for row in named], subsets_of([row[:3] for row in named]), strict=True))
    assert before == after


@settings(deadline=None)
@given(st.data())
def test_each_stratum_keeps_its_shares_to_within_one_group(data):
    rows = data.draw(collections())
    # A label that is small enough to need mending is tested below: here every label gets 80 groups more.
    rows += [(label, "x", f"{label}{n}") for label in "abc" for n in range(80)]
    sizes, counts, largest = Counter(), Counter(), Counter()
    for (label, source, group), subset in zip(rows, subsets_of(rows), strict=True):
        sizes[label, source] += 1
        counts[label, source, subset] += 1
        largest[label, source] = max(largest[label, source], sum(row[2] == group for row in rows))
    for stratum, size in sizes.items():
        for subset, share in SHARES.items():
            assert abs(counts[*stratum, subset] - share * size) <= largest[stratum] + 1e-9


@settings(deadline=None)
@given(collections(), st.integers(0, 3))
def test_a_label_of_four_groups_is_in_every_subset(rows, seed):
    groups, subsets = defaultdict(set), defaultdict(set)
    for (label, _, group), subset in zip(rows, subsets_of(rows, seed), strict=True):
        groups[label].add(group)
        subsets[label].add(subset)
    for label, members in groups.items():
        if len(members) >= 4:
            assert subsets[label] == set(SUBSETS)


def test_four_lone_samples_go_to_the_four_subsets():
    assert sorted(subsets_of([("a", None, f"g{n}") for n in range(4)])) == sorted(SUBSETS)


def test_a_round_number_is_divided_exactly():
    rows = [(label, source, f"{label}{source}{n}") for label in "ab" for source in "xy" for n in range(100)]
    counts = Counter(zip([row[:2] for row in rows], subsets_of(rows), strict=True))
    for stratum in {row[:2] for row in rows}:
        assert [counts[stratum, subset] for subset in SUBSETS] == [80, 5, 5, 10]


def test_laptop_fractions_are_kept_too():
    rows = [("a", None, f"g{n}") for n in range(300)]
    counts = Counter(subsets_of(rows, fractions=(0.6, 0.15, 0.25)))
    assert abs(counts["train"] - 180) <= 1
    assert counts["test"] == 75
    assert counts["validation"] + counts["calibration"] in (44, 45, 46)


def test_groups_over_several_strata_are_spread_like_the_others():
    rows = [("a", None, f"both{n // 2}") if n % 2 else ("b", None, f"both{n // 2}") for n in range(200)]
    rows += [("a", None, f"a{n}") for n in range(500)]
    both = Counter(
        subset for (_, _, group), subset in zip(rows, subsets_of(rows), strict=True) if group.startswith("both")
    )
    assert abs(both["train"] - 160) <= 2
    assert abs(both["test"] - 20) <= 2


def test_seeds_give_other_splits_of_the_same_shape():
    rows = [("a", None, f"g{n}") for n in range(100)]
    first, second = subsets_of(rows, 0), subsets_of(rows, 1)
    assert first == subsets_of(rows, 0)
    assert first != second
    assert Counter(first) == Counter(second)


def test_a_split_does_not_follow_the_numbers_in_names():
    """Neighbouring numbers are often the same patient: the split must look random along the names."""
    rows = [("a", None, f"COVID-{n}") for n in range(1000)]
    test = np.flatnonzero(np.array(subsets_of(rows)) == "test")
    assert 400 < test.mean() < 600
    assert 0.04 < np.mean(np.diff(test) == 1) < 0.18  # a tenth of the neighbours, by chance


def test_the_image_level_split_divides_groups_and_depends_on_ids_only():
    rows = [("a", None, "one patient")] * 100
    ids = [f"radiograph {n}" for n in range(100)]
    subsets = subsets_of(rows, grouping="image-level", ids=ids)
    assert Counter(subsets) == {"train": 80, "validation": 5, "calibration": 5, "test": 10}
    assert subsets_of(rows, grouping="image-level", ids=ids[::-1]) == subsets[::-1]
    assert set(subsets_of(rows, grouping="image-level")) == set(SUBSETS)
    assert set(subsets_of(rows, ids=ids)) == {"train"}


def test_fractions_that_do_not_add_up_and_unknown_groupings_are_refused():
    for fractions in ((0.8, 0.1, 0.2), (1.2, -0.1, -0.1)):
        with pytest.raises(ConfigError, match="add up to 1"):
            subsets_of([("a", None, "g")], fractions=fractions)
    with pytest.raises(UnknownNameError, match="did you mean group"):
        subsets_of([("a", None, "g")], grouping="groups")


def test_a_part_without_a_share_stays_empty():
    rows = [("a", None, f"g{n}") for n in range(50)]
    assert set(subsets_of(rows, fractions=(0.9, 0, 0.1))) == {"train", "test"}


def test_labels_and_sources_may_be_numpy_arrays():
    rows = [("a", None, f"g{n}") for n in range(20)]
    labels, sources, groups = columns(rows)
    arrays = (np.array(labels), np.array(sources, object), np.array(groups))
    assert split(*arrays, fractions=FRACTIONS, seed=0, grouping="group").tolist() == subsets_of(rows)


FOLDS = st.sampled_from([2, 3, 4, 5, 10])


def folds_of(rows, folds, seed=0, grouping="group", **options):
    return fold_of(*columns(rows), folds=folds, seed=seed, grouping=grouping, **options).tolist()


def every_fold(rows, folds, seed=0, **options):
    return [subsets_of(rows, seed, folds=folds, fold=fold, **options) for fold in range(folds)]


def test_a_single_hold_out_stays_as_it_always_was():
    """Records of today can be compared with those of tomorrow only if nobody moves."""
    rows = [("abc"[n % 3], "xy"[n % 2], f"g{n // 2}") for n in range(300)]
    named = [FIRST_NAMES.get(subset, subset) for subset in subsets_of(rows, seed=7)]
    told = hashlib.sha256("".join(named).encode()).hexdigest()
    assert told[:16] == "4f5fc615eb625b4e"


@settings(deadline=None, max_examples=40)
@given(collections(spread=True), FOLDS, st.integers(0, 3))
def test_every_sample_is_tested_once_and_groups_stay_whole_in_every_fold(rows, folds, seed):
    splits = every_fold(rows, folds, seed)
    for subsets in splits:
        sides = defaultdict(set)
        for (_, _, group), subset in zip(rows, subsets, strict=True):
            sides[group].add(subset)
        assert all(len(subsets) == 1 for subsets in sides.values())
    tested = [[fold for fold, subsets in enumerate(splits) if subsets[i] == "test"] for i in range(len(rows))]
    assert tested == [[fold] for fold in folds_of(rows, folds, seed)]


@settings(deadline=None, max_examples=30)
@given(collections(spread=True), st.randoms(), FOLDS)
def test_the_order_of_samples_does_not_matter_to_folds(rows, random, folds):
    named = [(*row, n) for n, row in enumerate(rows)]

    def told(shuffled):
        bare, names = [row[:3] for row in shuffled], [row[3] for row in shuffled]
        subsets = [subsets_of(bare, folds=folds, fold=folds - 1), folds_of(bare, folds)]
        return dict(zip(names, zip(*subsets, strict=True), strict=True))

    before = told(named)
    random.shuffle(named)
    assert told(named) == before


@settings(deadline=None, max_examples=30)
@given(st.data(), FOLDS)
def test_folds_and_what_is_left_of_them_keep_their_shares_to_within_one_group(data, folds):
    rows = data.draw(collections())
    rows += [(label, "x", f"{label}{n}") for label in "abc" for n in range(80)]
    largest = Counter()
    for label, source, group in set(rows):
        largest[label, source] = max(largest[label, source], rows.count((label, source, group)))
    sizes = Counter(row[:2] for row in rows)
    fold = data.draw(st.integers(0, folds - 1))
    counts = Counter(
        (*row[:2], subset) for row, subset in zip(rows, subsets_of(rows, folds=folds, fold=fold), strict=True)
    )
    for stratum, size in sizes.items():
        assert abs(counts[*stratum, "test"] - size / folds) <= largest[stratum] + 1e-9
        rest = size - counts[*stratum, "test"]
        for subset, share in (("train", 8 / 9), ("validation", 1 / 18), ("calibration", 1 / 18)):
            assert abs(counts[*stratum, subset] - share * rest) <= largest[stratum] + 1e-9


@settings(deadline=None)
@given(collections(), FOLDS, st.integers(0, 3))
def test_a_label_with_enough_groups_is_in_every_part_of_every_fold(rows, folds, seed):
    groups = defaultdict(set)
    for label, _, group in rows:
        groups[label].add(group)
    for subsets in every_fold(rows, folds, seed):
        seen = defaultdict(set)
        for (label, _, _), subset in zip(rows, subsets, strict=True):
            seen[label].add(subset)
        for label, members in groups.items():
            if len(members) >= folds:
                assert "test" in seen[label]
            if len(members) >= Split(folds=folds).fewest_groups:
                assert seen[label] == set(SUBSETS)


@pytest.mark.parametrize("folds", range(2, 7))
def test_fewer_groups_than_said_cannot_be_in_every_part_of_every_fold(folds):
    """Brute force over how many groups of a label each fold may test: all sizes that add up to the number of groups."""

    def possible(groups):
        sizes = itertools.product(range(1, groups + 1), repeat=folds)
        return any(sum(each) == groups and all(groups - size >= 3 for size in each) for each in sizes)

    assert possible(Split(folds=folds).fewest_groups)
    assert not any(possible(fewer) for fewer in range(1, Split(folds=folds).fewest_groups))


def test_four_groups_are_enough_for_a_single_hold_out():
    assert [Split(folds=folds).fewest_groups for folds in (1, 2, 3, 4, 5, 10)] == [4, 6, 5, 4, 5, 10]


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_one_huge_group_does_not_starve_the_other_parts(folds):
    rows = [("a", None, "huge")] * 200 + [("a", None, f"g{n}") for n in range(Split(folds=folds).fewest_groups - 1)]
    assert all(set(subsets) == set(SUBSETS) for subsets in every_fold(rows, folds))


def test_folds_depend_on_groups_and_seed_only():
    rows = [("ab"[n % 2], None, f"g{n}") for n in range(100)]
    tested = [np.array(every_fold(rows, 5, fractions=shares)[2]) == "test" for shares in (FRACTIONS, (0.5, 0.2, 0.3))]
    assert (tested[0] == tested[1]).all()
    assert folds_of(rows, 5) != folds_of(rows, 5, seed=1)
    assert sorted(Counter(folds_of(rows, 5)).values()) == [20] * 5


def test_the_folds_validate_on_different_groups():
    rows = [("a", None, f"g{n}") for n in range(200)]
    validated = [
        {i for i, subset in enumerate(subsets) if subset in ("validation", "calibration")}
        for subsets in every_fold(rows, 5)
    ]
    assert all(len(first & second) < 10 for first, second in itertools.combinations(validated, 2))


def test_image_level_folds_depend_on_ids_only():
    rows = [("a", None, "one patient")] * 100
    ids = [f"radiograph {n}" for n in range(100)]
    folds = folds_of(rows, 4, grouping="image-level", ids=ids)
    assert Counter(folds) == dict.fromkeys(range(4), 25)
    assert folds_of(rows, 4, grouping="image-level", ids=ids[::-1]) == folds[::-1]


def test_a_fold_that_is_not_there_is_refused():
    for folds, fold in ((1, 1), (5, 5), (5, -1)):
        with pytest.raises(ConfigError, match=f"no fold {fold} of {folds}"):
            subsets_of([("a", None, "g")], folds=folds, fold=fold)
    with pytest.raises(ConfigError, match="two folds or more, received 1"):
        folds_of([("a", None, "g")], 1)


@settings(deadline=None)
@given(collections(), st.integers(1, 100), st.integers(0, 3))
def test_a_limit_takes_whole_groups_and_about_its_number(rows, n, seed):
    labels, sources, groups = columns(rows)
    kept = limit(labels, sources, groups, n, seed)
    assert kept.tolist() == sorted(set(kept.tolist()))
    inside = {groups[i] for i in kept}
    assert len(kept) == sum(group in inside for group in groups)
    strata = len(set(zip(labels, sources, strict=True)))
    assert len(kept) <= max(n, 4 * len(set(labels))) + 4 * strata
    assert len(kept) >= min(n, len(rows)) - 4 * strata


def test_a_limit_over_lone_samples_is_exact_and_keeps_the_shares():
    rows = [("a", "x", f"a{n}") for n in range(700)] + [("b", "y", f"b{n}") for n in range(300)]
    kept = limit(*columns(rows), n=100, seed=0)
    assert Counter(rows[i][0] for i in kept) == {"a": 70, "b": 30}


def test_a_limit_leaves_rare_labels_enough_for_every_part():
    rows = [("a", None, f"a{n}") for n in range(1000)] + [("b", None, f"b{n}") for n in range(10)]
    kept = limit(*columns(rows), n=100, seed=0)
    assert Counter(rows[i][0] for i in kept)["b"] == 4


def test_a_limit_beyond_the_data_keeps_all():
    rows = [("a", None, f"a{n}") for n in range(10)]
    assert limit(*columns(rows), n=10, seed=0).tolist() == list(range(10))
    assert limit(*columns(rows), n=99, seed=0).tolist() == list(range(10))


def test_masks_of_one_annotator_for_all_labels_do_not_leak():
    assert masks_leak(["a", "b"] * 50, ["me"] * 100) is None


def test_a_few_missing_masks_do_not_leak():
    assert masks_leak(["a", "b"] * 50, [None, None, *["me"] * 98]) is None


def test_masks_missing_for_one_label_leak():
    sentence = masks_leak(["a", "b"] * 50, ["me", None] * 50)
    assert sentence == "the dataset's masks give the label away: 100% of b have no mask, 0% of a"


def test_masks_by_another_annotator_leak():
    sentence = masks_leak(["a", "b"] * 50, ["me", "you"] * 50)
    assert sentence == "the dataset's masks give the label away: 100% of a have a mask by 'me', 0% of b"


def test_a_dataset_without_masks_has_none_to_give():
    assert masks_leak(["a", "b"], [None, None]) == "the dataset has no masks"


def test_a_split_is_kept_as_a_table(tmp_path):
    write_csv(tmp_path / "split.csv", ["1", "2"], ["a", "b"], [None, "x,y"], ["g", "h"], ["train", "test"])
    with (tmp_path / "split.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["id", "label", "source", "group", "subset"],
            ["1", "a", "", "g", "train"],
            ["2", "b", "x,y", "h", "test"],
        ]
    with pytest.raises(StorageError, match="cannot write"):
        write_csv(tmp_path / "absent" / "split.csv", [], [], [], [], [])
