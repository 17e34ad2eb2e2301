"""`bench run` from end to end on synthetic radiographs: what is built, what is reused, what a run leaves."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.records.files import read, verify
from tests.commands import TINY, once_run
from tests.distributions import register

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FROM_FIT = ["fit", "predict", "explain", "score", "draw"]
STAGES = {"prepare", "split", "familiarity", *FROM_FIT}
UNTRAINED = ("--head", "majority", "--set", "features.head=none")  # where the classifier is not the point


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A first run, which the tests of this module build upon."""
    return once_run(tmp_path_factory)


def built(record):
    return {stage for stage, status in record["stages"].items() if status == "built"}


def test_a_first_run_builds_every_stage_and_prints_the_comparison(bench):
    (record,) = [
        one
        for one in bench.records().values()
        if one["pipeline"] == "none+sepcnn[filters=8,pairs=1]+dense" and one["seed"] == 0
    ]
    assert built(record) == STAGES
    assert "control: majority" in bench.first
    assert "drawn by code" in bench.first


def test_a_run_leaves_its_record_predictions_history_split_models_and_figures(bench):
    folder = next(bench.results.rglob("*-s0-*/result.json")).parent
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        "result.json",
        "predictions.npz",
        "history.csv",
        "split.csv",
        "spec.json",
        "model",
        "network-view.png",
        "gradcam.png",
        "mean-heat.png",
        "gradcam.json",
        "gallery.json",
        "curves.json",
        "curves.png",
    }
    record = verify(folder / "result.json")
    with np.load(folder / "predictions.npz", allow_pickle=False) as stored:
        test = stored["subsets"] == "test"
        assert test.sum() == record.metrics["accuracy"].n == sum(map(sum, record.confusion))
        assert np.allclose(stored["probabilities"].sum(axis=1), 1, atol=1e-5)
        assert set(stored["subsets"]) == {"validation", "calibration", "test"}


def test_beside_runs_stand_the_rules_that_they_must_beat_made_once(bench):
    record = bench.controls()["controls"]
    assert set(record["controls"]) == {"majority", "source-oracle", "grey-histogram", "border", "thumbnail-8x8"}
    assert "control: grey-histogram" in bench.first
    assert "[1/1] none" in bench.first
    folder = next(bench.results.rglob("controls-*"))
    folders = folder, next(bench.results.rglob("*-s0-*"))
    own, run = (dict(np.load(path / "predictions.npz", allow_pickle=False)) for path in folders)
    for name in ("ids", "groups", "targets", "subsets"):
        assert np.array_equal(own[name], run[name])
    assert own["corrected_logits@border"].shape == run["corrected_logits"].shape
    told = bench.call("run", "--task", bench.task, "--full", "-o", bench.results, "--plan").stdout
    assert "controls: cached, nothing to do" in told
    assert told.endswith("1 run, 1 cached\n")


def test_each_image_keeps_what_its_map_showed(bench):
    folder = next(bench.results.rglob("*-s0-*/result.json")).parent
    record = verify(folder / "result.json")
    with np.load(folder / "predictions.npz", allow_pickle=False) as stored:
        test, targets = stored["subsets"] == "test", stored["targets"]
        for name in ("lung-enrichment", "lung-relative-enrichment", "lung-mask-relative-enrichment"):
            values = stored[name]
            assert np.isnan(values[~test]).all()
            for k, label in enumerate(record.classes):
                own = values[test & (targets == k)]
                assert record.gradcam[f"{name}/{label}"].value == pytest.approx(np.nanmedian(own), abs=1e-9)


def test_the_resolved_specification_has_every_option(bench):
    spec = read(next(bench.results.rglob("*-s0-*/result.json"))).spec
    assert spec["head"]["options"] == {"units": 224, "dropout": 0.2} or set(spec["head"]["options"]) >= {
        "units",
        "dropout",
    }
    assert spec["training"]["epochs"] == 2


def test_a_second_run_of_the_same_starts_nothing(bench):
    assert [run["state"] for run in bench.plan()] == ["cached"]
    before = {path: path.stat().st_ino for path in (bench.cache / "objects").glob("*/*")}
    text = bench.run()
    assert "(cached)" in text
    assert {path: path.stat().st_ino for path in (bench.cache / "objects").glob("*/*")} == before


def test_another_head_trains_only_that_head(bench):
    assert {
        run["pipeline"].rpartition("+")[2]: run["to_build"]
        for run in bench.plan("--head", "dense", "--head", "sepconv")
    } == {"dense": [], "sepconv": FROM_FIT}
    bench.run("--head", "dense", "--head", "sepconv")
    record = bench.records()["none+sepcnn[filters=8,pairs=1]+sepconv s0"]
    assert built(record) == set(FROM_FIT)


def test_seeds_share_everything_but_training(bench):
    bench.run("--seeds", "0,1")
    record = bench.records()["none+sepcnn[filters=8,pairs=1]+dense s1"]
    assert built(record) == set(FROM_FIT)
    told = bench.call("compare", bench.results, "--json")
    rows = json.loads(told.stdout)["tables"][0]["rows"]
    seeds = {row["pipeline"]: row["seeds"] for row in rows if not row["control"]}
    assert max(len(value) if isinstance(value, list) else value for value in seeds.values()) == 2


def test_a_task_of_another_name_finds_the_same_run(bench):
    renamed = bench.root / "quite-another-name.toml"
    renamed.write_text(TINY.replace('title = "tiny"', 'title = "another title"'))
    (run,) = bench.plan("--task", renamed)
    assert (run["state"], run["to_build"]) == ("cached", [])
    assert "(cached)" in bench.run(task=renamed)
    assert len(list(bench.results.rglob("none-sepcnn-dense-s0*/result.json"))) == 1


SEGMENTER = """
import keras
from keras import layers


def segmenter(image_shape):
    images = keras.Input(image_shape)
    return keras.Model(images, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(images))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Where a segmenter of a single layer is: the graph of a U-Net takes as long as all the rest."""
    folder = tmp_path_factory.mktemp("site")
    register(folder, "one-layer", "1", {"cxr_bench.segmenters": {"layer": "one_layer:segmenter"}})
    (folder / "one_layer.py").write_text(SEGMENTER)
    return str(folder)


def test_a_segmenter_is_trained_once_for_all_pipelines_and_seeds(bench, installed, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", installed)  # of plans too
    segmenter = ("--segmenter", "layer")
    bench.run(*segmenter, *UNTRAINED, "--seeds", "0,1", "--deterministic")
    runs = [record for name, record in bench.records().items() if name.startswith("layer")]
    assert len(runs) == 2
    assert {stage: bench.artefacts(stage) for stage in ("segmenter", "masks", "inputs")} == {
        "segmenter": 1,
        "masks": 1,
        "inputs": 1,
    }
    assert all("segmenter" in built(record) for record in runs)  # in that command, for both
    heads = bench.plan(*segmenter, "--deterministic", "--head", "sepconv", "--head", "attention-pool")
    assert [run["to_build"] for run in heads] == [FROM_FIT] * 2
    assert {"dice", "iou", "pixel-accuracy", "implausible"} <= set(runs[0]["masks"])
    folder = next(bench.results.rglob("layer*/masks.png")).parent
    assert (folder / "model" / "segmenter.keras").exists()


def test_a_tampered_record_is_not_taken_for_a_result(bench):
    path = next(bench.results.glob("tiny/none-sepcnn-dense-s0*/result.json"))
    honest = path.read_text()
    path.write_text(honest.replace('"epochs": 2', '"epochs": 20'))
    assert path.read_text() != honest
    assert bench.plan()[0]["state"] == "to run"
    path.write_text(honest)
    assert bench.plan()[0]["state"] == "cached"


def test_shuffled_labels_are_another_run(bench):
    (run,) = bench.plan("--set", "training.labels=shuffled")
    assert run["to_build"] == FROM_FIT


def test_a_record_has_the_seconds_of_every_step_whoever_built_it(bench, installed):
    """Of the segmenter too, which another run or another command built."""
    bench.run("--segmenter", "layer", "--seeds", "2", "--deterministic", PYTHONPATH=installed)
    record = bench.records()["layer+sepcnn[filters=8,pairs=1]+dense s2"]
    assert {role for role, status in record["stages"].items() if status == "cached"} == {
        "prepare",
        "split",
        "segmenter",
        "masks",
        "inputs",
        "familiarity",
    }
    seconds = record["training"]["stage_duration_s"]
    assert set(seconds) == set(record["stages"])
    assert all(value > 0 for value in seconds.values())
    others = [one for name, one in bench.records().items() if name.startswith("layer+") and one["seed"] != 2]
    shared = {role: seconds[role] for role in ("prepare", "split", "segmenter", "masks", "inputs")}
    assert len(others) == 2
    for other in others:
        told = other["training"]["stage_duration_s"]
        assert {role: told[role] for role in shared} == shared
