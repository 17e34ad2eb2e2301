"""Which code each stage rests on.  Editing what stands in a stage's closure makes its artefacts anew, and what follows.

A closure is what a stage imports, whatever of it is used: so what changes for other reasons stands in other modules.
"""

from functools import cache
from pathlib import Path

import pytest

from benchmark.storage.code import CodeIndex

ROOT = Path(__file__).parents[1]
OWN = ("benchmark", "registry")
UP_TO_LOGITS = ("prepare", "copies", "split", "segmenter", "masks", "inputs", "fit", "features", "predict", "classify")
WITH_LOGITS = (*UP_TO_LOGITS, "vote", "explain")
SCORING = ("score", "score_vote", "score_folds")
JUDGED = (*SCORING, "draw")  # a record has no code in its key


@cache
def closure(stage: str) -> frozenset[str]:
    """Dotted names of the modules that a stage's key covers."""
    found = CodeIndex().source_files(f"benchmark.stages.{stage}", OWN)
    assert found, f"no stage {stage}"
    return frozenset(found)


def within(stage: str, *packages: str) -> list[str]:
    """Which modules of some packages, or which of some modules, are in a stage's closure."""
    names = [f"benchmark.{name}" for name in packages]
    return sorted(held for held in closure(stage) if any(held == name or held.startswith(f"{name}.") for name in names))


def test_every_init_is_empty():
    """They are in the closure of everything below them."""
    inits = [path for package in OWN for path in (ROOT / package).rglob("__init__.py")]
    assert len(inits) > 20
    assert [str(path) for path in inits if path.stat().st_size] == []


@pytest.mark.parametrize("stage", UP_TO_LOGITS)
def test_up_to_stored_logits_nothing_rests_on_how_they_are_judged_or_planned(stage):
    aside = ("evaluation", "records", "tasks", "storage", "planning", "execution", "figures")
    assert within(stage, *aside) == []


@pytest.mark.parametrize("stage", WITH_LOGITS)
def test_nothing_rests_on_what_comes_after_stages(stage):
    after = ("planning", "execution", "tuning", "speed", "audit", "comparison", "report", "api", "cli", "storage")
    assert within(stage, *after, "tasks", "records.record", "records.files") == []


def test_a_vote_learns_from_calibrated_logits_and_rests_on_no_other_judgement():
    assert within("vote", "evaluation") == [
        "benchmark.evaluation",
        "benchmark.evaluation.calibration",
        "benchmark.evaluation.shrinkage",
        "benchmark.evaluation.voting",
    ]
    assert within("vote", "records", "models") == []


@pytest.mark.parametrize("stage", ["segmenter", "masks"])
def test_lung_masks_rest_on_no_code_of_classifiers(stage):
    classifiers = ("classifier", "classical", "classifier_files", "predictor", "pipeline", "augmentation")
    explaining = ("gradcam", "occlusion")
    assert within(stage, *(f"models.{name}" for name in (*classifiers, *explaining))) == []
    assert within(stage, "data.targets", *(f"stages.{name}" for name in ("fit", "predict", "classify", "logits"))) == []


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("data.image", {"prepare", "explain"}),
        ("data.prepare", {"prepare"}),
        ("data.copies", {"copies"}),
        ("data.keypoints", {"copies"}),
        ("data.splits", {"prepare", "copies", "split", "vote"}),  # a limit keeps whole groups; a voter learns in folds
        ("data.masking", {"inputs", "explain"}),
        ("models.segmentation", {"segmenter", "masks", "explain"}),
        ("models.training", {"segmenter", "fit"}),
        ("models.augmentation", {"fit", "features"}),
        ("models.classifier", {"fit", "features"}),
        ("models.predictor", {"features", "predict", "explain"}),
        ("models.classical", {"classify", "explain"}),
        ("models.pipeline", {"explain"}),
        ("models.gradcam", {"explain"}),
        ("models.run_folder", set()),
        ("evaluation.calibration", {"vote", "explain"}),
        ("evaluation.voting", {"vote"}),
        ("evaluation.localisation", {"explain"}),
        ("evaluation.scoring", set()),
        ("evaluation.controls", set()),
        ("records.estimate", {"explain"}),
        ("records.record", set()),
        ("stages.logits", {"predict", "classify", "vote", "explain"}),
        ("stages.predictions", {"vote", "explain"}),
    ],
)
def test_an_edit_makes_anew_what_uses_the_module_and_nothing_else(module, expected):
    """Besides what stands on it, by the keys upstream."""
    assert {stage for stage in WITH_LOGITS if f"benchmark.{module}" in closure(stage)} == expected


def test_networks_are_not_trained_anew_for_how_they_predict_nor_predict_anew_for_how_they_are_trained():
    predicting = ("models.inference", "models.predictor", "models.pipeline", "stages.logits", "stages.predictions")
    training = ("models.training", "models.batches", "models.checkpoints", "models.executions", "models.memory")
    assert within("fit", *predicting) == []
    assert within("predict", *training, "models.classifier", "models.augmentation") == []


@pytest.mark.parametrize("stage", [stage for stage in WITH_LOGITS if stage not in ("prepare", "copies", "explain")])
def test_what_reads_prepared_images_holds_no_decoding(stage):
    assert within(stage, "data.image", "data.prepare", "data.duplicates", "data.samples", "data.summary") == []


def test_classical_heads_rest_on_no_network():
    """Nor on Keras: whoever edits a training loop does not fit them anew."""
    assert within("classify", "models") == [
        "benchmark.models",
        "benchmark.models.classical",
        "benchmark.models.classifier_files",
    ]
    assert "registry.backend" not in closure("classify")


@pytest.mark.parametrize("stage", WITH_LOGITS)
def test_no_component_is_in_the_closure_of_a_stage(stage):
    """Else editing one model would retrain them all."""
    kinds = ("backbones", "heads", "datasets", "segmenters", "voters", "checks")
    assert [name for name in closure(stage) if name.startswith(tuple(f"registry.{kind}" for kind in kinds))] == []


def test_stages_depend_on_what_they_use_of_the_registry():
    """The segmenter's loss and the backend are code of this distribution, though of its other package."""
    assert {"registry.networks.losses", "registry.backend", "registry.lookup"} <= closure("segmenter")


@pytest.mark.parametrize("stage", [*SCORING, "explain", "explain_vote"])
def test_a_new_field_of_a_record_recomputes_no_map_and_no_score(stage):
    assert within(stage, "records.record", "records.files", "records.training") == []


@pytest.mark.parametrize("stage", SCORING)
def test_scores_rest_on_no_model_no_figure_and_no_task(stage):
    """Logits are stored: whoever edits a network, a map, a figure or a plan scores nothing again."""
    assert within(stage, "models", "figures", "tasks", "stages.heatmaps", "stages.draw", "stages.explain") == []
    assert {name for name in closure(stage) if name.startswith("registry.")} <= {"registry.errors"}


@pytest.mark.parametrize("stage", [*WITH_LOGITS, *SCORING])
def test_figures_are_drawn_by_the_step_that_draws_alone(stage):
    assert within(stage, "figures", "stages.draw") == []


@pytest.mark.parametrize("stage", [*WITH_LOGITS, *JUDGED])
def test_no_step_rests_on_who_plans_builds_records_or_shows_it(stage):
    """Nor on `bench cache`."""
    outer = ("planning", "execution", "tuning", "speed", "audit", "comparison", "report", "api", "cli")
    assert within(stage, *outer, "stages.record", "storage.cache", "storage.inventory", "storage.code") == []


def test_a_record_computes_nothing():
    """So its key needs no code: what it says was found by the steps that it copies."""
    assert within("record", "evaluation", "data", "figures", "stages.score", "stages.explain", "stages.draw") == []
    assert within("record", "models") == ["benchmark.models", "benchmark.models.notes"]
