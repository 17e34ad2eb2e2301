"""The script that compares two checkouts: what it takes for equal, for renamed, and for nothing to compare."""

import json
import tomllib

import msgspec
import numpy as np
import pytest

from benchmark.records.record import SCHEMA
from benchmark.tasks.schema import Task
from tests.perf.same import translation
from tests.perf.same.checkout import Checkout, FailedError
from tests.perf.same.comparison import compared, count, example
from tests.perf.same.reading import flat, read
from tests.perf.same.tasks import CHANGES, EVERY_SETTING, task, toml

NAN = float("nan")
RECORD = {  # by the names of schema 1
    "task": "binary",
    "pipeline": "none+sepcnn+dense",
    "seed": 0,
    "fold": 0,
    "key": "1f",
    "metrics": {"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95, "n": 40}},
    "confusion": [[20, 1], [3, 16]],
    "split": {"counts": {"train": {"COVID": 40}, "select": {"COVID": 10}, "fit": {"COVID": 9}, "test": {"COVID": 19}}},
    "training": {"steps": 12, "waiting": 0.01},
    "notes": ["fit: batches of 8, not 16"],
    "created": "2025-01-02T03:04:05Z",
}


@pytest.mark.parametrize("one", [0.1, 0.0, -0.0, NAN, 3, "text", None, True, [1.0, NAN], np.array([1.0, NAN])])
def test_a_value_is_equal_to_itself(one):
    values, equal = count(one, one)
    assert values == equal > 0


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (0.1, np.nextafter(0.1, 1).item(), (1, 0)),
        (0.0, -0.0, (1, 0)),
        (1, 1.0, (1, 0)),
        (1, True, (1, 0)),
        (None, 0.0, (1, 0)),
        ([1, 2, 3], [1, 2, 4], (3, 2)),
        ([1, 2, 3], [1, 2], (3, 0)),
        (np.zeros(3), np.array([0.0, -0.0, 1.0]), (3, 1)),
        (np.zeros(3), np.zeros(3, np.float32), (3, 0)),
        (np.zeros((2, 3)), np.zeros((3, 2)), (6, 0)),
        (np.array(["a", "b"]), np.array(["a", "bc"]), (2, 1)),
    ],
)
def test_a_last_bit_a_sign_of_zero_and_another_type_are_differences(one, other, expected):
    assert count(one, other) == expected


def test_the_first_difference_in_an_array_is_the_one_that_is_shown():
    assert example(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.5, 3.5])) == (2.0, 2.5)


def test_items_of_a_list_are_known_by_what_tells_them_apart():
    content = {"rows": [{"pipeline": "a", "n": [1, 2]}, {"pipeline": "b", "n": []}], "pairs": [[1], [2]]}
    assert dict(flat(content)) == {
        ("rows", "a", "pipeline"): "a",
        ("rows", "a", "n"): [1, 2],
        ("rows", "b", "pipeline"): "b",
        ("rows", "b", "n"): [],
        ("pairs", "0"): [1],
        ("pairs", "1"): [2],
    }


def test_a_star_stands_for_one_name_and_what_is_inside_moves_along(monkeypatch):
    monkeypatch.setitem(translation.RENAMED, "record", {"members.*.rate": "members.*.training.learning_rate"})
    new = translation.renamed("record", ("members", "a.b", "rate", "value"))
    assert new == ("members", "a.b", "training", "learning_rate", "value")
    assert translation.renamed("record", ("members", "rate")) == ("members", "rate")


def test_what_is_ignored_is_ignored_with_all_that_is_inside():
    assert translation.ignored("record", ("environment", "keras"))
    assert translation.ignored("record", ("cost", "training_s"))
    assert not translation.ignored("record", ("cost", "parameters"))
    assert not translation.ignored("history", ("environment",))


def side(root, **changes):
    """What a checkout leaves of one run."""
    folder = root / "results" / "binary" / "run"
    folder.mkdir(parents=True)
    (root / "printed").mkdir()
    (folder / "result.json").write_text(json.dumps({**RECORD, "key": root.name, **changes}))
    np.savez(folder / "predictions.npz", parts=np.array(["fit", "test"]), logits=np.zeros((2, 2)))
    return folder


def different(tmp_path):
    pairs = compared(read(tmp_path / "old", ["binary"]), read(tmp_path / "new", ["binary"]))
    return {".".join(pair.name): (pair.old, pair.new) for pair in pairs if pair.values != pair.equal}


def test_keys_and_times_are_no_differences(tmp_path):
    side(tmp_path / "old")
    side(tmp_path / "new", created="later", training={"steps": 12, "waiting": 0.5})
    assert different(tmp_path) == {}


def test_a_number_and_what_only_one_side_has_are_differences(tmp_path):
    side(tmp_path / "old")
    folder = side(tmp_path / "new", confusion=[[20, 1], [4, 15]], training={**RECORD["training"], "laps": 3})
    (folder / "curves.png").touch()
    (folder / "model.bin").touch()
    found = different(tmp_path)
    assert found.pop("confusion.1") == ([3, 16], [4, 15])
    assert {name: str(old) for name, (old, _) in found.items()} == {
        "training.laps": "(absent)", "curves.png": "(absent)", "model.bin": "(absent)",
    }  # fmt: skip


def test_old_names_and_values_on_one_side_are_no_differences(tmp_path):
    counts = RECORD["split"]["counts"]
    names = {"train": "train", "select": "validation", "fit": "calibration", "test": "test"}
    old = side(tmp_path / "old")
    renamed = {"split": {"counts": {names[old]: count for old, count in counts.items()}}}
    new = side(tmp_path / "new", **renamed, training={"steps": 12, "input_stall": 0.01})
    np.savez(new / "predictions.npz", subsets=np.array(["calibration", "test"]), logits=np.zeros((2, 2)))
    assert different(tmp_path) == {}
    assert "predictions: parts -> subsets" in read(tmp_path / "old", ["binary"]).old_names
    assert not read(tmp_path / "new", ["binary"]).old_names
    np.savez(old / "predictions.npz", parts=np.array(["select", "test"]), logits=np.zeros((2, 2)))
    assert list(different(tmp_path)) == ["subsets"]


def test_both_the_old_and_the_new_name_on_one_side_are_refused(tmp_path):
    folder = side(tmp_path / "old")
    np.savez(folder / "predictions.npz", parts=np.zeros(2), subsets=np.zeros(2))
    with pytest.raises(ValueError, match="by its old and its new name"):
        read(tmp_path / "old", ["binary"])


def test_a_note_of_time_is_no_difference(tmp_path):
    side(tmp_path / "old")
    new = side(tmp_path / "new", notes=[*RECORD["notes"], "12 % of the time waited for images"])
    assert different(tmp_path) == {}
    (new / "result.json").write_text(json.dumps({**RECORD, "notes": ["12 % of the time waited for images"]}))
    assert list(different(tmp_path)) == ["notes"]  # the one of batches


def test_notes_of_time_alone_are_as_good_as_none(tmp_path):
    side(tmp_path / "old", notes=["12 % of the time waited for images"])
    without = {key: value for key, value in RECORD.items() if key != "notes"}
    (side(tmp_path / "new") / "result.json").write_text(json.dumps(without))
    assert different(tmp_path) == {}


@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_of_a_task_is_spelled_out(name):
    """A setting that is missing there is left to a default, which may differ between two checkouts."""
    content = tomllib.loads(toml(translation.translated_task(task(name), SCHEMA)))
    asked = msgspec.convert(content, Task)
    for table in (key for key, value in content.items() if isinstance(value, dict) and key != "classes"):
        assert set(content[table]) == set(getattr(asked, table).__struct_fields__), table
    assert set(Task.__struct_fields__) - set(content) <= {
        "options",
        "overridden",
        "tuned",
        "positive",
        "reader",
        "ignore",
    }
    assert ("positive" in content) == isinstance(content["classes"], dict)


def test_another_schema_has_other_names(monkeypatch):
    monkeypatch.setitem(translation.SETTINGS, 9, {"training.labels": "training.targets", "features.head": "split.head"})
    monkeypatch.setitem(translation.FLAGS, 9, {"--seeds": "--training-seeds"})
    assert translation.translated_task(EVERY_SETTING, 1) == EVERY_SETTING
    content = translation.translated_task(EVERY_SETTING, 9)
    assert not {"labels", "patience", "decay"} & set(content["training"])
    assert content["training"]["targets"] == EVERY_SETTING["training"]["labels"]
    assert content["training"]["exact_epochs"] is False
    assert content["split"]["head"] == EVERY_SETTING["features"]["carrier"]
    assert translation.translated_flags(["--seeds", "1"], 9) == ["--training-seeds", "1"]
    assert translation.translated_flags(["--seeds", "1"], 1) == ["--seeds", "1"]


def test_values_of_settings_and_options_of_components_have_the_names_of_the_schema():
    folds, files = task("folds"), ["--dataset", "folder[mask_maker=boxes,licence=mask_maker]"]
    assert translation.translated_task(folds, 1)["split"]["grouping"] == "naive"
    assert translation.translated_task(folds, 2)["split"]["grouping"] == "image-level"
    assert translation.translated_task(task("votes"), 2)["split"]["grouping"] == "group"
    assert translation.translated_flags(files, 1) == files
    assert translation.translated_flags(files, 2)[1] == "folder[mask_annotator=boxes,licence=mask_maker]"


def test_the_schema_of_a_checkout_is_read_from_it(tmp_path):
    place = tmp_path / "benchmark" / "records" / "record.py"
    place.parent.mkdir(parents=True)
    place.write_text('"""Records."""\n\nSCHEMA: Final = 2\n')
    assert Checkout("new", tmp_path, tmp_path, tmp_path).schema == 2
    place.unlink()
    with pytest.raises(FailedError, match="no checkout"):
        _ = Checkout("new", tmp_path, tmp_path, tmp_path).schema
