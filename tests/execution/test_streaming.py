"""Many images by one pipeline: pieces, pictures' names, a worker that dies of one image."""

import os
from pathlib import Path

import msgspec
import pytest

from benchmark.execution.image_files import ImageFile
from benchmark.execution.process import Outcome, WorkerFailedError
from benchmark.execution.streaming import PIECE, PIECE_WITH_PICTURES, picture_name, predicted
from benchmark.records.prediction import Answered, ImageAnswer


class Standin:
    """Answers at once; a worker of it dies of every image called deadly, and cannot use one called bad."""

    def __init__(self, cause="killed"):
        self.asked = []
        self.cause = cause

    def answered(self, images, *, maps, target="", pictures=()):
        msgspec.json.encode(images)  # what cannot be sent is no request
        self.asked.append([name for name, _ in images])
        if any("deadly" in name for name, _ in images):
            raise WorkerFailedError(Outcome(cause=self.cause, message="the worker\nended", log=[]), None)
        for (name, _), picture in zip(images, pictures, strict=bool(pictures)):
            if "bad" not in name:
                Path(picture).write_bytes(b"picture of " + name.encode())
        return Answered("Grad-CAM", [self._said(name) for name, _ in images])

    def _said(self, name):
        return ImageAnswer(problem="bad: damaged") if "bad" in name else ImageAnswer(probabilities=[1.0])


def files(*names):
    return [ImageFile(name, f"/somewhere/{name}") for name in names]


def test_images_are_asked_about_in_pieces_of_bounded_size_and_come_in_order(tmp_path):
    many = files(*(f"{number}.png" for number in range(150)))
    pipeline = Standin()
    found = [one for piece in predicted(pipeline, many, None) for one in piece]
    assert [one.name for one in found] == [one.name for one in many]
    assert [len(asked) for asked in pipeline.asked] == [PIECE, PIECE, 150 - 2 * PIECE]
    drawn = Standin()
    assert len([one for piece in predicted(drawn, many[:20], tmp_path) for one in piece]) == 20
    assert max(len(asked) for asked in drawn.asked) == PIECE_WITH_PICTURES
    assert len(list(tmp_path.iterdir())) == 20


@pytest.mark.parametrize("cause", ["killed", "oom", "exception"])
def test_an_image_of_which_the_worker_dies_is_a_line_and_costs_no_other(cause):
    found = next(predicted(Standin(cause), files("a.png", "deadly.png", "bad.png", "z.png"), None))
    assert [one.answer.problem for one in found] == ["", "deadly.png: the worker ended", "bad: damaged", ""]


def test_what_is_wrong_with_the_run_is_said_of_no_image():
    with pytest.raises(WorkerFailedError):
        list(predicted(Standin("data"), files("deadly.png"), None))


def test_nothing_but_pictures_in_the_folder_is_written(tmp_path):
    (tmp_path / "outside").write_bytes(b"mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a-predicted.png").symlink_to(tmp_path / "outside")
    names = ["a.png", "x/a.jpg", "../../a.png", "bad.png", "-o.png", ".png", "\x1b[31m\n<b>.png", "é" * 300 + ".png"]
    found = next(predicted(Standin(), files(*names), out))
    pictures = [one.picture for one in found]
    assert pictures[0] == "a-predicted.png" and pictures[3] == ""
    assert len(set(pictures) - {""}) == 7 == len(list(out.iterdir()))
    assert all(
        len(name) < 120 and name[0] not in "-." and name.isascii() and "/" not in name for name in pictures if name
    )
    assert (tmp_path / "outside").read_bytes() == b"mine"
    assert not (out / "a-predicted.png").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "outside"]


def test_a_name_whose_bytes_are_no_text_is_reached_by_a_link(tmp_path):
    path = os.fsdecode(os.fsencode(str(tmp_path)) + b"/\xff\xfe.png")
    Path(path).write_bytes(b"")
    pipeline = Standin()
    (piece,) = predicted(pipeline, [ImageFile(path, path)], None)
    assert piece[0].answer.problem == ""
    assert pipeline.asked[0][0].endswith("/\\udcff\\udcfe.png")


def test_a_folder_that_cannot_be_listed_is_told_and_not_asked_about():
    pipeline = Standin()
    (piece,) = predicted(pipeline, [ImageFile("deep", "/deep", "cannot be listed"), *files("a.png")], None)
    assert [one.answer.problem for one in piece] == ["deep: cannot be listed", ""]
    assert pipeline.asked == [["a.png"]]


def test_pictures_of_one_name_are_told_apart():
    taken = set()
    for name in ("a/film.png", "b/film.png", "b/film.png", "film.jpg"):
        taken.add(picture_name(name, taken))
    assert len(taken) == 4
    assert all(name.startswith("film") and name.endswith("-predicted.png") for name in taken)
