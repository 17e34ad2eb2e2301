"""`bench tune`: what it refuses in one line, and a search from end to end on synthetic radiographs."""

import errno
import io
import json
import os
import re
import resource
import tomllib
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from rich.console import Console

from benchmark.execution.pool import Pool
from benchmark.execution.session import Session
from benchmark.planning.request import requested
from benchmark.records.files import read, verify, write
from benchmark.records.ledger import Ledger, entries
from benchmark.report.display import ConsoleDisplay
from benchmark.report.tuning_progress import ended
from benchmark.tasks.schema import Split, Training
from benchmark.tasks.schema import Tuning as TuningTable
from benchmark.tuning.ledger import locked
from benchmark.tuning.report import Tuning, found_best, with_cost, with_cost_in_ledger, write_task
from benchmark.tuning.search import Created, Failed, Search, state_after
from benchmark.tuning.space import Dimension, Space
from benchmark.tuning.trial import Ending
from benchmark.tuning.tune import check_default, check_file, check_one, given_settings, search_of, searched
from registry.errors import ConfigError, DivergedError, StorageError
from tests import factories, specs
from tests.commands import Bench, one_line, untrained
from tests.planning.test_resolve import task
from tests.workers import answered

pytestmark = pytest.mark.slow

PLACES = {"task": "binary", "cache": "cache", "results": "results"}
SEARCH = Search("random", Space([Dimension("head.dropout", 0.2, "float", 0, 0.5)]), 0, 6, 3, "digest")


@pytest.mark.parametrize(
    ("changes", "asked", "message"),
    [
        ({}, {"backbone": ("sepcnn", "xception")}, r"received --backbone 2 times \(sepcnn, xception\); give it once"),
        ({"scheme": "one-vs-all"}, {}, "scheme one-vs-all trains one per class"),
        ({"split": Split(folds=5)}, {}, "received 5 folds; add --set split.folds=1"),
    ],
)
def test_what_is_not_one_pipeline_on_one_split_is_refused(changes, asked, message):
    with pytest.raises(ConfigError, match=message):
        check_one(task(**changes), requested(**PLACES, **asked))


def test_a_folder_is_no_file_for_the_task_that_is_found(tmp_path):
    (tmp_path / "task.toml").touch()
    with pytest.raises(ConfigError, match=r"is a folder; expected the name of a file .*, as .*tuned.toml"):
        check_file(tmp_path, tmp_path / "task.toml")
    check_file(tmp_path / "new" / "tuned.toml", tmp_path / "task.toml")


def test_what_a_request_says_is_not_searched():
    settings = ("images.size=96", "head.dropout=.3")
    asked = requested(**PLACES, settings=settings, backbone=("sepcnn[filters=8]",))
    assert given_settings(asked) == {"images.size", "head.dropout", "backbone.filters"}


def ledger(*causes):
    created = [Created(number, {"head.dropout": 0.1}, 0, 3, None, "random") for number in range(len(causes))]
    failed = [Failed(number, cause, "it cannot be", 1.0) for number, cause in enumerate(causes) if cause]
    return state_after(SEARCH, [*created, *failed])


def test_a_search_in_which_nothing_finished_says_why():
    with pytest.raises(DivergedError, match="none of 2 trials has finished, the last one failed: oom, it cannot be"):
        found_best(ledger("nan", "oom"))
    with pytest.raises(DivergedError, match="no trial has finished within the budget"):
        found_best(ledger(""))


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
    assert with_cost(run, read(tmp_path / "result.json")).tuned == after
    kept = verify(tmp_path / "result.json")
    assert kept.tuned == after
    assert msgspec.structs.replace(kept, tuned=before, seal="") == record


def test_a_record_that_is_written_anew_for_its_cost_is_a_line_of_the_ledger_and_replaces_the_one_before(tmp_path):
    ledger = Ledger(tmp_path)
    session = SimpleNamespace(ledger=ledger)
    record = factories.record(files={})
    folder = tmp_path / record.task / record.run
    write(record, folder)
    ledger.add_run(record, folder)
    run = SimpleNamespace(spec=specs.spec(tuned=STAYED), folder=folder)
    for _ in range(2):  # the second time it says so already
        with_cost_in_ledger(session, run, read(folder / "result.json"))
    (one,) = entries(tmp_path)
    assert [line.record for line in one.lines][1:] == [verify(folder / "result.json").seal]
    assert len(one.lines) == 2


def test_no_cost_is_written_into_the_record_of_a_failure(tmp_path):
    failed = factories.failed()
    assert with_cost(SimpleNamespace(spec=specs.spec(tuned=STAYED), folder=tmp_path), failed) == failed
    assert list(tmp_path.iterdir()) == []


def test_a_search_that_its_budget_ends_says_what_is_unfinished_and_was_spent_on_it():
    assert ended(ledger("nan", "oom")) == "2 of at most 6 trials have ended"
    now = ledger("nan", "", "")
    cut = [*now.trials[:1], *(msgspec.structs.replace(trial, duration_s=20.5) for trial in now.trials[1:])]
    now = msgspec.structs.replace(now, trials=cut)
    assert ended(now) == "1 of at most 6 trials have ended, 2 unfinished after 41.0 s"


@pytest.mark.parametrize("cause", ["data", "plugin"])
def test_what_the_default_cannot_be_trained_for_ends_the_search(cause, tmp_path):
    check_default(ledger(), tmp_path)
    check_default(ledger("nan", cause), tmp_path)
    with pytest.raises(ConfigError, match=r"it cannot be \(trial 0, the default, failed of it: .* remove"):
        check_default(ledger(cause), tmp_path)


def begun(folder, *causes):
    """A folder with the ledger of a search."""
    with locked(folder, SEARCH) as held:
        for event in ledger(*causes).events:
            held.append(event)
    return folder


class Idle:
    """A pool of one worker that finds nothing more to do, and counts how often it was asked."""

    def __init__(self):
        self.workers = [self]
        self.asked = 0

    def search(self, folder):
        """A call that finds the search in a folder."""
        display = ConsoleDisplay(Console(file=io.StringIO()))
        return searched(Session(requested(**PLACES), display, None, self, None), display, folder, SEARCH, {}, None)

    def serve(self, request, watch, timeout_s):
        self.asked += 1
        return answered(Ending("exhausted", None))

    def stop(self):
        pass


def test_a_default_that_could_not_run_ends_the_search_when_the_line_is_given_again_too(tmp_path):
    pool = Idle()
    with pytest.raises(ConfigError, match="it cannot be"):
        pool.search(begun(tmp_path, "data"))
    assert pool.asked == 0


def test_a_disk_that_is_full_at_the_end_of_a_search_is_one_clear_line(tmp_path, monkeypatch):
    opened = Path.open

    def full(path, mode="r", *more, **others):
        if path.name.startswith("trials.") and "w" in mode:  # the file is written under a name of its own first
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return opened(path, mode, *more, **others)

    begun(tmp_path, "nan")
    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StorageError, match=r"the disk is full at .*trials\.csv;"):
        Idle().search(tmp_path)


def test_a_task_file_that_cannot_be_written_whole_leaves_the_one_that_was_there(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text("what was found before")
    tuning = Tuning(Session(requested(**PLACES), None, None, None, None), task(), None, None, tmp_path, mine)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))  # bytes: the rest fits no more
    try:
        with pytest.raises(OSError, match="File too large"):
            write_task(tuning, specs.spec())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert mine.read_text() == "what was found before"
    write_task(tuning, specs.spec())
    assert tomllib.loads(mine.read_text())["title"] == tuning.task.title
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


@pytest.mark.parametrize("name", ["mine.toml", "link.toml"])
def test_what_is_found_is_never_written_over_the_task_that_is_tuned(tmp_path, monkeypatch, bench_in_process, name):
    (tmp_path / "mine.toml").write_text("a task")
    (tmp_path / "link.toml").symlink_to("mine.toml")
    monkeypatch.setattr(Pool, "__enter__", lambda pool: pytest.fail("work began"))
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    line = ("tune", "--task", tmp_path / "mine.toml", "--results", tmp_path / "results", "-o", tmp_path / name)
    code, out, err = bench_in_process(*line)
    assert (code, out) == (2, "")
    assert re.search(rf"-o .*{name} is the task file that --task reads, .* as .*tuned.toml", err)


@pytest.mark.parametrize(("tuner", "trials", "told"), [("hyperband", 6, 1), ("hyperband", 8, 0), ("random", 6, 0)])
def test_hyperband_with_few_trials_says_that_it_is_random_search(tuner, trials, told):
    shown = []
    session = Session(requested(**PLACES), SimpleNamespace(say=shown.append), None, None, None)
    target = SimpleNamespace(spec=specs.spec(training=Training(epochs=16)), digest=lambda index: "digest")
    wide = task(tuning=TuningTable(searched=["training"]))
    search_of(session, wide, target, SimpleNamespace(options=lambda kind, name: ()), tuner, trials)
    assert "\n".join(shown).count("fewer than Hyperband's smallest bracket (8, of up to 16 epochs)") == told


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


def test_a_search_from_end_to_end(tmp_path, tmp_path_factory):
    """Two trials; the run of what was found is there already, and its record and the table tell what it cost."""
    bench = untrained(tmp_path_factory, Bench(tmp_path))
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
        assert {"value", "low", "high", "n"} <= set(found["validation"]) & set(found["test"])
