import pickle
import sys
import threading
import zipfile

import numpy as np
import pytest

from registry.checks.datasets import check_dataset
from registry.datasets.arrays import arrays, recognises
from registry.errors import DataError, DataNotFoundError
from registry.readers import array_archive
from tests import miniatures

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 20, 24)).astype(np.uint8)
LABELS = np.array([0, 1, 0, 1, 2, 2])


def save(folder, *, compressed=True, name="mine.npz", **arrays):
    folder.mkdir(exist_ok=True)
    (np.savez_compressed if compressed else np.savez)(folder / name, **arrays)
    return folder


@pytest.fixture
def root(tmp_path):
    miniatures.pneumoniamnist(tmp_path)
    return tmp_path


def test_it_keeps_the_contract_of_a_dataset(root):
    check_dataset(arrays, root)


def test_images_labels_and_parts_are_those_of_the_archive(root):
    dataset = arrays(root, names="Normal;Pneumonia")
    found = dataset.samples()
    assert (dataset.name, dataset.labels) == ("pneumoniamnist", ("Normal", "Pneumonia"))
    assert [(one.id, one.label, one.part) for one in (found[1], found[-1])] == [
        ("train-1", "Pneumonia", "train"), ("test-7", "Pneumonia", "test")
    ]  # fmt: skip
    with np.load(root / "pneumoniamnist.npz") as stored:
        for one in (found[1], found[-1], found[0], found[21]):
            part, _, index = one.id.partition("-")
            key = {"validation": "val"}.get(part, part)
            assert np.array_equal(one.read_image(), stored[f"{key}_images"][int(index)])


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (LABELS.reshape(-1, 1), ["0", "1", "0", "1", "2", "2"]),
        (LABELS.astype(float), ["0", "1", "0", "1", "2", "2"]),
        (LABELS == 1, ["0", "1", "0", "1", "0", "0"]),
        (np.eye(3, dtype=int)[LABELS], ["0", "1", "0", "1", "2", "2"]),
        (np.array(["a", "b"] * 3), ["a", "b"] * 3),
        (np.array([[1, 0], [1, 1], [0, 0]] * 2), ["0", "0|1", "No finding"] * 2),
    ],
)
def test_labels_are_numbers_names_or_columns(tmp_path, labels, expected):
    dataset = arrays(save(tmp_path / "d", images=IMAGES, labels=labels))
    assert [sample.label for sample in dataset.samples()] == expected
    assert {sample.part for sample in dataset.samples()} == {None}
    assert dataset.separator == ("|" if "0|1" in expected else None)


def test_an_image_whose_label_is_not_a_number_has_none(tmp_path):
    dataset = arrays(save(tmp_path / "d", images=IMAGES, labels=np.where(LABELS == 2, np.nan, LABELS)))
    assert [sample.label for sample in dataset.samples()] == ["0", "1", "0", "1"]
    assert [(one.why, one.count) for one in dataset.passed_over] == [("no label", 2)]


def test_colours_become_grey(tmp_path):
    images = np.repeat(IMAGES[..., None], 3, axis=3)
    found = arrays(save(tmp_path / "d", x_train=images, y_train=LABELS)).samples()
    assert np.array_equal(found[2].read_image(), IMAGES[2])
    assert found[2].part == "train"


@pytest.mark.parametrize("compressed", [True, False])
def test_rows_come_in_any_order_and_from_threads(tmp_path, compressed, monkeypatch):
    monkeypatch.setattr(array_archive, "_MOST", 2)
    found = arrays(save(tmp_path / "d", compressed=compressed, images=IMAGES, labels=LABELS)).samples()
    order, wrong = [5, 0, 3, 3, 1, 4, 2, 0] * 4, []

    def read():
        wrong.extend(n for n in order if not np.array_equal(found[n].read_image(), IMAGES[n]))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_readers_hold_no_pixels(root):
    assert all(len(pickle.dumps(sample)) < 1000 for sample in arrays(root).samples())


def test_an_archive_that_changed_is_read_anew(tmp_path):
    found = arrays(save(tmp_path / "d", images=IMAGES, labels=LABELS)).samples()
    assert np.array_equal(found[0].read_image(), IMAGES[0])
    save(tmp_path / "d", images=IMAGES[::-1], labels=LABELS, other=LABELS)
    assert np.array_equal(found[0].read_image(), IMAGES[-1])


class Trap:
    def __reduce__(self):
        return (sys.exit, (3,))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"images": IMAGES}, "holds no images with labels: expected train_images and train_labels"),
        ({"images": IMAGES.astype(np.uint16), "labels": LABELS}, "images is uint16 .*; expected uint8"),
        ({"images": IMAGES[:, :8], "labels": LABELS}, r"images is uint8 \(6, 8, 24\); expected"),
        ({"images": IMAGES, "labels": LABELS[:3]}, r"labels is int64 \(3,\); expected 6 numbers or names"),
        ({"images": IMAGES, "labels": np.full((6, 3), 7)}, "3 columns of other numbers than 0 and 1"),
        ({"images": IMAGES, "labels": LABELS + 0.5}, "labels holds fractions; expected whole numbers"),
        ({"images": IMAGES, "labels": np.array([0, 1, 0, 1, 0, np.inf])}, "labels holds fractions"),
        ({"images": IMAGES, "labels": np.zeros(6, int)}, "images of 1 label; a task needs two or more"),
        (
            {"images": np.array([Trap()] * 6, object), "labels": LABELS},
            "images holds Python objects, which are not read",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path, content, words):
    with pytest.raises(DataError, match=words) as caught:
        arrays(save(tmp_path / "d", **content))
    assert "\n" not in str(caught.value)


def test_a_damaged_archive_is_one_line(root):
    path = root / "pneumoniamnist.npz"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DataError, match=r"pneumoniamnist.npz is no archive of arrays, or damaged"):
        arrays(root)
    path.write_bytes(b"text")
    with pytest.raises(DataError, match="no archive of arrays"):
        arrays(root)
    assert recognises(root) == 0


def test_an_array_that_claims_more_than_it_holds_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999, 28, 28), }"
        head = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header.ljust(117) + b"\n"
        archive.writestr("images.npy", head)
        archive.writestr("labels.npy", head)
    with pytest.raises(DataError, match="an array is not as large as it says"):
        arrays(tmp_path)


def test_one_archive_is_recognised_and_several_are_a_question(root):
    assert recognises(root) == 2
    save(root, name="other.npz", images=IMAGES, labels=LABELS)
    assert recognises(root) == 1
    with pytest.raises(DataNotFoundError, match=r"holds 2 archives of arrays \(other.npz, pneumoniamnist.npz\)"):
        arrays(root)
    assert arrays(root, file="other.npz").name == "other"
    with pytest.raises(DataNotFoundError, match="no archive"):
        arrays(root, file="third.npz")


def test_other_folders_are_not_recognised(tmp_path):
    assert recognises(tmp_path) == 0
    assert recognises(tmp_path / "absent") == 0
    save(tmp_path, name="predictions.npz", ids=LABELS)
    assert recognises(tmp_path) == 0
