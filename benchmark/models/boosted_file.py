"""What XGBoost stored, looked at before its library reads it: that trusts the places that a file gives it.

The format is UBJSON (ubjson.org, draft 12) as XGBoost writes it; the trees are those of its schema of models.
"""

import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from registry.errors import DataError

DEEPEST = 40  # values in one another; a model has ten
_NUMBERS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8"}
_WORDS = {b"T": True, b"F": False, b"Z": None}
_LINKS = ("left_children", "right_children", "parents", "split_indices")
_EACH = (*_LINKS, "split_conditions", "base_weights", "default_left", "split_type")  # one number for each node
_ROOT = 2**31 - 1  # the parent of a root


class _Read(NamedTuple):
    """A value, and the place behind it."""

    value: Any
    end: int


def check_boosted(path: Path) -> None:
    """Nothing for a whole model whose trees lead nowhere but to their own nodes and features.

    Raises:
        DataError: it is damaged, or leads elsewhere; a clause without the file's name.
    """
    data = path.read_bytes()
    try:
        value, end = _value(data, 0, 0)
        if end != len(data):
            raise DataError(f"{len(data) - end} bytes follow its end")
        learner = value["learner"]
        parameters, booster = learner["learner_model_param"], learner["gradient_booster"]
        features, classes = int(parameters["num_feature"]), max(1, int(parameters["num_class"]))
        model = booster.get("gbtree", booster)["model"]  # where trees are dropped, their weights lie around it
        if "trees" in model:
            _check_trees(model, features, classes)
            _check_weights(booster.get("weight_drop", np.zeros(len(model["trees"]))), len(model["trees"]))
        else:
            _check_weights(model["weights"], (features + 1) * classes)
    except DataError:
        raise
    except (struct.error, ValueError, LookupError, TypeError, OverflowError, AttributeError) as error:
        raise DataError(f"it is no whole model of XGBoost ({type(error).__name__})") from error


def _value(data: bytes, at: int, depth: int) -> _Read:
    kind, at = data[at : at + 1], at + 1
    if depth > DEEPEST:
        raise DataError("its values are too deep")
    if kind == b"{":
        return _table(data, at, depth)
    if kind == b"[":
        return _list(data, at, depth)
    if kind == b"S":
        return _text(data, at)
    if kind in _WORDS:
        return _Read(_WORDS[kind], at)
    return _number(data, at, kind)


def _number(data: bytes, at: int, kind: bytes) -> _Read:
    found = np.frombuffer(data, _NUMBERS[kind], 1, at)
    return _Read(found[0].item(), at + found.nbytes)


def _text(data: bytes, at: int) -> _Read:
    length, start = _number(data, at + 1, data[at : at + 1])
    if not 0 <= length <= len(data) - start:
        raise DataError("a text is longer than the file")
    return _Read(data[start : start + length].decode(), start + length)


def _table(data: bytes, at: int, depth: int) -> _Read:
    found = {}
    while data[at : at + 1] != b"}":
        name, at = _text(data, at)
        found[name], at = _value(data, at, depth + 1)
    return _Read(found, at + 1)


def _list(data: bytes, at: int, depth: int) -> _Read:
    """Values one after another, or numbers of one kind, or so many values."""
    kind = data[at + 1 : at + 2] if data[at : at + 1] == b"$" else b""
    at += 2 * bool(kind)
    if data[at : at + 1] == b"#":
        count, at = _number(data, at + 2, data[at + 1 : at + 2])
        if not 0 <= count <= len(data) - at:
            raise DataError("a list is longer than the file")
        if kind:
            numbers = np.frombuffer(data, _NUMBERS[kind], count, at)
            return _Read(numbers, at + numbers.nbytes)
    elif kind:
        raise DataError("a list of one kind does not say how long it is")
    else:
        count = -1
    found: list[Any] = []
    while len(found) != count and not (count < 0 and data[at : at + 1] == b"]"):
        one, at = _value(data, at, depth + 1)
        found.append(one)
    return _Read(found, at + (count < 0))


def _check_weights(weights: Any, expected: int) -> None:
    if np.asarray(weights, float).shape != (expected,):
        raise DataError(f"it holds {len(weights)} weights; expected {expected}")


def _check_trees(model: dict[str, Any], features: int, classes: int) -> None:
    trees, of_class = model["trees"], np.asarray(model["tree_info"], int)
    if len(of_class) != len(trees) or int(model["gbtree_model_param"]["num_trees"]) != len(trees):
        raise DataError("it does not hold as many trees as it says")
    if ((of_class < 0) | (of_class >= classes)).any():
        raise DataError("a tree is of a class that there is not")
    ends = np.asarray(model["iteration_indptr"], int)
    if len(ends) == 0 or ends[0] != 0 or ends[-1] != len(trees) or (np.diff(ends) < 0).any():
        raise DataError("its rounds are not those of its trees")
    for tree in trees:
        _check_tree(tree, features)


def _check_tree(tree: dict[str, Any], features: int) -> None:
    count = int(tree["tree_param"]["num_nodes"])
    if count < 1 or any(np.asarray(tree[name]).shape != (count,) for name in _EACH):
        raise DataError("a tree does not hold as many nodes as it says")
    if int(tree["tree_param"]["num_feature"]) != features or int(tree["tree_param"]["size_leaf_vector"]) not in (0, 1):
        raise DataError("a tree is of other features than the model")
    if any(len(tree[name]) for name in ("categories", "categories_nodes", "categories_segments", "categories_sizes")):
        raise DataError("a tree splits by categories, which features of a network do not have")
    left, right, parents, split = (np.asarray(tree[name], np.int64) for name in _LINKS)
    inner = left >= 0
    if (inner != (right >= 0)).any() or max(left.max(), right.max()) >= count or np.asarray(tree["split_type"]).any():
        raise DataError("a tree leads out of its nodes")
    if ((split < 0) | (split >= features))[inner].any():
        raise DataError("a tree splits by a feature that there is not")
    reached = np.concatenate([left[inner], right[inner]])
    if len(np.unique(reached)) != len(reached) or 0 in reached or _strange(parents, count):
        raise DataError("a tree leads in a circle")


def _strange(parents: np.ndarray, count: int) -> bool:
    """Whether a node, removed ones among them, has a parent that there is not."""
    return bool(((parents < -1) | ((parents >= count) & (parents != _ROOT))).any())
