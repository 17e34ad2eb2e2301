"""What a comparison is made of: tables, their rows, and what can be said of their order."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from benchmark.comparison.aggregates import Aggregate
from benchmark.records.findings import SplitInfo
from benchmark.records.record import Cost, DatasetInfo, Failure, Record, Tuned
from benchmark.records.verdicts import Standing, Verdict

MARGIN = 0.01  # of a metric


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
        standing: what it scores when trained again, by the table's metric; None where nothing was tested.
        verdict: its difference to the reference of the table's ranking; None of the reference itself.
        notes: what a reader must know about this row, one line each.
        untrusted: why it is not ranked: a run behind it was edited, or its predictions contradict it; else empty.
        architecture: digest of what its networks compute, which a measurement of its speed shares; empty of a vote.
        codes: digests of the code of its components, of one run.
        runs: the records behind the numbers, without their bulk; the note of their ``marks-…`` names that class; of a
            control its record, where it has one.
        rule: of a control, its name in that record and in the predictions beside it.
        short: as short a name as tells it from the other rows; empty where `pipeline` is.
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
    standing: Standing | None = None
    verdict: Verdict | None = None
    failures: list[Failed] = []
    notes: list[str] = []
    architecture: str = ""
    codes: tuple[str, ...] = ()
    runs: list[Record] = []
    untrusted: str = ""
    rule: str = ""
    short: str = ""

    @property
    def name(self) -> str:
        """How people are shown the pipeline."""
        return self.short or self.pipeline

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


class Ranking(msgspec.Struct, frozen=True):
    """What can be said of the order of rows: who leads, or who cannot be told apart from whom.

    Attributes:
        first: the pipeline that stands first.
        reference: the pipeline that every row was tested against: the first, or one that was named before.
        named: whether it was named before the numbers were seen; the family is then its own pairs alone.
        tied: rows that cannot be told apart from the reference, itself included, controls too, in the order of rank.
        better, worse: rows that are told apart from the reference.
        leads: whether the first is alone, trained twice or more, and retraining is in every test of it.
        pairs: tested at once.
        untested: why nothing could be tested; empty where something could.
    """

    first: str
    reference: str
    named: bool = False
    tied: list[str] = []
    better: list[str] = []
    worse: list[str] = []
    leads: bool = False
    pairs: int = 0
    untested: str = ""


class Table(msgspec.Struct, frozen=True):
    """Pipelines whose numbers answer the same question on the same images in the same split.

    Attributes:
        tasks: that ask this question.
        metric: what rows are ranked and tested by; `own_metric` is that of the tasks.
        margin: by no more than which a cheaper row may be worse.
        absent: the pipeline that was named to be tested against, where it is in other tables alone.
        groups: class -> independent groups among its test images, where predictions were read.
        scored: how many trainings were scored on this test subset, as far as is known.
        retrained_segmenter: whether every training has a segmenter of its own; None where none of them trains one.
        rows: best first, then what is not pooled, then what failed, controls last.
        differing: setting -> its values, of settings in which the rows differ.
        unnamed: component -> the options that short names leave out, as every row with it has them.
        reference: whether it holds nothing but records of a folder of references that lay beside one's own.
    """

    tasks: list[str]
    metric: str
    dataset: DatasetInfo | None
    split: SplitInfo | None
    classes: list[str]
    positive: str | None
    rows: list[Row]
    ranking: Ranking | None
    own_metric: str = ""
    margin: float = MARGIN
    absent: str = ""
    groups: dict[str, int] = {}
    scored: int = 0
    retrained_segmenter: bool | None = None
    differing: dict[str, list[str]] = {}
    unnamed: dict[str, str] = {}
    reference: bool = False

    @property
    def folds(self) -> int:
        """Of the cross-validation; 1 for a single hold-out."""
        return self.split.folds if self.split else 1


class Comparison(msgspec.Struct, frozen=True):
    """Every table, and the files that were left out as ``path: reason``.

    Attributes:
        selected: how many runs were left out since others were asked for; empty where none was.
    """

    tables: list[Table]
    left_out: list[str] = []
    selected: str = ""
