"""`bench data check`, as a user calls it."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests import xrays
from tests.commands import Bench, complaints

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return Bench(tmp_path_factory.mktemp("data"))


def films(root: Path, *parts: str, first: int = 0) -> Path:
    """Two labels in each part, in which every film has points of its own."""
    for place, part in enumerate(parts or ("",)):
        for label, seed in (("ill", 0), ("well", 500)):
            for number in range(4):
                pixels = np.random.default_rng(first + seed + 100 * place + number).integers(0, 256, (30, 30), np.uint8)
                xrays.write(root / part / label / f"film{place}-{number}.png", cv2.resize(pixels, (96, 96)))
    return root


def test_a_sound_dataset_is_described_and_the_folder_stays_as_it_was(bench, tmp_path):
    root = films(tmp_path / "sound")
    before = sorted(tmp_path.rglob("*"))
    told = bench.call("data", "check", root)
    assert (told.returncode, complaints(told.stderr)) == (0, [])
    for line in (
        "sound: 8 images",
        "  labels: ill 4, well 4",
        "  cannot be read: nothing",
        "  copies: nothing",
        "  two labels: nothing",
        "  parts share: nothing",
        "    format: PNG",
        "No parts are given.",
    ):
        assert line in told.stdout.splitlines()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_split_that_leaks_is_refused_and_everything_that_is_wrong_is_named(bench, tmp_path):
    root = films(tmp_path / "leaky", "train", "test")
    shutil.copy(root / "train" / "ill" / "film0-0.png", root / "test" / "ill" / "again.png")
    shutil.copy(root / "train" / "ill" / "film0-1.png", root / "train" / "well" / "film0-9.png")
    xrays.truncated(root / "test" / "well" / "film1-0.png")
    told = bench.call("data", "check", root, "-o", tmp_path / "odd")
    assert (told.returncode, told.stderr) == (4, "")
    assert "parts share: train and test: 1 pair of copies" in told.stdout
    assert "  cannot be read: test/well/film1-0" in told.stdout
    assert "(ill and well; equal)" in told.stdout
    assert "The split as given leaks: copies on both sides." in told.stdout
    assert (tmp_path / "odd" / "odd-films.png").read_bytes().startswith(b"\x89PNG")
    again = bench.call("data", "check", root, "--json")
    assert (again.returncode, again.stderr) == (4, "")
    found = json.loads(again.stdout)["data"]
    assert [(one["what"], one["parts"], one["count"]) for one in found["leaks"]] == [("copies", ["train", "test"], 1)]
    assert found["summary"]["understood"]["parts"].keys() == {"train", "test"}
    assert len(found["unreadable"]) == 1
    assert [one["identical"] for one in found["twins"]] == [True, True]


def test_films_that_an_external_dataset_has_in_common_are_named(bench, tmp_path):
    root, other = films(tmp_path / "ours"), films(tmp_path / "theirs", first=5000)
    whole = cv2.imread(str(root / "ill" / "film0-2.png"), cv2.IMREAD_GRAYSCALE)
    xrays.write(other / "ill" / "a crop.png", whole[4:, 4:])
    told = bench.call("data", "check", root, "--external", other, "--json")
    assert (told.returncode, complaints(told.stderr)) == (0, [])
    found = json.loads(told.stdout)
    assert [(one["one"], one["other"]) for one in found["common"]] == [("ill/a crop", "ill/film0-2")]
    assert found["external"]["summary"]["images"] == 9
    shown = bench.call("data", "check", root, "--external", other)
    assert "theirs and ours: 1 film in common" in shown.stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("nowhere",), "is not there; expected the folder of a dataset"),
        ((), "Missing argument 'DIR'"),
        ((".", "--dataset", "foldr"), "no dataset named 'foldr'; did you mean folder?"),
        ((".", "--external", "a", "--external", "b"), "--external is given 2 times; give it once"),
    ],
)
def test_what_cannot_be_checked_is_one_line(bench, words, line):
    told = bench.call("data", "check", *words)
    assert (told.returncode, told.stdout, told.stderr.count("\n")) == (2, "", 1)
    assert line in told.stderr
