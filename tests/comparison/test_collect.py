"""What lies below the folders that are compared."""

import csv
import io

import msgspec
import pytest

from benchmark.comparison.collect import collected, of_runs, outermost, with_predictions
from benchmark.records.files import FILE, write
from benchmark.records.ledger import Ledger
from benchmark.records.verdicts import Contender, Verdict, Verdicts
from benchmark.report import captions
from benchmark.report.pages import page
from registry.errors import DataNotFoundError
from tests import factories
from tests.factories import A, B


def untested(folder_of):
    raise AssertionError("there are no predictions to test")


def test_records_are_compared_and_where_they_lie_is_known(tmp_path):
    first, second = factories.record(0.95, pipeline=A), factories.record(0.9, pipeline=B)
    for one in (first, second):
        write(one, tmp_path / "binary" / one.run)
    path = tmp_path / "binary" / second.run / FILE
    comparison, found = collected([tmp_path], untested)
    assert [row.pipeline for row in comparison.tables[0].rows if not row.control] == [A, B]
    assert found.folder(first) == tmp_path / "binary" / first.run
    assert comparison.tables[0].ranking.untested == f"no predictions.npz of {first.run}"
    path.write_text(path.read_text().replace("0.9,", "0.99,", 1))
    comparison, found = collected([tmp_path], untested)
    assert [reason.partition(" ")[0] for reason in comparison.left_out] == [str(path)]
    assert collected([tmp_path], untested, verified=False)[0].left_out == []


def test_a_test_is_made_once_and_only_where_there_are_predictions(tmp_path):
    made, answer = [], Verdicts([], [Verdict(0.1)])

    def tester(folder_of):
        made.append(folder_of)
        return lambda rows, metric, reference, named: answer

    rows = [Contender(name, [factories.record(pipeline=name)]) for name in (A, B)]
    test = with_predictions(tester, lambda record: tmp_path / record.run)
    assert "no predictions.npz" in test(rows, "accuracy", 0, False).note
    assert made == []
    (tmp_path / rows[1].runs[0].run).mkdir()
    (tmp_path / rows[1].runs[0].run / "predictions.npz").touch()
    assert test(rows, "accuracy", 0, False) == test(rows, "accuracy", 1, True) == answer
    assert len(made) == 1


def test_a_folder_inside_another_is_looked_at_once(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert outermost([tmp_path / "a" / "b", tmp_path, tmp_path / "a"]) == [tmp_path]
    with pytest.raises(DataNotFoundError, match="no results at"):
        outermost([tmp_path / "none"])


def test_ones_own_tables_and_records_come_before_those_of_a_reference_unless_that_alone_is_asked_for(tmp_path):
    split = factories.record().split
    own, shipped = (
        factories.record(pipeline=A, seed=seed, task=task, split=msgspec.structs.replace(split, digest=task))
        for seed, task in enumerate(("vote", "binary"))
    )
    both = factories.record(pipeline=B, task="vote", split=own.split)
    for one, folder in ((own, "vote"), (shipped, "reference/binary"), (both, "reference/vote")):
        write(one, tmp_path / folder / one.run)
    comparison, found = collected([tmp_path], untested)
    assert [table.tasks for table in comparison.tables] == [["vote"], ["binary"]]
    assert [captions.title(table).split()[0] for table in comparison.tables] == ["vote", "reference:"]
    for form in ("table", "md", "html"):
        text = "".join(page(comparison, [], form))
        assert text.count("reference: binary") == text.count("reference: ") == 1 + (form == "html")  # its own title too
    lines = csv.DictReader(io.StringIO("".join(page(comparison, [], "csv"))))
    assert {(line["table"], line["reference"]) for line in lines} == {("1", ""), ("2", "True")}
    assert list(found.files) == [(one.run, one.key) for one in (own, shipped, both)]
    comparison, _ = collected([tmp_path / "reference"], untested)
    assert [table.tasks for table in comparison.tables] == [["binary"], ["vote"]]
    assert not any(table.reference for table in comparison.tables)  # it was asked for


def test_the_ledger_tells_how_often_a_test_subset_was_scored(tmp_path):
    ledger = Ledger(tmp_path)
    for seed in range(3):
        one = factories.record(0.9, seed=seed, test="a" * 64)
        write(one, tmp_path / "binary" / one.run)
        ledger.add_run(one, tmp_path / "binary" / one.run)
    for name in ("taken away", "another"):
        ledger.add(name, "ok", "b" * 64, test="a" * 64)
    ledger.add("of other images", "ok", "c" * 64, test="d" * 64)
    assert collected([tmp_path], untested)[0].tables[0].scored == 5
    assert collected([tmp_path / "binary"], untested)[0].tables[0].scored == 5
    last = of_runs({one.run: tmp_path / "binary" / one.run}, [one], untested)  # what a command says of its own run
    assert last.tables[0].scored == 5
    assert "Scored at least 5 times, counting runs that are not in this table." in " ".join(
        captions.caption(last.tables[0])
    )


def test_rules_are_no_trainings_that_were_scored(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.add("controls-1234abcd", "ok", "b" * 64, test="a" * 64)  # removed since
    for one in (factories.record(0.9, test="a" * 64), factories.controls({"border": 0.7}, test="a" * 64)):
        write(one, tmp_path / "binary" / one.run)
        ledger.add_run(one, tmp_path / "binary" / one.run)
    assert collected([tmp_path], untested)[0].tables[0].scored == 1
