"""Parts of the images: all shown, and told apart only by what holds for all pairs at once."""

import numpy as np
import pytest

from benchmark.evaluation.external import outputs_of
from benchmark.evaluation.subgroups import Seen, age_band, differences, divided, subgroups

CLASSES = ["rest", "COVID"]


def seen(right, targets, values, groups=None, trainings=1):
    """Images of which these (n,) are answered rightly, each training alike but for its luck."""
    odds = np.where(right == (targets == 1), 3.0, -3.0)
    logits = np.stack([np.zeros(len(odds)), odds], axis=1)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    one = outputs_of(logits, probabilities)
    groups = np.arange(len(odds)) if groups is None else groups
    return Seen(CLASSES, "COVID", targets, groups, {"view": np.array(values)}, [one] * trainings)


def told(images, metric="balanced-accuracy"):
    parts = subgroups(images, metric, 0)
    return parts, *differences(images, parts, metric, 0)


@pytest.mark.parametrize(
    ("age", "band"),
    [("17", "under 18"), ("18", "18 to 39"), ("64.5", "40 to 64"), ("90", "65 and over"), ("x", "unknown")],
)
def test_ages_come_in_bands(age, band):
    assert age_band(age) == band


def test_images_are_divided_by_source_and_traits_those_that_lack_one_included():
    traits = [{"sex": "F", "age": "30"}, {"sex": "M", "age": "70"}, {}]
    found, note = divided(["a", "b", None], traits)
    assert {name: values.tolist() for name, values in found.items()} == {
        "source": ["a", "b", "unknown"],
        "age": ["18 to 39", "65 and over", "unknown"],
        "sex": ["F", "M", "unknown"],
    }
    assert note == ""


def test_what_all_share_divides_nothing_and_what_nobody_shares_is_said():
    found, note = divided(["a"] * 40, [{"view": "PA", "device": str(k)} for k in range(40)])
    assert found == {}
    assert note == "not divided by device (40 values)"


def test_every_subgroup_has_its_number_and_interval_however_small():
    targets = np.array([0, 1] * 50 + [1])
    parts, *_ = told(seen(np.ones(101, bool), targets, ["PA"] * 100 + ["AP"]))
    small, large = parts
    assert (small.value, small.n, small.counts) == ("AP", 1, {"rest": 0, "COVID": 1})
    assert small.metrics["sensitivity"].low < 0.5 and small.metrics["specificity"].value is None
    assert large.n == 100


def test_a_difference_that_is_there_is_called_one_and_its_interval_leaves_0_out():
    rng = np.random.default_rng(0)
    targets = np.tile([0, 1], 300)
    values = np.repeat(["PA", "AP"], 300)
    right = rng.random(600) < np.where(values == "PA", 0.95, 0.7)
    _, apart, tested = told(seen(right, targets, values))
    assert tested == 3
    found = {one.metric: one.difference for one in apart}
    assert {one.first for one in apart} == {"AP"}
    assert found["balanced-accuracy"].high < 0
    assert found["balanced-accuracy"].value == pytest.approx(right[300:].mean() - right[:300].mean(), abs=0.01)


def test_a_small_subgroup_without_an_error_is_not_called_better():
    """10 of 10 and 160 of 200: Fisher's p is .21, though no image moves the first."""
    targets = np.ones(210, int)
    right = np.concatenate([np.ones(10, bool), np.arange(200) < 160])
    _, apart, tested = told(seen(right, targets, ["AP"] * 10 + ["PA"] * 200))
    assert (apart, tested) == ([], 1)  # sensitivity alone: there is no negative


def test_subgroups_of_fewer_than_ten_groups_are_not_tested():
    targets = np.tile([0, 1], 100)
    right = np.arange(200) >= 18
    _, apart, tested = told(seen(right, targets, ["AP"] * 18 + ["PA"] * 182))
    assert (apart, tested) == ([], 0)


def test_equal_subgroups_are_rarely_told_apart():
    """Six values of a trait, 18 numbers, 45 pairs: some pair is called different in 5 % of worlds by construction."""
    rng, worlds, wrong = np.random.default_rng(1), 60, 0
    for _ in range(worlds):
        targets = rng.integers(0, 2, 480)
        right = rng.random(480) < 0.85
        wrong += bool(told(seen(right, targets, rng.choice(list("abcdef"), 480)))[1])
    assert wrong / worlds <= 0.12  # .05 and two standard errors


def test_retraining_widens_what_is_called_a_difference():
    rng = np.random.default_rng(2)
    targets = np.tile([0, 1], 300)
    values = np.repeat(["PA", "AP"], 300)
    drawn = [rng.random(600) < np.where(values == "PA", 0.95, share) for share in (0.62, 0.78)]
    both = [seen(right, targets, values) for right in drawn]
    together = both[0]._replace(outputs=[one.outputs[0] for one in both])
    gap = [told(one)[1] for one in both]
    assert gap[0] and gap[1]
    assert told(together)[1] == []  # two trainings that differ by .16 in one of the two: one degree of freedom
