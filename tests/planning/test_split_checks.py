"""What a split needs of a dataset, before anything is decoded."""

import pytest

from benchmark.planning.split_checks import check_split
from benchmark.records.summary import Understood
from benchmark.tasks.schema import Split
from registry.errors import ConfigError, DataError, RefusedError
from tests.specs import summary

CLASSES = {"ill": ["a"], "well": ["b"]}
GIVEN = Split(parts="given")


def data(**parts):
    images = sum(sum(labels.values()) for labels in parts.values())
    counts = {label: sum(labels.get(label, 0) for labels in parts.values()) for label in "ab"}
    return summary(understood=Understood(parts=parts), images=images, groups=counts, counts=counts)


def test_parts_with_every_class_in_them_pass():
    check_split(GIVEN, CLASSES, data(train={"a": 9, "b": 9}, test={"a": 4, "b": 4}))


def test_a_dataset_without_parts_is_refused_where_they_are_to_be_used():
    with pytest.raises(ConfigError, match="comes in parts"):
        check_split(GIVEN, CLASSES, summary(images=96))
    with pytest.raises(ConfigError, match="needs a test part, the dataset has only train"):
        check_split(GIVEN, CLASSES, data(train={"a": 9, "b": 9}))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"train": {"a": 9, "b": 9}, "test": {"b": 4}}, "too few images of ill .*: 0 in test, 9 elsewhere"),
        ({"train": {"a": 9, "b": 1}, "validation": {"b": 1}, "test": {"a": 4, "b": 4}}, "of well .*: 4 in test, 2"),
    ],
)
def test_a_class_that_a_part_lacks_is_named(parts, words):
    with pytest.raises(DataError, match=words):
        check_split(GIVEN, CLASSES, data(**parts))


def test_folds_and_given_parts_exclude_each_other():
    with pytest.raises(ValueError, match="parts"):
        Split(folds=3, parts="given")


def leaking(**known):
    whole = {"a": 9, "b": 9}
    understood = Understood(parts={"train": whole, "test": {"a": 4, "b": 4}}, **known)
    return summary(understood=understood, images=26, groups={"a": 13, "b": 13}, counts={"a": 13, "b": 13})


def test_parts_that_leak_by_patient_or_file_are_refused_before_anything_is_decoded():
    data = leaking(leaking=2, leaking_patients=1, leaks=["a1 and t1", "b2 and t2"])
    with pytest.raises(RefusedError) as refused:
        check_split(GIVEN, CLASSES, data)
    line = str(refused.value)
    assert line.startswith(
        "2 of 18 images outside the test part are of a patient or a file that is in it too (a1 and t1, b2 and t2); "
        "crops and re-encodings of one film were not looked for yet; "
    )
    assert refused.value.exit_code == 4 and "\n" not in line
    with pytest.raises(RefusedError, match="1 of 18 images outside the test part is of"):
        check_split(GIVEN, CLASSES, leaking(leaking=1, leaking_patients=1))


def test_what_somebody_decided_is_no_leak():
    data = leaking(leaking=2)
    for split in (Split(), Split(parts="given", leaks="drop"), Split(parts="given", leaks="keep")):
        check_split(split, CLASSES, data)
    # One file under two labels may be left out whole, which no plan can tell.
    check_split(Split(parts="given", contradictions="drop"), CLASSES, data)
    check_split(GIVEN, CLASSES, leaking(shared_patients=0))
