"""Whether two pipelines differ on the same test images, from the predictions that their runs left."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.evaluation.intervals import Resampled, difference_of, resampled
from benchmark.evaluation.metrics import Metric, metric_named
from benchmark.records.differences import Difference, PairedTest
from benchmark.records.files import PREDICTIONS
from benchmark.records.record import Record
from benchmark.records.upgrade import COLUMNS, SUBSETS
from registry.errors import UnknownNameError

TOLERANCE = 1e-3  # by which a recomputed metric may miss the recorded one


class _Images(NamedTuple):
    """Images in the order of their ids: classes and groups (n,)."""

    targets: np.ndarray
    groups: np.ndarray


class _Outputs(NamedTuple):
    """What the runs of one seed say of images (n,), all folds together in the order of their ids."""

    ids: np.ndarray
    groups: np.ndarray
    targets: np.ndarray
    values: np.ndarray


class _Side(NamedTuple):
    """One pipeline, resampled; `images` tells which images that was on."""

    images: str
    resampled: Resampled


class _Untestable(Exception):
    """Why there is no test."""


def paired_test(folder_of: Callable[[Record], Path], resamples: int = 2000, subset: str = "test") -> PairedTest:
    """The test that `compare` takes, reading each run's predictions from its folder, and each pipeline's once.

    Args:
        subset: of the images; besides `test`, what a run predicts are `validation` and `calibration`.
    """
    sides = _Sides(folder_of, resamples, subset)

    def difference(first: Sequence[Record], second: Sequence[Record], metric: str) -> Difference:
        try:
            a, b = (sides.side(runs, metric) for runs in (first, second))
        except _Untestable as reason:
            return Difference(None, note=str(reason))
        if a.images != b.images:
            return Difference(None, note="their predictions are of different images")
        return difference_of(a.resampled, b.resampled, *sides.images[a.images])

    return difference


class _Sides:
    """Pipelines that were resampled before: of a table, each is tested against several."""

    def __init__(self, folder_of: Callable[[Record], Path], resamples: int, subset: str) -> None:
        self.folder_of, self.resamples, self.subset = folder_of, resamples, subset
        self.known: dict[tuple[str, ...], _Side] = {}
        self.images: dict[str, _Images] = {}

    def side(self, runs: Sequence[Record], name: str) -> _Side:
        key = (name, *(str(self.folder_of(run)) for run in runs))
        if key not in self.known:
            self.known[key] = self._resampled(runs, name)
        return self.known[key]

    def _resampled(self, runs: Sequence[Record], name: str) -> _Side:
        try:
            metric = metric_named(name, runs[0].classes, runs[0].positive)
        except UnknownNameError as error:
            raise _Untestable(f"{name} cannot be resampled") from error
        seeds = [_read(own, metric, self.folder_of, self.subset) for own in _by_seed(runs)]
        digests = {_digest(outputs) for outputs in seeds}
        if len(digests) > 1:
            raise _Untestable("their predictions are of different images")
        one, images = seeds[0], digests.pop()
        self.images.setdefault(images, _Images(one.targets, one.groups))
        values = np.stack([outputs.values for outputs in seeds])
        # The resamples are a function of the images alone, so that a table can be printed again bit for bit.
        return _Side(images, resampled(metric.compute, one.targets, values, one.groups, 0, self.resamples))


def _by_seed(runs: Sequence[Record]) -> list[list[Record]]:
    seeds = sorted({run.seed for run in runs})
    return [[run for run in runs if run.seed == seed] for seed in seeds]


def _read(runs: Sequence[Record], metric: Metric, folder_of: Callable[[Record], Path], subset: str) -> _Outputs:
    """The images of one seed, whatever the order in which its folds have them."""
    folds = [_subset(folder_of(run) / PREDICTIONS, run, metric, subset) for run in runs]
    whole = _Outputs(*(np.concatenate(column) for column in zip(*folds, strict=True)))
    order = np.argsort(whole.ids, kind="stable")
    return _Outputs(*(column[order] for column in whole))


def _subset(path: Path, run: Record, metric: Metric, subset: str) -> _Outputs:
    """Images of a subset, from predictions whose test subset gives what the record says."""
    if not path.is_file():
        raise _Untestable(f"no {PREDICTIONS} of {run.run}")
    try:
        with np.load(path, allow_pickle=False) as stored:
            named = _column(stored, "subsets")
            columns = [_column(stored, key) for key in ("ids", "groups", "targets", metric.needs)]
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise _Untestable(f"{PREDICTIONS} of {run.run} cannot be read") from error
    subsets = np.array([SUBSETS.get(str(name), str(name)) for name in named])
    every = _Outputs(*columns[:-1], columns[-1].astype(float))
    tested, asked = (_Outputs(*(column[subsets == one] for column in every)) for one in ("test", subset))
    recorded = run.metrics[metric.name].value if metric.name in run.metrics else None
    again = float(metric.compute(tested.targets, tested.values, np.ones((1, len(tested.ids))))[0])
    if recorded is None or not abs(again - recorded) <= TOLERANCE:
        raise _Untestable(f"the predictions of {run.run} do not give its recorded {metric.name}")
    return asked


def _column(stored: Mapping[str, np.ndarray], key: str) -> np.ndarray:
    return stored[key if key in stored else COLUMNS.get(key, key)]


def _digest(outputs: _Outputs) -> str:
    """Of which images these are, in which classes."""
    text = "\0".join(f"{name}\0{target}" for name, target in zip(outputs.ids, outputs.targets, strict=True))
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
