"""Keras Tuner's oracles, rebuilt from ledgers."""

import ast
import functools
import math
import re
import tomllib
import warnings
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from keras_tuner import HyperParameters, Objective
from keras_tuner.oracles import BayesianOptimizationOracle, GridSearchOracle, HyperbandOracle, RandomSearchOracle
from sklearn.gaussian_process import GaussianProcessRegressor

from benchmark.tuning import oracles
from benchmark.tuning.brackets import size, why_none_stops_early
from benchmark.tuning.oracles import propose, rebuilt
from benchmark.tuning.search import Created, Failed, Finished, Search, state_after
from benchmark.tuning.space import Dimension, Space
from registry.errors import ConfigError
from tests.searches import KIND, RATE, SEARCHES, UNITS, loss

SPACE = Space([RATE, UNITS, KIND])
FEW = Space([Dimension("units", 1, "int", 1, 4)])


def end(created, failing=()):
    if created.trial in failing:
        return Failed(created.trial, "nan", "the score became nan", 1.0)
    return Finished(created.trial, loss(created.values, created.epochs), created.epochs, 1.0, {})


def searched(search, failing=(), events=()):
    """The events of a search by one process, one trial after another."""
    events = list(events)
    while len(state_after(search, events).trials) < search.trials:
        created = propose(state_after(search, list(events)))
        if created is None:
            break
        events += [created, end(created, failing)]
    return events


@functools.cache
def undisturbed(tuner):
    return searched(SEARCHES[tuner])


def trials(events):
    return [event for event in events if isinstance(event, Created)]


@pytest.mark.parametrize("tuner", SEARCHES)
def test_trial_0_is_the_default_setting_and_no_setting_comes_twice(tuner):
    found = trials(undisturbed(tuner))
    assert found[0].values == SEARCHES[tuner].space.defaults()
    assert found[0].origin == "default"
    given = [str(trial.values) for trial in found if trial.parent is None]
    assert len(set(given)) == len(given)
    assert [trial.trial for trial in found] == list(range(SEARCHES[tuner].trials))


@pytest.mark.parametrize("tuner", SEARCHES)
def test_the_same_ledger_gets_the_same_answer(tuner):
    events = undisturbed(tuner)
    for length in range(0, len(events), 4):
        assert propose(state_after(SEARCHES[tuner], events[:length])) == events[length]


def test_seeds_differ_and_seed_0_is_one_too():
    found = [trials(searched(Search("random", SPACE, seed, 4, 1, ""))) for seed in (0, 0, 1)]
    assert found[0] == found[1]
    assert found[0][1:] != found[2][1:]


def answers(oracle, count):
    """What an oracle of Keras Tuner's own that lives through a search proposes."""
    oracle.save = oracle._save_trial = lambda *_: None
    oracle.verbose = 0
    for _ in range(count):
        trial = oracle.create_trial("one")
        values = dict(trial.hyperparameters.values)
        yield values
        oracle.update_trial(trial.trial_id, {"score": loss(values, values.get("tuner/epochs", 1))})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)


def parameters():
    found = HyperParameters()
    found.Float("rate", 1e-4, 1e-1, sampling="log", default=1e-3)
    found.Int("units", 8, 64, step=8, default=16)
    return {"objective": Objective("score", "min"), "hyperparameters": found, "seed": 5}


def test_random_search_is_keras_tuners_own_after_the_default():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = list(answers(RandomSearchOracle(max_trials=8, **parameters()), 7))
    ours = trials(searched(Search("random", Space([RATE, UNITS]), 4, 8, 1, "")))[1:]
    assert [trial.values["units"] for trial in ours] == [values["units"] for values in theirs]
    assert [trial.values["rate"] for trial in ours] == pytest.approx([values["rate"] for values in theirs], rel=1e-5)


def test_hyperbands_brackets_are_keras_tuners_own():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = list(answers(HyperbandOracle(max_epochs=9, **parameters()), 22))
    ours = trials(searched(Search("hyperband", Space([RATE, UNITS]), 4, 22, 9, "")))
    assert [(trial.start, trial.epochs) for trial in ours] == [
        (values["tuner/initial_epoch"], values["tuner/epochs"]) for values in theirs
    ]


def test_a_promoted_trial_continues_the_best_of_its_rung():
    events = searched(Search("hyperband", SPACE, 0, 13, 9, ""))
    created, scores = trials(events), {event.trial: event.score for event in events if isinstance(event, Finished)}
    assert Counter((trial.start, trial.epochs) for trial in created) == {(0, 1): 9, (1, 3): 3, (3, 9): 1}
    for trial in created[9:]:
        parent = created[trial.parent]
        assert (trial.values, trial.start, trial.origin) == (parent.values, parent.epochs, "promoted")
    assert {trial.parent for trial in created[9:12]} == set(sorted(range(9), key=scores.get)[:3])
    assert created[12].parent == min((9, 10, 11), key=scores.get)


def test_hyperband_begins_no_bracket_that_the_cap_would_end():
    # Epochs 9: brackets of 9 + 3 + 1, 5 + 2 and 3 trials.
    for cap, first in ((13, 1), (12, 3), (7, 3), (6, 9), (1, 9)):
        created = trials(searched(Search("hyperband", SPACE, 0, cap, 9, "")))
        assert created[0].epochs == first
        assert len(created) == cap
        assert max(trial.epochs for trial in created) == 9


def shared(search, processes=1, ends=0, failing=()):
    """The events of a search that processes share; whenever none of them gets a trial, the one at `ends` ends."""
    events, running = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = rebuilt(state_after(search, []))
        while True:
            free = len(running) < processes and len(trials(events)) < search.trials
            if free and (created := oracle.ask()):
                running.append(created)
                events.append(created)
            elif running:
                events.append(end(running.pop(ends), failing))
                oracle.end(events[-1])
            else:
                return events


def rungs(events):
    return Counter((trial.start, trial.epochs) for trial in trials(events))


@pytest.mark.parametrize("epochs", [9, 16, 40, 60, 100])
def test_every_bracket_of_hyperband_reaches_its_last_round_whatever_the_cap(epochs):
    until = [math.ceil(epochs / 3**left) for left in range(5) if 3**left <= epochs]  # by rounds that are left
    for cap in range(1, 31):
        found = rungs(shared(Search("hyperband", SPACE, 0, cap, epochs, "")))
        expected = Counter({(0, epochs): found[0, epochs]})
        for bracket, first in list(enumerate(until))[1:]:
            times = found[0, first] / size(bracket, 0, epochs)
            for left in range(bracket + 1):
                start = until[left + 1] if left < bracket else 0
                expected[start, until[left]] += times * size(bracket, bracket - left, epochs)
        assert found == +expected, f"{cap} trials"
        assert found.total() == cap
        assert (len(found) == 1) is (cap == 1 or why_none_stops_early(cap, epochs) != ""), f"{cap} trials"


def test_hyperband_trains_to_the_end_what_is_left_where_no_bracket_fits():
    # Brackets of 60 epochs: 15 + 5 + 2, 8 + 3 and 5 trials; after the first one the cap leaves 8.
    found = rungs(shared(Search("hyperband", SPACE, 0, 30, 60, "")))
    assert found == {(0, 7): 15, (7, 20): 5, (20, 60): 2, (0, 60): 8}


@pytest.mark.parametrize("ends", [0, -1])
@pytest.mark.parametrize("processes", [2, 3, 4])
def test_processes_that_share_a_hyperband_search_train_as_many_to_the_end_as_one_does(processes, ends):
    for cap in (7, 8, 13, 15, 20, 22, 23, 26, 30):
        search = Search("hyperband", SPACE, 0, cap, 9, "")
        assert rungs(shared(search, processes, ends)) == rungs(shared(search)), f"{cap} trials"


@pytest.mark.parametrize("processes", [2, 4])
def test_trials_that_fail_where_processes_share_a_search_leave_it_its_cap_and_a_trial_trained_to_the_end(processes):
    for cap in (13, 20, 22):
        for failing in ({0}, {0, 1, 2}, {9, 10}, set(range(8))):
            events = shared(Search("hyperband", SPACE, 0, cap, 9, ""), processes, failing=failing)
            assert len(trials(events)) == cap
            assert any(isinstance(event, Finished) and event.epochs == 9 for event in events)


def test_a_ledger_of_processes_that_waited_is_answered_as_it_was():
    search = Search("hyperband", SPACE, 0, 20, 9, "")
    events = shared(search, 3)
    for length in range(len(events)):
        if isinstance(events[length], Created):
            assert propose(state_after(search, events[:length])) == events[length]
    nine = shared(search, 9)[:9]
    capped = msgspec.structs.replace(search, trials=13)
    assert propose(state_after(capped, nine)) is None  # the four that are left are for the best of the nine
    assert propose(state_after(search, nine)).epochs == 3  # here another bracket fits


def test_a_failed_trial_is_never_promoted_and_keeps_no_bracket_from_its_end():
    search = Search("hyperband", SPACE, 0, 13, 9, "")
    for failing in ({0}, {0, 1, 2}, {9, 10}, set(range(8))):
        events = searched(search, failing)
        created = trials(events)
        assert {trial.parent for trial in created}.isdisjoint(failing)
        assert any(trial.epochs == 9 for trial in created)
        assert state_after(search, events).best().epochs == 9


def test_hyperband_in_a_space_too_small_for_it_trains_the_best_to_the_end():
    search = Search("hyperband", FEW, 0, 20, 9, "")
    created = trials(searched(search))
    assert sorted(trial.values["units"] for trial in created if trial.parent is None) == [1, 2, 3, 4]
    assert max(trial.epochs for trial in created) == 9
    assert propose(state_after(search, searched(search))) is None


def test_a_grid_is_walked_in_order_whoever_ends_first():
    search = SEARCHES["grid"]
    points = [[16, 8, 24, 32, 40, 48, 56, 64], [None, "relu", "gelu"]]
    walk = [{"units": units, "kind": kind} for units in points[0] for kind in points[1]]
    expected = walk[: search.trials]
    assert [trial.values for trial in trials(searched(search))] == expected
    events = []
    for _ in range(search.trials):  # as many processes as trials
        events.append(propose(state_after(search, list(events))))
    assert [trial.values for trial in trials(events)] == expected
    more = msgspec.structs.replace(search, trials=6)
    assert propose(state_after(more, [*events, *map(end, reversed(events))])).values == walk[5]


@pytest.mark.parametrize("tuner", ["random", "grid", "bayesian"])
def test_a_search_ends_when_the_space_does(tuner):
    found = trials(searched(Search(tuner, FEW, 0, 30, 3, "")))
    assert sorted(trial.values["units"] for trial in found) == [1, 2, 3, 4]


def test_many_failures_in_a_row_end_no_search():
    search = Search("random", SPACE, 0, 8, 3, "")
    events = searched(search, failing=range(7))
    assert state_after(search, events).best().number == 7


def test_the_bayesian_tuner_fits_its_model_once_however_many_trials_are_past(monkeypatch):
    search = Search("bayesian", Space([RATE]), 0, 100, 3, "")
    rates = [10 ** (-4 + 3 * place / 59) for place in range(60)]
    first = searched(msgspec.structs.replace(search, trials=3))
    events = [*first]
    for number, rate in enumerate(rates[3:], 3):
        created = Created(number, {"rate": RATE.rounded(rate)}, 0, 3, None, "model")
        events += [created, end(created)]
    fits = []
    fit = GaussianProcessRegressor.fit
    monkeypatch.setattr(GaussianProcessRegressor, "fit", lambda *given: fits.append(len(given[1])) or fit(*given))
    found = propose(state_after(search, events))
    assert fits == [60]
    assert found.origin == "model"
    assert abs(math.log10(found.values["rate"]) + 2) < 0.3  # where the scores are best


def test_the_bayesian_tuner_proposes_another_setting_while_one_runs():
    search = SEARCHES["bayesian"]
    events = undisturbed("bayesian")
    running = propose(state_after(search, events[:6]))
    another = propose(state_after(search, [*events[:6], running]))
    assert (running.origin, another.origin) == ("model", "model")
    assert abs(math.log10(running.values["rate"] / another.values["rate"])) > 0.01


def test_every_private_of_keras_tuner_that_is_used_is_named_here_and_its_version_is_capped():
    """They may change with any version: read them again in a new one, then raise the cap in pyproject.toml."""
    overridden = {
        "_get_num_brackets", "_get_size", "_increment_bracket_num", "_random_trial", "_random_values", "_save_trial",
    }  # fmt: skip
    called = {"_duplicate", "_random_populate_space", "_vectorize_trials"}
    attributes = {"_brackets", "_current_bracket", "_populate_next", "_random_state"}
    own = ast.parse(Path(oracles.__file__).read_text())
    mentioned = {node.attr for node in ast.walk(own) if isinstance(node, ast.Attribute)}
    mentioned |= {node.name for node in ast.walk(own) if isinstance(node, ast.FunctionDef)}
    plain = [BayesianOptimizationOracle, GridSearchOracle, HyperbandOracle, RandomSearchOracle]
    theirs = {name for kind in plain for name in dir(kind(objective=Objective("score", "min")))}
    private = {name for name in mentioned & theirs if name.startswith("_") and not name.startswith("__")}
    assert private == overridden | called | attributes
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    (required,) = [line for line in project["dependencies"] if line.startswith("keras-tuner")]
    assert re.search(r"<\d", required)


def test_a_ledger_that_its_tuner_cannot_have_written_is_refused():
    search = SEARCHES["random"]
    events = searched(search)
    events[2] = msgspec.structs.replace(events[2], values={"rate": 0.01, "units": 8, "kind": None})
    with pytest.raises(ConfigError, match=r"trial 1 of this search has .* another version of Keras Tuner began it"):
        propose(state_after(search, events))
