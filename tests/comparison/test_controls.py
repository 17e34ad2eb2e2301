"""The rules that pipelines must beat as rows of the tables that they belong to."""

from collections.abc import Sequence

import msgspec

from benchmark.comparison.compare import compare
from benchmark.comparison.tables import Row
from benchmark.comparison.trust import untrusted
from benchmark.records.record import Record
from benchmark.records.verdicts import Contender, Verdicts
from tests import factories
from tests.factories import A, C

VALUES = {"majority": 0.5, "grey-histogram": 0.88, "border": 0.83}


def controls(records: list[Record]) -> list[Row]:
    return [row for row in compare(records).tables[0].rows if row.control]


def test_a_record_of_controls_is_a_row_for_each_rule_and_no_pipeline() -> None:
    record = factories.controls(VALUES)
    (table,) = compare([factories.record(0.9), record]).tables
    assert [row.pipeline for row in table.rows] == [A, *VALUES, "source-oracle"]
    assert [row.value("balanced-accuracy") for row in table.rows[1:4]] == list(VALUES.values())
    assert table.ranking and table.ranking.first == A
    assert (table.tasks, table.rows[0].seeds) == (["binary"], [0])


def test_each_row_says_whose_outputs_it_has_and_under_what_name() -> None:
    record = factories.controls(VALUES)
    rows = controls([factories.record(), record])
    assert [(row.rule, row.runs) for row in rows[:3]] == [(rule, [record]) for rule in VALUES]


def test_what_runs_say_of_their_controls_stands_where_no_record_of_controls_does() -> None:
    rows = controls([factories.record(), factories.controls({"majority": 0.51})])
    assert [(row.pipeline, row.value("balanced-accuracy")) for row in rows] == [
        ("majority", 0.51), ("source-oracle", 0.52),
    ]  # fmt: skip
    assert [bool(row.runs) for row in rows] == [True, False]


def test_controls_of_another_split_stand_in_no_table() -> None:
    record = factories.controls(VALUES)
    assert record.split
    other = msgspec.structs.replace(record, split=msgspec.structs.replace(record.split, digest="1" * 64))
    assert len(compare([factories.record(), other]).tables) == 1
    assert [row.pipeline for row in controls([factories.record(), other])] == ["majority", "source-oracle"]
    assert compare([record]).tables == []


def test_controls_that_failed_are_no_row() -> None:
    record = msgspec.structs.replace(factories.controls(VALUES), status="failed", controls={}, rules={})
    (table,) = compare([factories.record(), record]).tables
    assert [row.pipeline for row in table.rows] == [A, "majority", "source-oracle"]


def test_rules_on_masks_come_last_and_of_two_records_of_one_the_later_counts() -> None:
    masks = factories.controls({"mask-shape(unet)": 0.78}, created="2025-01-02")
    again = factories.controls({"mask-shape(unet)": 0.79}, created="2025-01-03")
    rows = controls([masks, factories.record(), again, factories.controls(VALUES)])
    assert [row.pipeline for row in rows] == [*VALUES, "mask-shape(unet)", "source-oracle"]
    assert rows[3].value("balanced-accuracy") == 0.79


def test_a_rule_of_two_preparations_is_two_rows_where_it_differs_and_one_where_not() -> None:
    small = factories.controls(VALUES)
    images = {**small.spec["images"], "size": 96}
    large = factories.controls({**VALUES, "border": 0.85}, pipeline_digest="f" * 64, spec={"images": images})
    rows = controls([factories.record(), small, large])
    names = [row.pipeline for row in rows]
    assert sorted(names) == sorted(
        ["majority", "grey-histogram", "border (images.size=64)", "border (images.size=96)", "source-oracle"]
    )
    assert {row.rule for row in rows if row.pipeline.startswith("border")} == {"border"}


def test_folds_have_the_controls_of_all_of_them() -> None:
    folds = factories.folds([0.9, 0.9], k=2, pipeline=C)
    record = factories.controls(VALUES, fold=None, split=folds[0].split)
    rows = controls([*folds, factories.pooled(folds, 0.9), record])
    assert [row.pipeline for row in rows] == [*VALUES, "source-oracle"]


def test_rules_whose_outputs_were_edited_are_marked_and_not_tested() -> None:
    asked: list[str] = []

    def test(rows: Sequence[Contender], metric: str, reference: int, named: bool) -> Verdicts:
        asked.extend(row.name for row in rows)
        return factories.family()(rows, metric, reference, named)

    def distrust(run: Record, metric: str) -> str:
        return "it was edited" if run.of_controls else ""

    (table,) = compare([factories.record(0.9), factories.controls(VALUES)], test=test, distrust=distrust).tables
    assert asked == [A]
    assert {row.untrusted for row in table.rows if row.rule in VALUES} == {"it was edited"}
    assert untrusted(table.rows)
