from pathlib import Path

import pytest

from benchmark.config import target_of
from benchmark.tables import Component
from benchmark.tasks import find_task, parse_assignment, parse_component, read_task, resolve_classes
from registry.errors import ConfigError, UnknownNameError

CONFIGS = Path(__file__).parent.parent / "configs"
LABELS = ["COVID", "Lung_Opacity", "Normal", "Viral Pneumonia"]
MINIMAL = 'title = "t"\nmetric = "accuracy"\nclasses = "labels"\npipelines = []\n'


def task(tmp_path, text, *, quick=False, overrides=None):
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL + text)
    return read_task(path, CONFIGS / "defaults.toml", quick=quick, overrides=overrides or {})


@pytest.mark.parametrize(
    "path", [path for path in CONFIGS.glob("*.toml") if path.stem != "defaults"], ids=lambda p: p.stem
)
@pytest.mark.parametrize("quick", [True, False])
def test_every_task_file_of_ours_is_valid(path, quick):
    assert read_task(path, CONFIGS / "defaults.toml", quick=quick, overrides={}).pipelines


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[training]\nepoch = 3\n", "unknown key 'epoch' in [training]; did you mean 'epochs'?"),
        ("[trainig]\nepochs = 3\n", "unknown key 'trainig' in [the top level]; did you mean 'training'?"),
        ('[training]\nepochs = "three"\n', "Expected `int`, got `str` (at training.epochs)".replace("`", "'")),
        ("[images]\nsize = 100\n", "is a multiple of 16 from 32 to 2048 pixels, received 100"),
        ("[split]\ntrain = 0.9\n", "sum to 1"),
        ("[quick.training]\nepoch = 3\n", "unknown key 'epoch'"),
        ('[training]\nbalance = "batch"\n', "training.balance is one of batches, weights, none, received 'batch'"),
        ("= 3\n", "is not TOML"),
        ("[split]\ntrain = nan\n", "needs train, validation and test above 0"),
        ("[split]\nseed = -1\n", ">= 0"),
        ("[augmentation]\nrotated = 7\n", "rotated in [0, 1]"),
        ("[augmentation]\nrotation = nan\n", "rotation in [0, 0.5]"),
        ("[training]\nminimum_steps = -1\n", "minimum_steps >= 0"),
    ],
)
def test_a_mistake_in_a_task_file_says_where_it_is(tmp_path, text, words):
    with pytest.raises(ConfigError) as caught:
        task(tmp_path, text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_laptop_setting_takes_back_nothing_that_a_task_says_of_its_search(tmp_path):
    assert task(tmp_path, "", quick=True).tuning.trials == 12
    own = task(tmp_path, '[tuning]\ntrials = 3\nsearched = ["images"]\n', quick=True).tuning
    assert (own.trials, own.searched, own.tuner) == (3, ["images"], "hyperband")
    assert task(tmp_path, "[tuning]\ntrials = 3\n[quick.tuning]\ntrials = 2\n", quick=True).tuning.trials == 2


def test_flags_beat_quick_beats_the_file_beats_the_defaults(tmp_path):
    text = "[training]\nepochs = 3\n[quick.training]\nepochs = 2\n"
    assert task(tmp_path, "").training.epochs == 60
    assert task(tmp_path, text).training.epochs == 3
    assert task(tmp_path, text, quick=True).training.epochs == 2
    assert task(tmp_path, text, quick=True, overrides={"training": {"epochs": 1}}).training.epochs == 1


def test_an_unknown_task_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean binary"):
        find_task("binray", CONFIGS)


def test_a_component_is_a_name_with_options():
    assert parse_component("xception[cut=36,weights=none]") == Component("xception", {"cut": 36, "weights": "none"})
    assert parse_component("dense") == Component("dense")
    for text in ("", "a[b", "a[b]"):
        with pytest.raises(ConfigError):
            parse_component(text)


def test_set_reaches_tables_and_components():
    assert parse_assignment("images.size=96") == {"images": {"size": 96}}
    assert parse_assignment("head.dropout=.3") == {"options": {"head": {"dropout": 0.3}}}
    with pytest.raises(ConfigError, match="expected table"):
        parse_assignment("size=96")


def classes_of(tmp_path, classes, labels=LABELS):
    path = tmp_path / "mine.toml"
    path.write_text(f'title = "t"\nmetric = "accuracy"\npipelines = []\n[classes]\n{classes}\n')
    return resolve_classes(read_task(path, CONFIGS / "defaults.toml", quick=False, overrides={}), labels)


def test_a_star_takes_every_other_label(tmp_path):
    classes = classes_of(tmp_path, 'rest = ["*"]\nCOVID = ["COVID"]')
    assert classes == {"rest": LABELS[1:], "COVID": ["COVID"]}
    assert target_of(classes) == {"COVID": 1, "Lung_Opacity": 0, "Normal": 0, "Viral Pneumonia": 0}


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ('rest = ["*"]\nCOVID = ["covid"]', "which the dataset lacks"),
        ('a = ["COVID"]\nb = ["Normal"]', "belongs to two classes or to none"),
        ('a = ["*"]\nb = ["*"]', "belongs to two classes"),
        ('a = ["*"]', "needs two"),
    ],
)
def test_classes_must_divide_the_labels(tmp_path, classes, words):
    with pytest.raises(ConfigError, match=words):
        classes_of(tmp_path, classes)
