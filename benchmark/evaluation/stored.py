"""Predictions as runs store them, read back; those of older schemas by today's names."""

import csv
import errno
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from benchmark.data.targets import class_targets
from benchmark.evaluation.archives import check_size
from benchmark.records.upgrade import COLUMNS, SUBSETS
from registry.errors import BenchError, DataError

NAMES = ("ids", "groups", "sources", "targets", "logits", "corrected_logits", "probabilities")
FIRST_NAMES = {old: new for new, old in COLUMNS.items()}  # of columns, as schema 1 called them -> today's
SPLIT = "split.csv"
COLUMNS_OF_SPLIT = ("id", "label", "source", "subset")
MOST_BYTES = 1 << 30  # unpacked: predictions of a million images
MOST_LOGIT = 1e100
SLACK = 1e-6  # of probabilities that were rounded
MOST_CLASSES = 1 << 20  # beyond that an index is none
LEARNT = ("train", "validation", "calibration")  # subsets that something of a run is fitted or chosen on
UNREADABLE = (  # what archives and arrays raise whose bytes were changed
    OSError, ValueError, LookupError, EOFError, TypeError, RuntimeError, SyntaxError, MemoryError, ArithmeticError,
    BadZipFile, struct.error, zlib.error, TokenError, BenchError,
)  # fmt: skip


class Stored(NamedTuple):
    """Of n images outside the training subset; K classes.

    Attributes:
        sources: (n,), empty where unknown.
        fold: (n,) whose test image it is, of pooled folds; None of any other run.
        more: further columns by name.
    """

    ids: np.ndarray
    groups: np.ndarray
    sources: np.ndarray
    targets: np.ndarray
    logits: np.ndarray
    corrected_logits: np.ndarray
    probabilities: np.ndarray
    subsets: np.ndarray
    fold: np.ndarray | None = None
    more: Mapping[str, np.ndarray] = {}


class Training(NamedTuple):
    """Classes and sources (N,) of the images that a run learnt from; None where sources are not known."""

    targets: np.ndarray
    sources: np.ndarray | None


def read_columns(path: Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Columns of stored predictions, of a run, of rules or of an evaluation elsewhere, by today's names.

    Args:
        names: which, besides ``subsets`` and, of pooled folds, ``fold``: a few are read quicker; None reads all.

    Raises:
        one of `UNREADABLE`: it cannot be read, lacks a column, or its columns are of different lengths or no classes.
    """
    if not path.is_file():  # opening a pipe would wait for its other end
        raise FileNotFoundError(errno.ENOENT, "it is not there, or is no file", str(path))
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        stored = {FIRST_NAMES.get(name, name): name for name in archive.files}
        wanted = [*stored] if names is None else [*names, "subsets", *(["fold"] if "fold" in stored else [])]
        check_size(archive, [stored[name] for name in wanted], MOST_BYTES)
        columns = {name: archive[stored[name]] for name in wanted}
    if "subsets" in columns:
        columns["subsets"] = _todays(columns["subsets"])
    if len({len(column) for column in columns.values()}) > 1:
        raise ValueError("its columns are of different lengths")
    targets = columns.get("targets", np.zeros(0, int))
    if not np.all((targets >= 0) & (targets < MOST_CLASSES)):
        raise ValueError("its targets are no indices of classes")
    return columns


def _todays(subsets: np.ndarray) -> np.ndarray:
    """Names of subsets (n,), those of schema 1 by today's."""
    for old, new in SUBSETS.items():
        named = subsets == old
        if np.any(named):
            subsets = np.where(named, new, subsets)
    return subsets


def read_test(path: Path, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Classes (n,), outputs float (n, K) and, of pooled folds, fold (n,) of the test images.

    Args:
        name: of the outputs: ``corrected_logits`` or ``probabilities``.

    Raises:
        one of `UNREADABLE`: they cannot be read.
    """
    columns = read_columns(path, ("targets", name))
    test, folds = columns["subsets"] == "test", columns.get("fold")
    return columns["targets"][test], columns[name][test].astype(float), None if folds is None else folds[test]


def read_stored(path: Path) -> Stored:
    """The predictions of a pipeline, of a vote or of pooled folds.

    Raises:
        one of `UNREADABLE`: they cannot be read, or lack a column.
    """
    columns = read_columns(path)
    fields = {name: columns.pop(name) for name in (*NAMES, "subsets")}
    fields |= {name: fields[name].astype(float) for name in ("logits", "corrected_logits", "probabilities")}
    check_outputs(fields)
    return Stored(**fields, fold=columns.pop("fold", None), more=columns)


def check_outputs(columns: Mapping[str, np.ndarray]) -> None:
    """Refuse outputs that no network has, with which arithmetic overflows.

    Raises:
        ValueError: logits that are not finite, or probabilities that are none.
    """
    for name in ("logits", "corrected_logits"):
        if name in columns and not np.all(np.abs(np.asarray(columns[name], float)) < MOST_LOGIT):
            raise ValueError(f"its {name} are no finite numbers")
    found = columns.get("probabilities", np.zeros(0))
    if not np.all((found >= -SLACK) & (found <= 1 + SLACK)):
        raise ValueError("its probabilities are no numbers from 0 to 1")


def read_training(
    folder: Path, classes: Mapping[str, Sequence[str]], counts: Mapping[str, int] | None
) -> Training | None:
    """Who a run learnt from: by its split.csv, else by the record's counts of them, which name no sources.

    Args:
        classes: name -> labels.
        counts: class -> images, in the training subset.

    Raises:
        OSError, DataError: split.csv cannot be read.
    """
    path = folder / SPLIT
    if path.is_file():
        rows = [row for row in _rows(path) if row["subset"] == "train"]
        known = {label for labels in classes.values() for label in labels}
        for label in (row["label"] for row in rows if row["label"] not in known):
            raise DataError(f"{path} has a training image of label {label[:80]!r}, which is of no class of the run")
        if not rows:
            raise DataError(f"{path} has no training image; run it again")
        sources = np.array([row["source"] for row in rows], np.str_)
        return Training(class_targets([row["label"] for row in rows], classes), sources)
    if not counts:
        return None
    return Training(np.repeat(np.arange(len(classes)), [counts.get(name, 0) for name in classes]), None)


def read_learnt(folder: Path) -> set[str] | None:
    """Ids of the images that anything of a run was fitted on, by its split.csv; None where there is none.

    Raises:
        OSError, DataError: it cannot be read.
    """
    path = folder / SPLIT
    return {row["id"] for row in _rows(path) if row["subset"] in LEARNT} if path.is_file() else None


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """The images of a split.csv, which somebody may have changed."""
    if (size := path.stat().st_size) > MOST_BYTES:
        raise DataError(f"{path} has {size / 1e6:,.0f} MB, expected at most {MOST_BYTES / 1e6:,.0f}; run it again")
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = csv.reader(file)
        try:
            header = next(rows, [])
            if lacking := [name for name in COLUMNS_OF_SPLIT if header.count(name) != 1]:
                raise DataError(f"{path} has no column {lacking[0]!r}, or several; run it again")
            for cells in rows:
                if len(cells) != len(header):
                    raise DataError(f"{path} line {rows.line_num} has {len(cells)} cells, expected {len(header)}")
                yield dict(zip(header, cells, strict=True))
        except csv.Error as error:
            raise DataError(f"{path} line {rows.line_num} is no line of CSV: {error}") from error
