import re
from pathlib import Path

import pytest

from benchmark.tasks.places import find_task
from benchmark.tasks.reading import in_no_class, parse_assignment, parse_component, read_task, resolve_classes
from benchmark.tasks.schema import Component
from benchmark.tasks.spec import target_of
from registry.errors import ConfigError, UnknownNameError

CONFIGS = Path(__file__).parents[2] / "configs"
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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_task_file_is_read_as_editors_and_shells_write_it(tmp_path, encoding):
    path = tmp_path / "mine.toml"
    path.write_bytes(MINIMAL.replace('"t"', '"Lungenentzündung ₂"').replace("\n", "\r\n").encode(encoding))
    assert read_task(path, CONFIGS / "defaults.toml", quick=False, overrides={}).title == "Lungenentzündung ₂"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\xff\xfe\x00\xd8", b"\xfe\xff", b'title = "\xe9"', b"\x00"])
def test_what_is_no_text_is_no_task_file(tmp_path, content):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"is not TOML|is missing"):
        read_task(path, CONFIGS / "defaults.toml", quick=False, overrides={})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[training]\nepoch = 3\n", "unknown key 'epoch' in [training]; did you mean 'epochs'?"),
        ("[trainig]\nepochs = 3\n", "unknown key 'trainig' in [the top level]; did you mean 'training'?"),
        ('[training]\nepochs = "three"\n', "mine.toml: training.epochs is a whole number, received text 'three'"),
        ("[training]\nepochs = 3.5\n", "training.epochs is a whole number, received 3.5"),
        ("training = 3\n", "mine.toml: training is a table, received 3"),
        ('voters = "soft"\n', "mine.toml: voters is a list, received text 'soft'"),
        ("[split]\ntrain = true\n", "split.train is a number, received true"),
        ("[split]\ntrain = 2020-01-01\n", "split.train is a number, received 2020-01-01"),
        ("positive = 3\n", "positive is text, received 3"),
        ("[[pipeline]]\nhead = 3\n", "unknown key 'pipeline' in [the top level]; did you mean 'pipelines'?"),
        ("[options.head]\ndropout = [1]\n", "options.head.dropout is true or false, a number or text, received a list"),
        ("[options.heed]\ndropout = 1\n", "unknown key 'heed' in [options]; did you mean 'head'?"),
        ('[tuning]\nsearched = ["head", "hed"]\n', "augmentation, images, received 'hed'"),
        ('[tuning]\nsearched = "head"\n', "tuning.searched is a list, received text 'head'"),
        ('scheme = "both"\n', "scheme is one of direct, one-vs-all, received 'both'"),
        ("quick = 3\n", "[quick] is a table, received 3"),
        (
            '[tuning.space]\n"head.dropout" = [0.1, 0.3]\n',
            """tuning.space."head.dropout" is a table, true or false, a number or text, received a list""",
        ),
        (
            '[tuning.space]\n"head.dropout" = {lo = 0.1}\n',
            """unknown key 'lo' in [tuning.space."head.dropout"]; did you mean 'low'?""",
        ),
        (
            "[tuning.space.head]\ndropout = 0.2\n",
            '[tuning.space] names a setting by one quoted key, as "head.dropout" = {low = 0.1, high = 0.5}; '
            "received a table [tuning.space.head]",
        ),
        ("[tuning.space]\nhead.dropout = {low = 0.1}\n", 'one quoted key, as "head.dropout" = {low = 0.1, high = 0.5}'),
        ("[images]\nsize = 100\n", "is a multiple of 16 from 32 to 2048 pixels, received 100"),
        ("[split]\ntrain = 0.9\n", "sum to 1"),
        ("[quick.training]\nepoch = 3\n", "unknown key 'epoch'"),
        ('[training]\nbalance = "batch"\n', "training.balance is one of batches, weights, none, received 'batch'"),
        ("= 3\n", "is not TOML"),
        ("[split]\ntrain = nan\n", "needs train, validation and test above 0"),
        ('"" = 1\n', "unknown key '' in [the top level]"),
        ("[images]\nmask = 3\n", "images.mask is one of multiply, crop, mean-fill, received 3"),
        ("[training]\nepochs = 0\n", "epochs is 1 or more, received 0 (at training)"),
        ("[split]\nseed = -1\n", "split.seed is a whole number >= 0 and < 4294967296, received -1"),
        (
            '[segmentation]\nseed = "trained"\n',
            "segmentation.seed is a whole number >= 0 and < 4294967296 or one of training, received 'trained'",
        ),
        ("[segmentation]\nseed = -1\n", "segmentation.seed is a whole number >= 0"),
        ("[augmentation]\nrotated = 7\n", "rotated in [0, 1]"),
        ("[augmentation]\nrotation = nan\n", "rotation in [0, 0.5]"),
        ("[training]\nminimum_steps = -1\n", "minimum_steps is 0 or more, received -1"),
        (
            "[training]\npatience = 3\n",
            "key 'patience' in [training] is no more: the schedule has a fixed length now and nothing is stopped or "
            "chosen by validation; leave it out, and say how long with epochs or minimum_steps",
        ),
        ("[segmentation]\ndecay = 0.3\n", "key 'decay' in [segmentation] is no more: the schedule has a fixed length"),
        ("[quick.training]\npatience = 3\n", "key 'patience' in [training] is no more"),
        ("[training]\nvalidation_share = 1.0\n", "validation_share lies between 0 and 1, received 1"),
        ('overridden = ["epochs"]\n', "unknown key 'overridden' in [the top level]"),
        ('[features]\ncarrier = "dense"\n', "key 'carrier' in [features] is called 'head' now; rename it"),
        ('[split]\ngrouping = "naive"\n', "split.grouping = 'naive' is called 'image-level' now; write that"),
        ('[quick.features]\ncarrier = "dense"\n', "key 'carrier' in [features] is called 'head' now; rename it"),
    ],
)
def test_a_mistake_in_a_task_file_says_where_it_is(tmp_path, text, words):
    with pytest.raises(ConfigError) as caught:
        task(tmp_path, text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_laptop_setting_takes_back_nothing_that_a_task_says_of_its_search(tmp_path):
    assert task(tmp_path, "", quick=True).tuning.trials == 7
    own = task(tmp_path, '[tuning]\ntrials = 3\nsearched = ["images"]\n', quick=True).tuning
    assert (own.trials, own.searched, own.tuner) == (3, ["images"], "hyperband")
    assert task(tmp_path, "[tuning]\ntrials = 3\n[quick.tuning]\ntrials = 2\n", quick=True).tuning.trials == 2


def test_flags_beat_quick_beats_the_file_beats_the_defaults(tmp_path):
    text = "[training]\nepochs = 3\n[quick.training]\nepochs = 2\n"
    assert task(tmp_path, "").training.epochs == 15
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


@pytest.mark.parametrize("text", ["tuning.space=3", "tuning.space.head.dropout=.3", "tuning.space.head=3"])
def test_set_reaches_no_space_of_a_search_and_says_where_it_is_said(text):
    with pytest.raises(ConfigError, match=r"below \[tuning.space\], as \"head.dropout\" = {low = 0.1, high = 0.5}; "):
        parse_assignment(text)


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("features.carrier=dense", "--set: key 'carrier' in [features] is called 'head' now; rename it"),
        ("split.grouping=naive", "--set: split.grouping = 'naive' is called 'image-level' now; write that"),
    ],
)
def test_a_setting_given_by_its_old_name_says_the_new_one(tmp_path, flag, words):
    with pytest.raises(ConfigError) as caught:
        task(tmp_path, "", overrides=parse_assignment(flag))
    assert str(caught.value) == words


def test_what_a_flag_gives_of_a_wrong_type_is_told_of_the_flag(tmp_path):
    with pytest.raises(ConfigError, match=r"--set: training\.epochs is a whole number, received text 'abc'"):
        task(tmp_path, "", overrides=parse_assignment("training.epochs=abc"))


def classes_of(tmp_path, classes, labels=LABELS, separator=None):
    path = tmp_path / "mine.toml"
    path.write_text(f'title = "t"\nmetric = "accuracy"\npipelines = []\n[classes]\n{classes}\n')
    return resolve_classes(read_task(path, CONFIGS / "defaults.toml", quick=False, overrides={}), labels, (), separator)


def test_a_star_takes_every_other_label(tmp_path):
    classes = classes_of(tmp_path, 'rest = ["*"]\nCOVID = ["COVID"]')
    assert classes == {"rest": LABELS[1:], "COVID": ["COVID"]}
    assert target_of(classes) == {"COVID": 1, "Lung_Opacity": 0, "Normal": 0, "Viral Pneumonia": 0}


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ('rest = ["*"]\nCOVID = ["covid"]', "which the dataset lacks"),
        ('a = ["COVID"]\nb = ["Normal"]', "is in no class of the task; add it to one"),
        ('a = ["*"]\nb = ["*"]', "belongs to two classes"),
        ('a = ["*"]', "needs two"),
        ('a = "COVID"\nrest = ["*"]', "classes.a is a list, received text 'COVID'"),
        ('rest = ["*"]\n"a c" = ["COVID", 3]', r'classes."a c"\[1\] is text, received 3'),
    ],
)
def test_classes_must_divide_the_labels(tmp_path, classes, words):
    with pytest.raises(ConfigError, match=words):
        classes_of(tmp_path, classes)


def test_a_label_in_no_class_has_two_remedies(tmp_path):
    with pytest.raises(ConfigError) as told:
        classes_of(tmp_path, 'a = ["COVID", "Lung_Opacity"]\nb = ["Normal"]')
    assert str(told.value) == (
        'label Viral Pneumonia is in no class of the task; add it to one ("*" takes the rest), or leave its images '
        "out with --ignore 'Viral Pneumonia', or ignore = [\"Viral Pneumonia\"] beside [classes]"
    )


def test_a_label_is_in_a_class_or_ignored(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        MINIMAL.replace('classes = "labels"', 'ignore = ["Normal"]') + '[classes]\na = ["COVID"]\nb = ["*"]\n'
    )
    read = read_task(path, CONFIGS / "defaults.toml", quick=False, overrides={})
    assert read.ignore == ["Normal"]
    assert resolve_classes(read, ["COVID", "Lung_Opacity"], read.ignore) == {"a": ["COVID"], "b": ["Lung_Opacity"]}
    with pytest.raises(ConfigError, match="label COVID is in a class of the task and is ignored; leave it out of"):
        resolve_classes(read, ["Lung_Opacity"], ["COVID"])


def test_commas_in_brackets_separate_no_options():
    assert parse_component(r"folder[patient=p(\d{1,3})[a,b],level=1]").options == {
        "patient": r"p(\d{1,3})[a,b]", "level": 1,
    }  # fmt: skip


FINDINGS = ["No Finding", "Effusion", "Mass", "Effusion|Mass", "Effusion|Pneumonia", "Effusion|Mass|Nodule"]


def test_a_film_with_several_findings_belongs_to_the_one_class_that_takes_any_of_them(tmp_path):
    classes = classes_of(tmp_path, 'Fluid = ["Effusion"]\nRest = ["*"]', FINDINGS, "|")
    assert classes == {
        "Fluid": ["Effusion", "Effusion|Mass", "Effusion|Pneumonia", "Effusion|Mass|Nodule"],
        "Rest": ["No Finding", "Mass"],
    }


def test_a_film_with_findings_of_two_classes_belongs_to_none(tmp_path):
    classes = classes_of(tmp_path, 'Fluid = ["Effusion"]\nSolid = ["Mass"]\nRest = ["*"]', FINDINGS, "|")
    assert classes == {"Fluid": ["Effusion", "Effusion|Pneumonia"], "Solid": ["Mass"], "Rest": ["No Finding"]}


def test_a_class_may_take_a_combination_of_findings_by_its_name(tmp_path):
    classes = classes_of(tmp_path, 'Both = ["Effusion|Mass"]\nRest = ["*"]', FINDINGS, "|")
    assert classes["Both"] == ["Effusion|Mass"]
    assert "Effusion|Mass|Nodule" in classes["Rest"]


def test_a_finding_that_never_stands_alone_can_be_a_class(tmp_path):
    classes = classes_of(tmp_path, 'Lung = ["Pneumonia"]\nRest = ["*"]', FINDINGS, "|")
    assert classes["Lung"] == ["Effusion|Pneumonia"]


def test_every_finding_that_stands_alone_is_a_class_where_labels_are_the_classes(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL)
    every = read_task(path, CONFIGS / "defaults.toml", quick=False, overrides={})
    assert list(resolve_classes(every, FINDINGS, separator="|")) == ["No Finding", "Effusion", "Mass"]


def test_a_task_may_leave_out_what_no_class_takes(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'title = "t"\nmetric = "accuracy"\nignore = ["*"]\n[classes]\nFluid = ["Effusion"]\nNone = ["No Finding"]\n'
    )
    leaving = read_task(path, CONFIGS / "defaults.toml", quick=False, overrides={})
    assert in_no_class(leaving, FINDINGS, "|") == ["Mass"]
    assert in_no_class(leaving, ["No Finding", "Effusion", "Mass"], None) == ["Mass"]
    assert resolve_classes(leaving, FINDINGS[:3])["Fluid"] == ["Effusion"]


def test_a_finding_alone_that_no_class_takes_is_still_an_error(tmp_path):
    with pytest.raises(ConfigError, match="label Mass is in no class of the task; add it to one"):
        classes_of(tmp_path, 'Fluid = ["Effusion"]\nNone = ["No Finding"]', FINDINGS, "|")


def test_what_a_task_file_lacks_is_named(tmp_path):
    path = tmp_path / "mine.toml"
    for text, words in (
        ('metric = "accuracy"\nclasses = "labels"\n', "mine.toml: key 'title' is missing at the top level"),
        (MINIMAL.replace("[]", '[{segmenter = "none", head = "dense"}]'), "key 'backbone' is missing in pipelines[0]"),
        (MINIMAL.replace('"labels"', '"lbls"'), "classes is a table or one of labels, received 'lbls'"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=re.escape(words)):
            read_task(path, CONFIGS / "defaults.toml", quick=False, overrides={})


def test_a_task_knows_which_settings_of_its_training_are_not_the_defaults(tmp_path):
    text = "[training]\nepochs = 3\n[quick.training]\nbatch_size = 8\n"
    assert task(tmp_path, "").overridden == []
    assert task(tmp_path, text).overridden == ["epochs"]
    laptop = task(tmp_path, text, quick=True).overridden
    assert set(laptop) == {"epochs", "batch_size", "minimum_steps"}
    assert task(tmp_path, "", overrides={"training": {"learning_rate": 0.1}}).overridden == ["learning_rate"]


@pytest.mark.parametrize("value", ["[" * 3000 + "]" * 3000, "9" * 5000])
def test_a_value_without_end_is_an_error_of_one_line(tmp_path, value):
    (tmp_path / "deep.toml").write_text(f"title = {value}\n")
    with pytest.raises(ConfigError, match="is not TOML"):
        read_task(tmp_path / "deep.toml", CONFIGS / "defaults.toml", quick=False, overrides={})
