"""A worker's task in a search: what an objective says or raises, and what the ledger then holds."""

import sys
from types import SimpleNamespace

import msgspec
import pytest

from benchmark.execution.protocol import Progress, RunTrial, TrialBegan
from benchmark.tuning import trial
from benchmark.tuning.ledger import locked, read
from benchmark.tuning.search import Search, TrialResult
from benchmark.tuning.space import Dimension, Space
from benchmark.tuning.trial import Ending
from registry.errors import ConfigError, DivergedError, OptionError, RefusedError, StorageError

SEARCH = Search("random", Space([Dimension("units", 4, "int", 1, 9)]), 3, 4, 6, "digest")


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Serves one request with a function as the objective; gives the value and the events."""

    def served(evaluate, search=SEARCH):
        monkeypatch.setitem(sys.modules, "an_objective", SimpleNamespace(evaluate=evaluate))
        events = []
        value = trial.serve(asked(tmp_path, search), events.append)
        return value, events

    return served


def asked(folder, search=SEARCH, objective="an_objective"):
    return RunTrial(str(folder), raw(search), objective, raw({"task": "a"}))


def raw(value):
    return msgspec.Raw(msgspec.json.encode(value))


def good(target, values, epochs, seed, progress):
    return TrialResult(values["units"] / 10, epochs, {"n": 7})


def raising(error):
    def evaluate(target, values, epochs, seed, progress):
        raise error

    return evaluate


def test_an_objective_gets_what_the_trial_is_and_its_progress_is_told(tmp_path, serve):
    given = []

    def evaluate(*arguments):
        *facts, progress = arguments
        given.append(facts)
        progress({"epoch": 1, "loss": 0.5})
        return good(*arguments)

    value, events = serve(evaluate)
    assert value == Ending("finished", 0)
    assert given == [[{"task": "a"}, {"units": 4}, 6, 3]]
    assert events == [
        TrialBegan(0, {"units": 4}, 0, 6),
        Progress(trial=0, epoch=1, loss=0.5),
    ]
    (ended,) = read(tmp_path).trials
    assert (ended.score, ended.reached, ended.facts) == (0.4, 6, {"n": 7})
    assert list((tmp_path / "running").iterdir()) == []


@pytest.mark.parametrize(
    ("evaluate", "cause", "message"),
    [
        (raising(DivergedError("the loss became nan")), "nan", "the loss became nan"),
        (raising(OptionError("option 'cut' lies in [1, 9]")), "data", "option 'cut' lies in [1, 9]"),
        (raising(MemoryError("20 GiB\nmany lines")), "oom", "memory ran out: 20 GiB"),
        (raising(ValueError("first line\nsecond line")), "exception", "ValueError: first line"),
        (lambda *_: TrialResult(float("nan"), 6), "nan", "the score became nan"),
        (lambda *_: TrialResult(float("-inf"), 6), "nan", "the score became -inf"),
        (lambda *_: 0.5, "plugin", "objective an_objective gives a TrialResult, received float"),
    ],
)
def test_a_failed_trial_is_recorded_and_never_wins(tmp_path, serve, evaluate, cause, message):
    value, _ = serve(evaluate)
    assert value == Ending("failed", 0)
    assert (read(tmp_path).trials[0].cause, read(tmp_path).trials[0].message) == (cause, message)
    assert read(tmp_path).best() is None
    serve(good)
    assert read(tmp_path).best().number == 1


def test_an_objective_that_cannot_be_imported_fails_the_trial(tmp_path):
    trial.serve(asked(tmp_path, objective="no_such_module"), lambda event: None)
    assert read(tmp_path).trials[0].message == "ModuleNotFoundError: No module named 'no_such_module'"


@pytest.mark.parametrize("error", [StorageError("the disk is full"), RefusedError("the mask gives the class away")])
def test_what_keeps_every_trial_from_running_fails_none(tmp_path, serve, error):
    with pytest.raises(type(error), match=str(error)):
        serve(raising(error))
    assert read(tmp_path).trials[0].status == "running"


def test_the_cap_counts_trials_created_and_then_the_search_is_exhausted(tmp_path, serve):
    states = [serve(good)[0].state for _ in range(6)]
    assert states == ["finished"] * 4 + ["exhausted"] * 2
    assert len(read(tmp_path).trials) == 4


def test_a_trial_that_a_living_process_runs_is_waited_for(tmp_path, serve):
    once = msgspec.structs.replace(SEARCH, trials=1)

    def evaluate(*arguments):
        assert serve(good, once)[0] == Ending("waiting", None, 1)
        return good(*arguments)

    assert serve(evaluate, once)[0].state == "finished"


def interrupted(*_):
    raise KeyboardInterrupt


def let_go(monkeypatch):
    """Claims that are released as by the death of their process."""
    monkeypatch.setattr(trial, "_next", lambda ledger, of=trial._next: _released(of(ledger)))


def _released(found):
    if not isinstance(found, str):
        found[1].release()
    return found


def test_a_trial_on_which_four_workers_died_without_an_epoch_is_failed(tmp_path, serve, monkeypatch):
    with monkeypatch.context() as dying:
        let_go(dying)
        for _ in range(4):
            with pytest.raises(KeyboardInterrupt):
                serve(interrupted)
    assert serve(good)[0] == Ending("finished", 1)
    first = read(tmp_path).trials[0]
    assert (first.status, first.cause) == ("failed", "killed")
    assert "4 workers died on it" in first.message


def test_the_time_of_killed_workers_counts(tmp_path, serve):
    with locked(tmp_path, SEARCH) as ledger:
        found, lock = trial._next(ledger)
        lock.started -= 100
        lock._write()
        lock.release()
    assert found.number == 0
    serve(good)
    assert read(tmp_path).trials[0].duration_s == pytest.approx(100, abs=30)


def test_a_folder_of_another_search_is_refused(tmp_path, serve):
    serve(good)
    with pytest.raises(ConfigError, match="holds another search: subject digest, not another"):
        serve(good, msgspec.structs.replace(SEARCH, subject="another"))
    assert len(read(tmp_path).trials) == 1


def test_a_training_that_was_found_in_the_cache_costs_what_it_took(tmp_path, serve):
    serve(lambda *_: TrialResult(0.4, 6, {}, [100.0, 20.0, 20.0, 20.0, 20.0, 20.0]))
    assert [trial.duration_s for trial in read(tmp_path).trials] == [200.0]
