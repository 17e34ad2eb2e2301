"""Whether two pipelines differ on the same test images, from the predictions that their runs left."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.evaluation.intervals import Resampled, difference_of, resampled
from benchmark.evaluation.metrics import metric_named
from benchmark.evaluation.stored_outputs import Outputs, Untestable, by_seed, read_outputs
from benchmark.records.differences import Difference, PairedTest
from benchmark.records.record import Record
from registry.errors import UnknownNameError


class _Side(NamedTuple):
    """One pipeline, resampled; `images` tells which images that was on."""

    images: str
    resampled: Resampled


def paired_test(folder_of: Callable[[Record], Path], resamples: int = 2000, subset: str = "test") -> PairedTest:
    """The test of two pipelines alone, reading each run's predictions from its folder, and each pipeline's once.

    Args:
        subset: of the images; besides `test`, what a run predicts are `validation` and `calibration`.
    """
    sides = _Sides(folder_of, resamples, subset)

    def difference(first: Sequence[Record], second: Sequence[Record], metric: str) -> Difference:
        try:
            a, b = (sides.side(runs, metric) for runs in (first, second))
        except Untestable as reason:
            return Difference(None, note=str(reason))
        if a.images != b.images:
            return Difference(None, note="their predictions are of different images")
        images = sides.images[a.images]
        return difference_of(a.resampled, b.resampled, images.targets, images.groups)

    return difference


class _Sides:
    """Pipelines that were resampled before: each may be tested against several."""

    def __init__(self, folder_of: Callable[[Record], Path], resamples: int, subset: str) -> None:
        self.folder_of, self.resamples, self.subset = folder_of, resamples, subset
        self.known: dict[tuple[str, ...], _Side] = {}
        self.images: dict[str, Outputs] = {}

    def side(self, runs: Sequence[Record], name: str) -> _Side:
        key = (name, *(str(self.folder_of(run)) for run in runs))
        if key not in self.known:
            self.known[key] = self._resampled(runs, name)
        return self.known[key]

    def _resampled(self, runs: Sequence[Record], name: str) -> _Side:
        try:
            metric = metric_named(name, runs[0].classes, runs[0].positive)
        except UnknownNameError as error:
            raise Untestable(f"{name} cannot be resampled") from error
        seeds = [read_outputs(own, metric, self.folder_of, self.subset) for own in by_seed(runs).values()]
        digests = {outputs.digest() for outputs in seeds}
        if len(digests) > 1:
            raise Untestable("their predictions are of different images")
        one, images = seeds[0], digests.pop()
        self.images.setdefault(images, one)
        values = np.stack([outputs.values for outputs in seeds])
        # The resamples are a function of the images alone, so that a table can be printed again bit for bit.
        return _Side(images, resampled(metric.compute, one.targets, values, one.groups, 0, self.resamples))
