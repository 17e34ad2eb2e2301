"""How a worker builds a step: found or made, what it is given, what it leaves; modules stand in for the stages."""

import contextlib
import itertools
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.execution import recorder, runner
from benchmark.execution.protocol import Build, Built, Progress, WriteRecord
from benchmark.planning.graph import RECORD, Step, Traits, missing
from benchmark.planning.keys import plan
from benchmark.stages.context import RunFacts
from benchmark.storage.cache import DURATION, Store, write_duration
from benchmark.storage.disk import DISK
from benchmark.tasks.schema import Component, Split
from benchmark.tasks.spec import Runtime
from registry.errors import StorageError
from tests.specs import index, spec, summary, vote


def importing(monkeypatch, modules):
    """Puts a function in place of importing modules."""
    for name in ("imported", "imported_for_good"):
        monkeypatch.setattr(runner, name, modules)


class Module:
    """A stage that notes what it is given."""

    def __init__(self, name, built):
        self.name, self.built = name, built

    def build(self, context, folder):
        self.built.append((self.name, sorted(context.artefacts), context))
        context.progress({"done": 1, "total": 1})
        (folder / "made").write_text(self.name)


@pytest.fixture
def stages(tmp_path, monkeypatch):
    """Steps of stages that do nothing; `build` serves one of them as a worker does."""
    store, built, events = Store(tmp_path), [], []
    importing(monkeypatch, lambda module: Module(module.rpartition(".")[2], built))
    monkeypatch.delitem(sys.modules, "keras", raising=False)

    def build(step):
        return runner.serve(Build(step, str(tmp_path)), events.append)

    return SimpleNamespace(store=store, built=built, events=events, build=build)


def step(name, spec_=None, **inputs):
    reads = {role.replace("__", "/"): f"key-{key}" for role, key in inputs.items()}
    return Step(name, f"stages.{name}", f"key-{name}", spec_ or spec(), reads)


def test_a_step_is_given_what_it_reads_by_role_and_nothing_else(stages):
    for one in (step("prepare"), step("split", prepare="prepare"), step("fit", split="split")):
        assert stages.build(one).status == "built"
    assert [(name, roles) for name, roles, _ in stages.built] == [
        ("prepare", []),
        ("split", ["prepare"]),
        ("fit", ["split"]),
    ]
    assert stages.built[2][2].artefacts["split"] == stages.store.find("split", "key-split")
    assert (stages.store.find("fit", "key-fit") / "made").read_text() == "fit"


def test_what_is_there_is_marked_as_used_and_not_built_again(stages, monkeypatch):
    used = []
    monkeypatch.setattr(Store, "touch", lambda store, stage, key: used.append(stage))
    stages.build(step("prepare"))
    used.clear()
    assert stages.build(step("prepare")) == Built("cached")
    assert len(stages.built) == 1
    assert used == ["prepare"]


def test_what_another_process_built_meanwhile_is_cached(stages, monkeypatch):
    stages.build(step("prepare"))
    asked = []
    monkeypatch.setattr(
        Store, "use", lambda store, stage, key, use=Store.use: use(store, stage, key) if asked else asked.append(stage)
    )
    assert stages.build(step("prepare")) == Built("cached")
    assert len(stages.built) == 1


def test_what_another_process_is_building_is_busy_and_nobody_waits_for_it(stages, tmp_path):
    held = "import sys, time; from pathlib import Path; from benchmark.storage.cache import Store\n"
    held += "with Store(Path(sys.argv[1])).lock('fit-key-fit'): print('held', flush=True); time.sleep(20)"
    root, pipe = Path(__file__).parents[2], subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", held, str(tmp_path)], stdout=pipe, cwd=root) as other:
        assert other.stdout.readline() == b"held\n"
        assert stages.build(step("fit")) == Built("busy")
        assert stages.built == []
        other.kill()
    assert stages.build(step("fit")).status == "built"


def test_every_event_names_its_stage(stages):
    stages.build(step("masks"))
    assert stages.events == [Progress("masks", 1, 1)]


def test_how_long_a_step_took_lies_with_its_artefact_under_what_it_is_about(stages, monkeypatch):
    clock = itertools.count(100.0, 1.5)
    monkeypatch.setattr(runner.time, "perf_counter", lambda: next(clock))
    built = stages.build(step("segmenter"))
    assert built == Built("built", 1.5)
    assert stages.store.duration("segmenter", "key-segmenter") == 1.5
    assert stages.store.last_durations("segmenter") == {"unet": 1.5}
    written = json.loads((stages.store.find("segmenter", "key-segmenter") / DURATION).read_text())
    assert written == {"subject": "unet", "seconds": 1.5}


def test_a_step_that_fails_leaves_no_artefact_and_no_duration(stages, monkeypatch):
    def fails(context, folder):
        raise ValueError("why")

    importing(monkeypatch, lambda module: SimpleNamespace(build=fails))
    with pytest.raises(ValueError, match="why"):
        stages.build(step("fit"))
    assert not stages.store.has("fit", "key-fit")
    assert stages.store.duration("fit", "key-fit") is None


def test_an_input_that_another_machine_has_made_is_found_though_it_is_seen_late(stages, monkeypatch):
    stages.build(step("prepare"))
    late = [None, None]
    monkeypatch.setattr(
        DISK,
        "has",
        lambda path, has=DISK.has: has(path) and not (late and path.endswith("key-prepare") and late.pop() is None),
    )
    monkeypatch.setattr(Store, "has", lambda store, stage, key: False if late else DISK.has(store._at(stage, key)))
    assert stages.build(step("split", prepare="prepare")).status == "built"
    assert late == []


def test_an_input_that_has_gone_is_named_and_the_remedy_is_to_run_again(stages, monkeypatch):
    monkeypatch.setenv("BENCH_LEASE_S", "0.3")
    with pytest.raises(StorageError, match=r"the artefact prepare that split reads has gone from .*; run again"):
        stages.build(step("split", prepare="prepare"))
    assert not stages.store.has("split", "key-split")


def test_members_reference_and_folds_are_read_under_their_roles(stages):
    for one in (step("fit"), step("predict")):
        stages.build(one)
    joined = vote(members={"COVID": spec(seed=1), "Normal": spec(seed=2)}, reference=spec(seed=3))
    reads = {"members/COVID/predict": "key-predict", "members/Normal/fit": "key-fit", "reference/fit": "key-fit"}
    stages.build(Step("vote", "stages.vote", "key-vote", joined, reads))
    context = stages.built[-1][2]
    assert {name: list(member.artefacts) for name, member in context.members.items()} == {
        "COVID": ["predict"],
        "Normal": ["fit"],
    }
    assert [member.spec.seed for member in context.members.values()] == [1, 2]
    assert (context.reference.spec.seed, list(context.reference.artefacts)) == (3, ["fit"])
    whole = spec(fold=None, split=Split(folds=2))
    stages.build(Step("score", "stages.score_folds", "key-score", whole, {"folds/1/predict": "key-predict"}))
    folds = stages.built[-1][2].folds
    assert [(one.spec.fold, list(one.artefacts)) for one in folds] == [(0, []), (1, ["predict"])]


@pytest.mark.parametrize("loaded", [True, False])
def test_where_keras_is_loaded_every_step_begins_afresh_before_it_computes(stages, monkeypatch, loaded):
    """A backend that has computed takes no other number of threads, and bits must not depend on the steps before."""
    done, module = [], Module("fit", [])
    module.build = lambda context, folder: done.append("build")
    modules = {
        "benchmark.models.runtime": SimpleNamespace(reset_keras=lambda *given: done.append(given)),
        "stages.fit": module,
        "stages.predict": module,
    }
    importing(monkeypatch, modules.__getitem__)
    if loaded:
        monkeypatch.setitem(sys.modules, "keras", SimpleNamespace())
    runtime = Runtime(deterministic=True, threads=2)
    for seed, name in ((5, "fit"), (6, "predict")):
        stages.build(step(name, spec(seed=seed, runtime=runtime)))
    assert done == ([(5, runtime), "build", (6, runtime), "build"] if loaded else ["build", "build"])


def test_a_grid_of_two_segmenters_two_backbones_and_three_heads_makes_two_mask_passes(tmp_path, monkeypatch):
    """Twelve runs by their real plans, each step counted when it is executed."""
    executed, store = Counter(), Store(tmp_path)

    def module(name):
        return SimpleNamespace(build=lambda context, folder: executed.update([name.rpartition(".")[2]]))

    importing(monkeypatch, module)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    features_head = Component("dense", {"units": 16})
    classical = [
        {"head": Component(name), "classical": True, "features_head": features_head} for name in ("majority", "xgboost")
    ]
    grid = itertools.product(
        ({"filters": 4}, {"filters": 8}), ({"filters": 8}, {"filters": 16}), [{"head": features_head}, *classical]
    )
    for segmenter, backbone, head in grid:
        one = spec(segmenter=Component("unet", segmenter), backbone=Component("sepcnn", backbone), **head)
        for each in missing(plan(one, summary(), lambda name: Traits(trains=True), index()), store.has).values():
            assert runner.build(each, store, lambda event: None).status == "built"
    assert executed == {
        "prepare": 1,
        "split": 1,
        "segmenter": 2,
        "masks": 2,
        "inputs": 2,
        "familiarity": 1,
        "fit": 4,
        "features": 4,
        "predict": 4,  # of the networks
        "classify": 8,
        "explain": 12,
        "score": 12,
        "draw": 12,
    }


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """Writes the record of a run of these steps; gives what the recorder was given."""
    recorded = []

    def write_run(context, facts, names, folder):
        recorded.append((context, facts, names, folder))

    monkeypatch.setattr(recorder, "imported", lambda module: SimpleNamespace(write_run=write_run))

    def record(step, steps, stages):
        facts = RunFacts("run", "d", "p", "k", "a+b+c", {}, summary(), [], stages)
        asked = WriteRecord(step, str(tmp_path), str(tmp_path / "results"), facts, steps, {"": "a+b+c"})
        recorder.serve(asked, lambda event: None)
        return recorded[-1]

    return record


def test_a_record_has_the_duration_of_every_step_whoever_built_it(tmp_path, recorded):
    """Of one that was found in the cache too, and of one that the record itself does not read."""
    store = Store(tmp_path)
    for name, seconds in (("prepare", 2.0), ("fit", 30.0), ("score", 0.5)):
        store.build(name, f"key-{name}", lambda folder, seconds=seconds: write_duration(folder, "a subject", seconds))
    steps = {"prepare": "prepare/key-prepare", "COVID/fit": "fit/key-fit", "score": "score/key-score"}
    stages = {"prepare": "cached", "COVID/fit": "cached", "score": "built"}
    context, facts, names, folder = recorded(step(RECORD, score="score"), steps, stages)
    assert facts.duration_s == {"prepare": 2.0, "COVID/fit": 30.0, "score": 0.5}
    assert facts.stages == stages
    assert list(context.artefacts) == ["score"]
    assert (names, folder) == ({"": "a+b+c"}, tmp_path / "results")


def test_a_step_of_which_no_duration_is_known_has_none(tmp_path, recorded):
    store = Store(tmp_path)
    store.build("prepare", "key-prepare", lambda folder: None)
    store.build("fit", "key-fit", lambda folder: (folder / DURATION).write_text("half a li"))
    steps = {"prepare": "prepare/key-prepare", "fit": "fit/key-fit", "gone": "masks/key-masks"}
    assert recorded(step(RECORD), steps, {})[1].duration_s == {}


def test_a_results_folder_that_cannot_be_written_is_a_storage_error(tmp_path, monkeypatch):
    def write_run(context, facts, names, folder):
        (tmp_path / "results").write_text("in the way")
        (folder / "more").mkdir(parents=True)

    monkeypatch.setattr(recorder, "imported", lambda module: SimpleNamespace(write_run=write_run))
    facts = RunFacts("run", "d", "p", "k", "a+b+c", {}, summary())
    asked = WriteRecord(step(RECORD), str(tmp_path), str(tmp_path / "results" / "run"), facts, {}, {})
    with pytest.raises(StorageError, match="choose another folder with -o"):
        recorder.serve(asked, lambda event: None)


def test_whoever_serves_keeps_what_is_in_the_cache_there(stages, monkeypatch):
    """Also a worker that is left over from a command that was killed."""
    held = []

    @contextlib.contextmanager
    def in_use(store):
        held.append("begin")
        yield
        held.append("end")

    monkeypatch.setattr(Store, "in_use", in_use)
    importing(monkeypatch, lambda module: SimpleNamespace(build=lambda context, folder: held.append("build")))
    stages.build(step("fit"))
    assert held == ["begin", "build", "end"]
