"""Keys: what each of them must change with, and what it must not."""

import re
from pathlib import Path

import msgspec
import pytest

from benchmark.execution import describe
from benchmark.planning import chain, controls
from benchmark.planning import keys as planning
from benchmark.planning.components import Descriptions
from benchmark.planning.graph import MEMBERS, RECORD, Traits, missing, subject
from benchmark.planning.keys import pooled
from benchmark.planning.resolve import choose, resolve
from benchmark.storage.code import CodeIndex
from benchmark.tasks.components import pipeline_name
from benchmark.tasks.reading import read_task
from benchmark.tasks.schema import Component
from benchmark.tasks.spec import ControlsSpec, DatasetChoice, Runtime, Setting, VoteSpec
from registry.errors import UnknownNameError
from tests.specs import USUAL, index, spec, summary, vote

CONFIGS = Path(__file__).parents[2] / "configs"
TASKS = sorted(path for path in CONFIGS.glob("*.toml") if path.stem != "defaults")
SEEN = ("prepare", "split", "segmenter", "masks", "inputs")
JUDGED = ("explain", "score", "draw", "record")
ALONE = ("familiarity", *JUDGED)  # of a run that is no vote
STAGES = (*SEEN, "fit", "predict", *ALONE)
FROM_PREDICT = {"predict", *JUDGED}
FROM_FIT = {"fit"} | FROM_PREDICT
FROM_INPUTS = {"inputs"} | FROM_FIT
FROM_SEGMENTER = {"segmenter", "masks"} | FROM_INPUTS
NETWORK = Traits(trains=True)
UNTRAINED = Traits()
WHOLE = Traits(whole_frame=True)


def plan(one, found, segmenter, shared=None):
    """The plan of a run whose segmenters are all treated alike."""
    return planning.plan(one, found, lambda name: segmenter, shared or index())


def unreadable(monkeypatch, part):
    """Modules with this in their names have no source."""
    read = CodeIndex.code_digest
    monkeypatch.setattr(
        CodeIndex, "code_digest", lambda self, name, packages=(): None if part in name else read(self, name, packages)
    )


def keys(planned):
    """Role -> key, the record's too."""
    return {role: step.key for role, step in planned.steps.items()} | {RECORD: planned.key}


def changed(one, other):
    """Roles of the steps whose keys differ between two plans."""
    before, after = keys(one), keys(other)
    assert list(before) == list(after)
    return {name for name in before if before[name] != after[name]}


def test_a_run_with_a_segmentation_network_has_every_step_in_the_order_of_the_data():
    assert tuple(keys(plan(spec(), summary(), NETWORK))) == STAGES


def check_order(planned):
    """Every step stands on steps before it alone, each under a role that ends in the name of its stage."""
    there = {}
    for step in [*planned.steps.values(), planned.record]:
        assert all(there[key] == role.rpartition("/")[2] for role, key in step.inputs.items()), step.name
        there[step.key] = step.name


def test_every_step_stands_on_steps_before_it():
    check_order(plan(spec(), summary(), NETWORK))
    check_order(plan(spec(**ON_FEATURES), summary(), WHOLE))
    check_order(plan(spec(**CLASSICAL), summary(), UNTRAINED))


def test_an_untrained_segmenter_has_no_training_and_the_whole_frame_no_masks():
    threshold = spec(segmenter=Component("threshold"))
    assert tuple(keys(plan(threshold, summary(), UNTRAINED))) == tuple(name for name in STAGES if name != "segmenter")
    whole = plan(spec(segmenter=Component("none")), summary(), WHOLE)
    assert tuple(keys(whole)) == ("prepare", "split", "fit", "predict", *ALONE)


def test_the_same_specification_has_the_same_keys():
    assert plan(spec(), summary(), NETWORK) == plan(spec(), summary(), NETWORK)


def test_no_two_steps_share_a_key():
    found = keys(plan(spec(), summary(), NETWORK))
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
        (table("split", grouping="image-level"), set(STAGES) - {"prepare"}),
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
        ({"classes": {"negative": ["Normal", "Lung_Opacity"], "COVID": ["COVID"]}}, set(JUDGED)),
        (table("runtime", backend="jax"), FROM_SEGMENTER),
        (table("runtime", deterministic=True, threads=2), FROM_SEGMENTER),
        ({"positive": None}, {"score", "record"}),
        ({"metric": "auroc"}, {"record"}),
        ({"resamples": 200}, {"score", "record"}),
        ({"task": "another"}, set()),
        ({"title": "another title"}, set()),
        ({"dataset": DatasetChoice("phantom", "elsewhere", {"count": 96})}, set()),
        (table("dataset", skip_bad=True), set(STAGES)),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_a_setting_changes_exactly_the_keys_of_what_reads_it(change, expected):
    assert changed(plan(spec(), summary(), NETWORK), plan(spec(**change), summary(), NETWORK)) == expected


def test_each_training_seed_has_its_own_segmenter_where_that_is_asked_for():
    own = table("segmentation", seed="training")
    one, other = (plan(spec(seed=seed, **own), summary(), NETWORK) for seed in (0, 1))
    assert changed(one, other) == FROM_SEGMENTER
    assert changed(plan(spec(), summary(), NETWORK), one) == set()  # that of seed 0 is there already
    fixed = plan(spec(seed=1, **table("segmentation", seed=1)), summary(), NETWORK)
    assert changed(other, fixed) == set()
    assert [found.steps["segmenter"].spec.segmentation.seed for found in (one, other)] == [0, 1]
    assert other.record.spec.segmentation.seed == "training"  # as it was asked for
    assert one.pipeline_digest == other.pipeline_digest != fixed.pipeline_digest


def test_seeds_planned_together_keep_their_own_segmenters():
    shared, own = index(), table("segmentation", seed="training")
    plans = [plan(spec(seed=seed, **own), summary(), NETWORK, shared) for seed in (0, 1, 0)]
    keys_of_segmenters = [found.steps["segmenter"].key for found in plans]
    assert keys_of_segmenters[0] == keys_of_segmenters[2] != keys_of_segmenters[1]


@pytest.mark.parametrize(
    "change", [table("segmentation", epochs=3), table("segmentation", seed=3)], ids=["epochs", "seed"]
)
@pytest.mark.parametrize("traits", [UNTRAINED, WHOLE], ids=["untrained", "whole-frame"])
def test_how_segmenters_are_trained_is_nothing_to_a_run_without_a_trained_one(change, traits):
    assert changed(plan(spec(), summary(), traits), plan(spec(**change), summary(), traits)) == set()


def test_how_masks_are_applied_is_nothing_to_a_run_without_masks():
    assert (
        changed(plan(spec(), summary(), WHOLE), plan(spec(**table("images", mask="crop")), summary(), WHOLE)) == set()
    )


def test_equalising_inside_the_lungs_leaves_preparation_and_masks_to_share():
    """The prepared images are raw then, which is what `none` prepares too."""
    raw, lungs = (plan(spec(**table("images", equalise=how)), summary(), NETWORK) for how in ("none", "lungs"))
    assert changed(raw, lungs) == FROM_INPUTS


def test_without_masks_equalising_inside_the_lungs_is_equalising_the_whole_frame():
    planned = plan(spec(**table("images", equalise="lungs")), summary(), WHOLE)
    assert tuple(keys(planned)) == ("prepare", "split", "inputs", "fit", "predict", *ALONE)


@pytest.mark.parametrize("change", [{"digest": "e" * 64}, {"options": {"count": 97}}])
def test_other_data_change_everything(change):
    assert changed(plan(spec(), summary(), NETWORK), plan(spec(), summary(**change), NETWORK)) == set(STAGES)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("registry.datasets.phantom.catalogue", set(STAGES)),
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
        ("benchmark.stages.explain", {"explain", "draw", "record"}),
        ("benchmark.stages.score", {"score", "record"}),
        ("benchmark.stages.draw", {"draw", "record"}),
        ("benchmark.stages.record", set()),  # its schema's number counts instead
    ],
)
def test_an_edit_changes_exactly_the_keys_of_what_runs_that_code(module, expected, monkeypatch):
    before = plan(spec(), summary(), NETWORK)
    read = CodeIndex.code_digest

    def edited(self, name, packages=()):
        return read(self, name, packages) + ("edited" if name == module else "")

    monkeypatch.setattr(CodeIndex, "code_digest", edited)
    assert changed(before, plan(spec(), summary(), NETWORK)) == expected


def test_another_schema_writes_the_record_anew_and_computes_nothing(monkeypatch):
    """Whoever changes what a record says raises its number."""
    before = plan(spec(), summary(), NETWORK)
    monkeypatch.setattr(chain, "SCHEMA", chain.SCHEMA + 1)
    assert changed(before, plan(spec(), summary(), NETWORK)) == {"record"}


@pytest.mark.parametrize(
    ("library", "expected"),
    [
        ("keras", FROM_SEGMENTER),
        ("tensorflow", FROM_SEGMENTER),
        ("jax", set()),
        ("opencv-python-headless", set(STAGES)),
        ("numpy", set(STAGES)),
        ("scipy", {"familiarity", "explain", "draw", "record"}),
        ("scikit-learn", {"familiarity", "record"}),
        ("matplotlib", {"draw", "record"}),
        ("rich", set()),
    ],
)
def test_another_version_of_a_library_changes_the_keys_of_what_it_matters_to(library, expected, monkeypatch):
    before = plan(spec(), summary(), NETWORK)
    read = chain.library_versions
    monkeypatch.setattr(
        chain, "library_versions", lambda *names: read(*names) | ({library: "99"} if library in names else {})
    )
    assert changed(before, plan(spec(), summary(), NETWORK)) == expected


def test_a_component_whose_source_cannot_be_read_counts_by_its_version(monkeypatch):
    unreadable(monkeypatch, "heads")
    first = plan(spec(), summary(), NETWORK)
    assert first.code["head"].startswith("version cxr-bench ")
    assert changed(first, plan(spec(), summary(), NETWORK)) == set()
    assert first.uncacheable == []


def test_what_has_neither_source_nor_version_is_never_reused_and_says_so(monkeypatch):
    unreadable(monkeypatch, "heads")
    monkeypatch.setattr(chain.find("head", "dense"), "version", "")
    first = plan(spec(), summary(), NETWORK)
    assert changed(first, plan(spec(), summary(), NETWORK)) == FROM_FIT
    assert first.uncacheable == ["head dense"]


def test_runs_that_are_planned_together_have_the_keys_that_they_have_alone():
    specs = [
        spec(),
        spec(seed=1),
        spec(fold=2),
        spec(head=Component("sepconv")),
        spec(**table("images", mask="crop")),
        spec(**table("dataset", limit=50)),
        spec(**table("segmentation", epochs=3)),
        spec(segmenter=Component("unet", {"filters": 4})),
        spec(runtime=Runtime(deterministic=True, threads=1)),
    ]
    shared = index()
    together = [plan(one, summary(), segmenter, shared) for one in specs for segmenter in (NETWORK, UNTRAINED, WHOLE)]
    alone = [plan(one, summary(), segmenter) for one in specs for segmenter in (NETWORK, UNTRAINED, WHOLE)]
    assert [keys(one) for one in together] == [keys(one) for one in alone]
    assert [one.run for one in together] == [one.run for one in alone]


def test_what_is_never_reused_is_not_shared_by_runs_that_are_planned_together_either(monkeypatch):
    unreadable(monkeypatch, "segmenters")
    monkeypatch.setattr(chain.find("segmenter", "unet"), "version", "")
    shared = index()
    first, second = plan(spec(), summary(), NETWORK, shared), plan(spec(), summary(), NETWORK, shared)
    assert changed(first, second) == FROM_SEGMENTER
    assert first.uncacheable == second.uncacheable == ["segmenter unet"]


def test_the_run_is_named_after_its_components_seed_and_fold():
    planned = plan(spec(seed=2), summary(), NETWORK)
    assert planned.run == f"unet-sepcnn-dense-s2-f0-{planned.digest[:8]}"


def test_seeds_and_folds_of_a_pipeline_share_its_digest_and_nothing_else_does():
    first = plan(spec(), summary(), NETWORK)
    assert plan(spec(seed=1, fold=2), summary(), NETWORK).pipeline_digest == first.pipeline_digest
    assert plan(spec(seed=1), summary(), NETWORK).digest != first.digest
    for change in (table("images", size=128), table("dataset", limit=50), {"head": Component("sepconv")}):
        assert plan(spec(**change), summary(), NETWORK).pipeline_digest != first.pipeline_digest
    assert plan(spec(), summary(digest="e" * 64), NETWORK).pipeline_digest != first.pipeline_digest


def test_an_unknown_component_is_refused_by_name():
    with pytest.raises(UnknownNameError, match="did you mean sepcnn"):
        plan(spec(backbone=Component("sepcn")), summary(), NETWORK)


def lacking(planned, *there, end=None):
    """Roles of what must be built where the artefacts of some roles are there."""
    keys_there = {planned.step(role).key for role in there}
    roles = planned.roles()
    return [roles[key] for key in missing(planned, lambda stage, key: key in keys_there, end)]


def test_missing_are_the_steps_without_an_artefact_each_after_what_it_stands_on():
    planned = plan(spec(), summary(), NETWORK)
    assert set(lacking(planned)) == set(STAGES) - {"record"}
    order = lacking(planned, "prepare", "masks")
    assert set(order) == {"split", "segmenter", "inputs", "fit", "predict", "explain", "score", "draw"} | {
        "familiarity"
    }
    for role in order:
        inputs = planned.step(role).inputs
        assert all(order.index(upstream) < order.index(role) for upstream in inputs if upstream in order)
    assert lacking(planned, *planned.steps) == []
    assert planned.step("no such step") is None


def test_what_is_there_is_not_asked_for_what_it_was_made_from():
    """A cache that was pruned, or that somebody else's finished artefacts were copied into, is as good."""
    planned = plan(spec(), summary(), NETWORK)
    recorded = ("split", "segmenter", "fit", "predict", "familiarity", "explain", "score")  # that the record reads
    assert lacking(planned, *recorded, "prepare", "masks", "inputs") == ["draw"]
    assert set(lacking(planned, *recorded)) == {"prepare", "masks", "inputs", "draw"}  # which draws them
    assert lacking(planned, *recorded, "draw") == []
    assert set(lacking(planned, "predict", end=planned.step("predict"))) == {"prepare", "split", "segmenter"} | {
        "masks",
        "inputs",
        "fit",
    }
    assert lacking(planned, "prepare", "split", "inputs", end=planned.step("fit")) == []


def test_what_a_training_is_asked_for_is_what_precedes_it():
    planned = plan(spec(), summary(), NETWORK)
    assert lacking(planned, end=planned.step("fit")) == list(SEEN)


def usual(kind, name):
    """Options of a component at their defaults."""
    return USUAL.get(name, {})


def test_a_pipeline_is_named_by_the_options_that_differ_from_the_defaults():
    assert pipeline_name(spec(), usual) == "unet+sepcnn+dense"
    wide = spec(backbone=Component("sepcnn", {"filters": 32, "kernel_size": 3}))
    assert pipeline_name(wide, usual) == "unet+sepcnn[filters=32]+dense"


CLASSICAL = {"classical": True, "head": Component("majority")}
ON_FEATURES = {**CLASSICAL, "features_head": Component("dense", {"units": 224, "dropout": 0.2})}


def test_a_classical_head_learns_from_the_features_of_the_networks_own_run():
    """Whichever classical head: the network with `features.head` is trained once, its features are pooled once."""
    ordinary, classical = plan(spec(), summary(), NETWORK), plan(spec(**ON_FEATURES), summary(), NETWORK)
    shared = ("prepare", "split", "segmenter", "masks", "inputs", "fit")
    assert tuple(keys(classical)) == (*shared, "features", "predict", *ALONE)
    assert all(keys(ordinary)[name] == keys(classical)[name] for name in shared)
    other = plan(spec(**{**ON_FEATURES, "head": Component("xgboost")}), summary(), NETWORK)
    assert changed(classical, other) == FROM_PREDICT
    assert plan(spec(**{**ON_FEATURES, "features_head": Component("sepconv")}), summary(), NETWORK).pipeline_digest != (
        classical.pipeline_digest
    )


def test_a_frozen_backbone_makes_one_feature_pass_for_all_tasks_and_seeds():
    frozen = plan(spec(**CLASSICAL), summary(), WHOLE)
    assert tuple(keys(frozen)) == ("prepare", "split", "features", "predict", *ALONE)
    another = plan(
        spec(**CLASSICAL, seed=1, classes={"a": ["COVID"], "b": ["Normal", "Lung_Opacity"]}), summary(), WHOLE
    )
    assert keys(another)["features"] == keys(frozen)["features"]
    assert pipeline_name(spec(**CLASSICAL), usual) == "unet+sepcnn frozen+majority"


def of_member(planned, name):
    """Stage -> key of a member's steps."""
    start = f"{MEMBERS}{name}/"
    return {role.removeprefix(start): key for role, key in keys(planned).items() if role.startswith(start)}


def test_a_vote_is_made_of_its_members_steps_and_some_of_its_own():
    planned = plan(vote(), summary(), NETWORK)
    check_order(planned)
    own = [role for role in keys(planned) if not role.startswith(MEMBERS)]
    assert own == ["prepare", "split", "vote", *JUDGED]
    ordinary = keys(plan(spec(), summary(), NETWORK))
    member = of_member(planned, "dense")
    assert member == {role: ordinary[role] for role in (*SEEN, "fit", "predict")}
    roles = lacking(planned)
    assert roles.count("prepare") == 0  # each artefact is listed once, of who comes first
    assert roles[:5] == [f"dense/{name}" for name in SEEN]
    assert [role for role in roles if role.endswith("fit")] == ["dense/fit", "sepconv/fit"]


def test_a_run_stands_on_the_training_of_its_network_and_a_vote_on_those_of_its_members():
    alone = plan(spec(), summary(), NETWORK)
    assert alone.trainings == [alone.steps["fit"].key]
    on_features = plan(spec(**ON_FEATURES), summary(), NETWORK)
    assert on_features.trainings == [on_features.steps["fit"].key]
    untrained = plan(spec(**CLASSICAL), summary(), UNTRAINED)
    assert untrained.trainings == [untrained.steps["predict"].key]
    first, second = (spec(backbone=Component(name)) for name in ("sepcnn", "xception"))
    voted = plan(vote(members={"a": first, "reference": second}, reference=spec(seed=5)), summary(), NETWORK)
    members = [plan(one, summary(), NETWORK).steps["fit"].key for one in (first, second)]
    assert voted.trainings == sorted(members)


def test_pooled_folds_stand_on_the_trainings_of_all_folds():
    folds = [plan(spec(fold=number), summary(), NETWORK) for number in range(2)]
    whole = pooled(spec(fold=None), summary(), folds, index())
    assert whole.trainings == sorted(fold.steps["fit"].key for fold in folds)


def test_members_that_have_run_alone_are_asked_for_nothing():
    planned = plan(vote(), summary(), NETWORK)
    there = {key for name in ("dense", "sepconv") for key in of_member(planned, name).values()}
    found = missing(planned, lambda stage, key: key in there)
    assert [step.name for step in found.values()] == ["vote", "explain", "score", "draw"]


def test_another_voter_changes_the_vote_and_what_is_found_of_it():
    one, other = plan(vote(), summary(), NETWORK), plan(vote(voter=Component("hard")), summary(), NETWORK)
    assert changed(one, other) == {"vote", *JUDGED}


def test_a_vote_is_mapped_and_learnt_without_its_reference():
    """Which is there to be compared with, and nothing else."""
    alone, beside = plan(vote(), summary(), NETWORK), plan(vote(reference=spec(seed=9)), summary(), NETWORK)
    check_order(beside)
    one, other = keys(alone), keys(beside)
    assert (one["vote"], one["prepare"]) == (other["vote"], other["prepare"])
    assert {role for role in other if role not in one} == {f"reference/{role}" for role in (*SEEN, "fit", "predict")}
    reading = [name for name in ("vote", "explain", "score") if "reference/fit" in beside.step(name).inputs]
    assert reading == ["score"]


def test_the_metric_of_a_vote_is_what_it_is_compared_by():
    assert changed(plan(vote(), summary(), NETWORK), plan(vote(metric="auroc"), summary(), NETWORK)) == {
        "score",
        "record",
    }


def test_a_member_of_one_class_against_the_rest_is_the_binary_run_of_the_same_targets():
    member = spec(classes={"not COVID": ["Lung_Opacity", "Normal"], "COVID": ["COVID"]}, positive="COVID")
    rivals = VoteSpec(**{**vote_settings(), "members": {"COVID": member}, "voter": Component("soft")})
    shared = of_member(plan(rivals, summary(), NETWORK), "COVID")
    assert shared["fit"] == keys(plan(spec(), summary(), NETWORK))["fit"]


def vote_settings():
    """What a vote of `tests.specs` says besides voter and members."""
    whole = vote()
    return {name: getattr(whole, name) for name in whole.__struct_fields__ if name not in ("voter", "members")}


def test_votes_are_named_by_their_voter_and_members():
    assert pipeline_name(vote(), usual) == "soft(unet+sepcnn+dense, unet+sepcnn+sepconv)"
    alike = vote(members={"a": spec(), "b": spec()})
    assert pipeline_name(alike, usual) == "soft(2 × unet+sepcnn+dense)"
    assert plan(alike, summary(), NETWORK).run.startswith("soft-vote-unet-sepcnn-dense-s0-f0-")
    assert plan(vote(), summary(), NETWORK).run.startswith("soft-vote-2-pipelines-s0-f0-")


def test_folds_and_their_pooled_result_share_a_pipeline_and_only_scores_are_built_for_the_pool():
    folds = [plan(spec(fold=fold), summary(), NETWORK) for fold in range(3)]
    whole = pooled(spec(fold=None), summary(), folds, index())
    check_order(whole)
    assert {one.pipeline_digest for one in (*folds, whole)} == {whole.pipeline_digest}
    assert whole.run.split("-")[-2] == "pooled"
    assert list(whole.step("score").inputs) == [f"folds/{number}/score" for number in range(3)]
    there = {step.key for fold in folds for step in fold.steps.values()}
    assert list(missing(whole, lambda stage, key: key in there)) == [whole.step("score").key]
    assert pooled(spec(fold=None), summary(), folds[:2], index()).key != whole.key


def test_what_a_step_is_about_is_the_same_for_every_seed():
    """By it the last duration is found of a step that has not been built yet."""
    one, other = plan(spec(**ON_FEATURES), summary(), NETWORK), plan(spec(**ON_FEATURES, seed=9), summary(), NETWORK)
    assert {role: subject(step) for role, step in one.steps.items()} == {
        "prepare": "phantom",
        "familiarity": "phantom",
        "split": "phantom",
        "segmenter": "unet",
        "masks": "unet",
        "inputs": "unet",
        "fit": "unet+sepcnn+dense",
        "features": "unet+sepcnn",
        "predict": "unet+sepcnn+majority",
        "explain": "unet+sepcnn+majority",
        "score": "unet+sepcnn+majority",
        "draw": "unet+sepcnn+majority",
    }
    assert [subject(step) for step in one.steps.values()] == [subject(step) for step in other.steps.values()]
    joined = plan(vote(), summary(), NETWORK)
    assert subject(joined.step("vote")) == "soft(unet+sepcnn+dense, unet+sepcnn+sepconv)"
    assert (subject(joined.step("prepare")), subject(joined.step("split"))) == ("phantom", "phantom")


def test_another_file_at_the_path_that_an_option_names_is_other_input(tmp_path):
    weights = tmp_path / "weights.keras"
    weights.write_bytes(b"one")
    component = Component("sepcnn", {"weights": str(weights)})
    before = chain.Chain(spec(), index()).component("backbone", component)
    assert chain.Chain(spec(), index()).component("backbone", component) == before
    weights.write_bytes(b"another")
    assert chain.Chain(spec(), index()).component("backbone", component) != before


def test_another_file_in_the_folder_that_an_option_names_is_other_input(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / ".cache").write_text("of whoever fetched it")
    component = Component("sepcnn", {"weights": str(tmp_path)})
    before = chain.Chain(spec(), index()).component("backbone", component)
    (tmp_path / ".cache").write_text("of somebody else")
    assert chain.Chain(spec(), index()).component("backbone", component) == before
    (tmp_path / "config.json").write_text("[]")
    assert chain.Chain(spec(), index()).component("backbone", component) != before


def test_another_version_of_a_library_that_a_component_declares_is_other_input(monkeypatch):
    component = Component("onnx", {"path": ""})

    def key(kind="backbone", one=component):
        return chain.Chain(spec(), index()).component(kind, one)

    monkeypatch.setattr(chain, "library_versions", lambda *names: dict.fromkeys(names, "1"))
    before, undeclared = key(), key(one=Component("sepcnn"))
    monkeypatch.setattr(chain, "library_versions", lambda *names: dict.fromkeys(names, "2"))
    assert key() != before
    assert key(one=Component("sepcnn")) == undeclared


def in_process(components):
    """Describes components without a process of its own."""
    return [describe.describe(chain.find(kind, name)) for kind, name in components]


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    return Descriptions(tmp_path_factory.mktemp("descriptions"), in_process, index())


def labels_of(task):
    """Labels that a task could be asked of: the database's, or those of the collection that it is of."""
    if task.classes == "labels" or not task.reader:
        return ["COVID", "Lung_Opacity", "Normal", "Viral Pneumonia"]
    named = [label for taken in task.classes.values() for label in taken]
    return ["another" if label == "*" else label for label in named]


@pytest.mark.parametrize("quick", [True, False], ids=["quick", "full"])
@pytest.mark.parametrize("path", TASKS, ids=lambda path: path.stem)
def test_a_task_file_under_another_name_plans_the_same_artefacts(tmp_path, described, path, quick):
    """No number may depend on what a file is called or entitled."""
    other = tmp_path / "another-name.toml"
    renamed = re.sub(r'(?m)^title = ".*"$', 'title = "another title"', path.read_text())
    assert renamed != path.read_text()
    other.write_text(renamed)
    both = []
    for file in (path, other):
        task = read_task(file, CONFIGS / "defaults.toml", quick=quick, overrides={})
        chosen = choose(task, {"segmenter": [], "backbone": [], "head": [], "voter": []}, {})
        labels = labels_of(task)
        found = summary(labels=labels, groups=dict.fromkeys(labels, 9))
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
        plans = [planning.plan(one, found, lambda name: described.traits("segmenter", name), index()) for one in specs]
        both.append([(one.run, one.digest, one.pipeline_digest, keys(one)) for one in plans])
    assert both[0] == both[1]
    assert len(both[0]) >= 2


FILES = summary(files=96)


def test_copies_are_searched_among_images_from_files_where_groups_are_kept_whole():
    def steps(found, **change):
        return list(plan(spec(**(table("split", **change) if change else {})), found, NETWORK).steps)

    assert steps(FILES)[:3] == ["copies", "prepare", "split"]
    assert steps(summary())[:2] == ["prepare", "split"]
    assert "copies" not in steps(FILES, copies="identical")
    assert "copies" not in steps(FILES, grouping="image-level")


def test_the_search_for_copies_depends_on_files_and_readers_alone():
    before = plan(spec(), FILES, NETWORK)
    assert before.steps["split"].inputs["copies"] == before.steps["copies"].key
    same = [
        table("images", size=128, equalise="none"),
        table("split", seed=1),
        {"seed": 1, "fold": 1},
        {"segmenter": Component("threshold")},
    ]
    for change in same:
        assert plan(spec(**change), FILES, NETWORK).steps["copies"].key == before.steps["copies"].key
    other = plan(spec(), summary(files=96, digest="e" * 64), NETWORK).steps["copies"]
    assert other.key != before.steps["copies"].key
    assert other.kept == before.steps["copies"].kept  # what is known of a file holds for other selections
    reader = plan(spec(), summary(files=96, options={"count": 97}), NETWORK).steps["copies"]
    assert reader.kept != before.steps["copies"].kept


def test_the_rules_of_a_dataset_stand_on_its_search_for_copies():
    run = plan(spec(), FILES, NETWORK)
    (steps,) = [
        controls.plan(one, FILES, [run], index()).steps
        for one in [ControlsSpec(**{name: getattr(spec(), name) for name in Setting.__struct_fields__})]
    ]
    assert {"copies", "prepare", "split"} <= set(steps)


def test_all_pipelines_of_a_split_share_what_tells_unlike_images_and_it_trains_nothing_anew():
    one = plan(spec(), summary(), NETWORK)
    other = plan(spec(segmenter=Component("none"), seed=3, head=Component("sepconv")), summary(), WHOLE)
    assert one.steps["familiarity"].key == other.steps["familiarity"].key
    assert set(one.steps["familiarity"].inputs) == {"prepare", "split"}
    assert [name for name, step in one.steps.items() if "familiarity" in step.inputs] == []
    assert "familiarity" in one.record.inputs
