"""What a hostile user tries: one clear line, the right exit status, no traceback, nothing lost, nothing trained."""

import json
import os
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests import xrays
from tests.commands import TINY, Bench, complaints
from tests.warm.connection import HAND_OVER

pytestmark = pytest.mark.slow

FULL_DISK = """
import builtins, errno, io, os

_open = io.open

def full(file, mode="r", *args, **kwargs):
    if "r" not in mode and os.environ["FULL_AT"] in str(file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
    return _open(file, mode, *args, **kwargs)

builtins.open = io.open = full
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return Bench(tmp_path_factory.mktemp("hostile"))


def refused(bench: Bench, *flags: object, code: int = 2, **environment: str) -> str:
    """The one line that `bench run` says on standard error before it trains or keeps anything."""
    task = () if "--task" in flags else ("--task", bench.task)
    told = bench.call("run", *task, "--full", *bench.to_results(flags), **environment)
    assert told.returncode == code, told.stdout + told.stderr
    assert "Traceback" not in told.stdout + told.stderr
    assert not (bench.cache / "objects").exists()
    assert not list(bench.results.rglob("*.json"))
    (line,) = told.stderr.splitlines()
    assert line.startswith("bench: ")
    return line


def films(root: Path, count: int = 6, labels: tuple[str, ...] = ("COVID", "well"), masks: tuple[str, ...] = ()) -> Path:
    """A folder with one sub-folder per label; those in `masks` have lung masks."""
    for place, label in enumerate(labels):
        for number in range(count):
            inner = "images" if label in masks else ""
            xrays.write(root / label / inner / f"film{number}.png", xrays.radiograph(100 * place + number))
            if label in masks:
                xrays.write(root / label / "masks" / f"film{number}.png", xrays.lungs())
    return root


def text_files(root: Path) -> None:
    shutil.rmtree(root / "well")
    (root / "well").mkdir()
    (root / "well" / "film.txt").write_text("not a film")


def mask_without_image(root: Path) -> None:
    films(root, labels=("late",), masks=("late",))
    xrays.write(root / "late" / "masks" / "film99.png", xrays.lungs())


def one_film_each(root: Path) -> None:
    shutil.rmtree(root)
    films(root, count=1)


def another_disease(root: Path) -> None:
    (root / "COVID").rename(root / "influenza")


def two_of_one_name(root: Path) -> None:
    xrays.write(root / "well" / "film0.jpg", xrays.radiograph(9))
    xrays.write(root / "well" / "masks" / "film0.png", xrays.lungs())


def label_of_no_letters(root: Path) -> None:
    (root / "well").rename(os.fsdecode(os.fsencode(root) + b"/we\xff\xfe"))


def unreadable_table(root: Path) -> None:
    (root / "well.patients.csv").write_bytes(b"\xff\xfe\x00")


DATA: list[tuple[Callable[[Path], object], str]] = [
    (shutil.rmtree, "is not there; expected the folder of a dataset"),
    (lambda root: [shutil.rmtree(path) for path in root.iterdir()], "found nothing"),
    (text_files, "found COVID (with images), well (without images)"),
    (lambda root: shutil.rmtree(root / "well"), "expected two or more sub-folders with images"),
    (mask_without_image, "late/masks/film99.png has no image"),
    (one_film_each, "rest has 1, COVID has 1; every class needs one in training"),
    (another_disease, "takes label 'COVID', which the dataset lacks (it has influenza, well); a task file of your own"),
    (two_of_one_name, "two files of one name: well/film0.jpg and well/film0.png"),
    (label_of_no_letters, "cannot be printed; rename it"),
    (unreadable_table, "well.patients.csv is not a readable table"),
]


@pytest.mark.parametrize(("spoil", "words"), DATA, ids=[words[:40] for _, words in DATA])
def test_data_that_cannot_be_used_are_refused_in_one_line(bench, tmp_path, spoil, words):
    root = films(tmp_path / "films")
    spoil(root)
    assert words in refused(bench, "--data", root)


def test_masks_that_only_one_class_has_are_refused(bench, tmp_path):
    root = films(tmp_path / "films", masks=("COVID",))
    line = refused(bench, "--data", root, "--segmenter", "dataset", code=4)
    assert "100% of well have no mask, 0% of COVID" in line


def test_a_file_format_that_alone_tells_a_class_is_refused_unless_that_is_allowed(bench, tmp_path):
    root = films(tmp_path / "films")
    for path in (root / "well").iterdir():
        xrays.write(path.with_suffix(".jpg"), xrays.radiograph(len(path.name)))
        path.unlink()
    line = refused(bench, "--data", root, code=4)
    assert "the format of the files alone tells rest (JPEG in 100% of rest, 0% of the others)" in line
    assert "--allow-format-differences" in line
    plan = ("run", "--task", bench.task, "--full", "-o", bench.results, "--plan", "--data", root)
    assert bench.call(*plan, "--allow-format-differences").returncode == 0


FLAGS = [
    (("--segmenter", "nne"), "no segmenter named 'nne'; did you mean none"),
    (("--backbone", "sepcn"), "no backbone named 'sepcn'; did you mean sepcnn?"),
    (("--head", "dens"), "no head named 'dens'; did you mean dense?"),
    (("--dataset", "phantm"), "no dataset named 'phantm'; did you mean phantom?"),
    (("--dataset", "folder"), "give their folder with --data"),
    (("--dataset", "phantom[cont=9]"), "named 'cont'; did you mean count"),
    (("--backbone", "sepcnn[filters=8"), "is not a component; expected NAME or NAME[option=value"),
    (("--backbone", "sepcnn[filters]"), "'filters' in 'sepcnn[filters]' is not an option"),
    (("--backbone", "sepcnn[filtres=8]"), "named 'filtres'; did you mean filters?"),
    (("--backbone", "sepcnn[filters=8,filters=9]"), "gives filters twice; give it once"),
    (("--backbone", "sepcnn[filters=many]"), "takes int, received 'many'"),
    (("--set", "head.dropot=.3"), "no chosen head (dense) has an option 'dropot'; they have: dropout"),
    (("--set", "images.sise=96"), "unknown key 'sise' in [images]; did you mean 'size'?"),
    (("--set", "images.size=40"), "a multiple of 16 from 32 to 2048 pixels, received 40"),
    (("--set", "size=96"), "expected table.key=value"),
    (("--set", "quick.epochs=1"), "[quick] is laid over the other tables"),
    (("--seeds", "one"), "expected different whole numbers from 0"),
    (("--seeds", "0,0"), "expected different whole numbers from 0"),
    (("--limit", "3"), "3 is not in the range x>=8"),
    (("--epocs", "3"), "No such option"),
]


@pytest.mark.parametrize(("flags", "words"), FLAGS, ids=[" ".join(flags) for flags, _ in FLAGS])
def test_a_flag_that_cannot_be_used_says_what_was_expected(bench, flags, words):
    assert words in refused(bench, *flags)


def test_a_limit_too_small_for_every_part_is_refused(bench):
    assert "too few patients: COVID has 3" in refused(bench, "--limit", "8", "--dataset", "phantom[count=96,size=32]")


def test_an_unknown_keras_backend_suggests_the_nearest(bench):
    assert "did you mean tensorflow?" in refused(bench, KERAS_BACKEND="tensorflw")


def test_a_keras_backend_that_is_not_installed_is_refused(bench):
    absent = [name for name in ("tensorflow", "jax", "torch") if find_spec(name) is None]
    if not absent:
        pytest.skip("every backend is installed")
    assert f"pip install {absent[0]}, or set KERAS_BACKEND to " in refused(bench, KERAS_BACKEND=absent[0])


@pytest.mark.parametrize(
    ("backbone", "words"),
    [
        ("xception", "Xception's weights 'imagenet' cannot be had (URL fetch failure on https://"),
        ("xception[weights=nowhere.h5]", "no weights file 'nowhere.h5' for backbone 'xception'; give an existing file"),
        ("keras-file[path=nowhere.keras]", "no file 'nowhere.keras' for backbone 'keras-file'; expected a saved Keras"),
    ],
)
@pytest.mark.parametrize("head", ["dense", "majority"])  # trained with it, and frozen below a classical one
def test_weights_that_cannot_be_had_are_told_before_anything_is_prepared(bench, tmp_path, backbone, words, head):
    offline = {"https_proxy": "http://127.0.0.1:9", "KERAS_HOME": str(tmp_path / "keras")}
    frozen = ("--set", "features.head=none") if head == "majority" else ()
    line = refused(bench, "--backbone", backbone, "--head", head, *frozen, **offline)
    assert words in line
    told = bench.call("run", "--task", bench.task, "--full", "--plan", "--backbone", backbone, **offline)
    assert (told.returncode, complaints(told.stderr)) == (0, []), "a plan downloads nothing"


TASKS = [
    (TINY.replace("epochs = 2", 'epochs = "two"'), "training.epochs is a whole number, received text 'two'"),
    (TINY.replace("epochs = 2", "epoch = 2"), "unknown key 'epoch' in [training]; did you mean 'epochs'?"),
    (TINY.replace("[images]", "[imags]"), "unknown key 'imags' in [the top level]; did you mean 'images'?"),
    (TINY.replace('metric = "balanced-accuracy"', 'metric = "balanced"'), "no metric named 'balanced'; did you mean"),
    (TINY.replace('positive = "COVID"', 'positive = "COVIDs"'), "no class named 'COVIDs'; did you mean COVID?"),
    ("title = [", "is not TOML"),
    ("", "is missing at the top level"),
    (b"\xff\xfe\x00\x01", "is not TOML"),
    (None, "no task file"),  # a folder of that name
]


@pytest.mark.parametrize(("content", "words"), TASKS, ids=[words for _, words in TASKS])
def test_a_task_file_that_cannot_be_used_says_where_and_why(bench, tmp_path, content, words):
    path = tmp_path / "mine.toml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    line = refused(bench, "--task", path)
    assert "mine.toml" in line or "named" in line
    assert words in line


def test_an_unknown_task_or_command_suggests_the_nearest(bench):
    assert "did you mean binary?" in refused(bench, "--task", "binray")
    told = bench.call("rnu")
    assert (told.returncode, told.stderr.strip()[:36]) == (2, "bench: no command named 'rnu'; did y")


def test_a_folder_that_cannot_be_written_is_named_with_its_remedy(bench, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert "choose another one with -o" in refused(bench, "-o", tmp_path / "file" / "results")
    assert "(it is a file)" in refused(bench, "-o", tmp_path / "file")
    assert "with BENCH_CACHE" in refused(bench, BENCH_CACHE=str(tmp_path / "file" / "cache"))
    assert (tmp_path / "file").read_text() == "in the way"


def test_comparing_nothing_or_garbage_says_so(bench, tmp_path):
    told = bench.call("compare", tmp_path / "nowhere")
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
    told = bench.call("compare", tmp_path)
    assert (told.returncode, told.stderr.count("\n")) == (3, 1)
    for name, content in {"cut": b"{", "bytes": b"\xff\x00\xfe", "list": b"[]"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_bytes(content)
    told = bench.call("compare", tmp_path)
    assert told.returncode == 5
    assert told.stdout.count("is not a record") == 3
    assert "Traceback" not in told.stderr


def spoilt(root: Path) -> Path:
    """A collection with every kind of unreadable film, next to a film of 16 bits and a loop of links."""
    films(root, count=8)
    well = root / "well"
    xrays.write(well / "film0.png", xrays.radiograph(100).astype(np.uint16) * 257)
    (well / "again").symlink_to(root, target_is_directory=True)
    xrays.truncated(xrays.write(well / "cut.png", xrays.radiograph(500)))
    (well / "empty.png").touch()
    xrays.write(well / "dot.png", np.full((1, 1), 7, np.uint8))
    (well / "text.png").write_text("not a film")
    xrays.write(well / "black.png", np.zeros((40, 40), np.uint8))
    (well / "folder.png").mkdir()
    (well / "loop.png").symlink_to("loop.png")
    os.mkfifo(well / "pipe.png")
    return root


UNREADABLE = {
    "cut": "truncated PNG",
    "empty": "empty file (0 bytes)",
    "dot": "1×1 pixels",
    "text": "neither PNG nor JPEG",
    "black": "every pixel is 0",
    "folder": "Is a directory",
    "loop": "Too many levels of symbolic links",
    "pipe": "empty file (0 bytes)",
}


def test_all_unreadable_films_are_listed_at_once(bench, tmp_path):
    told = bench.call("run", "--task", bench.task, "--full", "-o", bench.results, "--data", spoilt(tmp_path / "films"))
    assert told.returncode == 2, told.stdout + told.stderr
    head, *lines = told.stderr.splitlines()
    assert head == "bench: 8 of 24 samples cannot be used; mend them or leave them out with --skip-bad"
    assert len(lines) == len(UNREADABLE)
    for name, reason in UNREADABLE.items():
        assert any(f"well/{name}:" in line and reason in line for line in lines), (name, told.stderr)
    assert not list((bench.cache / "objects").glob("prepare/*"))
    assert not list(bench.results.rglob("*.json"))


def test_bad_films_are_left_out_and_recorded_and_a_full_disk_costs_nothing_that_was_done(tmp_path):
    bench = Bench(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "sitecustomize.py").write_text(FULL_DISK + HAND_OVER.read_text())
    line = ("--data", spoilt(tmp_path / "films"), "--skip-bad", "--epochs", 40)  # a checkpoint every 25 steps

    def on_a_full_disk(at: str) -> str:
        told = bench.run(*line, code=2, PYTHONPATH=str(tmp_path / "full"), FULL_AT=at)
        assert "Traceback" not in told
        assert "run the same line again" in told or "No space left" in told
        assert not bench.records()
        return told

    assert "No space left" in on_a_full_disk("index.json")
    assert not list((bench.cache / "objects").glob("prepare/*"))
    assert "the disk is full at" in on_a_full_disk("epoch-0039")
    (first,) = (bench.cache / "partial" / "fit").rglob("epoch-0024/history.json")
    kept = json.loads(first.read_text())
    bench.run(*line)
    (record,) = bench.records().values()
    assert record["stages"] == dict.fromkeys(("prepare", "copies", "split"), "cached") | dict.fromkeys(
        ("fit", "predict", "familiarity", "explain", "score", "draw"), "built"
    )
    history = json.loads(next((bench.cache / "objects" / "fit").rglob("history.json")).read_text())
    assert history[:25] == kept  # their seconds too: these epochs were not trained again
    assert sorted(line.partition(":")[0] for line in record["dataset"]["skipped"]) == sorted(
        f"well/{name}" for name in UNREADABLE
    )
    assert sum(sum(part.values()) for part in record["split"]["counts"].values()) == 16
    assert not list((bench.cache / "building").iterdir())
