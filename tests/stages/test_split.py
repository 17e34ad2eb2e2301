"""The stage that divides images: a split has the digest that it had when its subsets had other names."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from benchmark.stages import split
from benchmark.stages.context import Context
from benchmark.stages.reading import Reader
from benchmark.tasks.schema import Split
from tests.stages.test_stages import COUNT, LABELS, prepared, small


@pytest.mark.parametrize(
    ("grouping", "folds", "digest"),  # computed before the subsets were called validation and calibration
    [
        ("group", 1, "56379a324a74c24ef57f312e4b3ff8ce13de8757ec30d8606706e267cc44983b"),
        ("group", 4, "ae1f9d1ddedb487b672fda98d9b19f8a6cf3354a6a30436b98c8807632de7e6c"),
        ("image-level", 1, "782331e86d66654492f909c2c748ec69f5e4db235e1ef6b7c3eb0c40f985b681"),
    ],
)
def test_a_split_keeps_its_digest_whatever_its_subsets_are_called(grouping, folds, digest, tmp_path):
    """Results from before stand in one table with those of today."""
    table = Split(train=0.5, validation=0.25, test=0.25, grouping=grouping, folds=folds)
    index = prepared(tmp_path / "prepare") / "index.json"
    samples = {
        "ids": [f"film-{row}" for row in range(COUNT)],  # the digest holds them
        "labels": [LABELS[row % 3] for row in range(COUNT)],
        "sources": ["north", "south"] * (COUNT // 2),
        "groups": [f"patient-{row // 2}" for row in range(COUNT)],
    }
    index.write_text(json.dumps({**json.loads(index.read_text()), **samples}))
    artefacts = {"prepare": index.parent}
    (made := tmp_path / "split").mkdir()
    split.build(Context(small(split=table), artefacts, tmp_path / "partial", lambda told: None), made)
    assert (made / "digest").read_text() == digest
    assert set(np.load(made / "subsets.npy")) == {"train", "validation", "calibration", "test"}


def divided(tmp_path, copies, groups=None, **changes):
    """The folder of a split of the small dataset, of which these pairs of images are copies, and its reader."""
    index = prepared(tmp_path / "prepare") / "index.json"
    ids = [f"film-{row}" for row in range(COUNT)]
    own = {"ids": ids, "groups": groups or ids, "labels": [LABELS[row % 3] for row in range(COUNT)]}
    index.write_text(json.dumps({**json.loads(index.read_text()), **own}))
    artefacts = {"prepare": index.parent}
    if copies is not None:
        (found := tmp_path / "copies").mkdir()
        pairs = [(ids[one], ids[other], 60) for one, other in copies]
        (found / "copies.json").write_text(json.dumps({"searched": COUNT, "pairs": pairs}))
        artefacts["copies"] = found
    (made := tmp_path / "split").mkdir()
    table = Split(train=0.5, validation=0.25, test=0.25, **changes)
    context = Context(small(split=table), artefacts, tmp_path / "partial", lambda told: None)
    split.build(context, made)
    return made, Reader(replace(context, artefacts={**artefacts, "split": made}))


def test_copies_are_on_one_side_and_in_one_group_from_there_on(tmp_path):
    copies = [(row, row + 3) for row in range(0, 18, 6)] + [(3, 20)]
    made, run = divided(tmp_path, copies)
    for one, other in copies:
        assert run.subsets[one] == run.subsets[other]
        assert run.prepared.groups[one] == run.prepared.groups[other]
    assert len(set(run.prepared.groups)) == COUNT - 4
    with (made / "split.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert [row["group"] for row in rows] == run.prepared.groups.tolist()
    counted = {"pairs": 4, "groups": 3, "films": 7, "largest": 3}
    assert json.loads((made / "copies.json").read_text()) == counted


def test_copies_join_groups_of_the_dataset(tmp_path):
    patients = [f"patient-{row // 2}" for row in range(COUNT)]
    _, run = divided(tmp_path, [(0, 5)], patients)
    assert run.prepared.groups[:6].tolist() == ["patient-0"] * 2 + ["patient-1"] * 2 + ["patient-0"] * 2


def test_without_copies_the_groups_are_those_of_the_dataset(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    searched, run = divided(tmp_path / "a", [])
    not_searched, other = divided(tmp_path / "b", None)
    assert (searched / "digest").read_text() == (not_searched / "digest").read_text()
    assert run.prepared.groups.tolist() == other.prepared.groups.tolist()
    assert json.loads((searched / "copies.json").read_text())["pairs"] == 0
    assert not (not_searched / "copies.json").exists()


def test_a_split_that_keeps_copies_together_has_a_digest_of_its_own(tmp_path):
    """So that records from before the search stand in a table of their own."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    before, run = divided(tmp_path / "a", None)
    apart = next(row for row in range(3, COUNT, 3) if run.subsets[row] != run.subsets[0])
    after, _ = divided(tmp_path / "b", [(0, apart)])
    assert (after / "digest").read_text() != (before / "digest").read_text()
