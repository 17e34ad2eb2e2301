"""Votes and classical heads through the command: what is trained once for all of them, and what a record holds."""

import json

import numpy as np
import pytest

from benchmark.records.files import verify
from tests import xrays
from tests.commands import ONE_VS_ALL, once_run, one_line

pytestmark = pytest.mark.slow

HEAD = "none+sepcnn[filters=8,pairs=1]+"
LABELS = ["COVID", "Lung_Opacity", "Normal", "Viral Pneumonia"]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """After a run of the task of one label against the rest."""
    bench = once_run(tmp_path_factory)
    (bench.root / "ova.toml").write_text(ONE_VS_ALL)
    return bench


def member_probabilities(path):
    """(members, images, classes)."""
    with np.load(path) as stored:
        return stored["probabilities"]


def every(bench):
    """All records: two tasks may have pipelines of one name."""
    return [json.loads(path.read_bytes()) for path in sorted(bench.results.rglob("*-s[0-9]-*/result.json"))]


@pytest.fixture(scope="module")
def soft(bench):
    """The record of the soft vote of one-vs-all models."""
    bench.run(task="ova.toml")
    return bench.records()[f"soft(4 × {HEAD}dense) s0"]


def test_one_vs_all_after_the_task_of_one_class_trains_the_three_others(bench, soft):
    members = {name for name in soft["stages"] if name.endswith("/fit") and soft["stages"][name] == "built"}
    direct = "reference/fit"  # which the vote is compared with
    assert members == {"Lung_Opacity/fit", "Normal/fit", "Viral Pneumonia/fit", direct}
    assert soft["stages"]["COVID/fit"] == "cached"
    assert bench.artefacts("fit") == 1 + 3 + 1
    seconds = soft["training"]["stage_duration_s"]  # of the member too that the other task trained
    assert set(seconds) == set(soft["stages"])
    assert all(value > 0 for value in seconds.values())


def test_another_voter_trains_nothing(bench, soft):
    before = {stage: bench.artefacts(stage) for stage in ("fit", "predict", "masks", "vote")}
    bench.run("--voter", "hard", "--voter", "weighted", "--voter", "stacking", task="ova.toml")
    assert {stage: bench.artefacts(stage) for stage in before} == {**before, "vote": before["vote"] + 3}
    record = bench.records()[f"stacking(4 × {HEAD}dense) s0"]
    assert {name for name, status in record["stages"].items() if status == "built"} == {
        "vote",
        "explain",
        "score",
        "draw",
    }


def test_the_record_of_a_vote_holds_members_agreement_calibration_and_the_direct_model(bench, soft):
    assert [member["name"] for member in soft["members"]] == LABELS
    assert all({"balanced-accuracy", "auroc", "sensitivity"} <= set(member["metrics"]) for member in soft["members"])
    assert set(soft["voting"]) == {
        "disagreement", "no-vote", "tie", "log-loss-uncorrected", "brier-uncorrected", "ece-uncorrected",
        "rms-calibration-error-uncorrected",
    }  # fmt: skip
    assert soft["reference"]["pipeline"] == f"{HEAD}dense"
    direct = next(one for one in every(bench) if one["classes"] == LABELS and "members" not in one)
    assert soft["reference"]["metrics"] == direct["metrics"]
    gap = soft["metrics"]["balanced-accuracy"]["value"] - direct["metrics"]["balanced-accuracy"]["value"]
    assert soft["reference"]["difference"]["value"] == pytest.approx(gap, abs=1e-6)
    two_outputs = 2 * (224 + 1)  # of dense: a member says yes or no, the direct model one of four
    assert soft["cost"]["trainable_parameters"] == 4 * (direct["cost"]["trainable_parameters"] - two_outputs)


def test_the_member_of_a_class_scores_as_the_task_of_that_class(bench, soft):
    alone = next(one for one in every(bench) if one.get("positive") == "COVID" and "members" not in one)
    member = soft["members"][0]["metrics"]
    for name in ("balanced-accuracy", "auroc", "sensitivity", "log-loss"):
        assert member[name] == alone["metrics"][name]


def test_a_vote_of_pipelines_stands_beside_them_in_one_table(bench):
    told = bench.run("--head", "dense", "--head", "sepconv", "--voter", "soft", "--json")
    (table,) = json.loads(told[told.index("{") : told.rindex("}") + 1])["tables"]
    names = {row["pipeline"] for row in table["rows"]}
    assert names >= {f"{HEAD}dense", f"{HEAD}sepconv", f"soft({HEAD}dense, {HEAD}sepconv)"}


def test_the_predictions_of_a_vote_are_the_mean_of_its_members(bench):
    """The vote's logits, at equal class priors, are the log of the mean of the members' probabilities."""
    folder = next(bench.results.rglob("soft-vote-2-pipelines*"))
    record = verify(folder / "result.json")
    (artefact,) = (
        path
        for path in (bench.cache / "objects" / "vote").rglob("members.npz")
        if member_probabilities(path).shape[0] == 2
    )
    with np.load(folder / "predictions.npz") as stored:
        assert np.allclose(np.exp(stored["logits"]), member_probabilities(artefact).mean(axis=0), atol=1e-5)
        assert record.metrics["accuracy"].n == (stored["subsets"] == "test").sum()


def test_classical_heads_share_the_features_heads_training_and_one_feature_pass(bench):
    before = {stage: bench.artefacts(stage) for stage in ("fit", "features")}
    heads = ("xgboost[trees=20]", "scikit-learn[classifier=GaussianNB]", "majority")
    bench.run(*(flag for head in heads for flag in ("--head", head)))
    assert bench.artefacts("fit") == before["fit"]  # dense is their features.head
    assert bench.artefacts("features") == before["features"] + 1
    record = bench.records()[f"{HEAD}xgboost[trees=20] s0"]
    assert record["map_method"] == "occlusion"
    assert record["components"]["features_head"]["name"] == "dense"
    names = {path.name for path in next(bench.results.rglob("none-sepcnn-xgboost*")).glob("model/*")}
    assert names == {"backbone.keras", "classifier.ubj", "familiarity.npz"}


def test_a_frozen_backbone_trains_no_network(bench):
    before = bench.artefacts("fit")
    bench.run("--set", "features.head=none", "--head", "majority")
    assert bench.artefacts("fit") == before
    record = bench.records()["none+sepcnn[filters=8,pairs=1] frozen+majority s0"]
    assert record["metrics"]["balanced-accuracy"]["value"] == 0.5
    assert record["stages"]["features"] == "built"


def test_two_labels_make_two_members_that_vote(bench, tmp_path):
    for label in ("sick", "well"):
        for place in range(16):
            xrays.write(tmp_path / "films" / label / f"{place}.png", xrays.radiograph(place + 100 * (label == "sick")))
    bench.run("--data", tmp_path / "films", task="ova.toml")
    (record,) = (one for one in every(bench) if one["classes"] == ["sick", "well"] and "members" in one)
    assert [member["name"] for member in record["members"]] == ["sick", "well"]
    assert record["metrics"]["accuracy"]["n"] == 8


def test_a_class_of_three_images_is_one_clear_line(bench, tmp_path):
    for label, count in (("sick", 3), ("well", 16), ("other", 16)):
        for place in range(count):
            xrays.write(tmp_path / "films" / label / f"{place}.png", xrays.radiograph(place + 100 * len(label)))
    told = bench.call("run", "--task", "ova.toml", "--full", "--data", tmp_path / "films")
    assert "too few images: sick has 3; every class needs one in training" in one_line(told)
