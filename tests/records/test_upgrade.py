"""Records of schema 1, those that are committed and some made here, as this version reads them."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmark.records import files as records
from benchmark.records.metrics import UNCALIBRATED
from benchmark.records.record import SCHEMA, Record
from benchmark.storage.files import Broken
from benchmark.tasks.spec import run_spec
from registry.errors import VerificationError

REFERENCE = Path(__file__).parent.parent / "reference_schema_1"
COMMITTED = sorted(REFERENCE.rglob("result.json"))

# Where a name stood in schema 1, as a pattern -> its last word now.
NAMES = {
    r"spec(/members/[^/]+|/reference)?/carrier": "features_head",
    r"components/carrier": "features_head",
    r"split/counts/select": "validation",
    r"split/counts/fit": "calibration",
    r"calibration/part": "subset",
    r"calibration/thresholds/[^/]+/validation_specificity": "calibration_specificity",
    r"calibration/thresholds/[^/]+/validation_sensitivity": "calibration_sensitivity",
    r"training/batch_shares": "batch_prior",
    r"training/final_rate": "final_learning_rate",
    r"training(/segmenter)?/waiting": "input_stall",
    r"reference/detectable": "minimum_detectable",
}
# Where a word stood that has another name now -> the words.
WORDS = {
    r"calibration/decisions": {
        "likeliest class at equal class shares, calibrated on validation": "likeliest class at equal class shares, "
        "calibrated on the calibration subset"
    },
    r"calibration/part": {"fit": "calibration", "fit, of each fold": "calibration, of each fold"},
    r"(spec(/members/[^/]+|/reference)?/)?split/grouping": {"naive": "image-level"},
}
# What went without saying in a specification until schema 5, as a pattern of its place.
UNSAID = r"spec(/members/[^/]+|/reference)?/(images/fit|split/(copies|parts|leaks|contradictions))"
SEPCNN = {"name": "sepcnn", "options": {}}


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that holds no others, and where it stands; an empty table or list is one too."""
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from leaves(inner, f"{place}/{key}" if place else str(key))
    else:
        yield place, value


def todays(document: dict[str, Any]) -> dict[str, Any]:
    """What a document of schema 1 says, at the places where schema 2 has it; schema and seal apart."""
    found = {}
    for place, value in leaves(document):
        folders = place.split("/")
        for end in range(1, len(folders) + 1):
            old = "/".join(place.split("/")[:end])
            for pattern, name in NAMES.items():
                if re.fullmatch(pattern, old):
                    folders[end - 1] = name
        words = next((words for pattern, words in WORDS.items() if re.fullmatch(pattern, place)), {})
        found["/".join(folders)] = words.get(value, value) if isinstance(value, str) else value
    return {place: value for place, value in found.items() if place not in ("schema", "seal")}


def written_then(found: dict[str, Any]) -> dict[str, Any]:
    """What a record of today says, at its places, without what was added to it when it was read."""
    kept = {name: value for name, value in found.items() if name not in ("schema", "seal", "trainings")}
    return {place: value for place, value in leaves(kept) if not re.fullmatch(UNSAID, place)}


def numbers(values: dict[str, Any]) -> list[float]:
    return sorted(one for one in values.values() if isinstance(one, int | float) and not isinstance(one, bool))


def first(**changes: Any) -> dict[str, Any]:
    """A document of schema 1 with everything that has another name now."""
    split = {"train": 0.8, "validation": 0.1, "test": 0.1, "seed": 0, "grouping": "naive", "folds": 1}
    pipeline = {"kind": "pipeline", "backbone": SEPCNN, "carrier": {"name": "dense", "options": {}}, "split": split}
    document = {
        "schema": 1, "status": "ok", "task": "vote", "run": "a-vote", "pipeline": "soft(a, b)", "pipeline_digest": "p",
        "seed": 0, "fold": 0, "digest": "d", "key": "k",
        "spec": {
            "kind": "vote", "split": split, "members": {"a": pipeline, "b": {**pipeline, "carrier": None}},
            "reference": pipeline,
        },
        "metric": "accuracy", "classes": ["rest", "COVID"],
        "split": {
            "digest": "s", "grouping": "naive", "seed": 0, "fractions": {"train": 0.8, "validation": 0.1, "test": 0.1},
            "counts": {"train": {"COVID": 80}, "select": {"COVID": 11}, "fit": {"COVID": 12}, "test": {"COVID": 13}},
        },
        "metrics": {"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95, "n": 13}},
        "reference": {"pipeline": "a", "difference": {"value": 0.01, "n": 13}, "detectable": 0.031},
        "calibration": {
            "method": "platt", "slope": 1.1, "n": 12, "batch_prior": {"COVID": 0.5}, "part": "fit",
            "thresholds": {
                "specificity-95": {"log_odds": 1.2, "validation_specificity": 0.96, "validation_sensitivity": 0.7},
                "specificity-99": {"note": "too few"},
            },
        },
        "training": {
            "stage_duration_s": {"fit": 2.5}, "batch_shares": {"COVID": 0.25}, "final_rate": 0.003, "batch_size": 16,
            "jit": True, "steps_per_execution": 4, "waiting": 0.125,
            "segmenter": {"batch_size": 8, "jit": False, "steps_per_execution": 1, "waiting": 0.375},
        },
        "stages": {"fit": "built"},
    }  # fmt: skip
    return {**document, **changes}


def stored(folder: Path, document: dict[str, Any]) -> Path:
    """A document with the seal of its own bytes, written as records are."""
    compact = json.dumps(document, separators=(",", ":"))
    seal = hashlib.sha256(compact.encode()).hexdigest()
    path = folder / records.FILE
    path.write_text(json.dumps({**document, "seal": seal}, indent=1))
    return path


def test_there_are_committed_records_of_schema_1():
    assert len(COMMITTED) > 3
    assert {json.loads(path.read_text())["schema"] for path in COMMITTED} == {1}


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.parent.name)
def test_a_committed_record_becomes_todays_and_nothing_in_it_is_lost(path):
    expected = todays(json.loads(path.read_text()))
    record = records.verify(path)
    found = json.loads(msgspec.json.encode(record))
    assert record.schema == SCHEMA == 5
    assert written_then(found) == expected
    assert len(numbers(expected)) > 100


def test_images_were_stretched_and_only_identical_ones_kept_together_until_schema_5():
    spec = records.read(COMMITTED[-1]).spec
    for one in [spec, *spec.get("members", {}).values()]:
        assert one["images"]["fit"] == "stretch"
        assert (one["split"]["copies"], one["split"]["parts"]) == ("identical", "own")
        assert run_spec(one if "backbone" in one else spec["members"][min(spec["members"])]).split.copies == "identical"


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.parent.name)
def test_an_upgraded_record_verifies_and_is_the_same_when_it_is_written_again(path, tmp_path):
    record = records.read(path)
    assert records.verify(record) == record
    assert records.verify(records.write(record, tmp_path)) == record


def test_a_record_of_schema_2_keeps_everything_and_how_validation_steered_it(tmp_path):
    steered = {"best_epoch": 4, "val_loss": 0.2, "final_learning_rate": 0.0003}
    document = json.loads(msgspec.json.encode(records.verify(stored(tmp_path, first()))))
    document |= {"schema": 2, "training": steered}
    document["spec"]["training"] = {"epochs": 9, "patience": 2, "decay": 0.3}
    del document["seal"]
    record = records.verify(stored(tmp_path, document))
    assert (record.schema, record.training.best_epoch, record.training.final_learning_rate) == (SCHEMA, 4, 0.0003)
    assert record.spec == document["spec"]


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.parent.name)
def test_the_specification_of_an_older_record_can_be_used(path):
    recorded = records.read(path).spec
    for spec in [*recorded.get("members", {}).values()] or [recorded]:
        assert "patience" in spec["training"]
        assert run_spec(spec).training.epochs == spec["training"]["epochs"]


def test_every_name_of_schema_1_has_its_value_under_the_new_one(tmp_path):
    document = first()
    record = records.verify(stored(tmp_path, document))
    assert written_then(json.loads(msgspec.json.encode(record))) == todays(document)
    assert record.split and record.split.counts["validation"] == {"COVID": 11}
    assert record.split.counts["calibration"] == {"COVID": 12}
    assert record.training.input_stall == 0.125
    assert record.training.segmenter and record.training.segmenter.input_stall == 0.375
    assert record.training.stage_duration_s == {"fit": 2.5}  # the stage, not the subset
    assert record.calibration.thresholds["specificity-95"].calibration_sensitivity == 0.7
    assert record.reference and record.reference.minimum_detectable == 0.031
    assert record.spec["reference"]["features_head"] == {"name": "dense", "options": {}}
    assert record.spec["members"]["b"]["features_head"] is None


def test_the_image_level_split_has_its_name_wherever_a_specification_says_it(tmp_path):
    record = records.verify(stored(tmp_path, first()))
    assert record.split
    specs = [record.spec, record.spec["members"]["a"], record.spec["members"]["b"], record.spec["reference"]]
    assert {record.split.grouping, *(spec["split"]["grouping"] for spec in specs)} == {"image-level"}


def test_pooled_folds_say_that_the_calibration_subset_of_each_was_fitted_on(tmp_path):
    record = records.verify(stored(tmp_path, first(fold=None, calibration={"part": "fit, of each fold"})))
    assert record.calibration.subset == "calibration, of each fold"


@pytest.mark.parametrize("path", COMMITTED[:1], ids=["committed"])
@pytest.mark.parametrize(("old", "new"), [('"seed": 0', '"seed": 7'), ('"part": "fit"', '"part": "fiT"')])
def test_a_changed_byte_is_still_refused(path, old, new, tmp_path):
    text = path.read_text()
    assert old in text
    changed = tmp_path / records.FILE
    changed.write_text(text.replace(old, new, 1))
    with pytest.raises(VerificationError, match="changed after it was sealed"):
        records.verify(changed)
    record = records.read(changed)
    assert record.schema == SCHEMA
    with pytest.raises(VerificationError, match="changed after it was sealed"):
        records.verify(record)  # reading it does not seal it


@pytest.mark.parametrize(
    "changes",
    [
        {"spec": {"split": "80 to 20"}},
        {"spec": {"split": {"train": 0.8}}},
        {"spec": {"split": {"grouping": ["naive"]}}},
        {"spec": {"members": ["a", "b"]}},
        {"spec": {"members": {"a": "sepcnn"}}},
        {"spec": {"reference": 3}},
        {"spec": None},
        {"split": {"grouping": "naive"}},
        {"calibration": {"thresholds": [1]}},
        {"training": "long"},
    ],
    ids=lambda changes: json.dumps(changes),
)
def test_a_document_of_schema_1_that_is_no_record_is_broken(changes, tmp_path):
    path = stored(tmp_path, first(**changes))
    ((_, found),) = records.scan(path)
    assert isinstance(found, Broken)
    assert found.reason.startswith("is not a record (")
    with pytest.raises(VerificationError, match="is not a record"):
        records.read(path)


def test_a_record_of_schema_2_is_read_as_it_is(tmp_path):
    content = msgspec.json.encode(records.verify(stored(tmp_path, first())))
    again = msgspec.json.decode(content, type=Record)
    assert records.verify(records.write(again, tmp_path / "again")) == again


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.parent.name)
def test_a_record_of_before_names_no_prior_of_its_calibration(path: Path) -> None:
    found = records.read(path)
    assert found.calibration.method and found.calibration.n
    assert found.calibration.prior == {} and found.calibration.groups is None
    assert not [name for name in found.metrics if name.endswith(UNCALIBRATED)]
