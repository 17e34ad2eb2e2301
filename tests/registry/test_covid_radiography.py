import os
from collections import Counter
from pathlib import Path

import pytest

from registry.checks.datasets import check_dataset
from registry.contracts import Dataset
from registry.datasets.covid_radiography import covid_radiography
from registry.datasets.folder import folder
from registry.errors import DataError, DataNotFoundError, UnknownNameError
from registry.readers.sheets import collection
from tests import xrays


@pytest.fixture
def root(tmp_path):
    return xrays.write_database(tmp_path / "database")


def by_id(root, **options):
    return {sample.id: sample for sample in covid_radiography(root, **options).samples()}


def test_it_keeps_the_contract_of_a_dataset(root):
    check_dataset(covid_radiography, root)


def test_the_published_layout_is_read_whole(root):
    dataset = covid_radiography(root)
    assert isinstance(dataset, Dataset)
    assert dataset.labels == xrays.LABELS
    samples = dataset.samples()
    assert Counter(sample.label for sample in samples) == dict.fromkeys(xrays.LABELS, 3)
    assert samples[0].id == "COVID-1"
    assert samples[0].read_image().shape == (40, 40)
    assert samples[0].read_mask().shape == (32, 32)


def test_the_older_release_has_no_images_level_and_three_labels(tmp_path):
    for name in ("COVID", "NORMAL", "Viral Pneumonia"):
        for n in (1, 2, 10):
            xrays.write(tmp_path / name / f"{name}-{n}.png", xrays.radiograph(n))
    dataset = covid_radiography(tmp_path)
    assert dataset.labels == ("COVID", "Normal", "Viral Pneumonia")
    assert [sample.id for sample in dataset.samples()][3:6] == ["Normal-1", "Normal-2", "Normal-10"]
    assert all(sample.mask_annotator is None and sample.read_mask() is None for sample in dataset.samples())
    assert covid_radiography.recognises(tmp_path) == 2


def test_the_oldest_spelling_of_folders_and_files_is_known(tmp_path):
    for name in ("COVID-19", "NORMAL"):
        xrays.write(tmp_path / name / f"{name} (1).png", xrays.radiograph(1))
    assert covid_radiography.recognises(tmp_path) == 2
    assert covid_radiography(tmp_path).labels == ("COVID", "Normal")


def test_png_and_jpeg_may_be_mixed(root):
    xrays.write(root / "Normal" / "images" / "Normal-4.jpg", xrays.radiograph(4))
    assert by_id(root)["Normal-4"].read_image().shape == (40, 40)


def test_a_missing_mask_folder_or_mask_is_no_mask(root):
    for path in (root / "Lung_Opacity" / "masks").iterdir():
        path.unlink()
    (root / "Lung_Opacity" / "masks").rmdir()
    (root / "COVID" / "masks" / "COVID-2.png").unlink()
    samples = by_id(root)
    assert samples["Lung_Opacity-1"].mask_annotator is None
    assert samples["COVID-2"].mask_annotator is None
    assert samples["COVID-2"].read_mask() is None
    assert samples["COVID-1"].mask_annotator is not None


def test_mask_makers_are_told_apart(root):
    samples = by_id(root)
    assert samples["COVID-1"].mask_annotator == samples["Normal-1"].mask_annotator == "predicted U-Net"
    assert samples["Viral Pneumonia-1"].mask_annotator == samples["Lung_Opacity-1"].mask_annotator == "database"
    assert {sample.mask_annotator for sample in by_id(root, predicted_masks="").values()} == {"database"}
    with pytest.raises(UnknownNameError, match="did you mean Normal"):
        covid_radiography(root, predicted_masks="COVID, Norml")


def test_names_are_matched_in_any_case(root):
    images, masks = root / "Normal" / "images", root / "Normal" / "masks"
    (images / "Normal-1.png").rename(images / "NORMAL-1.PNG")
    (masks / "Normal-2.png").rename(masks / "normal-2.png")
    (root / "Viral Pneumonia").rename(root / "viral_pneumonia")
    samples = by_id(root)
    assert {"Normal-1", "Normal-2", "Viral Pneumonia-1"} <= set(samples)
    assert samples["Normal-1"].read_mask() is not None
    assert samples["Normal-2"].read_mask() is not None


def test_sources_come_from_the_sheets_whatever_the_case_of_names(root):
    kaggle = "https://www.kaggle.com/"
    xrays.write_sheet(
        root / "Normal.metadata.xlsx",
        [
            ("NORMAL-1", "PNG", "256*256", f"{kaggle}c/rsna-pneumonia-detection-challenge/data"),
            ("NORMAL-2", "PNG", "256*256", f"{kaggle}paultimothymooney/chest-xray-pneumonia"),
        ],
    )
    xrays.write_sheet(
        root / "COVID.metadata.xlsx",
        [
            ("COVID-1", "PNG", "256*256", "https://sirm.org/category/senza-categoria/covid-19/"),
            ("COVID-2", "PNG", "256*256", "https://www.example.org/some/radiograph"),
            ("COVID-3", "PNG", "256*256", None),
        ],
    )
    samples = by_id(root)
    assert [samples[f"Normal-{n}"].source for n in (1, 2, 3)] == ["RSNA", "Kermany", None]
    assert [samples[f"COVID-{n}"].source for n in (1, 2, 3)] == ["SIRM", "example.org", None]
    assert samples["Lung_Opacity-1"].source is None
    assert not any("no metadata sheets" in line for line in covid_radiography(root).notices)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://bimcv.cipf.es/bimcv-projects/bimcv-covid19/#1590858128006-9e640421-6711", "BIMCV"),
        ("https://github.com/armiro/COVID-CXNet", "COVID-CXNet"),
        ("https://eurorad.org", "Eurorad"),
        ("https://github.com/ml-workgroup/covid-19-image-repository/tree/master/png", "Hannover"),
        ("https://github.com/ieee8023/covid-chestxray-dataset", "ieee8023"),
        ("https://sirm.org/category/senza-categoria/covid-19/", "SIRM"),
        ("https://www.kaggle.com/c/rsna-pneumonia-detection-challenge/data", "RSNA"),
        ("https://www.kaggle.com/paultimothymooney/chest-xray-pneumonia", "Kermany"),
        ("http://www.radiology.example/radiograph?id=7", "radiology.example"),
        ("radiology.example/radiograph", "radiology.example"),
    ],
)
def test_a_url_names_its_collection_or_its_host(url, name):
    assert collection(url) == name


def test_without_sheets_sources_are_unknown_and_it_says_so(root):
    assert {sample.source for sample in covid_radiography(root).samples()} == {None}
    assert any("sources unknown" in line for line in covid_radiography(root).notices)


def test_a_sheet_that_is_none_is_named(root):
    (root / "COVID.metadata.xlsx").write_text("not a zip")
    with pytest.raises(DataError, match=r"COVID.metadata.xlsx is not a readable Excel sheet"):
        covid_radiography(root)


def test_a_sheet_without_its_columns_is_named(root):
    xrays.write_sheet(root / "COVID.metadata.xlsx", [("COVID-1", "here")], header=("FILE NAME", "LINK"))
    with pytest.raises(DataError, match=r"COVID.metadata.xlsx lacks the column URL; found: FILE NAME, LINK"):
        covid_radiography(root)


def test_patients_group_their_radiographs(root):
    (root / "Lung_Opacity.patients.csv").write_text(
        "file,nih_file,patient_id\nLung_Opacity-1,a.png,61\nLung_Opacity-3,b.png,61\n"
    )
    samples = by_id(root)
    assert samples["Lung_Opacity-1"].group == samples["Lung_Opacity-3"].group == "patient 61"
    assert samples["Lung_Opacity-2"].group == "Lung_Opacity-2"
    assert samples["COVID-1"].group == "COVID-1"
    assert any("stand-in" in line for line in covid_radiography(root).notices)


def test_a_partial_copy_says_so(root):
    assert covid_radiography(root).notices[0].startswith("12 of the 21,165 published images")


def test_the_folder_it_was_unpacked_into_is_found(root):
    whole = root.rename(root.parent / "COVID-19_Radiography_Dataset")
    assert covid_radiography.recognises(whole.parent) == 2
    assert len(covid_radiography(whole.parent).samples()) == 12


def test_it_is_surer_than_the_generic_folder_of_its_own_layout_only(root, tmp_path):
    assert covid_radiography.recognises(root) > folder.recognises(root) > 0
    for label in ("COVID", "Normal"):
        xrays.write(tmp_path / "other" / label / f"scan_{label}_a.png", xrays.radiograph())
    assert covid_radiography.recognises(tmp_path / "other") == 0 < folder.recognises(tmp_path / "other")
    xrays.write(root / "Tuberculosis" / "a.png", xrays.radiograph())
    assert covid_radiography.recognises(root) == 0 < folder.recognises(root)
    assert covid_radiography.recognises(tmp_path / "absent") == 0


def test_absent_and_foreign_folders_are_refused_in_one_line(tmp_path):
    with pytest.raises(DataNotFoundError, match="does not exist"):
        covid_radiography(tmp_path / "absent")
    (tmp_path / "photos").mkdir()
    with pytest.raises(DataNotFoundError, match=r"has no folder COVID or .*; found: photos"):
        covid_radiography(tmp_path)


def test_a_label_folder_without_images_and_a_mask_without_image_are_named(root):
    (root / "COVID" / "images" / "COVID-2.png").unlink()
    with pytest.raises(DataError, match=r"COVID/masks/COVID-2.png has no image"):
        covid_radiography(root)
    for path in (root / "COVID" / "images").iterdir():
        path.unlink()
    with pytest.raises(DataNotFoundError, match="COVID holds no image"):
        covid_radiography(root)


@pytest.mark.real_data
@pytest.mark.skipif("BENCH_REAL_DATA" not in os.environ, reason="BENCH_REAL_DATA is not set")
def test_the_real_copies_are_counted_as_documented():
    data = Path(os.environ["BENCH_REAL_DATA"])
    for name, counts in {"crd": (3254, 398, 9173, 1211), "crd-sample": (45, 45, 45, 45)}.items():
        assert covid_radiography.recognises(data / name) == 2
        samples = covid_radiography(data / name).samples()
        assert Counter(sample.label for sample in samples) == dict(zip(xrays.LABELS, counts, strict=True))
        assert {sample.label for sample in samples if sample.mask_annotator is None} == {"Lung_Opacity"}
