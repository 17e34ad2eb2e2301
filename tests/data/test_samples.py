import pytest

from benchmark.data.samples import ignored_labels, open_dataset
from benchmark.data.summary import summarise
from benchmark.tasks.spec import DatasetChoice
from registry.errors import DataError, UnknownNameError
from tests import miniatures


@pytest.fixture
def choice(tmp_path):
    miniatures.nih14(tmp_path / "nih")
    return lambda *ignore: DatasetChoice("table", str(tmp_path / "nih"), ignore=list(ignore))


def test_images_of_ignored_labels_are_left_out(choice):
    _, samples, _ = open_dataset(choice("Effusion"), 0)
    assert {sample.label for sample in samples} == {"No Finding", "Pneumonia", "Effusion|Pneumonia", "Mass|Nodule"}


def test_of_several_findings_all_must_be_ignored(choice):
    _, samples, _ = open_dataset(choice("Mass", "Nodule"), 0)
    assert "Mass|Nodule" not in {sample.label for sample in samples}
    dataset, _, _ = open_dataset(choice(), 0)
    assert ignored_labels(dataset.labels, ["Mass"], "|") == []
    assert ignored_labels(dataset.labels, ["Effusion|Pneumonia"], "|") == ["Effusion|Pneumonia"]


def test_a_label_to_ignore_that_there_is_not_is_an_error(choice):
    with pytest.raises(UnknownNameError, match="no label to ignore named 'Efusion'; did you mean Effusion"):
        open_dataset(choice("Efusion"), 0)


def test_one_label_that_is_left_is_too_few(choice, tmp_path):
    with pytest.raises(DataError, match="a classifier needs two"):
        summarise(
            choice("Effusion", "No Finding", "Mass", "Nodule", "Effusion|Pneumonia"), 0, tmp_path, lambda done, n: None
        )


def test_the_summary_counts_what_was_left_out(choice, tmp_path):
    whole = summarise(choice(), 0, tmp_path / "cache", lambda done, total: None)
    part = summarise(choice("Effusion", "Mass|Nodule"), 0, tmp_path / "cache", lambda done, total: None)
    assert (whole.separator, whole.understood.ignored, whole.images) == ("|", {}, 40)
    assert part.understood.ignored == {"Effusion": 8, "Mass|Nodule": 8}
    assert (part.images, part.labels) == (24, ["No Finding", "Pneumonia", "Effusion|Pneumonia"])
    assert whole.digest != part.digest
