"""Public collections as they are unpacked, in miniature: each is run by the task file of its name, in one line."""

import json
from pathlib import Path

import pytest

from tests import miniatures
from tests.commands import Bench, one_line

pytestmark = pytest.mark.slow

TINY = (
    *("--epochs", "1", "--set", "images.size=32", "--set", "training.batch_size=8"),
    *("--backbone", "sepcnn[filters=8,pairs=1]"),
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    made = Bench(tmp_path_factory.mktemp("layouts"))
    for name, make in miniatures.LAYOUTS.items():
        make(made.root / name)
    miniatures.database(made.root / "database")
    return made


@pytest.mark.parametrize(
    ("name", "images"),
    [
        ("nih14", 24),
        ("chexpert", 13),
        ("ieee8023", 24),
        ("covidx", 24),
        ("rsna", 24),
        ("padchest", 24),
        ("vindr", 24),
        ("siim", 24),
        ("kermany", 32),
        ("pneumoniamnist", 36),
    ],
)
def test_a_public_layout_is_planned_by_its_task_file(bench: Bench, name: str, images: int) -> None:
    told = bench.call("run", "--task", name, "--data", bench.root / name, "--plan", "--json")
    assert told.returncode == 0, told.stderr
    (run,) = json.loads(told.stdout)["runs"]
    assert run["state"] == "to run"
    assert f"{name}: {images} images" in told.stderr


def test_every_task_file_of_a_collection_has_a_miniature() -> None:
    tasks = [
        path.stem for path in (Path(__file__).parents[2] / "configs").glob("*.toml") if "\nreader =" in path.read_text()
    ]
    assert sorted(tasks) == sorted(miniatures.LAYOUTS)


def test_the_database_with_sheets_as_text_goes_to_its_own_reader(bench: Bench) -> None:
    told = bench.call(
        "run", "--task", "multiclass", "--segmenter", "none", "--data", bench.root / "database", "--plan", "--json"
    )
    assert told.returncode == 0, told.stderr
    assert "covid-radiography: 24 images" in told.stderr


@pytest.mark.parametrize(("name", "left"), [("nih14", {"Effusion": 8, "Mass|Nodule": 8}), ("pneumoniamnist", {})])
def test_a_public_layout_runs_to_its_record(bench: Bench, name: str, left: dict[str, int]) -> None:
    told = bench.call("run", "--task", name, "--data", bench.root / name, *TINY, "-o", bench.root / f"results-{name}")
    assert told.returncode == 0, told.stdout + told.stderr
    found = [json.loads(path.read_bytes()) for path in (bench.root / f"results-{name}").rglob("result.json")]
    (record,) = (one for one in found if one["spec"]["kind"] == "pipeline")
    assert record["status"] == "ok"
    assert record["spec"]["dataset"]["ignore"] == list(left)
    assert record["dataset"]["understood"].get("ignored", {}) == left


def test_a_task_of_a_collection_asks_for_its_folder(bench: Bench) -> None:
    told = bench.call("run", "--task", "nih14", "--plan")
    assert one_line(told) == "bench: task 'nih14' is of a collection of files; give its folder with --data"
