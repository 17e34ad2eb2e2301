"""The stage that divides images: a split has the digest that it had when its subsets had other names."""

import json

import numpy as np
import pytest

from benchmark.stages import split
from benchmark.stages.context import Context
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
