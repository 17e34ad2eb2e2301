"""Rows of a table as images of a split."""

import pytest

from benchmark.data.division import Placed
from benchmark.data.imported import match
from registry.errors import DataError

PLACED = {
    name: Placed("COVID", "", name, subset)
    for name, subset in {
        "t1": "test", "t2": "test", "-t3": "test", "s1": "validation", "s2": "validation", "f1": "calibration",
        "l1": "train", "o1": "left out",
    }.items()
}  # fmt: skip
TEST, BESIDE = ["t1", "t2", "'-t3"], ["s1", "s2", "f1"]


def test_test_images_alone_are_not_calibrated_and_all_are():
    assert match("a.csv", TEST, PLACED) == (["t1", "t2", "-t3"], "test", 0)
    assert match("a.csv", [*BESIDE, *TEST], PLACED).subsets == "all"


def test_training_images_are_passed_over_and_counted():
    assert match("a.csv", ["l1", *TEST], PLACED) == ([None, "t1", "t2", "-t3"], "test", 1)


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["t1"], "lacks 2 of 3 test images: 't2', '-t3'.*--quick, .* be as bench data split had it"),
        ([*TEST, "s1"], "1 of 2 images of select, 0 of 1 images of fit"),
        ([*TEST, "f1"], "expected all of both"),
        ([*TEST, "x"], "1 of 4 rows has an id that no image has: 'x'; an id is such as 't1'"),
        ([*TEST, "k\udcf6"], "may not be UTF-8"),
        ([*TEST, "-t3"], "1 image in more than one row"),
        ([*TEST, "o1"], "that the task leaves out: 'o1'"),
    ],
)
def test_what_is_missing_or_of_no_image_is_named(ids, said):
    with pytest.raises(DataError, match=said):
        match("a.csv", ids, PLACED)
