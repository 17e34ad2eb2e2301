"""What precedes the trials of a search: built once, by the session's workers, before the first trial begins."""

from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest

from benchmark.execution.pool import Ended, Pool
from benchmark.execution.process import Outcome
from benchmark.execution.protocol import RunTrial
from benchmark.execution.session import Session
from benchmark.planning.graph import Traits
from benchmark.planning.request import requested
from benchmark.storage.cache import Store
from benchmark.tuning.ledger import locked
from benchmark.tuning.search import Created, Failed, Search
from benchmark.tuning.space import Dimension, Space
from benchmark.tuning.target import TuningTarget
from benchmark.tuning.trial import Ending
from benchmark.tuning.tune import searched
from registry.errors import ConfigError
from tests.specs import index, spec, summary
from tests.workers import Ledger, StandIn, answered

SEARCH = Search("random", Space([Dimension("head.dropout", 0.2, "float", 0, 0.5)]), 0, 6, 3, "digest")
READ_BY_TRAINING = ["prepare", "split", "segmenter", "masks", "inputs"]


class Searcher(StandIn):
    """A worker that builds steps, and finds nothing to try in any search."""

    def __init__(self, ledger, asked):
        super().__init__(ledger)
        self.order = asked

    def serve(self, request, watch=lambda event: None, timeout_s=None):
        if isinstance(request, RunTrial):
            self.order.append("trial")
            return answered(Ending("exhausted", None))
        self.order.append(request.step.name)
        return super().serve(request, watch, timeout_s)

    def stop(self):
        self.order.append("stop")


class Shown:
    """A display that keeps what happens in the pool."""

    def __init__(self):
        self.happened = []
        self.over = False

    @contextmanager
    def running(self, total):
        yield self.happened.append

    def searching(self, trials, budget_s):
        follower = SimpleNamespace(
            resume=lambda state: None, watch=lambda event: None, end=lambda trial, state: None, out_of_time=self.end
        )
        return nullcontext(follower)

    def end(self, state):
        self.over = True


@pytest.fixture
def search(tmp_path):
    """Runs a search with a ledger of these events; gives what workers were asked, in order, and what was shown."""
    request = requested(task="binary", cache=str(tmp_path / "cache"), results=str(tmp_path / "results"), timeout_s=77)
    target = TuningTarget(spec(), summary(), Traits(trains=True), str(tmp_path / "cache"))
    folder = tmp_path / "search"

    def run(*events, answers=None, seconds=0.0, budget_s=None):
        with locked(folder, SEARCH) as held:
            for event in events:
                held.append(event)
        order, shown = [], Shown()
        ledger = Ledger(answers=answers or {}, seconds=lambda step: seconds)
        workers = [Searcher(ledger, order) for _ in range(2)]
        session = Session(request, shown, Store(tmp_path / "cache"), Pool(workers), index())
        searched(session, shown, folder, SEARCH, target, budget_s)
        return SimpleNamespace(order=order, shown=shown, limits=ledger.limits)

    run.plan = target.trained({}, index())[1]
    return run


def first_trial(**changes):
    return Created(
        **{"trial": 0, "values": {}, "start": 0, "epochs": 3, "parent": None, "origin": "default", **changes}
    )


def test_what_the_default_reads_is_built_once_before_the_first_trial_and_nothing_else_is(search):
    found = search()
    assert sorted(found.order[: len(READ_BY_TRAINING)]) == sorted(READ_BY_TRAINING)
    assert found.order[len(READ_BY_TRAINING) :][:2] == ["stop", "stop"]  # their memory is the trials'
    assert sorted(found.order[len(READ_BY_TRAINING) + 2 :]) == ["stop", "stop", "trial", "trial"]  # one in each
    ended = [event.step.name for event in found.shown.happened if isinstance(event, Ended)]
    assert sorted(ended) == sorted(READ_BY_TRAINING)
    assert set(found.limits) == {77}


def test_what_is_there_already_is_not_built_again(search):
    search()
    assert sorted(search().order) == ["stop", "stop", "trial", "trial"]


def test_a_first_trial_whose_worker_was_killed_is_preceded_by_the_same(search):
    assert search(first_trial()).order.count("segmenter") == 1


def test_a_search_that_has_gone_beyond_its_first_trial_builds_nothing_ahead(search):
    found = search(first_trial(), Failed(0, "nan", "it diverged", 1.0))
    assert sorted(found.order) == ["stop", "stop", "trial", "trial"]


def test_what_cannot_be_built_ends_the_search_before_a_trial_has_begun(search):
    broken = {search.plan.step("segmenter").key: lambda request: Outcome(cause="nan", message="the loss became NaN")}
    with pytest.raises(ConfigError, match="the loss became NaN"):
        search(answers=broken)


def test_what_is_built_first_counts_in_the_budget(search):
    found = search(seconds=0.01, budget_s=0.02)
    assert found.shown.over
    assert "trial" not in found.order
