import os
import pickle

import pytest

from registry.checks.datasets import check_dataset
from registry.contracts import Dataset, PassedOver
from registry.datasets.folder import folder
from registry.errors import DataError, DataNotFoundError
from tests import xrays


@pytest.fixture
def root(tmp_path):
    for label, count in {"sick": 3, "well": 2}.items():
        for n in range(1, count + 1):
            xrays.write(tmp_path / "mine" / label / f"radiograph{n}.png", xrays.radiograph(n + len(label)))
    return tmp_path / "mine"


def test_it_keeps_the_contract_of_a_dataset(root):
    check_dataset(folder, root)


def test_each_sub_folder_is_a_label(root):
    dataset = folder(root)
    assert isinstance(dataset, Dataset)
    assert dataset.name == "mine"
    assert dataset.labels == ("sick", "well")
    assert [sample.id for sample in dataset.samples()] == [
        "sick/radiograph1", "sick/radiograph2", "sick/radiograph3", "well/radiograph1", "well/radiograph2",
    ]  # fmt: skip
    assert all(sample.source is None and sample.read_mask() is None for sample in dataset.samples())


def test_numbers_in_names_are_ordered_as_numbers(root):
    xrays.write(root / "well" / "radiograph10.png", xrays.radiograph(10))
    names = [sample.id for sample in folder(root).samples() if sample.label == "well"]
    assert names == ["well/radiograph1", "well/radiograph2", "well/radiograph10"]


def test_images_and_masks_may_lie_in_folders_of_their_own(root):
    xrays.write(root / "late" / "Images" / "a.png", xrays.radiograph(7))
    xrays.write(root / "late" / "Images" / "b.jpg", xrays.radiograph(8))
    xrays.write(root / "late" / "MASKS" / "A.PNG", xrays.lungs())
    late = [sample for sample in folder(root, mask_annotator="two radiologists").samples() if sample.label == "late"]
    assert [sample.mask_annotator for sample in late] == ["two radiologists", None]
    assert late[0].read_mask().sum() == xrays.lungs().sum()
    assert len(late[0].paths) == 2


def test_samples_travel_between_processes(root):
    sample = pickle.loads(pickle.dumps(folder(root).samples()[0]))
    assert sample.read_image().shape == (40, 40)


def test_a_table_of_patients_groups_radiographs(root):
    (root / "sick.patients.csv").write_text("file,patient_id\nradiograph1.png,7\nRADIOGRAPH2,7\n")
    groups = [sample.group for sample in folder(root).samples() if sample.label == "sick"]
    assert groups == ["patient 7", "patient 7", "sick/radiograph3"]


@pytest.mark.parametrize("table", ["", "name,id\na,1\n", "file,patient_id\n"])
def test_a_table_of_patients_without_its_columns_is_refused(root, table):
    (root / "sick.patients.csv").write_text(table)
    with pytest.raises(DataError, match=r"sick.patients.csv lacks file and patient_id"):
        folder(root)


def test_what_is_no_image_is_passed_over(root):
    (root / "well" / "Thumbs.db").write_bytes(b"x")
    (root / "well" / ".hidden.png").write_bytes(b"x")
    (root / "notes.txt").write_text("x")
    (root / ".git").mkdir()
    assert len(folder(root).samples()) == 5


def test_an_absent_folder_a_file_and_an_empty_folder_are_told_apart(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for name, reason in {"absent": "does not exist", "file": "is a file", "empty": "is empty"}.items():
        with pytest.raises(DataNotFoundError, match=reason):
            folder(tmp_path / name)


def test_images_without_label_folders_are_refused(tmp_path):
    xrays.write(tmp_path / "images" / "a.png", xrays.radiograph())
    xrays.write(tmp_path / "masks" / "a.png", xrays.lungs())
    with pytest.raises(DataNotFoundError, match="images without labels"):
        folder(tmp_path)


def test_one_label_is_too_few(tmp_path):
    xrays.write(tmp_path / "only" / "a.png", xrays.radiograph())
    with pytest.raises(DataError, match="one label, only; a task needs two"):
        folder(tmp_path)


def test_a_label_folder_of_text_files_is_named(root):
    (root / "text").mkdir()
    (root / "text" / "a.txt").write_text("x")
    dataset = folder(root)
    assert dataset.labels == ("sick", "well")
    assert PassedOver("folder text", "without images", 1) in dataset.passed_over


def test_a_label_folder_whose_images_are_gone_is_named(root):
    (root / "late" / "images").mkdir(parents=True)
    with pytest.raises(DataNotFoundError, match=r"label folder .*late holds no image; remove it or put images"):
        folder(root)


def test_images_in_another_format_are_not_dropped_in_silence(root):
    (root / "well" / "radiograph9.nii.gz").write_bytes(b"x")
    (root / "well" / "radiograph8").write_bytes(b"GIF89a...")
    with pytest.raises(DataError, match=r"well/radiograph8, well/radiograph9.nii.gz: a format that is not read"):
        folder(root)


def test_images_beside_a_folder_of_images_are_not_dropped_in_silence(root):
    xrays.write(root / "well" / "images" / "radiograph3.png", xrays.radiograph(3))
    xrays.write(root / "well" / "more" / "radiograph4.png", xrays.radiograph(4))
    names = [sample.id for sample in folder(root).samples() if sample.label == "well"]
    assert names == ["well/more/radiograph4", "well/radiograph1", "well/radiograph2", "well/radiograph3"]


def test_paths_do_not_depend_on_where_one_stands(root, monkeypatch):
    monkeypatch.chdir(root.parent)
    sample = folder("mine").samples()[0]
    monkeypatch.chdir("/")
    assert sample.read_image().shape == (40, 40)
    assert sample.paths == (str(root / "sick" / "radiograph1.png"),)


def test_a_name_that_is_no_text_is_read(root):
    odd = xrays.write(root / "well" / "radiograph7.png", xrays.radiograph(3))
    try:
        odd.rename(os.fsdecode(os.fsencode(root / "well") + b"/radiograph\xe9.png"))
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    (sample,) = [sample for sample in folder(root).samples() if r"\udce9" in sample.id]
    assert sample.read_image().shape == (40, 40)


def test_a_mask_without_image_is_named(root):
    xrays.write(root / "late" / "images" / "a.png", xrays.radiograph(7))
    xrays.write(root / "late" / "masks" / "b.png", xrays.lungs())
    with pytest.raises(DataError, match=r"masks/b.png has no image"):
        folder(root)


def test_two_files_of_one_name_are_two_images(root):
    xrays.write(root / "well" / "radiograph1.jpg", xrays.radiograph(7))
    names = [sample.id for sample in folder(root).samples() if sample.label == "well"]
    assert names == ["well/radiograph1.jpg", "well/radiograph1.png", "well/radiograph2"]


def test_two_files_of_one_name_are_named(root):
    for n in (1, 2):
        xrays.write(root / "well" / f"radiograph{n}.jpg", xrays.radiograph(6 + n))
        xrays.write(root / "well" / "masks" / f"radiograph{n}.png", xrays.lungs())
    twins = "; ".join(f"well/radiograph{n}.jpg and well/radiograph{n}.png" for n in (1, 2))
    with pytest.raises(DataError, match=f"two files of one name: {twins}"):
        folder(root)


def test_two_files_of_one_name_are_told_apart_by_a_table_of_patients(root):
    xrays.write(root / "well" / "radiograph1.jpg", xrays.radiograph(7))
    table = root / "well.patients.csv"
    table.write_text("file,patient_id\nradiograph1,3\nradiograph2,3\n")
    with pytest.raises(DataError, match=r"which of two files of one name: radiograph1.jpg, radiograph1.png\?"):
        folder(root)
    table.write_text("file,patient_id\nradiograph1.png,3\nradiograph2,3\n")
    groups = [sample.group for sample in folder(root).samples() if sample.label == "well"]
    assert groups == ["well/radiograph1.jpg", "patient 3", "patient 3"]


def test_it_recognises_any_two_label_folders_with_images(root, tmp_path):
    assert folder.recognises(root) == 1
    assert folder.recognises(str(root)) == 1
    assert folder.recognises(root / "sick") == 0
    assert folder.recognises(tmp_path / "absent") == 0
    (tmp_path / "text" / "a").mkdir(parents=True)
    (tmp_path / "text" / "b").mkdir()
    assert folder.recognises(tmp_path / "text") == 0
    xrays.write(tmp_path / "flat" / "images" / "a.png", xrays.radiograph())
    xrays.write(tmp_path / "flat" / "masks" / "a.png", xrays.lungs())
    assert folder.recognises(tmp_path / "flat") == 0


def test_label_folders_that_differ_in_case_alone_are_one_label_and_that_is_said(root):
    xrays.write(root / "Sick" / "z.png", xrays.radiograph(9))
    dataset = folder(root)
    assert dataset.labels == ("sick", "well")  # as most are called
    assert [sample.label for sample in dataset.samples()].count("sick") == 4
    assert "label folders that differ in case or separators alone are one label: Sick 1, sick 3" in dataset.notices
