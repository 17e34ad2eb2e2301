"""Films with masks and without labels."""

import numpy as np
import pytest

from registry.datasets.unlabelled import recognises, unlabelled
from registry.errors import DataError, DataNotFoundError
from tests import xrays


@pytest.fixture
def root(tmp_path):
    for n in range(3):
        xrays.write(tmp_path / "images" / f"film{n}.png", xrays.radiograph(n))
        if n:
            xrays.write(tmp_path / "masks" / f"film{n}.png", xrays.lungs().astype(np.uint8) * 255)
    return tmp_path


def test_images_and_masks_side_by_side_are_matched_by_name(root):
    dataset = unlabelled(root)
    samples = list(dataset.samples())
    assert [sample.id for sample in samples] == ["images/film0.png", "images/film1.png", "images/film2.png"]
    assert {sample.label for sample in samples} == set(dataset.labels) == {"unlabelled"}
    assert [sample.mask_annotator for sample in samples] == [None, "dataset", "dataset"]
    assert np.array_equal(samples[1].read_mask(), xrays.lungs())


def test_it_is_recognised_where_no_folder_could_be_a_label(root):
    assert recognises(root) == 1
    xrays.write(root / "COVID" / "film9.png", xrays.radiograph(9))
    assert recognises(root) == 0


def test_a_mask_without_image_and_a_folder_without_images_are_refused(root, tmp_path):
    (root / "images" / "film1.png").unlink()
    with pytest.raises(DataError, match="film1"):
        unlabelled(root)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataNotFoundError, match="holds no image"):
        unlabelled(tmp_path / "empty")
