"""Failures are rows: a run that takes too long is killed for real, and can be retried alone."""

import json

import pytest

from tests.commands import once_run, one_line

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """One head is there, the other was killed by its time limit."""
    bench = once_run(tmp_path_factory)
    bench.late = bench.run("--head", "dense", "--head", "sepconv", "--timeout", "0.2s", code=1)
    return bench


def test_a_run_beyond_its_time_is_a_row_with_its_cause_and_the_others_stand(bench):
    record = bench.records()["none+sepcnn[filters=8,pairs=1]+sepconv s0"]
    assert (record["status"], record["failure"]["cause"], record["failure"]["stage"]) == ("failed", "timeout", "fit")
    assert "no end after 0.2 s; the worker was killed" in record["failure"]["message"]
    assert "timeout" in bench.late
    assert "balanced-accuracy" in bench.late


def test_retry_failed_runs_those_alone(bench):
    heads = [flag for head in ("dense", "sepconv", "attention-pool") for flag in ("--head", head)]
    told = bench.run(*heads, "--retry-failed", "--jobs", 2 if bench.cores > 1 else 1)
    assert "[1/1]" in told
    records = bench.records()
    assert records["none+sepcnn[filters=8,pairs=1]+sepconv s0"]["status"] == "ok"
    assert "none+sepcnn[filters=8,pairs=1]+attention-pool s0" not in records
    again = bench.call("run", "--task", bench.task, "--full", "-o", bench.results, "--retry-failed")
    assert again.returncode == 3
    assert "nothing to retry" in again.stderr


def test_a_time_that_is_none_is_refused(bench):
    told = bench.call("run", "--task", bench.task, "--timeout", "soon")
    assert told.returncode == 2
    assert "--timeout 'soon' is no length of time" in told.stderr


def test_folds_are_tested_once_each_and_pooled(bench):
    head = "scikit-learn[classifier=GaussianNB]"
    told = bench.run("--folds", 3, "--head", head, "--set", "features.head=none", "--json")
    assert "Traceback" not in told
    records = [json.loads(path.read_bytes()) for path in bench.results.rglob("*-pooled-*/result.json")]
    (pooled,) = records
    assert pooled["fold"] is None
    assert pooled["metrics"]["accuracy"]["n"] == sum(pooled["dataset"]["counts"].values())
    assert [member["name"] for member in pooled["members"]] == ["fold 0", "fold 1", "fold 2"]
    right = sum(pooled["confusion"][k][k] for k in range(2))
    parts = [member["metrics"]["accuracy"] for member in pooled["members"]]
    assert right == pytest.approx(sum(part["value"] * part["n"] for part in parts))


def test_details_are_for_the_screen_alone(bench):
    told = bench.call("compare", bench.results, "--details", "--format", "csv")
    assert "--details prints each run on the screen" in one_line(told)


def test_a_classifiers_parameters_are_tried_before_anything_is_planned(bench):
    head = "scikit-learn[classifier=SVC,parameters=C=-1]"
    told = bench.call("run", "--task", bench.task, "--full", "-o", bench.results, "--head", head, "--plan")
    assert "'C'" in one_line(told)
