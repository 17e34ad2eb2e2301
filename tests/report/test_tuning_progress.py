"""What `bench tune` says while it searches."""

import io

import msgspec
import pytest
from rich.console import Console

from benchmark.execution.protocol import Progress, TrialBegan
from benchmark.report.tuning_progress import TuningProgress
from benchmark.tuning.outcome import trials_csv, tuned
from benchmark.tuning.search import Created, Failed, Finished, Search, state_after
from benchmark.tuning.space import Dimension, Space
from tests.specs import spec

RATE = Dimension("training.learning_rate", 1e-3, "float", 1e-4, 1e-2, log=True)
FLIPS = Dimension("augmentation.flips", "both", "choice", choices=["both", "none"])
SEARCH = Search("hyperband", Space([RATE, FLIPS]), 0, 6, 9, "subject")


def values(rate, flips="both"):
    return {"training.learning_rate": rate, "augmentation.flips": flips}


EVENTS = [
    Created(0, values(1e-3), 0, 3, None, "default"),
    Finished(0, 0.5, 3, 12.0, {"device": "2 cores"}),
    Created(1, values(2e-3, "none"), 0, 3, None, "random"),
    Finished(1, 0.4, 3, 12.0, {"device": "2 cores"}),
    Created(2, values(9e-3), 0, 3, None, "random"),
    Failed(2, "nan", "the loss became nan", 3.0),
    Created(3, values(2e-3, "none"), 3, 9, 1, "promoted"),
    Finished(3, 0.35, 9, 24.0, {"device": "2 cores"}),
    Created(4, values(3e-3), 0, 3, None, "random"),
]


def state(events=EVENTS):
    return state_after(SEARCH, list(events))


@pytest.mark.parametrize("terminal", [False, True])
def test_each_trial_has_a_line_with_what_differs_its_score_and_the_best_so_far(terminal):
    page = io.StringIO()
    with TuningProgress(Console(file=page, width=120, force_terminal=terminal), 6, budget_s=60) as following:
        following.resume(state(EVENTS[:2]))
        following.watch(TrialBegan(1, values(2e-3), 0, 3))
        following.watch(Progress("fit", trial=1))
        following.watch(Progress("fit", 3, 9, trial=1))
        for count, number in ((4, 1), (6, 2), (8, 3)):
            now = state(EVENTS[:count])
            following.end(now.trials[number], now)
    text = page.getvalue()
    for line in (
        "in the ledger already: 1 of 6 trials; best 0.5000 (trial 0)",
        "[2/6] trial 1, learning_rate 0.002, flips none: 0.4000 after 3 epochs (12.0 s); best 0.4000 (trial 1)",
        "[3/6] trial 2, learning_rate 0.009: failed (nan) the loss became nan",
        "[4/6] trial 3, trial 1 goes on: 0.3500 after 9 epochs (24.0 s); best 0.3500 (trial 3)",
    ):
        assert line in text
    assert ("trials" in text.replace("6 trials", "")) is terminal  # bars are for terminals


def test_what_a_search_cost_is_counted_by_hand():
    found = tuned(state(), spec())
    assert (found.trials, found.finished, found.failed, found.unfinished) == (5, 3, 1, 1)
    assert (found.epochs, found.duration_s, found.stayed) == (12, 51.0, False)
    assert (found.best, found.default, found.curve) == (0.35, None, [0.5, 0.4, 0.35])  # the default had 3 epochs alone
    assert found.values == values(2e-3, "none")
    assert found.pipeline == "unet+sepcnn+dense"
    assert found.space["training.learning_rate"] == {"low": 1e-4, "high": 1e-2, "log": True}
    assert found.hardware == "2 cores"
    early = tuned(state(EVENTS[:4]), spec())
    assert (early.best, early.default, early.stayed) == (0.4, 0.5, False)
    assert tuned(state(EVENTS[:2]), spec()).stayed


def test_the_best_after_so_many_trials_is_the_one_that_would_be_chosen_of_them():
    """Of those that were trained furthest: the fewer epochs of another make no lower loss worth more."""
    rises = [*EVENTS[:7], Finished(3, 0.45, 9, 24.0, {}), EVENTS[8], Finished(4, 0.42, 3, 9.0, {})]
    now = state(rises)
    assert now.best().number == 3
    assert tuned(now, spec()).curve == [0.5, 0.4, 0.45, 0.45]
    assert [line.split(",")[7] for line in trials_csv(now).splitlines()[1:]] == ["0.5", "0.4", "", "0.45", "0.45"]


def test_the_seconds_of_an_unfinished_trial_are_in_the_cost():
    now = state()
    cut = msgspec.structs.replace(now.trials[4], duration_s=9.0)
    found = tuned(msgspec.structs.replace(now, trials=[*now.trials[:4], cut]), spec())
    assert (found.trials, found.unfinished, found.duration_s) == (5, 1, 60.0)


def test_every_trial_is_a_line_of_csv():
    lines = trials_csv(state()).splitlines()
    assert lines[0].startswith("trial,origin,parent,status,start,epochs,score,best,duration_s,cause,message,training.")
    assert lines[4] == "3,promoted,1,finished,3,9,0.35,0.35,24.0,,,0.002,none"
    assert lines[3].startswith("2,random,,failed,0,3,,,3.0,nan,the loss became nan,0.009")
