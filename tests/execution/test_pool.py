"""The steps of several runs and workers that stand in for processes: what reaches a worker, and what of a failure."""

import os
import threading
import time
from collections import Counter
from functools import partial

import msgspec
import pytest

from benchmark.execution.pool import Begun, Ended, Pool, Recorded, Reported
from benchmark.execution.process import Outcome, WorkerClosedError
from benchmark.execution.protocol import Build, Built, Progress, ProtocolError, WriteRecord
from benchmark.planning.controls import plan_controls
from benchmark.planning.graph import subject
from benchmark.planning.schedule import Schedule
from benchmark.records.files import FILE, read, verify, write
from benchmark.storage.cache import write_duration
from benchmark.tasks.schema import Component, Images, Split
from registry.errors import BenchError, ConfigError, StorageError
from tests import factories
from tests.specs import index, spec, summary, vote
from tests.workers import Ledger, Plain, StandIn, answered, ends, named, plans, steps_of

DENSE, CARRIER = Component("dense", {"units": 224, "dropout": 0.2}), {"classical": True}
HEADS = [
    {"head": DENSE},
    {"head": Component("majority"), "classical": True, "features_head": DENSE},
    {"head": Component("xgboost"), "classical": True, "features_head": DENSE},
]
SEEN = ("prepare", "split", "segmenter", "masks", "inputs")


def grid(*seeds):
    """Two networks and two classical heads on one of them, of each seed."""
    return [spec(seed=seed, **head) for seed in seeds for head in HEADS] + [
        spec(seed=seed, backbone=Component("xception")) for seed in seeds
    ]


def go(planned, store, ledger, workers=1, timeout_s=None):
    """Everything that happens."""
    with Pool([StandIn(ledger) for _ in range(workers)]) as pool:
        return list(pool.run(planned, store, timeout_s))


def records(events):
    """Run -> its record."""
    return {one.run.plan.run: one.record for one in events if isinstance(one, Recorded)}


def at(planned, role):
    """The step of that role in the first run that has it."""
    return next(step for run in planned if (step := run.plan.step(role)))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_every_step_of_all_runs_is_built_once_after_what_it_stands_on(tmp_path, workers):
    """The stand-in workers refuse a step whose inputs are not there, and one that is there already."""
    planned, store = plans(tmp_path, grid(0, 1))
    ledger = Ledger(seconds=lambda step: 0.002)
    found = records(go(planned, store, ledger, workers))
    assert set(found) == {run.plan.run for run in planned}
    assert {record.status for record in found.values()} == {"ok"}
    assert sorted(ledger.asked) == sorted(steps_of(planned))
    built = Counter(named(ledger.asked, planned))
    assert {name: built[name] for name in SEEN} == dict.fromkeys(SEEN, 1)
    assert (built["fit"], built["features"], built["predict"], built["record"]) == (4, 2, 8, 8)
    assert ledger.at_work == workers


def test_what_is_said_of_each_step_and_run_is_in_order_and_adds_up(tmp_path):
    planned, store = plans(tmp_path, grid(0))
    events = go(planned, store, Ledger(), 2)
    begun = [one for one in events if isinstance(one, Begun)]
    ended = [one for one in events if isinstance(one, Ended)]
    assert [one.done for one in ended] == list(range(1, len(steps_of(planned)) + 1))
    assert {one.total for one in ended} == {len(steps_of(planned))}
    assert {one.status for one in ended} == {"built"}
    for one in begun:
        mine = [other for other in events if getattr(other, "step", None) == one.step]
        assert [type(other) for other in mine] == [Begun, Reported, Ended]
        assert len({other.worker for other in mine}) == 1
        assert mine[1].event == Progress(one.step.name, 1, 1)
    for run in planned:
        place = next(n for n, one in enumerate(events) if isinstance(one, Recorded) and one.run is run)
        assert isinstance(events[place - 1], Ended)
        assert events[place - 1].step == run.plan.record


def test_steps_that_are_there_reach_no_worker(tmp_path):
    planned, store = plans(tmp_path, grid(0))
    go(planned[:1], store, Ledger())
    planned, store = plans(tmp_path, grid(0))
    ledger = Ledger()
    go(planned, store, ledger)
    assert sorted(ledger.asked) == sorted(steps_of(planned[1:]))
    assert not set(named(ledger.asked, planned)) & set(SEEN)
    assert not set(ledger.asked) & {step.key for step in planned[0].plan.steps.values()}


def test_a_cached_run_asks_no_worker_and_marks_its_artefacts_as_used(tmp_path):
    planned, store = plans(tmp_path, [spec()])
    go(planned, store, Ledger())
    again, store = plans(tmp_path, [spec()])
    paths = [store.find(step.name, step.key) for step in again[0].plan.steps.values()]
    for path in paths:
        os.utime(path, (1, 1))
    ledger = Ledger()
    (event,) = go(again, store, ledger)
    assert (event.run, event.record) == (again[0], again[0].record)
    assert ledger.asked == []
    assert all(path.stat().st_mtime > 1 for path in paths)


def test_a_step_that_another_process_has_built_since_the_plan_reaches_no_worker(tmp_path):
    planned, store = plans(tmp_path, [spec()])
    there = at(planned, "segmenter")
    store.build(there.name, there.key, lambda folder: None)
    ledger = Ledger()
    events = go(planned, store, ledger)
    assert there.key not in ledger.asked
    (ended,) = (one for one in events if isinstance(one, Ended) and one.step.key == there.key)
    assert (ended.worker, ended.status) == (None, "cached")
    (record,) = records(events).values()
    assert record.stages["segmenter"] == "cached"
    assert record.stages["masks"] == "built"


def test_a_record_tells_what_was_built_in_this_command_for_whichever_run(tmp_path):
    planned, store = plans(tmp_path, [spec()])
    go(planned, store, Ledger())
    planned, store = plans(tmp_path, [spec(seed=1), spec(seed=1, head=Component("sepconv"))])
    found = records(go(planned, store, Ledger(), 2))
    for run in planned:
        stages = found[run.plan.run].stages
        assert {role for role, status in stages.items() if status == "cached"} == {*SEEN, "familiarity"}
        assert {role for role, status in stages.items() if status == "built"} == set(run.plan.steps) - {
            *SEEN,
            "familiarity",
        }


def test_a_record_is_asked_for_with_every_step_of_its_run_under_the_role_that_people_read(tmp_path):
    planned, store = plans(tmp_path, [vote(seed=3)])
    ledger = Ledger()
    go(planned, store, ledger)
    (asked,) = (request for request in ledger.requests if isinstance(request, WriteRecord))
    plan = planned[0].plan
    assert asked.steps["dense/fit"] == f"fit/{plan.steps['members/dense/fit'].key}"
    assert set(asked.steps.values()) == {f"{step.name}/{step.key}" for step in plan.steps.values()}
    assert (asked.facts.run, asked.facts.key, asked.facts.pipeline) == (plan.run, plan.key, planned[0].pipeline)
    assert asked.names == planned[0].names
    assert asked.folder == str(planned[0].folder.absolute())
    assert set(asked.facts.stages) == set(asked.steps)


@pytest.mark.parametrize("longer", ["sepcnn", "xception"])
def test_of_the_ready_the_step_goes_first_behind_which_most_is_left_by_what_it_took_the_last_time(tmp_path, longer):
    """Of another seed, as its artefacts say."""
    specs = [spec(backbone=Component(name)) for name in ("sepcnn", "xception")]
    before, store = plans(tmp_path, specs)
    for run in before:
        step, seconds = run.plan.step("fit"), 90.0 if run.spec.backbone.name == longer else 3.0
        store.build("fit", step.key, partial(write_duration, subject=subject(step), seconds=seconds))
    planned, store = plans(tmp_path, [msgspec.structs.replace(one, seed=1) for one in specs])
    fits = {run.plan.step("fit").key: run.spec.backbone.name for run in planned}
    ledger = Ledger(answers=dict.fromkeys(fits, ends("nan")))
    go(planned, store, ledger)
    assert next(fits[key] for key in ledger.asked if key in fits) == longer


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(cause="killed", message="the worker ended by SIGSEGV", log=["last words"]),
        Outcome(cause="oom", message="the kernel killed the worker: memory ran out"),
        Outcome(cause="timeout", message="no end after 60 s; the worker was killed"),
        Outcome(cause="nan", message="the loss became nan", exit_code=1),
        Outcome(cause="data", message="no masks", exit_code=2),
        Outcome(cause="plugin", message="it gives no map", exit_code=2),
        Outcome(cause="refused", message="it would mislead", exit_code=4),
        Outcome(cause="exception", message="ValueError: why"),
    ],
    ids=lambda outcome: outcome.cause,
)
@pytest.mark.parametrize("workers", [1, 2])
def test_whatever_ends_a_step_costs_the_runs_that_stand_on_it_and_all_else_goes_on(tmp_path, outcome, workers):
    planned, store = plans(tmp_path, grid(0))
    broken = at(planned, "features")  # that the two classical heads learn from
    ledger = Ledger(answers={broken.key: lambda request: outcome})
    events = go(planned, store, ledger, workers)
    found = records(events)
    failed = {run.plan.run for run in planned if broken.key in run.missing}
    assert len(failed) == 2
    assert {name for name, record in found.items() if record.status == "failed"} == failed
    assert {record.status for name, record in found.items() if name not in failed} == {"ok"}
    assert ledger.asked.count(broken.key) == 1  # it is not repeated
    untouched = {key for run in planned if run.plan.run not in failed for key in [*run.missing, run.plan.key]}
    assert untouched <= set(ledger.asked)
    for run in planned:
        if run.plan.run in failed:
            stored = verify(run.folder / FILE)
            assert (stored.failure.stage, stored.failure.cause) == ("features", outcome.cause)
            assert (stored.failure.message, stored.failure.log) == (outcome.message, outcome.log)
            assert run.plan.key not in ledger.asked
    (ended,) = (one for one in events if isinstance(one, Ended) and one.status == "failed")
    assert ended.step.key == broken.key
    last = [one for one in events if isinstance(one, Ended)][-1]
    assert last.done == last.total


def test_a_vote_on_a_failed_member_says_whose_step_it_was_and_the_other_member_is_a_run_all_the_same(tmp_path):
    members = {"dense": spec(), "sepconv": spec(head=Component("sepconv"))}
    planned, store = plans(tmp_path, [*members.values(), vote(members=members)])
    broken = planned[1].plan.step("fit")
    found = records(go(planned, store, Ledger(answers={broken.key: ends("oom")}), 2))
    by_pipeline = {run.pipeline: found[run.plan.run] for run in planned}
    assert {name: record.status for name, record in by_pipeline.items()} == {
        planned[0].pipeline: "ok",
        planned[1].pipeline: "failed",
        planned[2].pipeline: "failed",
    }
    assert by_pipeline[planned[1].pipeline].failure.stage == "fit"
    assert by_pipeline[planned[2].pipeline].failure.stage == "sepconv/fit"
    assert by_pipeline[planned[2].pipeline].failure.cause == "oom"


def test_a_fold_that_fails_fails_the_pooled_result_and_no_other_fold(tmp_path):
    folds = [spec(fold=number, split=Split(folds=3)) for number in range(3)]
    planned, store = plans(tmp_path, folds)
    broken = planned[1].plan.step("predict")
    found = records(go(planned, store, Ledger(answers={broken.key: ends("killed")}), 2))
    states = [found[run.plan.run].status for run in planned]
    assert states == ["ok", "failed", "ok", "failed"]
    assert found[planned[3].plan.run].failure.stage == "folds/1/predict"


def test_a_step_that_every_run_shares_fails_every_run_once(tmp_path):
    """A worker that is killed in the middle of preparation is no fault of the data: the next command tries again."""
    planned, store = plans(tmp_path, grid(0))
    ledger = Ledger(answers={at(planned, "prepare").key: ends("killed", "the worker ended by SIGKILL")})
    found = records(go(planned, store, ledger, 2))
    assert {(record.status, record.failure.stage) for record in found.values()} == {("failed", "prepare")}
    assert len(found) == len(planned)
    assert len(ledger.asked) == 1


def test_a_failed_run_does_not_replace_a_good_record(tmp_path):
    planned, store = plans(tmp_path, [spec()])
    good = factories.record(run=planned[0].plan.run, key="of code that was edited since")
    write(good, planned[0].folder)
    planned, store = plans(tmp_path, [spec()])
    found = records(go(planned, store, Ledger(answers={at(planned, "fit").key: ends("nan")})))
    assert found[planned[0].plan.run].status == "failed"
    assert read(planned[0].folder / FILE).status == "ok"


def test_a_failed_run_stands_in_the_table_of_its_split(tmp_path):
    for role, digest in (("fit", "who is where"), ("split", "")):
        planned, store = plans(tmp_path / role, [spec()])
        found = records(go(planned, store, Ledger(answers={at(planned, role).key: ends("nan")})))
        assert [record.split.digest for record in found.values()] == [digest]
    folds, store = plans(tmp_path / "folds", [spec(fold=number, split=Split(folds=2)) for number in range(2)])
    found = records(go(folds, store, Ledger(answers={folds[-1].plan.step("score").key: ends("nan")})))
    pooled = found[folds[-1].plan.run]
    assert (pooled.status, pooled.split.digest, pooled.split.folds) == ("failed", "who is where", 2)


@pytest.mark.parametrize("role", ["prepare", "fit", "record"])
def test_a_full_disk_ends_the_command_and_is_no_failure_of_a_run(tmp_path, role):
    planned, store = plans(tmp_path, grid(0))
    key = planned[0].plan.key if role == "record" else at(planned, role).key
    ledger = Ledger(answers={key: ends("storage", "the disk is full", 2)})
    with pytest.raises(StorageError, match="the disk is full"):
        go(planned, store, ledger, 2)
    assert not list(tmp_path.rglob(FILE)) or all(read(path).status == "ok" for path in tmp_path.rglob(FILE))
    assert not (planned[0].folder / FILE).exists()


@pytest.mark.parametrize("role", ["prepare", "split"])
def test_data_that_no_run_can_use_end_the_command(tmp_path, role):
    planned, store = plans(tmp_path, grid(0))
    ledger = Ledger(answers={at(planned, role).key: ends("data", "3 of 9 samples cannot be used", 2)})
    with pytest.raises(ConfigError, match="3 of 9 samples"):
        go(planned, store, ledger, 2)
    assert not list(tmp_path.rglob(FILE))


def test_data_that_one_pipeline_cannot_use_fail_only_that_one(tmp_path):
    planned, store = plans(tmp_path, [spec(), spec(segmenter=Component("threshold"))])
    ledger = Ledger(answers={at(planned, "segmenter").key: ends("data", "no masks", 2)})
    found = records(go(planned, store, ledger))
    assert [found[run.plan.run].status for run in planned] == ["failed", "ok"]


def times(count, then=None):
    """Answers `busy` so often before it builds."""
    left = [answered(Built("busy"))] * count

    def answer(request):
        return left.pop() if left else then and then(request)

    return answer


def test_a_step_that_another_process_builds_is_tried_again_and_what_is_ready_goes_on_meanwhile(tmp_path):
    planned, store = plans(tmp_path, [spec(), spec(segmenter=Component("threshold"))])
    slow = at(planned, "segmenter")
    ledger = Ledger(answers={slow.key: times(3)}, seconds=lambda step: 0.01)
    events = go(planned, store, ledger)
    assert {record.status for record in records(events).values()} == {"ok"}
    asked = [place for place, key in enumerate(ledger.asked) if key == slow.key]
    assert len(asked) == 4
    between = ledger.asked[asked[0] + 1 : asked[1]]
    assert at(planned[1:], "masks").key in between  # nobody waits for it
    ends = [one for one in events if isinstance(one, Ended) and one.step.key == slow.key]
    assert [one.status for one in ends] == ["busy", "busy", "busy", "built"]
    begun = [one.worker for one in events if isinstance(one, Begun) and one.step.key == slow.key]
    assert [one.worker for one in ends] == begun  # whoever shows what is at work is told of each end


def test_a_step_that_another_process_has_built_meanwhile_is_found(tmp_path):
    planned, store = plans(tmp_path, [spec()])
    slow = at(planned, "segmenter")

    def other(request):
        store.build(slow.name, slow.key, lambda folder: None)
        return answered(Built("busy"))

    ledger = Ledger(answers={slow.key: other})
    (record,) = records(go(planned, store, ledger)).values()
    assert record.stages["segmenter"] == "cached"
    assert ledger.asked.count(slow.key) == 1


def test_nobody_spins_while_all_are_at_work_and_a_step_of_another_process_waits(tmp_path, monkeypatch):
    planned, store = plans(tmp_path, [spec(), spec(segmenter=Component("threshold"))])
    slow, long = at(planned, "segmenter"), at(planned[1:], "masks")
    looked = []
    monkeypatch.setattr(Schedule, "next", lambda plan, now, of=Schedule.next: looked.append(now) or of(plan, now))
    monkeypatch.setattr(Schedule, "wait_s", lambda plan, now, of=Schedule.wait_s: looked.append(now) or of(plan, now))
    ledger = Ledger(answers={slow.key: times(1)}, seconds=lambda step: 0.8 if step.key == long.key else 0.0)
    go(planned, store, ledger)
    assert len(looked) < 10 * len(steps_of(planned))


def test_the_time_limit_is_of_each_step_and_of_each_record(tmp_path):
    """A run may take longer than that, as its steps are what is killed."""
    planned, store = plans(tmp_path, [spec()])
    ledger = Ledger(seconds=lambda step: 0.05)
    started = time.monotonic()
    found = records(go(planned, store, ledger, timeout_s=0.3))
    assert time.monotonic() - started > 0.3
    assert [record.status for record in found.values()] == ["ok"]
    assert ledger.limits == [0.3] * len(steps_of(planned))


@pytest.mark.parametrize(
    "error", [StorageError("the disk is full"), ProtocolError("no event of this version"), ValueError("why")]
)
def test_what_a_worker_raises_belongs_to_whoever_waits_for_the_runs(tmp_path, error):
    def raises(request):
        raise error

    planned, store = plans(tmp_path, grid(0))
    with pytest.raises(type(error), match=str(error)):
        go(planned, store, Ledger(answers={at(planned, "fit").key: raises}), 2)


def test_leaving_the_block_closes_every_worker_and_records_nothing_of_what_was_at_work(tmp_path):
    planned, store = plans(tmp_path, [spec(), spec(images=Images(size=64))])
    began, closed = threading.Event(), threading.Event()

    def hangs(request):
        began.set()
        closed.wait(30)
        raise WorkerClosedError

    ledger = Ledger(answers={run.plan.step("prepare").key: hangs for run in planned})
    workers = [StandIn(ledger) for _ in range(2)]
    with pytest.raises(KeyboardInterrupt), Pool(workers) as pool:
        happening = pool.run(planned, store)
        assert [type(next(happening)) for _ in range(2)] == [Begun, Begun]
        assert began.wait(30)
        raise KeyboardInterrupt
    closed.set()
    assert [worker.closed for worker in workers] == [True, True]
    assert not list(tmp_path.rglob(FILE))


def test_steps_alone_are_built_without_a_run(tmp_path):
    """As what precedes the trainings of a search is, once for all of them."""
    planned, store = plans(tmp_path, [spec()])
    steps = {key: step for key, step in planned[0].missing.items() if step.name in SEEN}
    ledger = Ledger()
    with Pool([StandIn(ledger), StandIn(ledger)]) as pool:
        events = list(pool.build(steps, store))
    assert sorted(ledger.asked) == sorted(steps)
    assert all(isinstance(request, Build) for request in ledger.requests)
    assert [one.done for one in events if isinstance(one, Ended)] == [1, 2, 3, 4, 5]


def test_a_step_alone_that_fails_is_an_error(tmp_path):
    planned, store = plans(tmp_path, [spec()])
    steps = {key: step for key, step in planned[0].missing.items() if step.name in SEEN}
    ledger = Ledger(answers={at(planned, "segmenter").key: ends("data", "no masks to learn from", 2)})
    with Pool([StandIn(ledger)]) as pool, pytest.raises(BenchError, match="no masks to learn from"):
        list(pool.build(steps, store))


def test_controls_that_fail_cost_no_run_and_runs_that_fail_cost_no_controls(tmp_path):
    planned, store = plans(tmp_path, [spec(segmenter=Component("none"))])
    beside = plan_controls(planned, summary(), Plain(), store, tmp_path / "results", index())
    (step,) = (one for one in beside[0].missing.values() if one.name == "controls")
    found = records(go([*planned, *beside], store, Ledger({step.key: ends("oom")})))
    assert [found[run.plan.run].status for run in (*planned, *beside)] == ["ok", "failed"]
    assert found[beside[0].plan.run].of_controls
    assert found[beside[0].plan.run].failure.stage == "controls"


def test_steps_of_which_another_process_builds_the_last_come_to_an_end(tmp_path):
    """Nobody is at work then, and nothing more will be reported."""
    planned, store = plans(tmp_path, [spec()])
    step = at(planned, "prepare")

    def build(request):
        store.build(step.name, step.key, lambda folder: None)
        return answered(Built("busy"))

    ended = []

    def go():
        with Pool([StandIn(Ledger(answers={step.key: build}))]) as pool:
            ended.extend(pool.build({step.key: step}, store))

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert [one.status for one in ended if isinstance(one, Ended)] == ["busy", "cached"]
