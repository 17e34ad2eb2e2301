"""The task file of tuned settings: TOML that reads back as it was, and whose run is the trial's own."""

import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.planning.graph import Traits
from benchmark.planning.keys import plan
from benchmark.planning.resolve import choose, resolve
from benchmark.records.summary import DatasetSummary
from benchmark.tasks.reading import read_task
from benchmark.tasks.schema import Component
from benchmark.tasks.settings import with_settings
from benchmark.tasks.spec import DatasetChoice, Runtime
from benchmark.tasks.writing import task_file, toml
from benchmark.tuning.target import TuningTarget
from registry.errors import ConfigError
from tests.factories import tuned
from tests.planning.test_resolve import NO_FLAGS, described  # noqa: F401 -- a fixture
from tests.specs import index, spec

ROOT = Path(__file__).parents[2]
DEFAULTS = ROOT / "configs" / "defaults.toml"
VALUES = {"head.dropout": 0.123456, "training.learning_rate": 1.7e-05, "training.batch_size": 24, "images.size": 96}

scalars = st.one_of(
    st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False, allow_infinity=False), st.text()
)
keys = st.text(min_size=1)


@given(st.dictionaries(keys, st.one_of(scalars, st.lists(scalars), st.dictionaries(keys, scalars))))
def test_what_is_written_reads_back_as_it_was(content):
    assert tomllib.loads(toml(content)) == content


def test_tables_of_three_levels_read_back():
    content = {
        "a": 1,
        "list": [{"x": "y"}, {"x": "z"}],
        "t": {"n": 1e-07, "u": {"v.w": {"choices": ["a", 2], "b": True}}},
    }
    assert tomllib.loads(toml({**content, "absent": None})) == content


def summary():
    labels = ["COVID", "Normal"]
    counts = dict.fromkeys(labels, 50)
    return DatasetSummary("phantom", {}, "d" * 64, labels, counts, {}, [], "CC0", "synthetic", 100, None, groups=counts)


def resolved(path, described, *, quick):  # noqa: F811
    task = read_task(path, DEFAULTS, quick=quick, overrides={})
    chosen = choose(task, NO_FLAGS, {})
    choice = DatasetChoice("phantom", None, {"count": 100})
    (found,) = resolve(task, path.stem, chosen, choice, summary(), described, forced={}, seeds=[0], runtime=Runtime())
    return task, found


def identity(planned):
    """All of a plan but the specifications in it, which also say how a file is called and its settings were found."""
    return planned.digest, planned.pipeline_digest, planned.key, planned.roles(), planned.code


@pytest.fixture
def tuned_file(described, tmp_path):  # noqa: F811
    """A quick task, settings that a search may have found, and the file of them."""
    path = tmp_path / "mine.toml"
    path.write_text(
        'title = "mine"\nmetric = "accuracy"\n[classes]\n"not it" = ["*"]\nCOVID = ["COVID"]\n'
        '[[pipelines]]\nsegmenter = "unet"\nbackbone = "xception"\nhead = "dense"\n'
    )
    task, default = resolved(path, described, quick=True)
    best = with_settings(default, VALUES)
    cost = tuned(pipeline="unet+xception+dense", values=VALUES, finished=3, unfinished=2, stayed=True)
    file = tmp_path / "tuned.toml"
    file.write_text(task_file(task, msgspec.structs.replace(best, tuned=cost), task.dataset))
    return default, best, cost, file


@pytest.mark.parametrize("quick", [True, False])
def test_the_run_of_the_file_has_the_key_of_the_trial_in_any_setting(tuned_file, described, quick):  # noqa: F811
    default, _, cost, file = tuned_file
    _, found = resolved(file, described, quick=quick)
    assert found.tuned == cost
    traits = described.traits("segmenter", "unet")
    _, trial = TuningTarget(default, summary(), traits, "cache").trained(VALUES, index())
    again = plan(found, summary(), lambda name: traits, index())
    assert identity(again) == identity(trial)
    assert again.key != plan(default, summary(), lambda name: traits, index()).key
    assert found.backbone.options["weights"] is None  # of [quick], in which the search took place


def test_the_file_reads_the_same_images(tuned_file, tmp_path):
    *_, file = tuned_file
    task = read_task(DEFAULTS.parent / "nih14.toml", DEFAULTS, quick=False, overrides={})
    assert (task.reader, task.ignore) == ("table", ["*"])
    file.write_text(task_file(task, spec(), "phantom"))
    again = read_task(file, DEFAULTS, quick=True, overrides={})
    assert (again.reader, again.ignore) == (task.reader, task.ignore)


def test_how_settings_were_found_is_in_no_key_or_digest(tuned_file):
    _, best, cost, _ = tuned_file
    bare, marked = (msgspec.structs.replace(best, tuned=one) for one in (None, cost))
    assert bare.digest("d") == marked.digest("d")
    assert bare.pipeline_digest("d") == marked.pipeline_digest("d")
    plans = [plan(one, summary(), lambda name: Traits(), index()) for one in (bare, marked)]
    assert identity(plans[0]) == identity(plans[1])


def test_flags_on_a_tuned_file_make_it_another_pipeline(tuned_file, described):  # noqa: F811
    *_, file = tuned_file
    task = read_task(file, DEFAULTS, quick=True, overrides={"training": {"learning_rate": 0.5}})
    chosen = choose(task, NO_FLAGS, {})
    choice = DatasetChoice("phantom")
    (found,) = resolve(task, "t", chosen, choice, summary(), described, forced={}, seeds=[0], runtime=Runtime())
    assert (found.training.learning_rate, found.tuned) == (0.5, None)


def test_an_option_that_no_task_file_can_hold_is_refused(tuned_file, described):  # noqa: F811
    *_, file = tuned_file
    task = read_task(file, DEFAULTS, quick=False, overrides={})
    awkward = spec(backbone=Component("keras-file", {"path": "a,b=c.keras"}))
    with pytest.raises(ConfigError, match="cannot be written into a task file, because of a comma"):
        task_file(task, awkward, "phantom")


def test_the_tuning_tables_of_a_task_are_checked(tmp_path):
    path = tmp_path / "mine.toml"

    def read(text):
        path.write_text(f'title = "t"\nmetric = "accuracy"\nclasses = "labels"\n{text}')
        return read_task(path, DEFAULTS, quick=True, overrides={}).tuning

    assert "images" not in read("").searched
    found = read('[tuning]\ntuner = "grid"\n[tuning.space]\n"images.size" = {choices = [64, 96]}\n"head.dropout" = 0.2')
    assert (found.tuner, found.space["images.size"].choices, found.space["head.dropout"]) == ("grid", [64, 96], 0.2)
    for text, message in (
        ('[tuning]\ntuner = "magic"', "tuning.tuner is one of hyperband, bayesian, random, grid, received 'magic'"),
        ("[tuning]\ntrial = 3", "unknown key 'trial' in .tuning.; did you mean 'trials'"),
        ("[tuning]\ntrials = 0", "trials >= 1, received 0"),
        ('[tuning.space]\n"images.size" = {lo = 64}', "unknown key 'lo' in .*; did you mean 'low'"),
        ('[tuning]\nsearched = ["heads"]', r"tuning.searched\[0\] is one of segmenter, backbone, head"),
    ):
        with pytest.raises(ConfigError, match=message):
            read(text)


def test_what_is_searched_of_one_setting_is_one_decision(tmp_path):
    base = tmp_path / "base.toml"
    base.write_text('[tuning.space]\n"a.b" = {low = 1, high = 2}\n"c.d" = 3')
    path = tmp_path / "mine.toml"
    path.write_text('title = "t"\nmetric = "m"\nclasses = "labels"\n[tuning.space]\n"a.b" = {choices = [1]}')
    found = read_task(path, base, quick=False, overrides={}).tuning.space
    assert (found["a.b"].choices, found["a.b"].low, found["c.d"]) == ([1], None, 3)
