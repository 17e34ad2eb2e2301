"""`bench data split` and `bench import` from end to end: a run's own predictions, out and in again."""

import csv
import json

import numpy as np
import pytest

from tests.commands import once_run, one_line

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return once_run(tmp_path_factory)


def asked(bench, *arguments):
    return bench.call(*arguments, "--task", bench.task, "--full")


@pytest.fixture(scope="module")
def split(bench):
    """The rows of the table that another program gets."""
    path = bench.root / "split.csv"
    told = asked(bench, "data", "split", "-o", path)
    assert told.returncode == 0, told.stderr
    assert "96 images: train" in told.stdout
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def own_predictions(bench, name, *subsets):
    """The probabilities of the bench's run as a table."""
    (run,) = bench.results.glob("tiny/none-sepcnn-dense-s0-f0-*")
    path = bench.root / name
    with np.load(run / "predictions.npz", allow_pickle=False) as stored, path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "rest", "COVID"])
        for row in np.flatnonzero(np.isin(stored["subsets"], subsets)):
            table.writerow([stored["ids"][row], *map(float, stored["probabilities"][row])])
    return path


def test_the_split_that_others_get_is_that_of_the_run(bench, split):
    (run,) = bench.results.glob("tiny/none-sepcnn-dense-s0-f0-*")
    named = {"train": "train", "validation": "select", "calibration": "fit", "test": "test"}
    with (run / "split.csv").open(newline="") as file:
        ours = {row["id"]: (row["group"], named[row["subset"]]) for row in csv.DictReader(file)}
    assert {row["id"]: (row["group"], row["part"]) for row in split} == ours
    assert {row["class"] for row in split} == {"rest", "COVID"}


def test_our_own_predictions_tie_with_their_run_and_nothing_that_needs_a_model_is_asked_of_them(bench, split):
    path = own_predictions(bench, "ours.csv", "test")
    told = asked(bench, "import", path, "--name", "again", "--shares", "training", "-o", bench.results)
    assert told.returncode == 0, told.stderr
    found = bench.records()
    run, again = found["none+sepcnn[filters=8,pairs=1]+dense s0"], found["again s0"]
    assert again["confusion"] == run["confusion"]
    assert again["split"]["digest"] == run["split"]["digest"]
    assert again["test"] == run["test"]
    assert again["metrics"]["auroc"]["value"] == pytest.approx(run["metrics"]["auroc"]["value"])
    assert again["metrics"]["log-loss"]["value"] == pytest.approx(run["metrics"]["log-loss"]["value"], abs=1e-6)
    shown = bench.call("compare", bench.results, "--format", "json")
    (table,) = json.loads(shown.stdout)["tables"]
    rows = {row["pipeline"]: row for row in table["rows"]}
    (difference,) = [
        row["difference"] for name, row in rows.items() if name in ("again", run["pipeline"]) and row["difference"]
    ]
    assert difference["value"] == 0
    (folder,) = bench.results.glob("tiny/imported-again-s0-f0-*")
    assert "no model of its own" in one_line(bench.call("predict", path, "--run", folder, "-o", bench.root / "out"))


def test_what_cannot_be_imported_leaves_nothing_behind(bench, split):
    lacking = bench.root / "lacking.csv"
    lacking.write_text("id,rest,COVID\n" + "\n".join(f"{row['id']},.5,.5" for row in split[:7]))
    target = bench.root / "elsewhere"
    assert "test images" in one_line(asked(bench, "import", lacking, "--name", "x", "-o", target))
    assert not list(target.glob("*/*"))
