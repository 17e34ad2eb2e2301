import numpy as np
import pytest

from benchmark.data.targets import check_classes, class_targets, shuffled
from registry.errors import DataError


def test_targets_follow_the_tasks_classes():
    labels = np.array(["COVID", "Normal", "Lung_Opacity"])
    assert class_targets(labels, {"rest": ["Normal", "Lung_Opacity"], "COVID": ["COVID"]}).tolist() == [1, 0, 0]
    three = {"a": ["Normal"], "b": ["Lung_Opacity"], "c": ["COVID"]}
    assert class_targets(labels, three).tolist() == [2, 0, 1]


@pytest.mark.parametrize("lacking", ["train", "validation", "calibration", "test"])
def test_a_class_without_an_image_in_a_subset_is_refused(lacking):
    subsets = np.repeat(["train", "validation", "calibration", "test"], 2)
    targets = np.tile([0, 1], 4)
    check_classes(targets, subsets, ["rest", "COVID"])
    with pytest.raises(DataError, match=rf"class COVID has no image in the {lacking} subset of 2"):
        check_classes(np.where(subsets == lacking, 0, targets), subsets, ["rest", "COVID"])


def test_shuffled_labels_keep_their_counts_and_lose_their_images():
    targets = np.repeat([0, 1, 2], [50, 30, 20])
    permuted = shuffled(targets, "shuffled", 3)
    assert np.bincount(permuted).tolist() == [50, 30, 20]
    assert (permuted == targets).mean() < 0.6  # chance: .5² + .3² + .2² = .38
    assert np.array_equal(permuted, shuffled(targets, "shuffled", 3))
    assert not np.array_equal(permuted, shuffled(targets, "shuffled", 4))
    assert np.array_equal(shuffled(targets, "true", 3), targets)
