"""What tables of evaluations on images of elsewhere are made of, and what they ask of stored predictions."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from benchmark.comparison.tables import Ranking
from benchmark.records.estimate import Estimate
from benchmark.records.external import External, Subgroup, SubgroupDifference
from benchmark.records.verdicts import Standing, Verdict, Verdicts

Divided = tuple[list[Subgroup], list[SubgroupDifference], int]


class Statistics(Protocol):
    """What is worked out of predictions: `benchmark.evaluation.external_rows`, handed in because it imports NumPy."""

    def row_intervals(
        self, values: Sequence[Sequence[float]], ends: Sequence[tuple[float, float]], untrained: Sequence[bool]
    ) -> list[tuple[float, float]]:
        """Of rows, values of their trainings and ends over images alone -> ends over images and retraining."""

    def rows_subgroups(self, runs: Sequence[External], folders: Sequence[Path]) -> Divided | None:
        """Evaluations that differ in their training, and their folders -> subgroups of all together."""

    def rows_verdicts(
        self,
        names: Sequence[str],
        rows: Sequence[Sequence[tuple[External, Path]]],
        local: Sequence[bool],
        reference: int,
    ) -> Verdicts:
        """Rows by their trainings, and which are what recalibration makes of them -> the test of all at once."""


class Found(NamedTuple):
    """An evaluation, where it lies, and whether that is a folder of references beside one's own."""

    external: External
    folder: Path
    reference: bool = False


class ExternalRow(msgspec.Struct, frozen=True):
    """One pipeline, or what recalibration makes of it, over its trainings.

    Attributes:
        pipeline_digest: that of its runs, which pipelines of one name on other images do not share.
        recalibrated: local images that it was recalibrated on; 0 for as it was.
        trainings: seeds, with the fold where there are several.
        metrics: means over trainings; 95 % over images and retraining.
        drop: metric -> these less the run's own test, likewise.
        internal: the means of the same metrics on the runs' own tests.
        subgroups, differences, tested: see `benchmark.records.external.External`; none of recalibrated rows.
        standing: what its pipeline scores here when it is trained again, by the table's metric.
        verdict: its difference to the row that stands first; None of that one.
        short_name: of the pipeline, unique within the table.
    """

    pipeline: str
    pipeline_digest: str
    recalibrated: int
    trainings: list[str]
    metrics: dict[str, Estimate]
    drop: dict[str, Estimate]
    internal: dict[str, float]
    shared: list[str]
    notes: list[str]
    needed: dict[str, int]
    subgroups: list[Subgroup] = []
    differences: list[SubgroupDifference] = []
    tested: int = 0
    standing: Standing | None = None
    verdict: Verdict | None = None
    short_name: str = ""

    @property
    def name(self) -> str:
        """What tells it from the other rows of its table."""
        shown = self.short_name or self.pipeline
        return f"{shown} · recalibrated on {self.recalibrated}" if self.recalibrated else shown

    def value(self, metric: str) -> float | None:
        """A metric's value; None where it is not defined."""
        one = self.metrics.get(metric)
        return None if one is None else one.value


class ExternalTable(msgspec.Struct, frozen=True):
    """What may stand side by side: one external dataset, one map of its labels, the same images.

    Attributes:
        left_out: label -> images that are of no class.
        counts: class -> images.
        rows: best first.
        ranking: what can be said of their order, by the names that people are shown; None where none has a number.
        unnamed: component -> the options that short names leave out, as every row with it has them.
        reference: whether it holds nothing but evaluations of a folder of references that lay beside one's own.
    """

    kind: str
    dataset: str
    digest: str
    tasks: list[str]
    metric: str
    classes: list[str]
    positive: str | None
    mapping: dict[str, str]
    counts: dict[str, int]
    left_out: dict[str, int]
    skipped: int
    n: int
    groups: int
    rows: list[ExternalRow]
    notices: list[str] = []
    ranking: Ranking | None = None
    unnamed: dict[str, str] = {}
    reference: bool = False
