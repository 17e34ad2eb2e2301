"""The stage that divides images: a split has the digest that it had when its subsets had other names."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from benchmark.records.findings import Copies
from benchmark.stages import split
from benchmark.stages.context import Context
from benchmark.stages.reading import Reader
from benchmark.stages.score import split_info
from benchmark.tasks.schema import Split
from registry.errors import RefusedError
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


def divided(tmp_path, copies, groups=None, parts=None, table=None, pixels=None):
    """The folder of a split of the small dataset, of which these pairs of images are copies, and its reader."""
    index = prepared(tmp_path / "prepare") / "index.json"
    ids = [f"film-{row}" for row in range(COUNT)]
    own = {"ids": ids, "groups": groups or ids, "labels": [LABELS[row % 3] for row in range(COUNT)]}
    own |= {"parts": parts} if parts else {}
    index.write_text(json.dumps({**json.loads(index.read_text()), **own}))
    if pixels is not None:
        np.save(index.parent / "images.npy", pixels)
    artefacts = {"prepare": index.parent}
    if copies is not None:
        (found := tmp_path / "copies").mkdir()
        pairs = [(ids[one], ids[other], 60) for one, other in copies]
        (found / "copies.json").write_text(json.dumps({"searched": COUNT, "pairs": pairs}))
        artefacts["copies"] = found
    (made := tmp_path / "split").mkdir()
    asked = Split(**{"train": 0.5, "validation": 0.25, "test": 0.25} | (table or {}))
    context = Context(small(split=asked), artefacts, tmp_path / "partial", lambda told: None)
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
    assert json.loads((made / "facts.json").read_text())["copies"] == counted
    assert split_info(run).copies == Copies(**counted)


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
    assert split_info(run).copies == Copies(0, 0, 0, 0)
    assert split_info(other).copies is None


def test_a_split_that_keeps_copies_together_has_a_digest_of_its_own(tmp_path):
    """So that records from before the search stand in a table of their own."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    before, run = divided(tmp_path / "a", None)
    apart = next(row for row in range(3, COUNT, 3) if run.subsets[row] != run.subsets[0])
    after, _ = divided(tmp_path / "b", [(0, apart)])
    assert (after / "digest").read_text() != (before / "digest").read_text()


PARTS = ["train"] * 12 + ["test"] * 12


def test_a_given_test_part_is_tested_on(tmp_path):
    made, run = divided(tmp_path, None, parts=PARTS, table={"parts": "given"})
    assert (run.subsets == "test").tolist() == [part == "test" for part in PARTS]
    assert set(run.subsets[:12]) == {"train", "validation", "calibration"}
    facts = json.loads((made / "facts.json").read_text())
    assert facts["parts"] == "given"
    assert "no validation part" in facts["notes"][0]
    assert split_info(run).parts == "given"


def test_given_parts_that_are_not_used_are_said(tmp_path):
    _, run = divided(tmp_path, None, parts=PARTS)
    assert split_info(run).notes == [
        "The parts in which the dataset comes (train 12, test 12) are not used: it is divided anew."
    ]


def leaky(tmp_path, leaks):
    """Given parts of which one patient and one pair of copies are in both."""
    patients = [f"patient-{row}" for row in range(COUNT)]
    patients[12] = patients[0]
    return divided(tmp_path, [(3, 15)], patients, PARTS, {"parts": "given", "leaks": leaks})


def test_patients_and_copies_in_training_and_test_are_refused(tmp_path):
    with pytest.raises(RefusedError) as refused:
        leaky(tmp_path, "refuse")
    told = str(refused.value)
    assert "2 of 12 images outside the test part" in told
    assert "1 by patient or as identical images, 1 as crops or re-encodings" in told
    assert "film-0 and film-12, film-3 and film-15" in told
    for remedy in ("drop", "keep", "own"):
        assert remedy in told


def test_leaking_training_images_are_left_out_and_counted(tmp_path):
    _, run = leaky(tmp_path, "drop")
    assert np.flatnonzero(run.subsets == "left out").tolist() == [0, 3]
    info = split_info(run)
    assert (info.left_out, info.leaks) == (2, "")
    assert any("left out" in note for note in info.notes)
    assert sum(sum(counts.values()) for counts in info.counts.values()) == COUNT - 2


def test_leaks_that_are_kept_are_stamped(tmp_path):
    _, run = leaky(tmp_path, "keep")
    assert "left out" not in run.subsets
    info = split_info(run)
    assert (info.left_out, info.leaks) == (0, "keep")
    assert any("too good" in note for note in info.notes)


def test_parts_that_leak_nothing_are_not_stamped(tmp_path):
    _, run = divided(tmp_path, [], parts=PARTS, table={"parts": "given", "leaks": "keep"})
    assert split_info(run).leaks == ""


def contradicting(tmp_path, contradictions):
    """Image 0 is image 1 pixel for pixel, images 4 and 20 are copies; their labels differ; 7 and 10 are as they may."""
    groups = [f"patient-{row}" for row in range(COUNT)]
    groups[1] = groups[0]
    pixels = np.load(prepared(tmp_path / "drawn") / "images.npy")
    pixels[1] = pixels[0]
    return divided(tmp_path, [(4, 20), (7, 10)], groups, table={"contradictions": contradictions}, pixels=pixels)


def test_films_under_two_labels_are_kept_together_and_said(tmp_path):
    _, run = contradicting(tmp_path, "keep")
    info = split_info(run)
    assert info.contradictions == [["film-0 (COVID)", "film-1 (Normal)"], ["film-4 (Normal)", "film-20 (Lung_Opacity)"]]
    assert info.notes == [
        "2 films carry two labels: film-0 (COVID) = film-1 (Normal); film-4 (Normal) = film-20 (Lung_Opacity): kept "
        'together (split.contradictions = "drop" leaves them out).'
    ]
    assert run.subsets[0] == run.subsets[1]
    assert run.subsets[4] == run.subsets[20]


def test_films_under_two_labels_can_be_left_out(tmp_path):
    _, run = contradicting(tmp_path, "drop")
    assert np.flatnonzero(run.subsets == "left out").tolist() == [0, 1, 4, 20]
    assert split_info(run).left_out == 4


def test_a_patient_with_two_labels_contradicts_nothing(tmp_path):
    _, run = divided(tmp_path, [], [f"patient-{row // 2}" for row in range(COUNT)])
    assert split_info(run).contradictions == []
