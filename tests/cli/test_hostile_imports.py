"""Predictions and networks of other programs that somebody has made to do harm: read, or refused in a line.

Nothing in them is run, and nothing is written or opened beside them.  `pytest --mutations 200` tries more.
"""

import gzip
import os

import numpy as np
import pytest

from benchmark.data import predicted_table
from benchmark.data.division import Placed
from benchmark.data.imported import match
from benchmark.data.predicted_table import MOST_BYTES, read_predictions
from registry.errors import DataError
from tests import hostile_tables
from tests.cli.test_hostile_files import fault

pytestmark = pytest.mark.slow

CLASSES = ["rest", "COVID"]
NAMES = [f"folder/film{place}.png" for place in range(40)]
PLACED = {
    name: Placed("COVID", "", name, ("test", "validation", "calibration", "train")[k % 4])
    for k, name in enumerate(NAMES)
}
ROWS = b"id,rest,COVID\n" + b"".join(b"%s,0.25,0.75\n" % name.encode() for name in NAMES)


@pytest.fixture
def count(pytestconfig):
    """How many mutations of each kind."""
    return pytestconfig.getoption("--mutations")


def test_predictions_are_numbers_of_known_images_or_refused_in_a_line(tmp_path, count):
    path, wrong, taken = tmp_path / "predictions.csv", {}, []

    def use():
        table = read_predictions(path, CLASSES)
        found = match(path.name, table.ids, PLACED)
        assert np.isfinite(table.probabilities).all() and set(found.ids) <= {*NAMES, None}
        taken.append(found)

    path.write_bytes(ROWS)
    use()
    for seed in range(2 * count):
        path.write_bytes(hostile_tables.predictions(ROWS, seed))
        if told := fault(tmp_path, use):
            wrong[seed] = told
    assert not wrong
    assert 1 < len(taken) < count


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        (b"\0", "no text"),
        (b"\n", "more than 1,000 lines"),
        (b"a,1,0\n", "more than 1,000 lines"),
        (b"x,", "columns"),
    ],
    ids=["zeros", "empty lines", "rows", "columns"],
)
def test_a_small_file_that_unpacks_to_a_large_one_is_refused(tmp_path, monkeypatch, unit, said):
    monkeypatch.setattr(predicted_table, "MOST_LINES", 1000)
    path = tmp_path / "predictions.csv.gz"
    head = b"" if unit == b"x," else b"id,rest,COVID\n"
    path.write_bytes(gzip.compress(head + unit * 300_000, 1))
    with pytest.raises(DataError, match=said) as caught:
        read_predictions(path, CLASSES)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for name in ("pipe.csv", "/dev/zero"):
        with pytest.raises(DataError, match="is a pipe or a device"):
            read_predictions(tmp_path / name, CLASSES)
    with (tmp_path / "immense.csv").open("wb") as file:
        file.truncate(3 << 30)
    with pytest.raises(DataError, match=f"holds more than {MOST_BYTES >> 20} MB"):
        read_predictions(tmp_path / "immense.csv", CLASSES)
