"""Whether two pipelines differ on the same test images, from the predictions that their runs left."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from benchmark.differences import Difference, PairedTest
from benchmark.metrics import metric_named
from benchmark.records import PREDICTIONS, Record
from benchmark.statistics import Metric, paired_difference
from registry.errors import UnknownNameError

TOLERANCE = 1e-3  # by which a recomputed metric may miss the recorded one


class _Outputs(msgspec.Struct, frozen=True):
    """Test images of one seed in the order of their ids, all folds together."""

    ids: np.ndarray
    groups: np.ndarray
    targets: np.ndarray
    values: np.ndarray


class _Untestable(Exception):
    """Why there is no test."""


def paired_test(folder_of: Callable[[Record], Path], resamples: int = 2000) -> PairedTest:
    """The test that `compare` takes, reading each run's predictions from its folder."""

    def difference(first: Sequence[Record], second: Sequence[Record], metric: str) -> Difference:
        try:
            return _difference(first, second, metric, folder_of, resamples)
        except _Untestable as reason:
            return Difference(None, note=str(reason))

    return difference


def _difference(
    first: Sequence[Record], second: Sequence[Record], name: str, folder_of: Callable[[Record], Path], resamples: int
) -> Difference:
    try:
        metric = metric_named(name, first[0].classes, first[0].positive)
    except UnknownNameError as error:
        raise _Untestable(f"{name} cannot be resampled") from error
    sides = [_by_seed(runs, name, metric.needs, metric.compute, folder_of) for runs in (first, second)]
    one = sides[0][0]
    for other in (other for side in sides for other in side):
        if not (np.array_equal(one.ids, other.ids) and np.array_equal(one.targets, other.targets)):
            raise _Untestable("their predictions are of different images")
    values = [np.stack([outputs.values for outputs in side]) for side in sides]
    # The resamples are a function of the images alone, so that a table can be printed again bit for bit.
    return paired_difference(metric.compute, one.targets, *values, one.groups, 0, resamples)


def _by_seed(
    runs: Sequence[Record], name: str, needs: str, compute: Metric, folder_of: Callable[[Record], Path]
) -> list[_Outputs]:
    by_seed: dict[int, list[_Outputs]] = {}
    for run in runs:
        outputs = _read(folder_of(run) / PREDICTIONS, run, needs)
        recorded = run.metrics[name].value if name in run.metrics else None
        again = float(compute(outputs.targets, outputs.values, np.ones((1, len(outputs.ids))))[0])
        if recorded is None or not abs(again - recorded) <= TOLERANCE:
            raise _Untestable(f"the predictions of {run.run} do not give its recorded {name}")
        by_seed.setdefault(run.seed, []).append(outputs)
    return [_joined(folds) for _, folds in sorted(by_seed.items())]


def _read(path: Path, run: Record, needs: str) -> _Outputs:
    if not path.is_file():
        raise _Untestable(f"no {PREDICTIONS} of {run.run}")
    try:
        with np.load(path, allow_pickle=False) as stored:
            test = stored["parts"] == "test"
            values = stored[needs][test]
            ids, groups, targets = (stored[key][test] for key in ("ids", "groups", "targets"))
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise _Untestable(f"{PREDICTIONS} of {run.run} cannot be read") from error
    return _Outputs(ids, groups, targets, values.astype(float))


def _joined(folds: list[_Outputs]) -> _Outputs:
    ids, groups, targets, values = (
        np.concatenate([getattr(fold, key) for fold in folds]) for key in ("ids", "groups", "targets", "values")
    )
    order = np.argsort(ids, kind="stable")
    return _Outputs(ids[order], groups[order], targets[order], values[order])
