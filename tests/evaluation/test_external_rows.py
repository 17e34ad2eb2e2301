"""Rows of one table of images of elsewhere, tested at once from what evaluations stored."""

import msgspec
import numpy as np
import pytest

from benchmark.evaluation.external_rows import rows_verdicts
from benchmark.evaluation.family import family_test
from benchmark.records.verdicts import Contender
from tests import factories
from tests.externals import CLASSES, deciding, stored, stored_masks

N = 240
TARGETS = (np.arange(N) % 3 == 0).astype(int)
GROUPS = np.array([f"patient-{place // 2:03}" for place in range(N)])


def row(folder, name, *wrong, **changes):
    """The trainings of a row, each with so many wrong images from a place on."""
    found = []
    for seed, (start, count) in enumerate(wrong):
        logits = deciding(TARGETS, range(start, start + count))
        place = folder / f"{name}-{seed}"
        # A vote stands on its members' trainings; here each row on its own.
        own = {"pipeline": name, "seed": seed, "record": f"{name}{seed}", "trainings": [f"{name} {seed}"]}
        found.append((stored(place, TARGETS, logits, GROUPS, **own | changes), place))
    return found


def test_rows_of_elsewhere_are_tested_as_rows_of_a_runs_own_test(tmp_path):
    """The same predictions as runs on their own test: the same verdicts, to the bit."""
    rows = {
        "a": row(tmp_path, "a", (0, 14), (20, 18), (40, 16)),
        "b": row(tmp_path, "b", (90, 40), (120, 44), (150, 38)),
    }
    found = rows_verdicts(list(rows), list(rows.values()), [False, False], 0)
    contenders = [
        Contender(name, [
            factories.record(
                run=place.name, pipeline=name, seed=one.seed, classes=CLASSES, metrics=one.metrics,
                trainings=one.trainings, metric=one.metric,
            )
            for one, place in runs
        ])
        for name, runs in rows.items()
    ]  # fmt: skip
    own = family_test(lambda run: tmp_path / run.run)(contenders, "balanced-accuracy", 0, False)
    assert found == own
    assert found.pairs == 1 and found.standings[0].trainings == 3 and found.standings[0].retrained
    assert found.differences[1].high < 0


def test_a_recalibrated_row_is_compared_by_the_trainings_that_it_shares(tmp_path):
    """Platt's scaling moves the decisions; what retraining moves in both alike is in neither's way."""
    rng = np.random.default_rng(0)
    odds = rng.normal(np.where(TARGETS == 1, 3.0, 1.0), 1.5)  # too high for every image
    runs = []
    for seed, move in enumerate((0.0, 0.1, -0.1)):
        logits = np.stack([np.zeros(N), odds + move], axis=1)
        place = tmp_path / str(seed)
        runs.append((stored(place, TARGETS, logits, GROUPS, 60, seed=seed, record=str(seed), trainings=[]), place))
    found = rows_verdicts(["again", "as it was"], [runs, runs], [True, False], 0)
    verdict = found.differences[1]
    again, was = (
        np.array([metrics["balanced-accuracy"].value for metrics in of])
        for of in ([one.recalibration.metrics for one, _ in runs], [one.metrics for one, _ in runs])
    )
    assert verdict.common_trainings and not verdict.these_trainings
    assert verdict.value == pytest.approx((was - again).mean())
    assert verdict.training_variance == pytest.approx(np.var(was - again, ddof=1))
    assert verdict.high < 0


def test_segmenters_are_tested_by_the_dice_of_the_same_images(tmp_path):
    """One training each: the error by hand from the images' own differences, pairs of which are one patient's."""
    rng = np.random.default_rng(1)
    first = rng.uniform(0.85, 0.99, N)
    second = first - rng.normal(0.02, 0.03, N).clip(-0.005, 0.1)
    runs = [
        [(stored_masks(tmp_path / name, dice, GROUPS, pipeline=name, record=name), tmp_path / name)]
        for name, dice in (("a", first), ("b", second))
    ]
    found = rows_verdicts(["a", "b"], runs, [False, False], 0)
    verdict, gaps = found.differences[1], second - first
    moves = np.add.reduceat(gaps - gaps.mean(), np.arange(0, N, 2)) / N
    widening = 1 + 2 * (moves**4).sum() / (moves**2).sum() ** 2
    assert verdict.value == pytest.approx(gaps.mean())
    assert verdict.error == pytest.approx(np.sqrt(120 / 119 * (moves**2).sum() * widening))
    assert verdict.these_trainings and verdict.high < 0


def test_what_cannot_be_read_or_gives_another_number_is_not_tested(tmp_path):
    rows = [row(tmp_path, "a", (0, 10)), row(tmp_path, "b", (30, 20)), row(tmp_path, "c", (60, 30))]
    (rows[1][0][1] / "predictions.npz").write_bytes(b"no archive")
    one, place = rows[2][0]
    values = factories.metrics(0.4)
    rows[2] = [(type(one)(**{name: getattr(one, name) for name in one.__struct_fields__} | {"metrics": values}), place)]
    found = rows_verdicts(["a", "b", "c"], rows, [False] * 3, 0)
    assert [one.note for one in found.differences] == [
        "", "its predictions cannot be read", "its predictions do not give the recorded balanced-accuracy",
    ]  # fmt: skip


def test_fewer_than_ten_patients_of_a_class_are_no_verdict(tmp_path):
    targets = np.repeat([0, 1], [40, 8])
    runs = []
    for name, wrong in (("a", [0]), ("b", range(10))):
        place = tmp_path / name
        logits, groups = deciding(targets, wrong), np.arange(48).astype(str)
        runs.append([(stored(place, targets, logits, groups, pipeline=name, record=name, trainings=[name]), place)])
    found = rows_verdicts(["a", "b"], runs, [False, False], 0)
    assert found.note == "fewer than ten groups of COVID: no verdict"
    assert found.differences[1].low is None


def test_probabilities_are_judged_where_the_metric_is_of_them(tmp_path):
    rows = [row(tmp_path, name, (start, 20), metric="log-loss") for name, start in (("a", 0), ("b", 100))]
    found = rows_verdicts(["a", "b"], rows, [False, False], 0)
    values = [runs[0][0].metrics["log-loss"].value for runs in rows]
    assert found.differences[1].value == pytest.approx(values[1] - values[0])


@pytest.mark.parametrize("n", [1, 40])
@pytest.mark.parametrize("metric", ["balanced-accuracy", "accuracy", "log-loss"])
def test_images_of_one_class_alone_are_no_verdict_whenever_they_were_judged(tmp_path, n, metric):
    """Older records hold a mean over the classes that are there."""
    runs = []
    for name, wrong in (("a", []), ("b", [0])):
        targets, place = np.zeros(n, int), tmp_path / name
        logits, groups = deciding(targets, wrong), np.arange(n).astype(str)
        one = stored(place, targets, logits, groups, pipeline=name, record=name, trainings=[name], metric=metric)
        assert one.metrics["balanced-accuracy"].value is None and one.metrics["specificity"].value is not None
        assert one.metrics["balanced-accuracy"].note == "the external dataset has no image of COVID"
        older = one.metrics | {"balanced-accuracy": one.metrics["specificity"]}
        runs.append([(msgspec.structs.replace(one, metrics=older), place)])
    found = rows_verdicts(["a", "b"], runs, [False, False], 0)
    few = "; fewer than ten groups of Non-COVID" * (n < 10)
    assert found.note == found.differences[1].note == f"no image of COVID{few}: no verdict"
    assert found.differences[1].low is None and found.groups == {"Non-COVID": n, "COVID": 0}
