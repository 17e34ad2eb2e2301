"""Which images are meant by what somebody names."""

import os
import re
from pathlib import Path

import pytest

from benchmark.execution.image_files import image_files
from registry.errors import ConfigError, DataNotFoundError

PNG = b"\x89PNG\r\n\x1a\n rest"


@pytest.fixture
def folder(tmp_path):
    """Images with and without a suffix, below each other, among files of other kinds and links in circles."""
    films = tmp_path / "films"
    (films / "deep" / "deeper").mkdir(parents=True)
    for name in ("b.png", "a.JPG", "text.png", "deep/c.dcm", "deep/deeper/d"):
        (films / name).write_bytes(PNG)
    (films / "text.png").write_text("no image, though it is called one")
    (films / "notes.txt").write_text("no image")
    (films / ".hidden.png").write_bytes(PNG)
    for number in range(8):  # each leads to all the others: by every way there are many thousands
        (films / f"ring-{number}").mkdir()
        for other in range(8):
            (films / f"ring-{number}" / f"to-{other}").symlink_to(films / f"ring-{other}")
    (films / "ring-0" / "e.png").write_bytes(PNG)
    (films / "deep" / "up").symlink_to("..")
    (films / "self").symlink_to("self")
    (films / "gone.png").symlink_to("nowhere.png")
    return films


def names(found, folder):
    return [os.path.relpath(image.path, folder) for image in found.images]


def test_every_image_below_a_folder_once_whatever_links_lead_there(folder, tmp_path):
    found = image_files([folder], tmp_path / "out")
    first = ["a.JPG", "b.png", "gone.png", "text.png", "deep/c.dcm", "deep/deeper/d"]
    assert names(found, folder)[:6] == first
    assert [Path(name).name for name in names(found, folder)[6:]] == ["e.png"]
    files, hidden = found.passed_over
    assert (files.count, [Path(name).name for name in files.examples]) == (2, ["notes.txt", "self"])
    assert (hidden.count, [Path(name).name for name in hidden.examples]) == (1, [".hidden.png"])
    assert found.images[0].name == str(folder / "a.JPG")


def test_what_bench_or_a_system_has_written_is_passed_over_and_said_unless_it_is_named(folder, tmp_path):
    for name in ("results/binary/a-run", "__MACOSX"):
        (folder / "deep" / name).mkdir(parents=True)
        (folder / "deep" / name / "map.png").write_bytes(PNG)
    (folder / "deep" / "results" / "binary" / "a-run" / "result.json").write_text("{}")
    found = image_files([folder / "deep" / "deeper", folder / "deep" / "results" / "binary"], tmp_path / "out")
    assert [Path(name).name for name in names(found, folder)] == ["d"]
    found = image_files([folder / "deep" / "results" / "binary" / "a-run"], tmp_path / "out")
    assert [Path(name).name for name in names(found, folder)] == ["map.png"]
    found = image_files([folder / "deep"], tmp_path / "out")
    with pytest.raises(DataNotFoundError, match=r"0 other files; folder .*binary: results or a cache"):
        image_files([folder / "deep" / "results"], tmp_path / "out")
    assert not any(image.name.endswith("map.png") for image in found.images)
    said = {one.what.removeprefix(f"folder {folder}/"): one.why for one in found.passed_over}
    assert said["deep/__MACOSX"] == "hidden, or a system's own"
    assert said["deep/results/binary"] == "results or a cache that bench has written"


def test_what_is_named_is_taken_whatever_it_is(folder, tmp_path):
    found = image_files([folder / "notes.txt", folder / "deep"], tmp_path / "out")
    assert names(found, folder)[0] == "notes.txt"


def test_the_folder_that_is_written_into_is_not_entered(folder, tmp_path):
    found = image_files([folder], folder / "deep")
    assert not any("deep" in name for name in names(found, folder))
    with pytest.raises(ConfigError, match="is written into, and holds the images"):
        image_files([folder / "deep"], folder / "deep")


def test_nothing_there_and_no_image_are_one_line(folder, tmp_path):
    with pytest.raises(DataNotFoundError, match=re.escape("nothing at 'gone'; expected an image")):
        image_files([Path("gone")], tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataNotFoundError, match=r"no image in .*empty' \(0 other files\)"):
        image_files([tmp_path / "empty"], tmp_path / "out")


def test_a_folder_that_cannot_be_listed_is_a_line(folder, tmp_path, monkeypatch):
    read = os.scandir

    def refuse(path):
        if str(path).endswith("deeper"):
            raise PermissionError(13, "Permission denied", path)
        return read(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (line,) = [image for image in image_files([folder / "deep"], tmp_path / "out").images if image.problem]
    assert (Path(line.path).name, line.problem) == ("deeper", "cannot be listed (Permission denied)")
