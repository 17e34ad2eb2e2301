"""Several workers side by side: what they are given, in what order, and how they end."""

import os
import threading

import pytest

from benchmark.execution import pool as crews
from benchmark.execution.pool import CORES, Crew
from benchmark.execution.process import Worker, WorkerClosedError
from benchmark.planning.graph import Plan
from benchmark.planning.schedule import Planned
from benchmark.storage.cache import Store
from registry.errors import ConfigError, StorageError
from tests import factories
from tests.specs import spec, survey


def run(name, folds=(), record=None):
    plan, state = Plan(name, "d", "p", "k", [], {}), "cached" if record else "to run"
    return Planned(spec(), plan, survey(), {"": name}, None, state, [], list(folds), record)


@pytest.fixture
def two(tmp_path, monkeypatch):
    """A crew of two on a machine of four cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    with Crew(2, tmp_path / "logs", {"COLOUR": "blue"}) as crew:
        yield crew


def test_each_worker_gets_its_share_of_the_cores(two):
    assert [worker.environment for worker in two.workers] == [
        {"COLOUR": "blue", CORES: "0,2"},
        {"COLOUR": "blue", CORES: "1,3"},
    ]


def test_a_single_worker_is_bound_to_nothing(tmp_path):
    assert Crew(1, tmp_path, {}).workers[0].environment == {}


def test_more_workers_than_cores_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    with pytest.raises(ConfigError, match=r"--jobs 3 is more than this machine has cores for \(2\)"):
        Crew(3, tmp_path, {})


def test_every_run_ends_once_and_pooled_results_come_after_all_folds(two, tmp_path, monkeypatch):
    served = []

    def execute(planned, worker, store, watch, timeout_s):
        watch({"event": "stage", "stage": "fit", "status": "building"})
        served.append((planned.plan.run, timeout_s))
        return factories.record(run=planned.plan.run)

    monkeypatch.setattr(crews, "execute", execute)
    folds = [run(f"fold-{n}") for n in range(5)]
    events = list(two.run([*folds, run("pooled", folds)], Store(tmp_path), 60.0))
    ends = [planned.plan.run for what, planned, _ in events if what == "end"]
    assert sorted(ends[:5]) == [f"fold-{n}" for n in range(5)]
    assert ends[5:] == ["pooled"]
    assert {timeout for _, timeout in served} == {60.0}
    for name in ends:
        assert [what for what, planned, _ in events if planned.plan.run == name] == ["begin", "event", "end"]


def test_a_cached_run_asks_no_worker(two, tmp_path):
    record = factories.record(run="there")
    ((_, _, _), (what, _, found)) = two.run([run("there", record=record)], Store(tmp_path))
    assert (what, found) == ("end", record)


def test_what_makes_every_run_impossible_reaches_the_caller(two, tmp_path, monkeypatch):
    def execute(*_):
        raise StorageError("the disk is full")

    monkeypatch.setattr(crews, "execute", execute)
    with pytest.raises(StorageError, match="the disk is full"):
        list(two.run([run("one")], Store(tmp_path)))


def test_a_worker_that_is_closed_leaves_no_outcome_to_record(tmp_path):
    worker = Worker(tmp_path / "logs")
    told = []

    def serve():
        try:
            worker.serve({"op": "survey", "dataset": {}, "seed": 0, "cache": str(tmp_path)})
        except WorkerClosedError:
            told.append("closed")

    thread = threading.Thread(target=serve)
    worker.close()
    thread.start()
    thread.join(30)
    assert told == ["closed"]
    assert not (tmp_path / "logs").exists()


def test_a_request_under_way_ends_when_its_worker_is_closed(tmp_path):
    worker = Worker(tmp_path / "logs")
    told = []

    def serve():
        try:
            worker.serve({"op": "describe", "components": [["backbone", "sepcnn"]]}, lambda event: None)
        except WorkerClosedError:
            told.append("closed")

    thread = threading.Thread(target=serve)
    thread.start()
    while worker._process is None:
        thread.join(0.01)
    worker.close()
    thread.join(30)
    assert told == ["closed"]
