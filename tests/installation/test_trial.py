"""What becomes of the run of everything: runs that failed, numbers that are none, tables that are not one."""

import math
from pathlib import Path
from types import SimpleNamespace

import msgspec

from benchmark.comparison.compare import compare
from benchmark.execution.session import Finished
from benchmark.installation.trial import _verified, compared, runs
from benchmark.planning.request import requested, task_of
from benchmark.records.estimate import Estimate
from benchmark.tasks.places import EVERYTHING, TASKS, task_files
from tests import factories


def finished(record):
    return Finished(SimpleNamespace(label=record.pipeline, folder=Path(), of_controls=record.of_controls), record)


def told(findings):
    return [(one.status, one.text) for one in findings]


def test_runs_with_numbers_are_one_line_and_controls_count_with_theirs():
    good = [factories.record(), factories.record(pipeline="unet+sepcnn+xgboost")]
    rules = factories.controls({"majority": 0.5})
    ((status, text),) = told(runs([*map(finished, good), finished(rules)]))
    assert (status, text) == ("ok", "trained, scored and explained: unet+sepcnn+dense; unet+sepcnn+xgboost")


def test_a_run_that_failed_says_where_and_why():
    ((status, text),) = told(runs([finished(factories.failed("nan"))]))
    assert (status, text) == ("wrong", "unet+sepcnn+dense failed at fit: loss became NaN in epoch 3")


def test_a_number_that_is_none_is_wrong():
    for value in (None, math.nan, math.inf):
        record = factories.record(metrics={"balanced-accuracy": Estimate(value)})
        assert told(runs([finished(record)]))[0] == ("wrong", "unet+sepcnn+dense: no number for unet+sepcnn+dense")
    empty = msgspec.structs.replace(factories.record(), metrics={})
    assert told(runs([finished(empty)]))[0] == ("wrong", "unet+sepcnn+dense: no number for balanced-accuracy")


def test_all_pipelines_stand_in_one_table():
    records = [factories.record(), factories.record(pipeline="unet+sepcnn+xgboost")]
    assert told(compared(compare(records), 2)) == [
        ("ok", "compared: 2 pipelines in one table, with the rules they must beat")
    ]
    ((status, text),) = told(compared(compare(records), 3))
    assert status == "wrong" and text == "expected a table of 3 pipelines, received tables of [2]"


def test_what_verify_does_not_accept_is_wrong(tmp_path):
    (tmp_path / "binary" / "run").mkdir(parents=True)
    (tmp_path / "binary" / "run" / "result.json").write_text("{}")
    ((status, text),) = told(_verified(tmp_path, lambda *_: None))
    assert status == "wrong" and "binary/run/result.json" in text


def test_what_is_run_is_a_task_of_every_kind_of_step_that_bench_list_does_not_show():
    asked = task_of(requested(task=str(EVERYTHING), cache="c", results="r", quick=False))
    assert EVERYTHING not in task_files().values() and EVERYTHING.is_relative_to(TASKS)
    assert len(asked.task.pipelines) == 2 and asked.task.voters
    assert len({one.head for one in asked.task.pipelines}) == 2
    assert "count=60" in asked.task.dataset
