"""What is found of a run on two dozen small films: scores, drawings, and the folder that is copied together of them."""

import csv
import json
from hashlib import sha256

import msgspec
import numpy as np
import pytest

from benchmark.records.estimate import Estimate
from benchmark.records.files import FILE, verify
from benchmark.records.findings import Findings
from benchmark.stages import draw, explain, familiarity, record, score, score_folds
from benchmark.stages.context import Context, RunFacts
from benchmark.tasks.schema import Split
from benchmark.tasks.spec import in_fold
from tests.specs import summary
from tests.stages import test_stages
from tests.stages.test_stages import SUBSETS, build, small

fitted = test_stages.fitted
TESTED = SUBSETS == "test"
SCORED = ("predictions.npz", "curves.json")


@pytest.fixture(scope="module")
def found(fitted, tmp_path_factory):
    """After a fit, its predictions, its maps, its scores and its drawings."""
    (fitted.artefacts["split"] / "digest").write_text("who is where")
    (fitted.artefacts["split"] / "split.csv").write_text("id,subset\n")
    build(fitted, familiarity, "familiarity")
    steps = {"explain": explain, "score": score}
    for name, module in steps.items():
        build(fitted, module, name)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(draw, "open_dataset", lambda *_: (None, samples(fitted), {}))
        build(fitted, draw, "draw")
    return fitted


def samples(context):
    """The images as a dataset reads them."""
    images = np.load(context.artefacts["prepare"] / "images.npy")
    return [Radiograph(f"radiograph-{row}", image) for row, image in enumerate(images)]


class Radiograph:
    def __init__(self, name, image):
        self.id, self.image = name, image

    def read_image(self):
        return self.image


def findings(context):
    return msgspec.json.decode((context.artefacts["score"] / score.FINDINGS).read_bytes(), type=Findings)


def facts(**changes):
    told = RunFacts(
        run="none-sepcnn-dense-s0-f0-00000000",
        digest="d" * 64,
        pipeline_digest="p" * 64,
        key="k" * 64,
        pipeline="none+sepcnn+dense",
        code={"dataset": "1", "segmenter": "2", "backbone": "3", "head": "4"},
        summary=summary(),
        stages={"prepare": "cached", "fit": "built"},
        duration_s={"prepare": 3.5, "fit": 61.5},
        trainings=["f" * 64],
    )
    return msgspec.structs.replace(told, **changes)


def test_scores_are_of_the_test_subset_and_of_nothing_else(found):
    told = findings(found)
    assert told.metrics["accuracy"].n == TESTED.sum() == sum(map(sum, told.confusion))
    assert told.split.digest == "who is where"
    assert told.split.counts["train"] == {"rest": 8, "COVID": 4}
    assert told.images == {"COVID": 8, "Normal": 8, "Lung_Opacity": 8}
    assert (told.masks, told.members, told.voting, told.reference) == ({}, {}, {}, None)
    assert {"majority", "source-oracle"} <= set(told.controls)


def test_stored_predictions_are_of_everything_that_was_not_trained_on(found):
    with np.load(found.artefacts["score"] / score.PREDICTIONS, allow_pickle=False) as stored:
        told = dict(stored)
    assert told["ids"].tolist() == [f"radiograph-{row}" for row in range(12, 24)]
    assert told["subsets"].tolist() == SUBSETS[12:].tolist()
    assert np.allclose(told["probabilities"].sum(axis=1), 1, atol=1e-5)
    with np.load(found.artefacts["predict"] / "logits.npz", allow_pickle=False) as logits:
        assert np.array_equal(told["logits"], logits["logits"])


def test_scoring_twice_finds_the_same(found, tmp_path):
    score.build(found, tmp_path)
    for name in (score.FINDINGS, score.PREDICTIONS):
        assert (tmp_path / name).stat().st_size == (found.artefacts["score"] / name).stat().st_size
    assert (tmp_path / score.FINDINGS).read_bytes() == (found.artefacts["score"] / score.FINDINGS).read_bytes()


def test_drawings_are_figures_and_thumbnails(found):
    names = {path.name for path in found.artefacts["draw"].iterdir()}
    assert names == {
        "network-view.png", "gradcam.png", "gradcam.json", "gallery.json", "mean-heat.png", "curves.png",
    }  # fmt: skip


def test_a_runs_folder_is_copied_together_from_its_artefacts(found, tmp_path):
    written = record.write_run(found, facts(), {"": "none+sepcnn+dense"}, tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    drawn = {path.name for path in found.artefacts["draw"].iterdir()}
    assert names == drawn | {FILE, *SCORED, "split.csv", "spec.json", "history.csv", "model"}
    models = {path.name for path in (tmp_path / "run" / "model").iterdir()}
    assert models == {"backbone.keras", "head.keras", "familiarity.npz"}
    for name in drawn:
        assert (tmp_path / "run" / name).read_bytes() == (found.artefacts["draw"] / name).read_bytes()
    assert verify(tmp_path / "run" / FILE).key == written.key
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    with (tmp_path / "run" / "history.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 1


def test_a_record_says_what_the_steps_found_and_the_seconds_that_each_took_whoever_built_it(found, tmp_path):
    written = record.write_run(found, facts(), {}, tmp_path / "run")
    told = findings(found)
    for name in ("metrics", "controls", "confusion", "masks", "calibration"):
        assert getattr(written, name) == getattr(told, name), name
    statistics = json.loads((found.artefacts["explain"] / "statistics.json").read_text())
    assert set(written.gradcam) == set(statistics)
    assert written.stages == {"prepare": "cached", "fit": "built"}
    assert written.training.stage_duration_s == {"prepare": 3.5, "fit": 61.5}
    assert written.trainings == ["f" * 64]
    assert written.components["head"].code == "4"
    assert written.dataset.counts == {"COVID": 8, "Lung_Opacity": 8, "Normal": 8}
    assert not [note for note in written.notes if "source" in note]


def test_a_record_lists_every_file_that_the_run_wrote_with_its_size_and_digest(found, tmp_path):
    record.write_run(found, facts(scoring={"benchmark.stages.score": "e" * 64}), {}, tmp_path / "run")
    sealed = verify(tmp_path / "run" / FILE)
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file() and path.name != FILE]
    expected = {
        path.relative_to(tmp_path / "run").as_posix(): (path.stat().st_size, sha256(path.read_bytes()).hexdigest())
        for path in files
    }
    assert {name: (one.size, one.sha256) for name, one in sealed.files.items()} == expected
    assert {"predictions.npz", "history.csv", "model/head.keras", "mean-heat.png", "split.csv"} <= set(expected)
    assert sealed.scoring == {"benchmark.stages.score": "e" * 64}


def test_the_digest_of_the_test_images_is_of_who_they_are_their_groups_and_their_classes(found, tmp_path):
    def digest_after(change):
        with np.load(found.artefacts["score"] / score.PREDICTIONS, allow_pickle=False) as stored:
            arrays = dict(stored)
        change(arrays)
        np.savez(tmp_path / "changed.npz", **arrays)
        return record.tested(tmp_path / "changed.npz")

    def reordered(arrays):
        for name in arrays:
            arrays[name] = arrays[name][::-1]

    def replaced(name, value):
        def change(arrays):
            arrays[name] = arrays[name].copy()
            arrays[name][np.flatnonzero(arrays["subsets"] == "test")[0]] = value

        return change

    own = digest_after(lambda arrays: None)
    assert digest_after(reordered) == digest_after(replaced("logits", 9.0)) == own
    assert own not in (digest_after(replaced("groups", "other")), digest_after(replaced("targets", 7)))


def test_what_has_no_readable_source_is_noted(found, tmp_path):
    written = record.write_run(found, facts(uncacheable=["head mine", "backbone theirs"]), {}, tmp_path / "run")
    assert [note for note in written.notes if "source" in note] == [
        "made anew each time: the source of head mine cannot be read",
        "made anew each time: the source of backbone theirs cannot be read",
    ]


def test_a_folder_that_cannot_be_finished_leaves_the_one_that_was_there(found, tmp_path, monkeypatch):
    record.write_run(found, facts(), {}, tmp_path / "run")
    before = (tmp_path / "run" / FILE).read_bytes()

    def fails(*_, flush):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(record, "write", fails)
    with pytest.raises(OSError, match="No space left"):
        record.write_run(found, facts(key="another"), {}, tmp_path / "run")
    assert (tmp_path / "run" / FILE).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.fixture
def folds(found, tmp_path):
    """Two folds of a cross-validation: the films of the other fold are named otherwise."""
    whole = in_fold(small(split=Split(folds=2)), None)
    artefacts = {}
    for number in range(2):
        artefacts |= {f"folds/{number}/{name}": path for name, path in found.artefacts.items()}
    other = tmp_path / "other"
    other.mkdir()
    with np.load(found.artefacts["score"] / score.PREDICTIONS, allow_pickle=False) as stored:
        arrays = dict(stored)
    np.savez(other / score.PREDICTIONS, **{**arrays, "ids": np.char.add(arrays["ids"], "-b")})
    (other / score.FINDINGS).write_bytes((found.artefacts["score"] / score.FINDINGS).read_bytes())
    artefacts["folds/1/score"] = other
    return Context(whole, artefacts, tmp_path, lambda told: None)


def test_pooled_folds_test_every_image_once_and_their_record_has_the_seconds_of_every_fold(folds, tmp_path):
    pooled = tmp_path / "pooled"
    pooled.mkdir()
    score_folds.build(folds, pooled)
    folds.artefacts["score"] = pooled
    told = findings(folds)
    assert told.metrics["accuracy"].n == 2 * TESTED.sum()
    assert list(told.members) == ["fold 0", "fold 1"]
    for name in ("balanced-accuracy", "balanced-accuracy@uncalibrated"):  # both folds predict the same
        assert told.metrics[name].value == pytest.approx(told.members["fold 1"][name].value)
    seconds = {"folds/0/fit": 61.5, "folds/1/fit": 62.5, "score": 0.5}
    names = {"": "none+sepcnn+dense", "fold 0": "run-0", "fold 1": "run-1"}
    written = record.write_run(folds, facts(duration_s=seconds), names, tmp_path / "run")
    assert [(member.name, member.run) for member in written.members] == [("fold 0", "run-0"), ("fold 1", "run-1")]
    assert written.training.stage_duration_s == seconds
    assert isinstance(written.metrics["accuracy"], Estimate)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {FILE, *SCORED}
