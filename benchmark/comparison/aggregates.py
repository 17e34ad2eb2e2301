"""A pipeline's metrics over its training seeds and folds."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import msgspec

from benchmark.comparison.numbers import columns
from benchmark.records.estimate import Estimate
from benchmark.records.record import Record

SEEDS_FOR_INTERVAL = 3  # below, a t interval says nothing: at two seeds it is 18 standard deviations wide


class Aggregate(msgspec.Struct, frozen=True, gc=False):
    """A metric over the runs of one pipeline.

    Attributes:
        value: mean over seeds (of the mean over folds that were not pooled); None where no run has a value, `note`
            then says why.
        low, high: 95 % interval over images: the mean of the runs' bounds.
        spread: standard deviation over seeds; None below two seeds.
        spread_over_folds: standard deviation over the folds of a seed, mean over seeds; None without folds.
        n: images (of a class, for a class metric) in the test subsets of all folds.
        seeds: how many have a value.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    spread: float | None = None
    note: str = ""
    seeds: int = 0
    spread_over_folds: float | None = None

    @property
    def seed_interval(self) -> tuple[float, float] | None:
        """95 % t interval of the mean over seeds, of what retraining moves; None below three seeds."""
        if self.value is None or self.spread is None or self.seeds < SEEDS_FOR_INTERVAL:
            return None
        reach = t_quantile(self.seeds - 1) * self.spread / math.sqrt(self.seeds)
        return self.value - reach, self.value + reach


class Aggregates(Mapping[str, Aggregate]):
    """Metric -> aggregate over some runs, each worked out when it is asked for: tables show a few of many.

    Args:
        runs: whose numbers count.
        folds: runs of single folds that were pooled into those, for the spread over folds.
    """

    def __init__(self, runs: Sequence[Record], folds: Sequence[Record] = ()) -> None:
        self.runs, self.folds = runs, folds
        self.known: dict[str, Aggregate] = {}
        self._metrics = [run.metrics for run in runs]
        # One number of each seed, all of the same images: then a column is added up, and that is all.
        self._plain = len({run.seed for run in runs}) == len(runs) and len({run.fold for run in runs}) == 1

    def __getitem__(self, name: str) -> Aggregate:
        found = self.known.get(name)
        if found is None:
            found = self.known[name] = self.fresh(name)
        return found

    def __contains__(self, name: object) -> bool:
        return any(name in run.metrics for run in self.runs)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for run in self.runs for name in run.metrics))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def fresh(self, name: str) -> Aggregate:
        """One metric, not kept: for those who go through all metrics of many pipelines."""
        if self._plain and not self.folds and (found := columns(self._metrics, name)):
            return _of_columns(*found)
        given = [(run, one) for run in self.runs if (one := run.metrics.get(name)) is not None]
        if not given:
            raise KeyError(name)
        return _aggregate(given, _spread_over_folds(name, self.folds))


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean of at least one value."""
    return sum(values) / len(values)


def deviation(values: Sequence[float]) -> float | None:
    """Standard deviation of a sample, None below two; `statistics.stdev` works in fractions, a hundred times slower."""
    if len(values) < 2:
        return None
    return _root_mean_square(values, mean(values))


def _root_mean_square(values: Sequence[float], middle: float) -> float:
    """Of the distances from the mean, by one less than there are values."""
    gaps = [value - middle for value in values]  # squared by a product, which overflows to infinity and raises nothing
    return math.sqrt(sum([gap * gap for gap in gaps]) / (len(values) - 1))


@cache
def t_quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's t, by bisection of its distribution function.

    That function is a finite sum for a whole number of degrees of freedom (Abramowitz & Stegun 26.7.3 and 26.7.4).
    """
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_probability(middle, freedom) < 0.95 else (low, middle)
    return math.tan(low) * math.sqrt(freedom)


def _t_probability(angle: float, freedom: int) -> float:
    """Chance that |t| stays below tan(angle) * sqrt(freedom)."""
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= (k - 1) / k * math.cos(angle) ** 2
        total += term
    inner = math.sin(angle) * total
    return 2 / math.pi * (angle + inner) if odd else inner


def _of_columns(
    values: Sequence[float], lows: Sequence[float], highs: Sequence[float], counts: Sequence[float]
) -> Aggregate:
    """The same as `_aggregate` of runs that differ in their seed alone and lack nothing."""
    n = len(values)
    middle = sum(values) / n
    spread = _root_mean_square(values, middle) if n > 1 else None
    return Aggregate(middle, sum(lows) / n, sum(highs) / n, int(max(counts)), spread, seeds=n)


def _aggregate(found: list[tuple[Record, Estimate]], spread_over_folds: float | None) -> Aggregate:
    by_seed: dict[int, list[float]] = {}
    images: dict[int | None, int] = {}
    lows, highs, notes = [], [], []
    for run, one in found:
        fold, n = run.fold, one.n
        if n > images.get(fold, -1):
            images[fold] = n
        if one.value is not None:
            by_seed.setdefault(run.seed, []).append(one.value)
        if one.low is not None and one.high is not None:
            lows.append(one.low)
            highs.append(one.high)
        if one.note:
            notes.append(one.note)
    means = [sum(values) / len(values) if len(values) > 1 else values[0] for values in by_seed.values()]
    return Aggregate(
        value=sum(means) / len(means) if means else None,
        low=sum(lows) / len(lows) if lows else None,
        high=sum(highs) / len(highs) if highs else None,
        n=sum(images.values()),
        spread=deviation(means),
        note="; ".join(dict.fromkeys(notes)) if notes else "",
        seeds=len(means),
        spread_over_folds=spread_over_folds,
    )


def _spread_over_folds(name: str, folds: Sequence[Record]) -> float | None:
    if not folds:
        return None
    by_seed: dict[int, list[float]] = {}
    for run in folds:
        one = run.metrics.get(name)
        if one is not None and one.value is not None:
            by_seed.setdefault(run.seed, []).append(one.value)
    spreads = [spread for values in by_seed.values() if (spread := deviation(values)) is not None]
    return mean(spreads) if spreads else None
