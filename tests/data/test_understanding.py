"""What is said of a dataset before any image is decoded, and which of its samples are used."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmark.data.samples import open_dataset
from benchmark.data.summary import NO_PATIENTS, recognise, summarise
from benchmark.records.summary import LeftAside
from benchmark.tasks import spec as specs
from benchmark.tasks.spec import DatasetChoice
from registry.errors import DataError, DataNotFoundError, UnknownNameError
from tests import miniatures, xrays
from tests.specs import spec


@pytest.fixture
def root(tmp_path):
    for part, count in (("train", 6), ("test", 2)):
        for label in ("Effusion", "Mass", "Normal"):
            for number in range(count):
                name = f"person{number // 2}_virus_{number}.png" if label == "Mass" else f"{number}.png"
                xrays.write(
                    tmp_path / "data" / part / label / name,
                    xrays.radiograph(number + 10 * len(label) + (number > 0) * count),
                )
            xrays.write(tmp_path / "data" / part / "masks" / "Mass" / "person0_virus_0.png", xrays.lungs())
    (tmp_path / "data" / "notes.txt").write_text("x")
    return tmp_path / "data"


def summary(root: Path, **choice):
    chosen = DatasetChoice("folder", str(root), **choice)
    return summarise(chosen, 0, root.parent / "cache", lambda *_: None)


def test_a_summary_says_how_the_data_were_understood(root):
    found = summary(root)
    assert found.counts == {"Effusion": 8, "Mass": 8, "Normal": 8}
    assert (found.images, found.masks) == (24, 2)
    known = found.understood
    assert known.read == 24
    assert known.masks == {"Mass": 2}
    assert (known.patients, known.patients_of) == (3, 8)
    assert known.patients_by == "names such as person3_virus_7"
    each = {"Effusion": 6, "Mass": 6, "Normal": 6}
    assert known.parts == {"train": each, "test": dict.fromkeys(each, 2)}
    assert known.passed_over == [LeftAside(".txt files", "no image", 1, ["notes.txt"])]
    assert known.ignored == {} and known.limited == 0
    assert (known.shared_patients, known.shared_files) == (1, 3)
    assert (known.leaking, known.leaking_patients, len(known.leaks)) == (4, 2, 3)


def test_films_in_one_archive_are_not_identical_files(tmp_path):
    (tmp_path / "data").mkdir()
    miniatures.pneumoniamnist(tmp_path / "data")
    known = summarise(
        DatasetChoice("arrays", str(tmp_path / "data")), 0, tmp_path / "cache", lambda *_: None
    ).understood
    assert set(known.parts) == {"train", "validation", "test"}
    assert known.shared_files == 0


def test_images_whose_patient_is_unknown_are_counted(root):
    assert "patients of 16 of 24 images unknown: each of these stands by itself" in summary(root).notices
    assert NO_PATIENTS not in summary(root).notices
    assert NO_PATIENTS in summary(root, ignore=["Mass"]).notices
    assert not any("unknown: each" in line for line in summary(root, options={"patient": r"(\d+)$"}).notices)


def test_ignored_labels_are_left_out_and_counted(root):
    found = summary(root, ignore=["Mass"])
    assert found.labels == ["Effusion", "Normal"]
    assert found.counts == {"Effusion": 8, "Normal": 8}
    assert found.understood.ignored == {"Mass": 8}
    assert found.understood.read == 24
    assert found.digest != summary(root).digest
    _, samples, _ = open_dataset(DatasetChoice("folder", str(root), ignore=["Mass"]), 0)
    assert {sample.label for sample in samples} == {"Effusion", "Normal"}


def test_what_a_limit_leaves_out_is_counted(root):
    found = summary(root, ignore=["Mass"], limit=10)
    assert found.images + found.understood.limited == 16
    assert found.understood.limited > 0


def test_an_unknown_label_to_ignore_is_one_clear_line(root):
    with pytest.raises(UnknownNameError, match="no label to ignore named 'mass'; did you mean Mass"):
        summary(root, ignore=["mass"])


def test_one_label_that_is_left_is_too_few(root):
    with pytest.raises(
        DataError, match=r"images of 1 label\(s\) \(Normal\) without the ignored; a classifier needs two"
    ):
        summary(root, ignore=["Mass", "Effusion"])


def test_ignoring_nothing_changes_no_digest(monkeypatch):
    """Runs from before there was such a setting keep their names."""
    seen: list[dict] = []
    monkeypatch.setattr(specs, "canonical", lambda fields: seen.append(fields) or "")
    one = spec()
    one.digest("d")
    replace(one, dataset=replace(one.dataset, ignore=["Normal"])).digest("d")
    assert "ignore" not in seen[0]["dataset"]
    assert seen[1]["dataset"]["ignore"] == ["Normal"]


def test_a_folder_that_no_dataset_knows_says_why(root, tmp_path):
    with pytest.raises(DataError, match=r"found Mass \(with images\): it holds one label, Mass; a task needs two"):
        lone = tmp_path / "lone"
        xrays.write(lone / "Mass" / "1.png", xrays.radiograph())
        recognise(str(lone))
    (lone / "labels.csv").write_text("file,label\n")
    (lone / "a.npz").write_bytes(b"junk")
    with pytest.raises(DataError, match=r"; labels.csv could not be used: --dataset table says why; see: bench list"):
        recognise(str(lone))
    archive = tmp_path / "x.zip"
    archive.write_bytes(b"PK")
    with pytest.raises(DataNotFoundError, match=r"x.zip' is no folder; .* unpack it and give the folder"):
        recognise(str(archive))
