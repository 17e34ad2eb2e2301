"""What a comparison is made of: tables, their rows, and who leads."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from benchmark.comparison.aggregates import Aggregate
from benchmark.records.differences import Difference
from benchmark.records.findings import SplitInfo
from benchmark.records.record import Cost, DatasetInfo, Failure, Record, Tuned


class Failed(msgspec.Struct, frozen=True):
    """One run that has no numbers; `fold` is None where the folds could not be pooled."""

    seed: int
    fold: int | None
    failure: Failure


class Row(msgspec.Struct, frozen=True):
    """A pipeline over its seeds and folds, or a control rule.

    Attributes:
        pipeline: unique within its table: settings that tell two pipelines of one name apart are added to it.
        status: ``partial`` where some runs failed or are missing; ``not-computable`` is a control that lacks what it
            needs.
        tasks: in which it was run.
        seeds: training seeds that have numbers.
        expected: seeds that were run.
        folds: of the cross-validation; 1 for a single hold-out.
        unfinished: seed -> folds that have numbers, where they are not pooled.
        localisation: name of a statistic of the maps -> its mean over classes; of ``marks-…`` the most of any class.
        map_method: how the maps were made.
        tuned: what it cost to find its settings; None where they were not searched for.
        against: the paired difference to the pipeline that the table is compared against.
        notes: what a reader must know about this row, one line each.
        architecture: digest of what its networks compute, which a measurement of its speed shares; empty of a vote.
        codes: digests of the code of its components, of one run.
        runs: the records behind the numbers, without their bulk; of a control its record, where it has one.
        rule: of a control, its name in that record and in the predictions beside it.
    """

    pipeline: str
    control: bool
    status: Literal["ok", "partial", "failed", "not-computable"]
    tasks: list[str] = []
    seeds: list[int] = []
    expected: list[int] = []
    folds: int = 1
    unfinished: dict[int, int] = {}
    n: int | None = None
    metrics: Mapping[str, Aggregate] = {}
    localisation: dict[str, float] = {}
    map_method: str = ""
    cost: Cost = Cost()
    tuned: Tuned | None = None
    against: Difference | None = None
    failures: list[Failed] = []
    notes: list[str] = []
    architecture: str = ""
    codes: tuple[str, ...] = ()
    runs: list[Record] = []
    rule: str = ""

    @property
    def pooled(self) -> bool:
        """Whether its numbers are of all test images, so that they can be ranked."""
        return not set(self.seeds) & set(self.unfinished)

    def metric(self, name: str) -> Aggregate | None:
        """A metric of this row; None where it was not measured."""
        try:
            return self.metrics[name]
        except KeyError:
            return None

    def value(self, name: str) -> float | None:
        """A metric's value; None where it was not measured or is not defined."""
        one = self.metric(name)
        return None if one is None else one.value


class Leader(msgspec.Struct, frozen=True):
    """Which pipeline leads by the table's metric, and what supports it.

    Attributes:
        gain: by how much it is better than the runner-up, always >= 0 unless a test on shared seeds says otherwise.
        low, high: paired 95 % interval of the gain; None where it could not be tested, `untested` then says why.
        minimum_detectable: the smallest difference that so many images would separate with 80 % power.
        note: a limitation of the test.
        tied: pipelines after the runner-up, in the order of rank, from which the leader does not differ
            significantly either.
    """

    pipeline: str
    runner_up: str | None = None
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    minimum_detectable: float | None = None
    n: int = 0
    note: str = ""
    untested: str = ""
    tied: list[str] = []

    @property
    def significant(self) -> bool:
        """Whether the interval of the gain excludes zero on the leader's side."""
        return self.low is not None and self.low > 0


class Table(msgspec.Struct, frozen=True):
    """Pipelines whose numbers answer the same question on the same images in the same split.

    Attributes:
        tasks: that ask this question.
        against: the row that the others are compared with, where one was asked for and is here.
        rows: best first, then what is not pooled, then what failed, controls last.
    """

    tasks: list[str]
    metric: str
    dataset: DatasetInfo | None
    split: SplitInfo | None
    classes: list[str]
    positive: str | None
    rows: list[Row]
    leader: Leader | None
    against: str | None = None

    @property
    def folds(self) -> int:
        """Of the cross-validation; 1 for a single hold-out."""
        return self.split.folds if self.split else 1


class Comparison(msgspec.Struct, frozen=True):
    """Every table, and the files that were left out as ``path: reason``."""

    tables: list[Table]
    left_out: list[str] = []
