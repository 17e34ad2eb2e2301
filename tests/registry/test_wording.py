"""Counts in words."""

import pytest

from registry.wording import counted, plural


def test_one_is_one_and_thousands_have_a_comma():
    assert [plural(count, "row") for count in (0, 1, 2, 2134)] == ["0 rows", "1 row", "2 rows", "2,134 rows"]
    assert [plural(count, "image has", "images have") for count in (1, 2)] == ["1 image has", "2 images have"]


@pytest.mark.parametrize(
    ("what", "one"),
    [
        ("rows of files.csv", "1 row of files.csv"),
        (".csv files", "1 .csv file"),
        ("files without suffix", "1 file without suffix"),
        ("hidden files and a system's own", "1 hidden file and a system's own"),
        ("images in no label's folder", "1 image in no label's folder"),
    ],
)
def test_of_what_stands_in_the_plural_one_is_said_so(what, one):
    assert counted(1, what) == one
    assert counted(3, what) == f"3 {what}"
