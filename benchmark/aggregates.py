"""A pipeline's metrics over its training seeds and folds."""

import math
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from benchmark.records import Estimate, Record


class Aggregate(msgspec.Struct, frozen=True, gc=False):
    """A metric over the runs of one pipeline.

    Attributes:
        value: mean over seeds (of the mean over folds); None where no run has a value, `note` then says why.
        low, high: 95 % interval over images: the mean of the runs' bounds.
        spread: standard deviation over seeds; None below two seeds.
        n: images (of a class, for a class metric) in the test parts of all folds.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    spread: float | None = None
    note: str = ""


class Aggregates(Mapping[str, Aggregate]):
    """Metric -> aggregate over some runs, each worked out when it is asked for: tables show a few of many."""

    def __init__(self, runs: Sequence[Record]) -> None:
        self.runs = runs
        self.known: dict[str, Aggregate] = {}

    def __getitem__(self, name: str) -> Aggregate:
        if name not in self.known:
            found = [(run, run.metrics[name]) for run in self.runs if name in run.metrics]
            if not found:
                raise KeyError(name)
            self.known[name] = _aggregate(found)
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for run in self.runs for name in run.metrics))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _aggregate(found: list[tuple[Record, Estimate]]) -> Aggregate:
    by_seed: dict[int, list[float]] = {}
    images: dict[int, int] = {}
    lows, highs, notes = [], [], []
    for run, one in found:
        images[run.fold] = max(one.n, images.get(run.fold, 0))
        if one.value is not None:
            by_seed.setdefault(run.seed, []).append(one.value)
        if one.low is not None and one.high is not None:
            lows.append(one.low)
            highs.append(one.high)
        if one.note:
            notes.append(one.note)
    means = [mean(values) for values in by_seed.values()]
    return Aggregate(
        value=mean(means) if means else None,
        low=mean(lows) if lows else None,
        high=mean(highs) if highs else None,
        n=sum(images.values()),
        spread=_deviation(means) if len(means) > 1 else None,
        note="; ".join(dict.fromkeys(notes)),
    )


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean of at least one value."""
    return sum(values) / len(values)


def _deviation(values: list[float]) -> float:
    """Standard deviation of a sample; `statistics.stdev` works in fractions, a hundred times slower."""
    middle = mean(values)
    return math.sqrt(sum((value - middle) ** 2 for value in values) / (len(values) - 1))
