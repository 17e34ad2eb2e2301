"""What `bench run` says of a user's data before anything is built, and what of it stands in the record."""

import json

import pytest

from tests import xrays
from tests.commands import Bench

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    """One whose cache and results lie among the data."""
    root = tmp_path_factory.mktemp("data")
    for place, label in enumerate(("COVID", "Lung_Opacity", "Normal")):
        for number in range(8):
            pixels = xrays.radiograph(100 * place + number)
            xrays.write(root / label / "images" / f"patient{number // 2}_study{number}.jpg", pixels)
        xrays.write(root / label / "lung masks" / "patient0_study0_mask.png", xrays.lungs())
    (root / "__MACOSX").mkdir()
    return Bench(root)


def test_a_run_in_the_folder_of_the_data_opens_with_what_was_understood(bench):
    told = bench.call("run", "--task", bench.task, "--full", "--data", ".", "--plan")
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[1:6] == [
        "  labels: COVID 8, Lung_Opacity 8, Normal 8",
        "  masks: 3 of 24 images (COVID 1, Lung_Opacity 1, Normal 1)",
        "  patients: 4 with 24 images, known by names such as patient00001/study1",
        "  sources: unknown",
        "  passed over: folder __MACOSX (hidden, or a system's own); folder cache (results or a cache that bench has "
        "written); 1 .toml file (no image, such as tiny.toml)",
    ]
    assert "seed 0: builds prepare, copies, split" in told.stdout.splitlines()[6]
    assert not bench.results.exists()


def test_what_was_understood_stands_in_the_record_and_results_are_no_label(bench):
    flags = ("run", "--task", bench.task, "--full", "--data", ".", "--ignore", "Lung_Opacity")
    first = bench.call(*flags)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "left out: Lung_Opacity 8 (ignored)" in first.stdout
    assert "8 of Lung_Opacity left out." in first.stdout
    (record,) = bench.records().values()
    assert record["dataset"]["counts"] == {"COVID": 8, "Normal": 8}
    understood = record["dataset"]["understood"]
    assert (understood["read"], understood["ignored"]) == (24, {"Lung_Opacity": 8})
    assert understood["masks"] == {"COVID": 1, "Normal": 1}
    again = bench.call(*flags)
    assert "(cached)" in again.stdout
    assert "folder results (results or a cache that bench has written)" in again.stdout


def test_a_plan_as_json_holds_what_was_understood(bench):
    told = bench.call("run", "--task", bench.task, "--full", "--data", ".", "--plan", "--json")
    dataset = json.loads(told.stdout)["dataset"]
    assert dataset["counts"] == {"COVID": 8, "Lung_Opacity": 8, "Normal": 8}
    assert dataset["understood"]["patients"] == 4


def test_a_label_that_is_not_there_cannot_be_ignored(bench):
    told = bench.call("run", "--task", bench.task, "--full", "--data", ".", "--plan", "--ignore", "Opacity")
    assert told.returncode == 2
    assert told.stderr.startswith("bench: no label to ignore named 'Opacity'; did you mean")


def test_a_pattern_with_commas_and_brackets_tells_patients(bench):
    reader = r"folder[patient=study([0-9]{1,3}),level=1]"
    told = bench.call("run", "--task", bench.task, "--full", "--data", ".", "--plan", "--dataset", reader)
    assert "patients: 8 with 24 images, known by patient=study([0-9]{1,3})" in told.stdout, told.stderr
