"""Keys: what each of them must change with, and what it must not."""

import re
from pathlib import Path

import msgspec
import pytest

from benchmark import describe
from benchmark import plan as planning
from benchmark.config import Component, DatasetChoice, Runtime
from benchmark.descriptions import Descriptions
from benchmark.executor import Outcome
from benchmark.plan import Traits, missing, pipeline_name, plan
from benchmark.runs import choose_pipelines, resolve
from benchmark.tasks import read_task
from registry.errors import UnknownNameError
from tests.specs import spec, survey

CONFIGS = Path(__file__).parent.parent / "configs"
TASKS = sorted(path for path in CONFIGS.glob("*.toml") if path.stem != "defaults")
STAGES = ("prepare", "split", "segmenter", "masks", "inputs", "fit", "predict", "explain", "record")
FROM_FIT = {"fit", "predict", "explain", "record"}
FROM_INPUTS = {"inputs"} | FROM_FIT
FROM_SEGMENTER = {"segmenter", "masks"} | FROM_INPUTS
NETWORK = Traits(trains=True)
UNTRAINED = Traits()
WHOLE = Traits(whole_frame=True)


def keys(planned):
    return {stage.name: stage.key for stage in planned.stages} | {"record": planned.key}


def changed(one, other):
    """Names of the stages whose keys differ between two plans."""
    before, after = keys(one), keys(other)
    assert list(before) == list(after)
    return {name for name in before if before[name] != after[name]}


def test_a_run_with_a_segmentation_network_has_every_stage_in_the_order_of_the_data():
    assert tuple(keys(plan(spec(), survey(), NETWORK))) == STAGES


def test_an_untrained_segmenter_has_no_training_and_the_whole_frame_no_masks():
    threshold = spec(segmenter=Component("threshold"))
    assert tuple(keys(plan(threshold, survey(), UNTRAINED))) == tuple(name for name in STAGES if name != "segmenter")
    whole = plan(spec(segmenter=Component("none")), survey(), WHOLE)
    assert tuple(keys(whole)) == ("prepare", "split", "fit", "predict", "explain", "record")


def test_the_same_specification_has_the_same_keys():
    assert plan(spec(), survey(), NETWORK) == plan(spec(), survey(), NETWORK)


def test_no_two_stages_share_a_key():
    found = keys(plan(spec(), survey(), NETWORK))
    assert len(set(found.values())) == len(found)


def table(name, **change):
    """The specification with one entry of one of its tables changed."""
    return {name: msgspec.structs.replace(getattr(spec(), name), **change)}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (table("images", size=128), set(STAGES)),
        (table("images", equalise="clahe"), set(STAGES)),
        (table("images", mask="crop"), FROM_INPUTS),
        (table("split", seed=1), set(STAGES) - {"prepare"}),
        (table("split", train=0.7, test=0.2), set(STAGES) - {"prepare"}),
        (table("split", grouping="naive"), set(STAGES) - {"prepare"}),
        ({"fold": 1}, set(STAGES) - {"prepare"}),
        (table("segmentation", epochs=3), FROM_SEGMENTER),
        (table("segmentation", seed=3), FROM_SEGMENTER),
        ({"segmenter": Component("unet", {"filters": 4, "dropout": 0.0})}, FROM_SEGMENTER),
        (table("training", epochs=3), FROM_FIT),
        (table("training", balance="weights"), FROM_FIT),
        (table("training", labels="shuffled"), FROM_FIT),
        (table("augmentation", flips="anatomical"), FROM_FIT),
        (table("augmentation", rotated=1.0), FROM_FIT),
        ({"backbone": Component("sepcnn", {"filters": 8, "kernel_size": 3})}, FROM_FIT),
        ({"backbone": Component("xception")}, FROM_FIT),
        ({"head": Component("dense", {"units": 224, "dropout": 0.3})}, FROM_FIT),
        ({"head": Component("sepconv")}, FROM_FIT),
        ({"seed": 1}, FROM_FIT),
        ({"classes": {"rest": ["Normal"], "COVID": ["COVID", "Lung_Opacity"]}}, FROM_FIT),
        ({"classes": {"COVID": ["COVID"], "rest": ["Normal", "Lung_Opacity"]}}, FROM_FIT),  # other target indices
        ({"classes": {"negative": ["Normal", "Lung_Opacity"], "COVID": ["COVID"]}}, {"explain", "record"}),
        (table("runtime", backend="jax"), FROM_SEGMENTER),
        (table("runtime", deterministic=True, threads=2), FROM_SEGMENTER),
        ({"positive": None}, {"record"}),
        ({"metric": "auroc"}, {"record"}),
        ({"resamples": 200}, {"record"}),
        ({"task": "another"}, set()),
        ({"title": "another title"}, set()),
        ({"dataset": DatasetChoice("phantom", "elsewhere", {"count": 96})}, set()),
        (table("dataset", skip_bad=True), set(STAGES)),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_a_setting_changes_exactly_the_keys_of_what_reads_it(change, expected):
    assert changed(plan(spec(), survey(), NETWORK), plan(spec(**change), survey(), NETWORK)) == expected


@pytest.mark.parametrize(
    "change", [table("segmentation", epochs=3), table("segmentation", seed=3)], ids=["epochs", "seed"]
)
@pytest.mark.parametrize("traits", [UNTRAINED, WHOLE], ids=["untrained", "whole-frame"])
def test_how_segmenters_are_trained_is_nothing_to_a_run_without_a_trained_one(change, traits):
    assert changed(plan(spec(), survey(), traits), plan(spec(**change), survey(), traits)) == set()


def test_how_masks_are_applied_is_nothing_to_a_run_without_masks():
    assert changed(plan(spec(), survey(), WHOLE), plan(spec(**table("images", mask="crop")), survey(), WHOLE)) == set()


def test_equalising_inside_the_lungs_leaves_preparation_and_masks_to_share():
    """The prepared images are raw then, which is what `none` prepares too."""
    raw, lungs = (plan(spec(**table("images", equalise=how)), survey(), NETWORK) for how in ("none", "lungs"))
    assert changed(raw, lungs) == FROM_INPUTS


def test_without_masks_equalising_inside_the_lungs_is_equalising_the_whole_frame():
    planned = plan(spec(**table("images", equalise="lungs")), survey(), WHOLE)
    assert tuple(keys(planned)) == ("prepare", "split", "inputs", "fit", "predict", "explain", "record")


@pytest.mark.parametrize("change", [{"digest": "e" * 64}, {"options": {"count": 97}}])
def test_other_data_change_everything(change):
    assert changed(plan(spec(), survey(), NETWORK), plan(spec(), survey(**change), NETWORK)) == set(STAGES)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("registry.datasets.phantom", set(STAGES)),
        ("registry.segmenters.unet", FROM_SEGMENTER),
        ("registry.backbones.sepcnn", FROM_FIT),
        ("registry.heads.dense", FROM_FIT),
        ("registry.backbones.xception", set()),
        ("registry.heads.sepconv", set()),
        ("benchmark.stages.prepare", set(STAGES)),
        ("benchmark.stages.split", set(STAGES) - {"prepare"}),
        ("benchmark.stages.segmenter", FROM_SEGMENTER),
        ("benchmark.stages.masks", FROM_SEGMENTER - {"segmenter"}),
        ("benchmark.stages.inputs", FROM_INPUTS),
        ("benchmark.stages.fit", FROM_FIT),
        ("benchmark.stages.predict", FROM_FIT - {"fit"}),
        ("benchmark.stages.explain", {"explain", "record"}),
        ("benchmark.recording", {"record"}),
    ],
)
def test_an_edit_changes_exactly_the_keys_of_what_runs_that_code(module, expected, monkeypatch):
    before = plan(spec(), survey(), NETWORK)
    read = planning.code_digest
    monkeypatch.setattr(
        planning, "code_digest", lambda name, packages=(): read(name, packages) + "edited" * (name == module)
    )
    assert changed(before, plan(spec(), survey(), NETWORK)) == expected


@pytest.mark.parametrize(
    ("library", "expected"),
    [
        ("keras", FROM_SEGMENTER),
        ("tensorflow", FROM_SEGMENTER),
        ("jax", set()),
        ("opencv-python-headless", set(STAGES)),
        ("numpy", set(STAGES)),
        ("scipy", {"explain", "record"}),
        ("matplotlib", {"record"}),
        ("rich", set()),
    ],
)
def test_another_version_of_a_library_changes_the_keys_of_what_it_matters_to(library, expected, monkeypatch):
    before = plan(spec(), survey(), NETWORK)
    read = planning.library_versions
    monkeypatch.setattr(
        planning, "library_versions", lambda *names: read(*names) | ({library: "99"} if library in names else {})
    )
    assert changed(before, plan(spec(), survey(), NETWORK)) == expected


def test_a_component_whose_source_cannot_be_read_counts_by_its_version(monkeypatch):
    read = planning.code_digest
    monkeypatch.setattr(
        planning, "code_digest", lambda name, packages=(): None if "heads" in name else read(name, packages)
    )
    first = plan(spec(), survey(), NETWORK)
    assert first.code["head"].startswith("version cxr-bench ")
    assert changed(first, plan(spec(), survey(), NETWORK)) == set()
    assert first.uncacheable == []


def test_what_has_neither_source_nor_version_is_never_reused_and_says_so(monkeypatch):
    read = planning.code_digest
    monkeypatch.setattr(
        planning, "code_digest", lambda name, packages=(): None if "heads" in name else read(name, packages)
    )
    monkeypatch.setattr(planning.find("head", "dense"), "version", "")
    first = plan(spec(), survey(), NETWORK)
    assert changed(first, plan(spec(), survey(), NETWORK)) == FROM_FIT
    assert first.uncacheable == ["head dense"]


def test_the_run_is_named_after_its_components_seed_and_fold():
    planned = plan(spec(seed=2), survey(), NETWORK)
    assert planned.run == f"unet-sepcnn-dense-s2-f0-{planned.digest[:8]}"


def test_seeds_and_folds_of_a_pipeline_share_its_digest_and_nothing_else_does():
    first = plan(spec(), survey(), NETWORK)
    assert plan(spec(seed=1, fold=2), survey(), NETWORK).pipeline_digest == first.pipeline_digest
    assert plan(spec(seed=1), survey(), NETWORK).digest != first.digest
    for change in (table("images", size=128), table("dataset", limit=50), {"head": Component("sepconv")}):
        assert plan(spec(**change), survey(), NETWORK).pipeline_digest != first.pipeline_digest
    assert plan(spec(), survey(digest="e" * 64), NETWORK).pipeline_digest != first.pipeline_digest


def test_an_unknown_component_is_refused_by_name():
    with pytest.raises(UnknownNameError, match="did you mean sepcnn"):
        plan(spec(backbone=Component("sepcn")), survey(), NETWORK)


def test_missing_are_the_stages_without_an_artefact_in_order():
    planned = plan(spec(), survey(), NETWORK)
    there = {planned.stage("prepare").key, planned.stage("masks").key}
    assert missing(planned, lambda stage, key: key in there) == [
        "split",
        "segmenter",
        "inputs",
        "fit",
        "predict",
        "explain",
    ]
    assert planned.stage("no such stage") is None


def test_a_pipeline_is_named_by_the_options_that_differ_from_the_defaults():
    defaults = {
        "segmenter": {"filters": 8, "dropout": 0.0},
        "backbone": {"filters": 16, "kernel_size": 3},
        "head": {"units": 224, "dropout": 0.2},
    }
    assert pipeline_name(spec(), defaults) == "unet+sepcnn+dense"
    wide = spec(backbone=Component("sepcnn", {"filters": 32, "kernel_size": 3}))
    assert pipeline_name(wide, defaults) == "unet+sepcnn[filters=32]+dense"


def test_another_file_at_the_path_that_an_option_names_is_other_input(tmp_path):
    weights = tmp_path / "weights.keras"
    weights.write_bytes(b"one")
    component = Component("sepcnn", {"weights": str(weights)})
    before = planning._component("backbone", component, [])
    assert planning._component("backbone", component, []) == before
    weights.write_bytes(b"another")
    assert planning._component("backbone", component, []) != before


class InProcess:
    """Describes components without a process of its own."""

    def serve(self, request):
        return Outcome(value=describe.serve(request, lambda event: None))


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    return Descriptions(tmp_path_factory.mktemp("descriptions"), InProcess())


@pytest.mark.parametrize("quick", [True, False], ids=["quick", "full"])
@pytest.mark.parametrize("path", TASKS, ids=lambda path: path.stem)
def test_a_task_file_under_another_name_plans_the_same_artefacts(tmp_path, described, path, quick):
    """No number may depend on what a file is called or entitled."""
    other = tmp_path / "another-name.toml"
    renamed = re.sub(r'(?m)^title = ".*"$', 'title = "another title"', path.read_text())
    assert renamed != path.read_text()
    other.write_text(renamed)
    told = []
    for file in (path, other):
        task = read_task(file, CONFIGS / "defaults.toml", quick=quick, overrides={})
        chosen = choose_pipelines(task, {"segmenter": [], "backbone": [], "head": []}, {})
        labels = ["COVID", "Lung_Opacity", "Normal", "Viral Pneumonia"]
        found = survey(labels=labels, groups=dict.fromkeys(labels, 9))
        specs = resolve(
            task,
            file.stem,
            chosen,
            DatasetChoice("phantom"),
            found,
            described,
            forced={},
            seeds=(0, 1),
            runtime=Runtime(),
        )
        told.append([plan(one, found, described.traits(one.segmenter.name)) for one in specs])
    assert told[0] == told[1]
    assert len(told[0]) >= 2
