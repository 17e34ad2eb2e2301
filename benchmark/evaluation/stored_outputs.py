"""What runs and control rules said of their images, as their folders keep it, and whose images those are."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.evaluation.calibration import threshold_at_specificity
from benchmark.evaluation.metrics import Metric, log_odds
from benchmark.evaluation.stored import UNREADABLE, read_columns
from benchmark.evaluation.thresholds import decided_at, outputs_of
from benchmark.records.files import PREDICTIONS
from benchmark.records.metrics import specificity_of
from benchmark.records.record import Record

TOLERANCE = 1e-3  # by which a recomputed metric may miss the recorded one
COMMON = ("ids", "groups", "targets")
FoldersOf = Callable[[Record], Path]


class Untestable(Exception):
    """Why there is no test."""


class Outputs(NamedTuple):
    """What is said of images (n,), all folds together in the order of their ids; `fold` tells who tested them."""

    ids: np.ndarray
    groups: np.ndarray
    targets: np.ndarray
    fold: np.ndarray
    values: np.ndarray

    def same_images(self, other: "Outputs") -> bool:
        """Whether the other's are of the same images, in the same classes and groups."""
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in COMMON)

    def digest(self) -> str:
        """Of which images these are, in which classes and groups."""
        rows = zip(self.ids.tolist(), self.targets.tolist(), self.groups.tolist(), strict=True)
        text = "\0".join(f"{name}\0{target}\0{group}" for name, target, group in rows)
        return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def by_seed(runs: Sequence[Record]) -> dict[int, list[Record]]:
    """Seed -> its runs: one, or those of single folds."""
    found: dict[int, list[Record]] = {}
    for run in sorted(runs, key=lambda run: run.seed):
        found.setdefault(run.seed, []).append(run)
    return found


def read_outputs(runs: Sequence[Record], metric: Metric, folder_of: FoldersOf, subset: str) -> Outputs:
    """The images of one seed, whatever the order in which its folds have them.

    Raises:
        Untestable: the predictions cannot be read, or those of the test subset do not give the recorded metric.
    """
    return together([_of_run(run, metric, folder_of, subset) for run in runs])


def read_rule(run: Record, rule: str, metric: Metric, folder_of: FoldersOf, subset: str) -> Outputs:
    """What a control rule says, as the record that holds its outputs keeps it."""
    columns = _decided(run, _columns(run, folder_of(run), f"{metric.needs}@{rule}"), metric)
    return together([_chosen(run, columns, subset)])


def together(folds: list[Outputs]) -> Outputs:
    """The images of all of these, in the order of their ids."""
    whole = Outputs(*(np.concatenate(column) for column in zip(*folds, strict=True)))
    order = np.argsort(whole.ids, kind="stable")
    return Outputs(*(column[order] for column in whole))


def _of_run(run: Record, metric: Metric, folder_of: FoldersOf, subset: str) -> Outputs:
    """Images of a subset, from predictions whose test subset gives what the record says."""
    columns = _columns(run, folder_of(run), metric.needs)
    values = outputs_of(run, metric, columns["values"].astype(float), columns.get("fold"))
    if values is None:
        raise Untestable(f"{run.run} does not say its threshold for {metric.threshold}")
    columns["values"] = values
    tested = _chosen(run, columns, "test")
    again = float(metric.compute(tested.targets, tested.values, np.ones((1, len(tested.ids))))[0])
    recorded = run.metrics[metric.name].value if metric.name in run.metrics else None
    by_convention = np.isnan(again) and recorded == 0  # MCC of a single decided class
    if not by_convention and (recorded is None or not abs(again - recorded) <= TOLERANCE):
        raise Untestable(f"the predictions of {run.run} do not give its recorded {metric.name}")
    return tested if subset == "test" else _chosen(run, columns, subset)


def _decided(run: Record, columns: dict[str, np.ndarray], metric: Metric) -> dict[str, np.ndarray]:
    """A rule's outputs, in place of which its decisions stand where a threshold decides: its record keeps none."""
    if not metric.threshold or run.positive is None:
        return columns
    k = run.classes.index(run.positive)
    own, calibrating = columns["targets"] == k, columns["subsets"] == "calibration"
    if not (calibrating & ~own).any():
        raise Untestable(f"{PREDICTIONS} of {run.run} holds no negatives to choose the threshold on")
    odds, level = log_odds(columns["values"])[:, k], specificity_of(metric.threshold)
    chosen = threshold_at_specificity(own[calibrating], odds[calibrating], level)
    return {**columns, "values": decided_at(columns["values"], k, chosen)}


def _columns(run: Record, folder: Path, key: str) -> dict[str, np.ndarray]:
    """Of all images that a run keeps; what is asked for is called ``values``."""
    path = folder / PREDICTIONS
    if not path.is_file():
        raise Untestable(f"no {PREDICTIONS} of {run.run}")
    try:
        columns = read_columns(path, (*COMMON, key))
    except UNREADABLE as error:
        raise Untestable(f"{PREDICTIONS} of {run.run} cannot be read") from error
    columns["values"] = columns.pop(key)
    return columns


def _chosen(run: Record, columns: Mapping[str, np.ndarray], subset: str) -> Outputs:
    chosen = columns["subsets"] == subset
    fold = columns.get("fold", np.full(len(chosen), run.fold or 0))
    parts = (columns["ids"], columns["groups"], columns["targets"], fold, columns["values"].astype(float))
    return Outputs(*(part[chosen] for part in parts))
