"""`bench tune`: what it refuses in one line, and a search from end to end on drawn films."""

import json
import tomllib
from types import SimpleNamespace

import msgspec
import pytest

from benchmark.cli.finding import _no_best, _retold, again
from benchmark.cli.tune import _check_default, _check_file, _check_one, _ended, _Tune
from benchmark.records import read, verify, write
from benchmark.tables import Split
from benchmark.tuning.search import Created, Failed, Search, state_after
from benchmark.tuning.space import Dimension, Space
from registry.errors import ConfigError
from tests import factories, specs
from tests.commands import Bench, one_line
from tests.test_runs import task

pytestmark = pytest.mark.slow

NOTHING = {"segmenter": (), "backbone": (), "head": ()}
FLAGS = {
    "task_name": "binary", "data": None, "dataset": None, **NOTHING, "assignments": (), "limit": None, "epochs": None,
    "quick": None, "precision": "float32", "skip_bad": False, "deterministic": False, "tuner": None, "trials": None,
    "budget": None, "timeout": None, "seed": 0, "as_json": False, "results": "results", "output": None,
}  # fmt: skip
SEARCH = Search("random", Space([Dimension("head.dropout", 0.2, "float", 0, 0.5)]), 0, 6, 3, "subject")


@pytest.mark.parametrize(
    ("changes", "flags", "message"),
    [
        ({}, {"backbone": ("sepcnn", "xception")}, r"received --backbone 2 times \(sepcnn, xception\); give it once"),
        ({"scheme": "one-vs-all"}, {}, "scheme one-vs-all trains one per class"),
        ({"split": Split(folds=5)}, {}, "received 5 folds; add --set split.folds=1"),
    ],
)
def test_what_is_not_one_pipeline_on_one_split_is_refused(changes, flags, message):
    with pytest.raises(ConfigError, match=message):
        _check_one(task(**changes), {**NOTHING, **flags})


def test_a_folder_is_no_file_for_the_task_that_is_found(tmp_path):
    with pytest.raises(ConfigError, match=r"is a folder; expected the name of a file .*, as .*tuned.toml"):
        _check_file(tmp_path)
    _check_file(tmp_path / "new" / "tuned.toml")


def test_what_a_flag_says_is_not_searched():
    flags = {**FLAGS, "assignments": ("images.size=96", "head.dropout=.3"), "backbone": ("sepcnn[filters=8]",)}
    assert _Tune(flags)._said() >= {"images.size", "head.dropout", "backbone.filters"}


def test_the_line_that_repeats_a_run_has_the_flags_that_no_task_file_holds():
    given = {"data": "my films", "dataset": "folder", "limit": 200, "skip_bad": True, "deterministic": True}
    told = again({**FLAGS, **given, "seed": 3, "precision": "auto"}, "t.toml", "tensorflow")
    flags = "--data 'my films' --dataset folder --limit 200 --skip-bad --deterministic --precision auto --seeds 3"
    assert told == f"bench run --task t.toml {flags}"
    assert again({**FLAGS, "dataset": "phantom[count=96]"}, "t.toml", "tensorflow") == "bench run --task t.toml"
    told = again({**FLAGS, "results": "my results"}, "t.toml", "jax")
    assert told == "KERAS_BACKEND=jax bench run --task t.toml -o 'my results'"


def ledger(*causes):
    created = [Created(number, {"head.dropout": 0.1}, 0, 3, None, "random") for number in range(len(causes))]
    failed = [Failed(number, cause, "it cannot be", 1.0) for number, cause in enumerate(causes) if cause]
    return state_after(SEARCH, [*created, *failed])


def test_a_search_in_which_nothing_finished_says_why():
    assert "none of 2 trials has finished, the last one failed: oom, it cannot be" in str(
        _no_best(ledger("nan", "oom"))
    )
    assert "no trial has finished within the budget" in str(_no_best(ledger("")))


STAYED, FOUND = factories.tuned(stayed=True), factories.tuned(trials=9)


@pytest.mark.parametrize(
    ("before", "told", "after"),
    [
        (None, STAYED, STAYED),  # the default was run before anybody searched
        (STAYED, FOUND, FOUND),  # a longer search
        (STAYED, None, None),  # which found better than this default
        (FOUND, None, FOUND),  # what another search has found is the default of this one
    ],
)
def test_a_record_that_was_there_says_what_its_settings_cost_by_now(tmp_path, before, told, after):
    record = factories.record(tuned=before)
    write(record, tmp_path)
    run = SimpleNamespace(spec=specs.spec(tuned=told), folder=tmp_path)
    assert _retold(run, read(tmp_path / "result.json")).tuned == after
    kept = verify(tmp_path / "result.json")
    assert kept.tuned == after
    assert msgspec.structs.replace(kept, tuned=before, seal="") == record


def test_no_cost_is_written_into_the_record_of_a_failure(tmp_path):
    failed = factories.failed()
    assert _retold(SimpleNamespace(spec=specs.spec(tuned=STAYED), folder=tmp_path), failed) == failed
    assert list(tmp_path.iterdir()) == []


def test_a_search_that_its_budget_ends_says_what_is_unfinished_and_was_spent_on_it():
    assert _ended(ledger("nan", "oom")) == "2 of at most 6 trials have ended"
    now = ledger("nan", "", "")
    cut = [*now.trials[:1], *(msgspec.structs.replace(trial, duration_s=20.5) for trial in now.trials[1:])]
    now = msgspec.structs.replace(now, trials=cut)
    assert _ended(now) == "1 of at most 6 trials have ended, 2 unfinished after 41.0 s"


@pytest.mark.parametrize("cause", ["data", "plugin"])
def test_what_the_default_cannot_be_trained_for_ends_the_search(cause):
    first, second = ledger("nan", cause).trials
    _check_default(first)
    _check_default(second)
    with pytest.raises(ConfigError, match="it cannot be"):
        _check_default(ledger(cause).trials[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task", "binari"], "no task named 'binari'; did you mean binary"),
        (["--task", "binary", "--budget", "soon"], "--budget 'soon' is no length of time"),
        (["--task", "binary", "--tuner", "magic"], "is not one of 'hyperband', 'bayesian', 'random', 'grid'"),
    ],
)
def test_a_line_that_cannot_be_is_refused_before_anything_starts(tmp_path, arguments, message):
    told = one_line(Bench(tmp_path).call("tune", *arguments))
    assert message in told
    assert "\n" not in told.removeprefix("Usage")


def test_a_search_from_end_to_end(tmp_path):
    """Two trials; the run of what was found is there already, and its record and the table tell what it cost."""
    bench = Bench(tmp_path)
    space = '[tuning]\nsearched = ["training"]\n[tuning.space]\n"training.batch_size" = 16\n'
    bench.task.write_text(bench.task.read_text() + space)
    line = ("tune", "--task", bench.task, "--full", "--tuner", "random", "--trials", "2", "--results", bench.results)
    told = bench.call(*line, "--json")
    assert told.returncode == 0, told.stderr
    assert "trial 1, learning_rate " in told.stderr
    found = json.loads(told.stdout)
    assert (found["tuned"]["trials"], found["tuned"]["finished"], len(found["tuned"]["curve"])) == (2, 2, 2)
    folder = next((bench.results / "tuning" / "tiny").iterdir())
    assert {path.name for path in folder.iterdir()} >= {"ledger.jsonl", "trials.csv", "trials.png", "tuned.toml"}
    assert bench.artefacts("fit") == 2  # the trials' own: the runs of default and best trained nothing
    content = tomllib.loads((folder / "tuned.toml").read_text())
    assert content["training"]["learning_rate"] == found["tuned"]["values"]["training.learning_rate"]
    (run,) = bench.plan("--task", folder / "tuned.toml")
    assert (run["state"], run["to_build"]) == ("cached", [])
    side = found["best"] or found["default"]
    assert found["tuned"].get("stayed", False) is (side is found["default"])
    record = read(next(bench.results.glob(f"tiny/{side['run']}/result.json")))
    assert record.tuned.trials == 2
    assert "2 trials ·" in bench.call("compare", bench.results, COLUMNS="240").stdout
    default = json.loads(bench.call(*line[:-4], "--trials", "1", *line[-2:], "--json").stdout)
    assert (default["tuned"]["stayed"], default["best"], bench.artefacts("fit")) == (True, None, 2)
    assert "1 trial ·" in (table := bench.call("compare", bench.results, COLUMNS="240").stdout) and "stayed" in table
    if found["best"]:
        assert {"value", "low", "high", "n"} <= set(found["select"]) & set(found["test"])
