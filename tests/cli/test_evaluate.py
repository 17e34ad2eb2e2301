"""`bench evaluate` from end to end: a phantom that tells the class by its lettering, and one without any."""

import json
import shutil

import numpy as np
import pytest

from benchmark.records.external import External, read
from tests.commands import TINY, Bench, once_run, one_line

pytestmark = pytest.mark.slow

LETTERED = TINY.replace("count=96,size=32", "count=240,size=32,lettering=1.0,difficulty=0.0").replace(
    "epochs = 2", "epochs = 8"
)
MASKED = LETTERED.replace('segmenter = "none"', 'segmenter = "dataset"')
PLAIN = "phantom[count=240,size=32,difficulty=0.0,seed=1]"
SMALL = "phantom[count=60,size=32,seed=5]"


def runs(bench, pattern="*-s*-f0-*"):
    return sorted(bench.results.glob(f"tiny/{pattern}"))


def evaluate(bench, *arguments, code=0):
    told = bench.call("evaluate", *arguments, "-o", bench.results)
    assert told.returncode == code, told.stdout + told.stderr
    return told


def records(bench):
    found = [read(path) for path in sorted(bench.results.glob("external/*/external.json"))]
    assert all(isinstance(one, External) for one in found)
    return found


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return once_run(tmp_path_factory)


@pytest.fixture(scope="module")
def lettered(tmp_path_factory):
    """A run that sees the lettering, and one that sees the lungs alone."""
    made = Bench(tmp_path_factory.mktemp("lettered"))
    made.task.write_text(LETTERED)
    made.run()
    made.task.write_text(MASKED)
    made.run()
    return made


def test_who_reads_the_lettering_falls_where_there_is_none_and_who_sees_the_lungs_does_not(lettered):
    told = evaluate(lettered, *runs(lettered), "--dataset", PLAIN)
    naive, masked = sorted(records(lettered), key=lambda one: one.pipeline, reverse=True)
    assert naive.pipeline.startswith("none+")
    drop = naive.drop["balanced-accuracy"]
    assert drop.value < -0.2 and drop.high < 0
    assert masked.drop["balanced-accuracy"].high > 0
    assert drop.value == pytest.approx(
        naive.metrics["balanced-accuracy"].value - naive.internal["balanced-accuracy"].value
    )
    assert "Δ to own test" in told.stdout
    assert "drawn by code" in told.stdout


def test_a_run_on_its_own_images_leaves_out_all_that_it_learnt_from_and_repeats_its_own_test(bench):
    """The same phantom: what is left is the run's own test, so every number is that of its record."""
    (run,) = runs(bench, "none-sepcnn-dense-s0*")
    evaluate(bench, run, "--dataset", "phantom[count=96,size=32]")
    (found,) = (one for one in records(bench) if one.run == run.name and one.shared.pairs)
    own = json.loads((run / "result.json").read_bytes())
    assert found.shared.checked
    with np.load(run / "predictions.npz", allow_pickle=False) as stored:
        test = stored["subsets"] == "test"
        same = {"ids": stored["ids"][test], "logits": stored["logits"][test], "p": stored["probabilities"][test]}
        thresholds = [name for name in own["metrics"] if "@specificity" in name]
    with np.load(read_folder(bench, found) / "predictions.npz", allow_pickle=False) as again:
        assert np.array_equal(again["ids"], same["ids"])
        assert np.allclose(again["logits"], same["logits"], atol=1e-4)
        assert np.allclose(again["probabilities"], same["p"], atol=1e-5)
        assert set(again["subsets"]) == {"test"}
    for name in ("balanced-accuracy", "auroc", "log-loss", "sensitivity", "calibration-slope", *thresholds):
        assert found.metrics[name].value == pytest.approx(own["metrics"][name]["value"], abs=1e-4)
    assert found.confusion == own["confusion"]
    assert found.drop["balanced-accuracy"].value == pytest.approx(0, abs=1e-4)
    assert len(found.shared.pairs) == 96 - found.n


def read_folder(bench, found):
    return bench.results / "external" / found.name


def test_the_same_line_again_computes_nothing_and_compare_has_a_table_of_its_own(bench):
    (run,) = runs(bench, "none-sepcnn-dense-s0*")
    line = (run, "--dataset", SMALL, "--recalibrate", "20")
    evaluate(bench, *line)
    (found,) = (one for one in records(bench) if one.recalibration)
    assert found.recalibration.images + found.n == 60
    assert found.recalibration.metrics["accuracy"].n == found.metrics["accuracy"].n == found.n
    with np.load(read_folder(bench, found) / "predictions.npz", allow_pickle=False) as stored:
        local = stored["subsets"] == "local"
        assert local.sum() == found.recalibration.images
        assert not set(stored["groups"][local]) & set(stored["groups"][~local])
        assert set(stored["trait:source"][~local]) == {one.value for one in found.subgroups}
    written = (read_folder(bench, found) / "external.json").stat().st_ino
    assert "(1 of 1 cached)" in evaluate(bench, *line).stdout
    assert (read_folder(bench, found) / "external.json").stat().st_ino == written
    checked = json.loads(bench.call("verify", bench.results, "--json").stdout)
    assert [one for one in checked["findings"] if one["place"].startswith("external/")] == []
    told = bench.call("compare", bench.results, "--json")
    content = json.loads(told.stdout)
    rows = [row for table in content["tables"] for row in table["rows"] if not row["control"]]
    assert len(rows) == 1
    (table,) = (one for one in content["external"] if one["n"] == found.n)
    assert sorted(row["recalibrated"] for row in table["rows"]) == [0, found.recalibration.images]


def test_labels_are_mapped_and_those_of_no_class_left_out_and_counted(bench):
    (run,) = runs(bench, "none-sepcnn-dense-s0*")
    evaluate(bench, run, "--dataset", "phantom[count=60,size=32,seed=6]", "--map", "Lung_Opacity=COVID,Normal=")
    (found,) = (one for one in records(bench) if one.left_out)
    assert found.mapping == {"COVID": "COVID", "Lung_Opacity": "COVID", "Viral Pneumonia": "rest"}
    assert found.left_out == {"Normal": 15}
    assert found.counts == {"rest": 15, "COVID": 30}
    assert sum(found.counts.values()) == found.n == 45


def test_a_segmenter_is_judged_alone(bench):
    segmenter = ("--segmenter", "threshold", "--head", "majority", "--set", "features.head=none")
    bench.run(*segmenter)
    (run,) = runs(bench, "threshold-*")
    evaluate(bench, run, "--dataset", SMALL, "--masks")
    (found,) = (one for one in records(bench) if one.kind == "masks")
    assert found.n == found.masks["dice"].n == 60
    with np.load(read_folder(bench, found) / "predictions.npz", allow_pickle=False) as stored:
        assert found.masks["dice"].value == pytest.approx(np.nanmean(stored["dice"]))
    checked = json.loads(bench.call("verify", bench.results, "--json").stdout)
    assert [one for one in checked["findings"] if one["place"].startswith("external/")] == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "images of elsewhere are needed"),
        (("--dataset", SMALL, "--masks"), "draws no masks (segmenter none"),
        (("--dataset", SMALL, "--masks", "--map", "a=b"), "--masks judges a segmenter"),
        (("--dataset", SMALL, "--map", "Nrmal=COVID"), "'Nrmal'; did you mean Normal"),
        (("--dataset", SMALL, "--map", "Normal=COVD"), "'COVD'; did you mean COVID"),
        (("--dataset", SMALL, "--recalibrate", "60"), "takes all 60 images"),
        (("--dataset", "phantm"), "did you mean phantom"),
        (("--data", "nowhere"), "is not there"),
    ],
)
def test_what_cannot_be_asked_is_one_line(bench, arguments, complaint):
    (run,) = runs(bench, "none-sepcnn-dense-s0*")
    line = one_line(bench.call("evaluate", run, *arguments, "-o", bench.results))
    assert complaint in line and "\n" not in line


def test_votes_are_evaluated_where_their_members_are_and_repeat_their_own_test(bench):
    two = TINY + '\n[[pipelines]]\nsegmenter = "none"\nbackbone = "sepcnn[filters=8,pairs=1]"\nhead = "sepconv"\n'
    (bench.root / "votes.toml").write_text(two.replace("resamples", 'voters = ["stacking"]\nresamples'))
    bench.run(task="votes.toml")
    (vote,) = bench.results.glob("votes/stacking-*-s0-*")
    evaluate(bench, vote, "--dataset", "phantom[count=96,size=32]")
    (found,) = (one for one in records(bench) if one.run == vote.name)
    own = json.loads((vote / "result.json").read_bytes())
    assert found.confusion == own["confusion"]
    for name in ("balanced-accuracy", "auroc", "log-loss", "sensitivity@specificity-95"):
        assert found.metrics[name].value == pytest.approx(own["metrics"][name]["value"], abs=1e-3)
    (member,) = bench.results.glob("votes/none-sepcnn-sepconv-s0-*")
    shutil.rmtree(member / "model")
    line = one_line(bench.call("evaluate", vote, "--dataset", SMALL, "-o", bench.results))
    assert "is a vote, and no run of its member" in line and "+sepconv)" in line


def test_pooled_folds_are_one_line_that_names_the_folds(bench):
    bench.run("--folds", "2", "--head", "majority", "--set", "features.head=none")
    (pooled,) = runs(bench, "*-pooled-*") or bench.results.glob("tiny/*pooled*")
    line = one_line(bench.call("evaluate", pooled, "--dataset", SMALL, "-o", bench.results))
    assert "is pooled of folds, which are models of their own; take one: none-sepcnn-majority-s0-f0-" in line


def test_runs_without_models_and_changed_ones_are_one_line(bench, tmp_path):
    (run,) = runs(bench, "none-sepcnn-dense-s0*")
    bare, edited = (shutil.copytree(run, tmp_path / "tiny" / name) for name in (run.name, "edited"))
    shutil.rmtree(bare / "model")
    assert "no models in" in one_line(bench.call("evaluate", bare, "--dataset", SMALL))
    with (edited / "model" / "head.keras").open("ab") as file:
        file.write(b"more")
    told = bench.call("evaluate", edited, "--dataset", SMALL)
    assert told.returncode == 5 and "head.keras was changed" in told.stderr
    (edited / "result.json").write_text((edited / "result.json").read_text().replace('"epochs": 2', '"epochs": 20'))
    told = bench.call("evaluate", edited, "--dataset", SMALL)
    assert told.returncode == 5 and told.stderr.count("\n") == 1
    controls = next(bench.results.glob("tiny/controls-*"))
    assert "is of control rules" in one_line(bench.call("evaluate", controls, "--dataset", SMALL))
    assert "no record in" in one_line(bench.call("evaluate", tmp_path, "--dataset", SMALL))
