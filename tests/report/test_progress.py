"""What `bench run` says while it runs: of steps and workers, of runs that end, in a terminal and in a file."""

import io
import json
import time

import msgspec
import pytest
from rich.console import Console

from benchmark.execution.pool import Begun, Ended, Pool, Recorded, Reported
from benchmark.execution.protocol import Progress as Advance
from benchmark.execution.protocol import Ready
from benchmark.planning.controls import plan_controls
from benchmark.planning.graph import RECORD, Step
from benchmark.records.estimate import Estimate
from benchmark.report import progress
from benchmark.report.progress import WORDS, Progress, plan_json, print_plan, step_words
from benchmark.tasks.schema import Component, Split
from tests import factories
from tests.specs import index, spec, summary, vote
from tests.workers import Ledger, Plain, StandIn, ends, plans

WIDE = 140


def step(name, **changes):
    return Step(name, f"stages.{name}", "k" * 64, spec(**changes))


FIT = step("fit")


@pytest.fixture
def page():
    return Console(file=io.StringIO(), width=WIDE)


def beside(planned, store, place):
    return plan_controls(planned, summary(), Plain(), store, place / "results", index())


def lines(page):
    return page.file.getvalue().splitlines()


def test_a_file_is_told_of_a_long_step_every_ten_seconds_whether_or_not_it_reports(monkeypatch, page):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    follower = Progress(page, 1)
    follower.take(Begun(0, FIT))
    follower.take(Reported(0, FIT, Ready(7)))
    for second in range(36):
        now[0] = float(second)
        if second in (12, 13, 14, 29):
            follower.take(Reported(0, FIT, Advance("fit", second, 100, loss=0.5, val_loss=0.25)))
        follower.report()
    words = "  training (unet+sepcnn+dense, COVID, seed 0)"
    assert lines(page) == [
        f"{words}: begun 10.0 s ago",
        f"{words}: 14 of 100  loss 0.500  validation 0.250",
        f"{words}: 29 of 100  loss 0.500  validation 0.250",
    ]


def test_a_file_is_told_while_a_worker_says_nothing(monkeypatch, page):
    monkeypatch.setattr(progress, "QUIET_S", 0.5)
    with Progress(page, 1) as follower:
        follower.take(Begun(0, FIT))
        deadline = time.monotonic() + 20
        while not lines(page):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert "training" in lines(page)[0] and "ago" in lines(page)[0]


def test_a_file_is_told_of_each_step_that_was_built_and_how_long_it_took(page):
    follower = Progress(page, 1)
    for place, (one, status) in enumerate([(FIT, "built"), (step("masks"), "cached"), (step(RECORD), "built")]):
        follower.take(Begun(0, one))
        follower.take(Ended(0, one, status, 72.0, place + 1, 3))
    assert lines(page) == ["  training (unet+sepcnn+dense, COVID, seed 0): done (72.0 s)"]


def test_a_step_that_another_process_builds_is_said(page):
    follower = Progress(page, 1)
    follower.take(Begun(1, FIT))
    follower.take(Ended(1, FIT, "busy", 0.0, 0, 3))
    assert lines(page)[0].endswith("seed 0): another process is at it; going on with what is ready meanwhile")


def test_a_step_that_another_process_builds_is_said_once_however_often_it_is_tried_and_no_bar_stays(page):
    follower = Progress(page, 1)
    for _ in range(3):
        follower.take(Begun(1, FIT))
        follower.take(Ended(1, FIT, "busy", 0.0, 0, 3))
    assert len(lines(page)) == 1
    assert follower.at_work == {}
    assert [task.description for task in follower.bars.tasks] == ["steps"]


def test_a_notice_is_a_line_above_the_bars(page):
    follower = Progress(page, 1)
    follower.take(Begun(0, FIT))
    follower.take(Reported(0, FIT, Advance("fit", notice="memory did not suffice")))
    assert lines(page) == ["  training (unet+sepcnn+dense, COVID, seed 0): memory did not suffice"]


def test_each_run_has_a_line_when_it_ends(page, tmp_path):
    """Its metric and what its steps took in this command, or that it was there, or why it failed and at which step."""
    planned, _ = plans(tmp_path, [spec(), spec(seed=1)])
    follower = Progress(page, 3)
    found = factories.record(metrics={"balanced-accuracy": Estimate(0.9876)})
    follower.take(Recorded(planned[0], found, 90.0))
    follower.take(Recorded(planned[1], factories.failed("oom"), 5.0))
    follower.take(Recorded(msgspec.structs.replace(planned[0], record=found), found))
    assert lines(page) == [
        "[1/3] unet+sepcnn+dense · seed 0: balanced-accuracy 0.988 (90.0 s)",
        "[2/3] unet+sepcnn+dense · seed 1: failed (oom at fit) the machine had no memory left",
        "[3/3] unet+sepcnn+dense · seed 0: balanced-accuracy 0.988 (cached)",
    ]


def test_controls_have_a_line_of_their_own_and_are_not_counted(page, tmp_path):
    planned, store = plans(tmp_path, [spec()])
    data, masks = beside(planned, store, tmp_path)
    follower = Progress(page, 1)
    shape = {"mask-shape(unet)": 0.78}
    follower.take(Recorded(data, factories.controls({"majority": 0.5, "border": 0.831}), 4.0))
    follower.take(Recorded(masks, factories.controls(shape, pipeline="mask-shape(unet)"), 2.0))
    follower.take(Recorded(planned[0], factories.record(0.9), 60.0))
    assert lines(page) == [
        "controls: balanced-accuracy, majority 0.500, border 0.831 (4.0 s)",
        "mask-shape(unet): balanced-accuracy 0.780 (2.0 s)",
        "[1/1] unet+sepcnn+dense · seed 0: balanced-accuracy 0.900 (60.0 s)",
    ]


def test_a_plan_lists_controls_apart_and_counts_runs_alone(page, tmp_path):
    planned, store = plans(tmp_path, [spec(segmenter=Component("none"))])
    every = [*planned, *beside(planned, store, tmp_path)]
    print_plan(page, every)
    assert lines(page)[1:] == ["controls: builds prepare, split, originals, controls, record", "1 run, 0 cached"]
    told = json.loads(plan_json(every))
    assert [one["pipeline"] for one in told["runs"]] == ["none+sepcnn+dense"]
    assert [one["to_build"] for one in told["controls"]] == [["prepare", "split", "originals", "controls"]]


def test_a_plan_says_that_nobody_has_looked_at_the_masks_yet(page, tmp_path):
    planned, _ = plans(tmp_path, [spec(segmenter=Component("none"))])
    (masked,) = [msgspec.structs.replace(run, summary=msgspec.structs.replace(run.summary, masks=4)) for run in planned]
    print_plan(page, [masked])
    assert lines(page)[-1].startswith("The dataset's lung masks were not looked at: a run looks while it prepares")
    assert json.loads(plan_json([masked]))["note"] == progress.UNJUDGED
    prepared = {key: step for key, step in masked.missing.items() if step.name != "prepare"}
    assert "note" not in json.loads(plan_json([msgspec.structs.replace(masked, missing=prepared)]))


def test_a_terminal_has_a_bar_for_each_worker_and_one_for_the_steps_of_all():
    page = Console(file=io.StringIO(), width=WIDE, force_terminal=True)
    with Progress(page, 2) as follower:
        other = step("segmenter")
        follower.take(Begun(0, FIT))
        follower.take(Begun(1, other))
        follower.take(Reported(0, FIT, Advance("fit", 3, 16, loss=0.5)))
        assert {bar.description for bar in follower.bars.tasks} == {step_words(FIT), step_words(other)}
        follower.take(Ended(1, other, "built", 3.0, 1, 9))
        (fit, steps) = follower.bars.tasks
        assert (fit.completed, fit.total, fit.fields["note"]) == (3, 16, "loss 0.500")
        assert (steps.description, steps.completed, steps.total) == ("steps", 1, 9)
        follower.take(Ended(None, other, "cached", 0.0, 2, 9))
        assert steps.completed == 2
    assert "done" not in page.file.getvalue()  # that is for files


def test_whatever_happens_in_a_pool_is_followed_to_its_end(tmp_path, page):
    """Failures, steps of other processes and workers side by side."""
    planned, store = plans(tmp_path, [spec(seed=seed) for seed in range(3)] + [vote()])
    ledger = Ledger(answers={planned[1].plan.step("fit").key: ends("nan", "the loss became nan")})
    with Pool([StandIn(ledger), StandIn(ledger)]) as pool, Progress(page, len(planned)) as follower:
        for happened in pool.run(planned, store):
            follower.take(happened)
    assert follower.at_work == {}
    ended = sorted(line.partition("] ")[2] for line in lines(page) if line.startswith("["))
    assert len(ended) == len(planned)
    assert sum("failed (nan at fit) the loss became nan" in line for line in ended) == 1


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (step("prepare"), "preparing images (phantom)"),
        (step("segmenter", seed=3), "training the segmenter (unet)"),
        (step("fit", seed=3), "training (unet+sepcnn+dense, COVID, seed 3)"),
        (step("fit", positive=None), "training (unet+sepcnn+dense, seed 0)"),
        (step("split", split=Split(folds=5), fold=2), "splitting (phantom, fold 2)"),
        (step("score", split=Split(folds=5), fold=None), "scoring (unet+sepcnn+dense, COVID, seed 0)"),
        (Step("vote", "m", "k", vote()), "voting (soft(unet+sepcnn+dense, unet+sepcnn+sepconv), COVID, seed 0)"),
        (Step("later", "m", "k", spec()), "later (unet+sepcnn+dense, COVID, seed 0)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_step_is_said_by_what_it_does_and_for_what(one, words):
    assert step_words(one) == words


def test_every_stage_has_words(tmp_path):
    planned, store = plans(tmp_path, [spec(), vote()])
    planned += beside(planned, store, tmp_path)
    names = {step.name for run in planned for step in [*run.plan.steps.values(), run.plan.record]}
    # Drawn images are not searched for copies.
    assert names | {"features", "originals", "controls", "copies", "paths"} == set(WORDS)  # the last of no run


def test_a_plan_says_what_is_there_what_is_built_and_what_can_never_be_found_again(tmp_path, page):
    planned, _ = plans(tmp_path, [spec(), spec(seed=1), spec(seed=2)])
    there, part, anew = planned
    there = msgspec.structs.replace(there, state="cached")
    lacking = {key: one for key, one in part.missing.items() if one.name in ("predict", "score")}
    part = msgspec.structs.replace(part, missing=lacking)
    sourceless = msgspec.structs.replace(anew.plan, uncacheable=["head mine", "backbone theirs"])
    anew = msgspec.structs.replace(anew, plan=sourceless, missing={})
    print_plan(page, [there, part, anew])
    assert lines(page) == [
        "unet+sepcnn+dense · seed 0: cached, nothing to do",
        "unet+sepcnn+dense · seed 1: builds predict, score, record",
        "unet+sepcnn+dense · seed 2: builds record; made anew each time: "
        "the source of head mine, backbone theirs cannot be read",
        "3 runs, 1 cached",
    ]
