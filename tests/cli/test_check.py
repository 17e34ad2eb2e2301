"""`bench check`, and the walk of the page on components: from `bench new` to a row of the table."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from registry.checks.promises import UNTRIED
from tests import xrays
from tests.commands import Bench, complaints, one_line
from tests.distributions import install_in_place, register

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[2] / "registry" / "README.md").read_text()
BROKEN = '''
import os

import keras
from keras import layers


def flat(image_shape):
    """Ends in a vector."""
    print("noise on standard output")
    images = keras.Input(image_shape)
    return keras.Model(images, layers.Flatten()(images))


def fatal(image_shape):
    """Ends the process."""
    os._exit(7)
'''


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return Bench(tmp_path_factory.mktemp("check"))


@pytest.fixture(scope="module")
def broken(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("broken")
    (folder / "broken.py").write_text(BROKEN)
    points = {name: f"broken:{name}" for name in ("flat", "fatal", "absent")}
    register(folder, "broken-ones", "1", {"cxr_bench.backbones": points})
    return str(folder)


def test_a_broken_component_is_a_line_per_promise_and_exit_status_1(bench, broken):
    told = bench.call("check", "backbone", "flat", PYTHONPATH=broken)
    assert (told.returncode, complaints(told.stderr)) == (1, [])
    first, *lines, tally = told.stdout.splitlines()
    assert first == "backbone flat  (broken-ones 1)"
    assert tally == "8 kept, 1 broken, 3 not tried"
    (line,) = (line for line in lines if line.startswith("  BROKEN"))
    assert "feature maps are (B, h, w, C), received (4, 4096); end before pooling or flattening" in line
    assert line.endswith("[registry/README.md, Networks]")
    assert [line.split()[0] for line in lines].count("ok") == 8
    assert sum(line.endswith(UNTRIED) for line in lines) == 3


def test_it_can_be_read_by_a_program(bench, broken):
    told = bench.call("check", "voters", "soft", "--json")
    assert (told.returncode, complaints(told.stderr)) == (0, [])
    found = json.loads(told.stdout)
    assert (found["kind"], found["component"]) == ("voter", "soft")
    assert {(one["kept"], one["why"]) for one in found["promises"]} == {(True, "")}
    assert "nothing in it is random" in [one["name"] for one in found["promises"]]


def test_a_component_that_does_not_import_breaks_the_first_promise(bench, broken):
    told = bench.call("check", "backbone", "absent", PYTHONPATH=broken)
    assert told.returncode == 1
    assert (
        "  BROKEN   it is imported, and is a function: backbone 'absent' of broken-ones does not import" in told.stdout
    )
    assert told.stdout.splitlines()[-1] == "1 broken"


def test_a_component_that_ends_the_process_is_one_line_with_the_promise_that_was_tried(bench, broken):
    told = bench.call("check", "backbone", "fatal", PYTHONPATH=broken)
    assert (told.returncode, told.stdout) == (1, "")
    (line,) = complaints(told.stderr)
    assert line.startswith("bench: backbone 'fatal' broke off while this was tried: it is built, as a keras.Model")
    assert "the worker ended with exit status 7; see the log" in line


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("backbone", "sepcn"), "no backbone named 'sepcn'; did you mean sepcnn"),
        (("spine", "sepcnn"), "no kind of component named 'spine'"),
        (("backbone", "sepcnn[filter=8]"), "no option of sepcnn named 'filter'; did you mean filters"),
        (("backbone", "sepcnn[filters=9000]"), "lies in [8, 64], received 9000"),
        (("backbone", "sepcnn["), "is not a component; expected NAME or NAME[option=value,…]"),
        (("backbone", "sepcnn", "--data", "x"), "--data is for a dataset, received a backbone; leave it out"),
        (("dataset", "folder"), "dataset 'folder' is read from files; say where they are: --data DIR"),
        (("dataset", "folder", "--data", "nowhere"), "nowhere does not exist"),
    ],
)
def test_what_cannot_be_checked_is_one_line(bench, arguments, line):
    assert line in one_line(bench.call("check", *arguments))


def drawn(root: Path) -> Path:
    """A folder of films: noise with a bright disc, or without."""
    for number in range(96):
        rng = np.random.default_rng(number)
        film = rng.integers(40, 160, (32, 32)).astype(np.uint8)
        y, x = np.mgrid[:32, :32] - rng.integers(8, 24, (2, 1, 1))
        film[(x**2 + y**2 < 30) & (number % 2 == 0)] = 255
        xrays.write(root / ("COVID", "well")[number % 2] / f"film{number}.png", film)
    return root


def test_a_dataset_is_checked_on_its_folder(bench, tmp_path):
    told = bench.call("check", "dataset", "folder", "--data", drawn(tmp_path / "films"))
    assert told.returncode == 0, told.stdout
    assert "  ok       it recognises its own folder and no other, where it declares that\n" in told.stdout


SMALL = ("--epochs", 1, "--set", "images.size=32", "--set", "augmentation.rotated=0.0")


def test_the_walk_of_the_page_ends_in_a_row_beside_the_founding_one(tmp_path):
    """Its lines as they stand, at a small size; pip's leaves what it would leave."""
    bench = Bench(tmp_path)
    first, second = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    new, install, check, run = (shlex.split(line) for line in first.splitlines())
    assert bench.call(*new[1:]).returncode == 0
    assert install[:3] == ["pip", "install", "-e"]
    install_in_place(tmp_path / install[3])
    there = {"PYTHONPATH": str(tmp_path / install[3])}
    checked = bench.call(*check[1:], **there)
    assert checked.returncode == 0 and checked.stdout.endswith("\n12 kept\n"), checked.stdout
    told = bench.call(*run[1:], *SMALL, "--dataset", "phantom[count=96,size=32]", **there)
    assert told.returncode == 0, told.stdout + told.stderr
    assert {record["pipeline"]: record["status"] for record in bench.records().values()} == {
        "none+sepcnn+dense": "ok",
        "none+quarter-map+dense": "ok",
    }
    *_, compare, own = (shlex.split(line) for line in second.splitlines())
    assert "none+quarter-map+dense  " in bench.call(*compare[1:], **there).stdout
    own[own.index("DIR")] = str(drawn(tmp_path / "films"))
    told = bench.call(*own[1:], *SMALL, **there)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "none+quarter-map+dense  " in told.stdout
