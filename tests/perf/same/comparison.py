"""Two sides' values, one by one: equal to the last bit, or not."""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tests.perf.same.reading import Contents, Leaf, Place
from tests.perf.same.translation import Name

# Kind of file -> what is in it; of a record, by the first part of a value's name.
TITLES = {
    "predictions": "stored logits and probabilities",
    "samples": "maps of single images, as computed",
    "maps": "maps of single images, as drawn",
    "history": "losses and rates of every epoch",
    "split": "who is trained and tested on",
    "ledger": "tuning: ledger",
    "trials": "tuning: table of trials",
    "tuned": "tuning: task file that resulted",
    "finding": "tuning: default against best",
    "comparison": "bench compare: tables and paired tests",
    "files": "names of files",
}
OF_RECORD = {
    "metrics": "metrics with intervals",
    "controls": "control rules",
    "confusion": "confusion matrices",
    "calibration": "calibration and thresholds",
    "gradcam": "Grad-CAM and occlusion statistics",
    "masks": "mask quality",
    "members": "members of votes and folds",
    "voting": "how votes agree",
    "reference": "votes against the direct model",
    "training": "epochs, steps, shares, rates",
}
REST = "settings, data and the rest of a record"


class Pair(NamedTuple):
    """A value of both sides; None where a side has none.

    Attributes:
        values, equal: how many it holds, and how many of them are equal.
    """

    title: str
    place: Place
    name: Name
    old: Leaf
    new: Leaf
    values: int
    equal: int


class _Absent:
    def __repr__(self) -> str:
        return "(absent)"


ABSENT = _Absent()


def compared(old: Contents, new: Contents) -> Iterator[Pair]:
    """Every value that one side has or both have."""
    for place in sorted(old.values.keys() | new.values.keys()):
        sides = [side.values.get(place, {}) for side in (old, new)]
        for name in dict.fromkeys([*sides[0], *sides[1]]):
            one, other = (side.get(name, ABSENT) for side in sides)
            values, equal = count(one, other)
            yield Pair(_title(place, name), place, name, one, other, values, equal)


def count(one: Leaf, other: Leaf) -> tuple[int, int]:
    """How many values there are, and how many of them are the same in both."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and one.shape == other.shape:
        alike = _alike(one, other)
        return alike.size, int(alike.sum())
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return len(one), sum(map(same, one, other))
    larger = max(_size(one), _size(other))
    return larger, larger if same(one, other) else 0


def example(one: Leaf, other: Leaf) -> tuple[Any, Any]:
    """The first values of two lists or arrays that differ; what is no list, or of another length, as it is."""
    lists = [side.ravel().tolist() if _arrays(side) else side for side in (one, other)]
    if all(isinstance(side, list) for side in lists) and len(lists[0]) == len(lists[1]):
        return next(((a, b) for a, b in zip(*lists, strict=True) if not same(a, b)), (one, other))
    return one, other


def same(one: Any, other: Any) -> bool:
    """Whether two values are of one type and equal, floats to the last bit; NaN is NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float) and one == one:
        return struct.pack("d", one) == struct.pack("d", other)
    return bool(one != one and other != other) if isinstance(one, float) else not _arrays(one) and bool(one == other)


def _arrays(one: Any) -> bool:
    return isinstance(one, np.ndarray)


def _alike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    if one.dtype.kind == other.dtype.kind == "U":
        return np.asarray(one == other)
    if one.dtype != other.dtype:
        return np.zeros(one.shape, bool)
    if one.dtype.kind != "f":
        return np.asarray(one == other)
    bits = np.dtype(f"u{one.dtype.itemsize}")
    return (one.view(bits) == other.view(bits)) | (np.isnan(one) & np.isnan(other))


def _size(leaf: Leaf) -> int:
    return int(leaf.size) if _arrays(leaf) else len(leaf) if isinstance(leaf, list) else 1


def _title(place: Place, name: Name) -> str:
    return OF_RECORD.get(name[0], REST) if place.kind == "record" else TITLES[place.kind]
