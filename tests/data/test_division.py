"""Cells that no spreadsheet executes, and the exact ids that they mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.data.division import Placed, meant, read_division, safe
from benchmark.data.splits import write_csv


@pytest.mark.parametrize(
    ("text", "cell"), [("COVID-1", "COVID-1"), ("=1+2", "'=1+2"), ("-1", "'-1"), ("@a", "'@a"), ("'=1", "''=1")]
)
def test_a_cell_that_begins_like_a_formula_has_an_apostrophe_before_it(text, cell):
    assert safe(text) == cell


@given(st.sets(st.text("'=+-@a1\t\r", min_size=1), min_size=1))
def test_every_cell_means_the_one_image_that_it_was_written_for(names):
    placed = dict.fromkeys(names)
    assert {meant(safe(name), placed) for name in names} == names
    assert all(meant(safe(name), placed) == name for name in names)


def test_an_id_that_another_program_wrote_as_it_is_is_known_too():
    assert meant("=1", {"=1": None}) == "=1"
    assert meant("'a", {"'a": None}) == "'a"
    assert meant("b", {"a": None}) is None


def test_a_split_is_read_as_it_was_written(tmp_path):
    write_csv(tmp_path / "split.csv", ["=a", "b\udce9"], ["x", "y"], [None, "north"], ["1", "2"], ["test", "left out"])
    assert read_division(tmp_path) == {
        "=a": Placed("x", "", "1", "test"),
        "b\udce9": Placed("y", "north", "2", "left out"),
    }
