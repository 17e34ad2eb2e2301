"""Which evaluations stand side by side, and what several trainings say together."""

from pathlib import Path

import msgspec
import pytest

from benchmark.comparison.external import external_tables
from benchmark.comparison.external_tables import Found
from benchmark.evaluation import external_rows
from tests.externals import evaluation, recalibration


def tables(*found, statistics=external_rows):
    return external_tables([Found(one, Path(one.name)) for one in found], lambda: statistics)


def metric(row):
    return row.metrics["balanced-accuracy"]


@pytest.mark.parametrize(
    "changes",
    [{"mapping": {"covid": "COVID"}}, {"test": "another"}, {"labels": {"Non-COVID": ["Hernia"], "COVID": ["COVID"]}}],
)
def test_another_map_other_images_and_another_question_are_tables_of_their_own(changes):
    assert len(tables(evaluation(), evaluation(pipeline="none+sepcnn+dense"))) == 1
    assert len(tables(evaluation(), evaluation(pipeline="none+sepcnn+dense", **changes))) == 2


def test_another_dataset_is_another_table():
    other = evaluation()
    other = msgspec.structs.replace(other, dataset=msgspec.structs.replace(other.dataset, digest="f" * 64))
    assert len(tables(evaluation(), other)) == 2


def test_rows_stand_best_first_and_the_later_of_two_evaluations_of_one_run_counts():
    worse = evaluation(0.7, pipeline="none+sepcnn+dense")
    later = evaluation(0.6, created="2026-01-02T00:00:00+00:00")
    (table,) = tables(evaluation(0.9), worse, later)
    assert [(row.pipeline, metric(row).value) for row in table.rows] == [
        ("none+sepcnn+dense", pytest.approx(0.7)), ("unet+sepcnn+dense", pytest.approx(0.6)),
    ]  # fmt: skip


def test_several_trainings_are_one_row_whose_intervals_hold_retraining():
    """Means .75, SD .0707: A = .0025, the images' error .02 / 1.96; by hand with one degree of freedom."""
    one, two = evaluation(0.7, seed=0), evaluation(0.8, seed=1)
    (table,) = tables(one, two)
    (row,) = table.rows
    assert row.trainings == ["0", "1"]
    found = metric(row)
    assert found.value == pytest.approx(0.75)
    assert found.low == pytest.approx(max(0, 0.75 - row_reach(0.02 / 1.959964, 0.0025, 1)), abs=1e-6)
    alone = one.drop["balanced-accuracy"]
    drop = row.drop["balanced-accuracy"]
    assert drop.value == pytest.approx(-0.2)
    assert drop.high - drop.low > alone.high - alone.low


def row_reach(images, error2, freedom):
    """As INFERENCE has it for a row's own interval: Wallace's inverse at 1.96."""
    together = images**2 + error2
    nu = max(1.0, freedom * (together / error2) ** 2)
    corrected = 1.959964 * (8 * nu + 3) / (8 * nu + 1)
    return (nu * (2.718281828 ** (corrected**2 / nu) - 1)) ** 0.5 * together**0.5


def test_one_training_keeps_its_interval_over_images():
    (table,) = tables(evaluation(0.8))
    assert (metric(table.rows[0]).low, metric(table.rows[0]).high) == (pytest.approx(0.78), pytest.approx(0.82))


def test_recalibration_is_a_row_of_its_own_on_the_same_images():
    (table,) = tables(evaluation(0.8, recalibration=recalibration(0.88)))
    assert [(row.recalibrated, metric(row).value) for row in table.rows] == [
        (50, pytest.approx(0.88)),
        (0, pytest.approx(0.8)),
    ]


def test_subgroups_of_several_trainings_are_asked_of_their_predictions_together():
    asked = []

    class Dividing:
        row_intervals, rows_verdicts = external_rows.row_intervals, external_rows.rows_verdicts

        def rows_subgroups(runs, folders):
            asked.append([one.seed for one in runs])
            return runs[0].subgroups[:1], [], 1

    (table,) = tables(evaluation(seed=0), evaluation(seed=1), evaluation(pipeline="a+b+c"), statistics=Dividing)
    assert asked == [[0, 1]]
    assert {row.pipeline: (len(row.subgroups), row.tested) for row in table.rows} == {
        "unet+sepcnn+dense": (1, 1), "a+b+c": (2, 3),
    }  # fmt: skip


def test_pipelines_of_one_name_are_told_apart():
    (table,) = tables(evaluation(), evaluation(pipeline_digest="abcdef" + "0" * 58))
    assert "unet+sepcnn+dense (abcdef)" in [row.pipeline for row in table.rows]
