"""Evaluations on images of elsewhere in a results folder that is checked."""

import numpy as np
import pytest

from benchmark.audit.verify import verify
from benchmark.evaluation.external_rows import contradictions
from benchmark.records import external
from benchmark.records.contents import listing
from benchmark.records.estimate import Estimate
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


def test_numbers_that_the_predictions_contradict_are_not_trusted(tmp_path):
    place = tmp_path / "external" / "one"
    place.mkdir(parents=True)
    targets, odds = np.repeat([0, 1], 20), np.repeat([-1.0, 1.0], 20)
    odds[:5] = 1.0  # 5 of 20 negatives are called positive: balanced accuracy .875
    logits = np.stack([np.zeros(40), odds], axis=1)
    np.savez(
        place / "predictions.npz",
        targets=targets,
        corrected_logits=logits,
        probabilities=np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),
        subsets=np.repeat("test", 40),
    )
    for value, expected in ((0.875, []), (0.9, ["balanced-accuracy is 0.9000 in the record and 0.8750"])):
        metrics = {"balanced-accuracy": Estimate(value, n=40), "ece": Estimate(ERROR, n=40)}
        external.write(evaluation(files=listing_of(place), metrics=metrics), place)
        checked = verify(tmp_path, lambda *_: None, index(), contradictions)
        told = [one.what for one in checked.of("contradicted")]
        assert [text.partition(" by ")[0] for text in told] == expected
        assert checked.trusted is not bool(expected)


# Of a confidence of 1 / (1 + 1/e) in 35 of 40 answers that are right.
ERROR = 0.875 - 1 / (1 + np.exp(-1))


def listing_of(place):
    return {name: one for name, one in listing(place).items() if name != external.FILE}
