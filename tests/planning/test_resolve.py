"""From flags and a task to specifications, and what is refused before anything runs; no process is started."""

import msgspec
import pytest

from benchmark.planning.components import Descriptions
from benchmark.planning.description import Description
from benchmark.planning.graph import Traits
from benchmark.planning.resolve import _check_masks, choose, resolve
from benchmark.records.summary import DatasetSummary
from benchmark.tasks.schema import Component, Features, PipelineFile, Split, Task, Training
from benchmark.tasks.spec import DatasetChoice, Runtime, VoteSpec
from registry.errors import ConfigError, DataError, OptionError, RefusedError, UnknownNameError
from registry.options import Option, Range
from tests.specs import index

DENSE = {"units": 224, "dropout": 0.2}
NO_FLAGS = {"segmenter": [], "backbone": [], "head": [], "voter": []}
OPTIONS = {
    ("segmenter", "none"): (),
    ("segmenter", "dataset"): (),
    ("segmenter", "unet"): (Option("filters", 8, ("int",), (), Range(4, 64)),),
    ("backbone", "sepcnn"): (Option("filters", 16, ("int",), (), Range(8, 64)),),
    ("backbone", "xception"): (Option("weights", "imagenet", ("str", "none")),),
    ("backbone", "onnx"): (Option("path", "", ("str",)),),
    ("head", "dense"): (Option("units", 224, ("int",)), Option("dropout", 0.2, ("float",), (), Range(0, 0.5))),
    ("head", "sepconv"): (Option("filters", 64, ("int",)),),
    ("head", "majority"): (),
    ("voter", "soft"): (),
    ("voter", "hard"): (),
}
TRAITS = {
    "none": {"whole_frame": True},
    "unet": {"trains": True},
    "dataset": {"reads_dataset_masks": True},
    "majority": {"classical": True},
    "onnx": {"untrained": True},
}


PRETRAINED = {"learning_rate": 0.0004, "epochs": 7}


def asked_in_vain(components):
    raise AssertionError("everything is described")


@pytest.fixture
def described(tmp_path):
    known = Descriptions(tmp_path / "descriptions", asked_in_vain, index())
    for (kind, name), options in OPTIONS.items():
        own = PRETRAINED if name == "xception" else {}
        known.known[kind, name] = Description(kind, name, "", options, TRAITS.get(name, {}), own)
    return known


def task(*pipelines, **changes):
    files = [PipelineFile(*names) for names in pipelines or [("unet", "sepcnn", "dense")]]
    made = Task("a title", "balanced-accuracy", {"rest": ["*"], "COVID": ["COVID"]}, files, positive="COVID")
    return msgspec.structs.replace(made, **changes)


def summary(**changes):
    labels = ["COVID", "Normal"]
    made = DatasetSummary(
        "phantom", {}, "d" * 64, labels, dict.fromkeys(labels, 50), {}, [], "CC0", "synthetic", 100, None
    )
    return msgspec.structs.replace(made, **{"groups": dict.fromkeys(labels, 40), **changes})


def resolved(described, which=None, flags=None, forced=None, seeds=(0,), data=None):
    which, forced = which or task(), forced or {}
    if forced:
        which = msgspec.structs.replace(which, options=forced)
    chosen = choose(which, {**NO_FLAGS, **(flags or {})}, forced)
    choice = DatasetChoice("phantom")
    return resolve(
        which, "binary", chosen, choice, data or summary(), described, forced=forced, seeds=seeds, runtime=Runtime()
    )


def names(chosen):
    return ["+".join(str(component) for component in parts.values()) for parts in chosen]


def test_without_flags_the_tasks_pipelines_are_compared():
    both = task(("unet", "sepcnn", "dense"), ("none", "xception[cut=36]", "sepconv"))
    assert names(choose(both, NO_FLAGS, {}).pipelines) == ["unet+sepcnn+dense", "none+xception[cut=36]+sepconv"]


def test_flags_replace_components_and_their_product_is_compared_once_each():
    both = task(("unet", "sepcnn", "dense"), ("none", "sepcnn", "dense"))
    flags = {**NO_FLAGS, "segmenter": ["unet"], "head": ["dense", "sepconv"]}
    assert names(choose(both, flags, {}).pipelines) == ["unet+sepcnn+dense", "unet+sepcnn+sepconv"]


def test_an_unknown_component_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownNameError, match="no head named 'dens'; did you mean dense"):
        choose(task(), {**NO_FLAGS, "head": ["dens"]}, {})


def test_every_option_of_every_component_is_resolved(described):
    (spec,) = resolved(described, task(("unet", "sepcnn[filters=8]", "dense")))
    assert spec.segmenter == Component("unet", {"filters": 8})
    assert spec.backbone == Component("sepcnn", {"filters": 8})
    assert spec.head == Component("dense", {"units": 224, "dropout": 0.2})


def test_there_is_a_specification_for_every_pipeline_and_seed(described):
    specs = resolved(described, flags={"head": ["dense", "sepconv"]}, seeds=(0, 3))
    assert [(spec.head.name, spec.seed) for spec in specs] == [
        ("dense", 0),
        ("sepconv", 0),
        ("dense", 3),
        ("sepconv", 3),
    ]


def test_a_default_that_is_written_out_is_not_another_pipeline(described):
    assert len(resolved(described, flags={"head": ["dense", "dense[units=224]"]})) == 1


@pytest.mark.parametrize(
    ("bracket", "flag", "forced", "units"),
    [
        ("dense", [], {}, 224),
        ("dense[units=64]", [], {}, 64),
        ("dense[units=64]", [], {"units": 128}, 128),  # a flag beats the file
        ("dense[units=64]", ["dense"], {}, 224),  # a component given anew starts from its defaults
        ("dense[units=64]", ["dense"], {"units": 128}, 128),
        ("dense[units=64]", ["dense[units=32]"], {"units": 128}, 32),  # and the nearest flag the others
    ],
)
def test_options_in_a_flags_brackets_beat_set_which_beats_the_file(described, bracket, flag, forced, units):
    which = task(("unet", "sepcnn", bracket))
    (spec,) = resolved(described, which, {"head": flag}, {"head": forced} if forced else {})
    assert spec.head.options["units"] == units


def test_an_option_set_for_a_kind_reaches_the_components_that_have_it(described):
    specs = resolved(described, flags={"backbone": ["sepcnn", "xception"]}, forced={"backbone": {"weights": "none"}})
    assert [spec.backbone.options for spec in specs] == [{"filters": 16}, {"weights": None}]


def test_an_option_that_no_chosen_component_has_is_refused(described):
    with pytest.raises(OptionError, match=r"no chosen backbone \(sepcnn\) has an option 'weights'; they have: filters"):
        resolved(described, forced={"backbone": {"weights": "none"}})


@pytest.mark.parametrize(
    ("flag", "error", "message"),
    [
        ("dense[unit=64]", UnknownNameError, "did you mean units"),
        ("dense[dropout=0.9]", OptionError, r"lies in \[0, 0.5\], received 0.9"),
        ("dense[units=many]", OptionError, "takes int, received 'many'"),
    ],
)
def test_an_option_is_checked_before_anything_runs(described, flag, error, message):
    with pytest.raises(error, match=message):
        resolved(described, flags={"head": [flag]})


def test_masks_that_give_the_class_away_are_refused_for_the_segmenter_that_reads_them(described):
    leak = summary(masks_leak="only COVID has masks")
    with pytest.raises(RefusedError, match=r"--segmenter dataset would give the class away: only COVID has masks"):
        resolved(described, flags={"segmenter": ["dataset"]}, data=leak)
    assert len(resolved(described, data=leak)) == 1
    assert len(resolved(described, flags={"segmenter": ["dataset"]})) == 1


def test_a_class_with_fewer_patients_than_parts_is_refused(described):
    with pytest.raises(DataError, match="too few patients: COVID has 3"):
        resolved(described, data=summary(groups={"COVID": 3, "Normal": 50}))


def test_a_metric_that_nobody_measures_is_refused_with_the_nearest(described):
    with pytest.raises(UnknownNameError, match="did you mean balanced-accuracy"):
        resolved(described, task(metric="balanced-acuracy"))


def test_a_segmenter_that_learns_from_masks_is_refused_where_there_are_none():
    summary = DatasetSummary("images", {}, "d", ["a", "b"], {"a": 9, "b": 9}, {}, [], "", "", 18, None, masks=0)
    for traits in (Traits(trains=True), Traits(reads_dataset_masks=True)):
        with pytest.raises(ConfigError, match="needs lung masks, and dataset 'images' has none; use --segmenter none"):
            _check_masks("unet", traits, summary)
    _check_masks("threshold", Traits(), summary)


def test_a_task_without_pipelines_says_which_flags_stand_in_for_them():
    bare = Task(title="t", metric="accuracy", classes="labels")
    with pytest.raises(ConfigError, match=r"no .*pipelines.*: --backbone NAME --head NAME"):
        choose(bare, {**NO_FLAGS, "segmenter": ["none"]}, {})


def test_voters_join_all_pipelines_of_a_seed(described):
    both = task(("unet", "sepcnn", "dense"), ("none", "sepcnn", "sepconv"), voters=["soft"])
    specs = resolved(described, both, {"voter": ["soft", "hard"]}, seeds=(0, 1))
    votes = [spec for spec in specs if isinstance(spec, VoteSpec)]
    assert [(spec.voter.name, spec.seed) for spec in votes] == [("soft", 0), ("hard", 0), ("soft", 1), ("hard", 1)]
    assert list(votes[0].members) == ["unet+sepcnn+dense", "none+sepcnn+sepconv"]
    assert [votes[0].column(name) for name in votes[0].members] == [None, None]
    assert votes[2].members["unet+sepcnn+dense"] == specs[4]


def test_one_vs_all_has_a_member_per_class_and_the_direct_model_beside_them(described):
    labels = ["COVID", "Normal", "Lung_Opacity"]
    which = task(classes="labels", positive=None, scheme="one-vs-all", voters=["soft"])
    data = summary(labels=labels, groups=dict.fromkeys(labels, 9), counts=dict.fromkeys(labels, 9))
    direct, vote = resolved(described, which, data=data)
    assert vote.reference == direct
    assert {name: member.classes for name, member in vote.members.items()} == {
        "COVID": {"not COVID": ["Normal", "Lung_Opacity"], "COVID": ["COVID"]},
        "Normal": {"not Normal": ["COVID", "Lung_Opacity"], "Normal": ["Normal"]},
        "Lung_Opacity": {"not Lung_Opacity": ["COVID", "Normal"], "Lung_Opacity": ["Lung_Opacity"]},
    }
    assert [vote.column(name) for name in vote.members] == [0, 1, 2]


def test_two_labels_make_two_members(described):
    which = task(classes="labels", positive=None, scheme="one-vs-all", voters=["soft"])
    _, vote = resolved(described, which)
    assert [(vote.column(name), vote.members[name].classes) for name in vote.members] == [
        (0, {"not COVID": ["Normal"], "COVID": ["COVID"]}),
        (1, {"not Normal": ["COVID"], "Normal": ["Normal"]}),
    ]


@pytest.mark.parametrize(
    ("changes", "flags", "message"),
    [
        ({"scheme": "one-vs-all"}, {}, r"nothing says how they vote; add voters = ..soft.. to the task, or --voter"),
        ({}, {"voter": ["soft"]}, "joins two pipelines or more, received one"),
    ],
)
def test_a_vote_without_voters_or_members_is_refused(changes, flags, message):
    with pytest.raises(ConfigError, match=message):
        choose(task(**changes), {**NO_FLAGS, **flags}, {})


def test_a_classical_head_reads_the_features_of_the_network_with_the_tasks_features_head(described):
    (learnt,) = resolved(described, flags={"head": ["majority"]})
    assert (learnt.classical, learnt.features_head, learnt.trained_head) == (True, *[Component("dense", DENSE)] * 2)
    frozen = task(features=Features(head="none"))
    (frozen,) = resolved(described, frozen, {"head": ["majority"]})
    assert (frozen.classical, frozen.features_head, frozen.trains_network) == (True, None, False)
    (network,) = resolved(described)
    assert (network.classical, network.features_head, network.trained_head) == (False, None, Component("dense", DENSE))


def test_a_backbone_that_is_no_network_is_trained_with_no_head_whatever_the_task_says(described):
    both = {"backbone": ["sepcnn", "onnx[path=a.onnx]"], "head": ["majority"]}
    trained, given = resolved(described, flags=both)
    assert trained.features_head == Component("dense", DENSE)
    assert (given.features_head, given.trains_network) == (None, False)
    with pytest.raises(ConfigError, match=r"--backbone onnx gives features and no map .* received --head dense; use"):
        resolved(described, flags={"backbone": ["onnx[path=a.onnx]"]})


def test_a_features_head_that_is_no_network_is_refused(described):
    with pytest.raises(ConfigError, match=r"features\.head is the head, a network.* 'majority' is none"):
        resolved(described, task(features=Features(head="majority")), {"head": ["majority"]})


def test_too_few_patients_for_the_folds_are_refused(described):
    with pytest.raises(DataError, match="of each of 5 folds, so 5 or more; use fewer folds"):
        resolved(described, task(split=Split(folds=5)), data=summary(groups={"COVID": 4, "Normal": 50}))


@pytest.mark.parametrize(
    ("backbone", "changes", "expected"),
    [
        ("xception", {}, (0.0004, 7)),
        ("xception[weights=none]", {}, (0.003, 15)),
        ("sepcnn", {}, (0.003, 15)),
        ("xception", {"overridden": ["epochs"], "training": Training(epochs=2)}, (0.0004, 2)),
        ("xception", {"overridden": ["learning_rate"], "training": Training(learning_rate=0.02)}, (0.02, 7)),
    ],
)
def test_a_backbone_says_how_its_published_weights_are_trained_and_the_user_has_the_last_word(
    described, backbone, changes, expected
):
    (spec,) = resolved(described, task(("none", backbone, "dense"), **changes))
    assert (spec.training.learning_rate, spec.training.epochs) == expected
