"""Evaluations on images of elsewhere in a results folder that is checked."""

import numpy as np
import pytest

from benchmark.audit.verify import verify
from benchmark.records import external
from benchmark.records.contents import listing
from tests.externals import evaluation
from tests.specs import index


@pytest.fixture
def folder(tmp_path):
    """A results folder with one evaluation."""
    place = tmp_path / "external" / "one"
    place.mkdir(parents=True)
    np.savez(place / "predictions.npz", ids=np.array(["a"]))
    external.write(evaluation(files=listing(place)), place)
    return place


def found(folder):
    checked = verify(folder.parent.parent, lambda *_: None, index())
    return [(one.kind, one.place, one.what) for one in checked.findings], checked.trusted


def test_one_as_it_was_written_is_trusted(folder):
    assert found(folder) == ([], True)


def test_changed_and_missing_predictions_are_not_trusted(folder):
    with (folder / "predictions.npz").open("ab") as file:
        file.write(b"more")
    assert found(folder) == ([("edited", "external/one", "predictions.npz")], False)
    (folder / "predictions.npz").unlink()
    assert found(folder) == ([("missing", "external/one", "predictions.npz")], False)


def test_an_edited_one_is_not_trusted_and_a_file_of_somebody_else_is_named(folder):
    (folder / "notes.txt").touch()
    assert found(folder) == ([("unlisted", "external/one", "notes.txt")], True)
    path = folder / external.FILE
    path.write_text(path.read_text().replace('"n": 300', '"n": 3000'))
    ((kind, place, _),), trusted = found(folder)
    assert (kind, place, trusted) == ("edited", "external/one/external.json", False)
