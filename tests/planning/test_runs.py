"""Planned runs: where each belongs, what has to be built for it, and which record counts; no process is started."""

import msgspec
import pytest

from benchmark.planning.runs import plan_runs
from benchmark.records.files import FILE, verify, write
from benchmark.storage.cache import Store
from benchmark.storage.code import CodeIndex
from benchmark.tasks.schema import Split
from registry.lookup import find
from tests import factories
from tests.planning.test_resolve import described, resolved, summary, task  # noqa: F401 -- a fixture
from tests.specs import index


@pytest.fixture
def planned(described, tmp_path):  # noqa: F811
    """Plans specifications on one cache and one folder for results."""

    def planned(specs):
        return plan_runs(specs, summary(), described, Store(tmp_path / "cache"), tmp_path / "results", index())

    return planned


@pytest.fixture
def run(described, planned):  # noqa: F811
    """One planned run with nothing there yet."""
    (run,) = planned(resolved(described))
    return run


def record_of(run, **changes):
    return factories.record(key=run.plan.key, run=run.plan.run, **changes)


def test_a_run_belongs_in_a_folder_of_its_task_and_name(run, tmp_path):
    assert run.folder == tmp_path / "results" / "binary" / run.plan.run
    assert run.pipeline == "unet+sepcnn+dense"
    assert (run.state, set(run.to_build)) == ("to run", set(run.plan.steps))


def test_what_has_an_artefact_is_not_to_be_built(run, planned, tmp_path):
    store = Store(tmp_path / "cache")
    for role in ("prepare", "split", "segmenter", "masks"):
        step = run.plan.step(role)
        store.build(step.name, step.key, lambda folder: None)
    (found,) = planned([run.spec])
    assert found.to_build == ["inputs", "fit", "predict", "familiarity", "explain", "score", "draw"]
    assert list(found.missing) == [run.plan.step(role).key for role in found.to_build]


def test_a_sealed_record_with_the_same_key_is_cached(run, planned):
    write(record_of(run), run.folder)
    (found,) = planned([run.spec])
    assert (found.state, found.record) == ("cached", verify(run.folder / FILE))
    assert found.missing == {}  # whatever has been removed of what it was made from


@pytest.mark.parametrize("spoil", ["other key", "failed", "edited", "half", "empty"])
def test_any_other_record_is_not(run, planned, spoil):
    record = factories.failed(key=run.plan.key) if spoil == "failed" else record_of(run)
    if spoil == "other key":
        record = msgspec.structs.replace(record, key="0" * 64)
    path = write(record, run.folder)
    text = path.read_text()
    if spoil == "edited":
        path.write_text(text.replace("0.95", "0.99"))
        assert path.read_text() != text
    elif spoil in ("half", "empty"):
        path.write_text(text[: len(text) // 2] if spoil == "half" else "")
    (found,) = planned([run.spec])
    assert (found.state, found.record) == ("failed" if spoil == "failed" else "to run", None)
    assert set(found.to_build) == set(run.plan.steps)


def test_folds_multiply_runs_and_their_pooled_result_comes_last(described, planned):  # noqa: F811
    specs = resolved(described, task(split=Split(folds=3)), seeds=(0, 1))
    assert [(spec.seed, spec.fold) for spec in specs] == [(seed, fold) for seed in (0, 1) for fold in range(3)]
    runs = planned(specs)
    assert [(run.spec.seed, run.spec.fold) for run in runs[6:]] == [(0, None), (1, None)]
    assert runs[6].label == "unet+sepcnn+dense · seed 0, folds pooled"
    assert [runs[6].names[f"fold {n}"] for n in range(3)] == [run.plan.run for run in runs[:3]]
    own = {key: step for key, step in runs[6].missing.items() if not any(key in run.missing for run in runs[:3])}
    assert [step.module for step in own.values()] == ["benchmark.stages.score_folds"]


def test_a_record_that_another_task_made_is_this_ones_too(run, planned):
    write(record_of(run), run.folder)
    (renamed,) = planned([msgspec.structs.replace(run.spec, task="vote")])
    assert (renamed.state, renamed.folder) == ("cached", run.folder)


def test_what_has_no_readable_source_is_planned_anew_each_time_and_says_so(run, planned, monkeypatch):
    read = CodeIndex.code_digest
    monkeypatch.setattr(
        CodeIndex,
        "code_digest",
        lambda self, name, packages=(): None if "heads" in name else read(self, name, packages),
    )
    monkeypatch.setattr(find("head", "dense"), "version", "")
    write(record_of(run), run.folder)
    first, second = planned([run.spec])[0], planned([run.spec])[0]
    assert first.plan.uncacheable == second.plan.uncacheable == ["head dense"]
    assert (first.state, second.state) == ("to run", "to run")
    assert first.plan.key != second.plan.key
