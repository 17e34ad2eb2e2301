"""Nodes that die: workers that stand in for those of an engine."""

import pytest

from benchmark.execution.losses import MOST, NoNodesError
from benchmark.execution.pool import Ended, Pool, Recorded
from benchmark.execution.protocol import Progress
from benchmark.execution.slots import NodeLostError
from tests.specs import spec
from tests.workers import Ledger, StandIn, named, plans, steps_of


class Mortal(StandIn):
    """A worker whose node dies at its first steps, each after so many epochs; it is held anew so often."""

    def __init__(self, ledger, deaths=(), lives=99):
        super().__init__(ledger)
        self.deaths, self.lives, self.revived = list(deaths), lives, 0

    def serve(self, request, watch=lambda event: None, timeout_s=None):
        if self.deaths:
            self.ledger.asked.append(request.step.key)
            watch(Progress(request.step.name, 1, 9, epoch=self.deaths.pop(0)))
            raise NodeLostError
        return super().serve(request, watch, timeout_s)

    def revive(self):
        self.revived += 1
        return self.revived <= self.lives


def go(planned, store, workers):
    with Pool(workers) as pool:
        return list(pool.run(planned, store))


def test_a_step_whose_node_died_is_begun_again_and_nothing_else_is(tmp_path):
    planned, store = plans(tmp_path, [spec()])
    ledger = Ledger()
    events = go(planned, store, [Mortal(ledger, deaths=[0]), StandIn(ledger)])
    (lost,) = (one for one in events if isinstance(one, Ended) and one.status == "lost")
    assert ledger.asked.count(lost.step.key) == 2
    assert sorted(set(ledger.asked)) == sorted(steps_of(planned))
    assert len(ledger.asked) == len(steps_of(planned)) + 1
    assert [one.record.status for one in events if isinstance(one, Recorded)] == ["ok"]


def test_another_worker_takes_the_step_where_no_node_is_found_for_the_first(tmp_path):
    planned, store = plans(tmp_path, [spec()])
    ledger = Ledger()
    first = Mortal(ledger, deaths=[0], lives=0)
    events = go(planned, store, [first, StandIn(ledger)])
    assert first.revived == 1
    assert [one.record.status for one in events if isinstance(one, Recorded)] == ["ok"]


def test_a_step_that_loses_two_nodes_and_gets_no_further_in_between_has_failed(tmp_path):
    planned, store = plans(tmp_path, [spec()])
    ledger = Ledger()
    events = go(planned, store, [Mortal(ledger, deaths=[3] + [3] * (MOST - 1))])
    (record,) = (one.record for one in events if isinstance(one, Recorded))
    assert (record.status, record.failure.cause) == ("failed", "killed")
    assert "nodes died one after the other" in record.failure.message
    assert named([ledger.asked[0]], planned) == ["prepare"]


def test_a_step_that_has_finished_one_more_epoch_each_time_is_begun_again_each_time(tmp_path):
    planned, store = plans(tmp_path, [spec()])
    events = go(planned, store, [Mortal(Ledger(), deaths=[1, 2, 3, 4, 5])])
    assert [one.record.status for one in events if isinstance(one, Recorded)] == ["ok"]
    assert sum(isinstance(one, Ended) and one.status == "lost" for one in events) == 5


def test_without_any_node_the_command_ends_and_records_no_failure(tmp_path):
    planned, store = plans(tmp_path, [spec()])
    ledger = Ledger()
    with pytest.raises(NoNodesError, match="same line again"):
        go(planned, store, [Mortal(ledger, deaths=[0], lives=0)])
    assert not list((tmp_path / "results").rglob("result.json"))


def test_an_error_while_a_node_is_looked_for_is_told(tmp_path):
    class Broken(Mortal):
        def revive(self):
            raise ZeroDivisionError

    planned, store = plans(tmp_path, [spec()])
    with pytest.raises(ZeroDivisionError):
        go(planned, store, [Broken(Ledger(), deaths=[0])])
