import os
from collections import Counter

import pytest

from registry.datasets.folder import folder
from registry.datasets.table import table
from registry.errors import DataNotFoundError
from registry.readers import walk
from tests import xrays

LABELS = ("Effusion", "Normal")


@pytest.fixture
def root(tmp_path):
    for number, label in enumerate(LABELS):
        for n in range(4):
            xrays.write(tmp_path / label / f"{label}{n}.png", xrays.radiograph(10 * number + n))
    return tmp_path


@pytest.fixture(params=["folder", "table"])
def read(request, root):
    """Reads the same collection by its folders and by a table, which are two readers and one walk."""
    if request.param == "folder":
        return folder
    rows = [f"{label}{n}.png,{label}" for label in LABELS for n in range(4)]
    (root / "labels.csv").write_text("\n".join(["file,label", *rows]) + "\n")
    return table


def passed(dataset):
    return {one.what: (one.why, one.count) for one in dataset.passed_over}


def test_links_that_lead_up_end_and_are_said(root, read):
    (root / "Normal" / "again").symlink_to(root, target_is_directory=True)
    (root / "Normal" / "loop").symlink_to(root / "Normal" / "loop")
    found = read(root)
    assert Counter(sample.label for sample in found.samples()) == {"Effusion": 4, "Normal": 4}
    assert passed(found)["folder Normal/again"] == ("a link to a folder above it", 0)


def test_films_deeper_than_the_limit_are_counted_and_said(root, read):
    deep = root.joinpath("Normal", *(f"d{n}" for n in range(walk.DEEPEST)))
    for name in ("a.png", "b.png"):
        xrays.write(deep / "on" / name, xrays.radiograph(77))
    xrays.write(deep.parent / "c.png", xrays.radiograph(78))
    found = read(root)
    (what,) = [one for one in passed(found) if "d31" in one]
    assert what.startswith("files of folder Normal/d0/")
    assert passed(found)[what] == (f"more than {walk.DEEPEST} folders deep", 2)


def test_hidden_files_and_folders_are_said(root, read):
    (root / ".cache").mkdir()
    xrays.write(root / "__MACOSX" / "Normal" / "._0.png", xrays.radiograph(1))
    (root / "Normal" / ".DS_Store").write_bytes(b"x")
    (root / "Thumbs.db").write_bytes(b"x")
    said = passed(read(root))
    assert said["folder __MACOSX"] == said["folder .cache"] == ("hidden, or a system's own", 0)
    assert said["hidden files and a system's own"] == ("no part of the data", 2)


def test_a_film_is_no_system_file_for_its_underscores(root, read):
    (root / "Normal" / "Normal0.png").rename(root / "Normal" / "__Normal0.png")
    if (root / "labels.csv").exists():
        (root / "labels.csv").write_text((root / "labels.csv").read_text().replace("Normal0.png", "__Normal0.png"))
    assert len(read(root).samples()) == 8


def test_a_folder_that_cannot_be_listed_is_named_with_what_to_do(root, read, monkeypatch):
    (root / "Normal" / "locked").mkdir()
    scandir = os.scandir

    def refusing(path="."):
        if os.fspath(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(DataNotFoundError, match=r"locked cannot be listed \(Permission denied\).*make it readable"):
        read(root)


def test_results_of_the_program_are_left_aside(root, read):
    (root / "results" / "task").mkdir(parents=True)
    (root / "results" / "task" / "result.json").write_text("{}")
    assert passed(read(root))["folder results"][0] == "results or a cache that bench has written"


def test_a_folder_that_may_not_be_entered_is_no_fault_of_ours(root, read, monkeypatch):
    """What a user meets who is not root: the folder is listed above, and nothing in it can even be asked for."""
    (root / "Normal" / "outer" / "locked").mkdir(parents=True)
    stat, scandir = os.stat, os.scandir

    def refused(path):
        return "locked" in os.fspath(path) if isinstance(path, (str, os.PathLike)) else False

    def refusing_stat(path, **options):
        if refused(path) and not os.fspath(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return stat(path, **options)

    def refusing_scan(path="."):
        if refused(path):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "stat", refusing_stat)
    monkeypatch.setattr(os, "scandir", refusing_scan)
    with pytest.raises(DataNotFoundError, match="locked cannot be listed"):
        read(root)
