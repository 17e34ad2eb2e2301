"""What the first row of a table scores on images of elsewhere, where the same runs were evaluated there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmark.comparison.external_tables import ExternalRow, ExternalTable
from benchmark.comparison.tables import Row, Table
from benchmark.records.estimate import Estimate
from benchmark.records.external import MASKS
from benchmark.report import wording
from benchmark.report.screening import PREVALENCE, Decided, Point, between, screened

MOST = 3  # datasets that are spoken of
CLOSE = 1e-9  # between a mean and the same mean, summed otherwise


class Elsewhere(NamedTuple):
    """A row on one external dataset, and the part of the page that tells more."""

    dataset: str
    metric: str
    n: int
    row: ExternalRow
    anchor: str = ""


def elsewhere(table: Table, row: Row, external: Sequence[ExternalTable], anchors: Sequence[str]) -> list[Elsewhere]:
    """Where the very runs of a row were evaluated, as they are and not recalibrated.

    Args:
        anchors: of each external table.
    """
    found = []
    for one, anchor in zip(external, anchors, strict=True):
        if one.kind == MASKS or one.classes != table.classes or one.positive != table.positive:
            continue
        own = next((other for other in one.rows if not other.recalibrated and _same(other, row, one.metric)), None)
        metric = table.metric if own is not None and _scored(own, table.metric) else one.metric
        if own is not None and _scored(own, metric):
            found.append(Elsewhere(one.dataset, metric, one.n, own, anchor))
    return found


def fall(found: Sequence[Elsewhere]) -> list[str]:
    """What the row scores there, and by how much less than on its own test: a sentence each."""
    return [_fall(one) for one in found[:MOST]]


def alarms(found: Sequence[Elsewhere], point: Point) -> list[str]:
    """Which share of the alarms is right by what was found there: a sentence each, where both numbers are known."""
    return [said for one in found[:MOST] for said in _alarms(one, point)]


def _fall(one: Elsewhere) -> str:
    value, drop = one.row.metrics[one.metric], one.row.drop.get(one.metric)
    scored = f"On {one.n:,} images of {one.dataset} it scores {wording.estimate(value)} {wording.metric(one.metric)}"
    if drop is None or drop.value is None:
        return f"{scored}."
    if drop.low is None or drop.high is None:
        return f"{scored}, {wording.difference(drop)} beside its own test."
    if drop.value > 0:
        return f"{scored}, {wording.number(drop.value)} {wording.interval(drop.low, drop.high)} more than here."
    ends = wording.interval(-drop.high, -drop.low)
    return f"{scored}, a fall of {wording.number(-drop.value)} {ends}."


def _alarms(one: Elsewhere, point: Point) -> Iterator[str]:
    worth = [one.row.metrics.get(name) for name in (point.sensitivity, point.specificity)]
    known = [each for each in worth if each is not None and each.value is not None]
    if len(known) < 2:
        return
    sensitivity, specificity = known
    found = screened(Decided(sensitivity, specificity), PREVALENCE)
    yield (
        f"By the sensitivity {wording.number(sensitivity.value)} and specificity {wording.number(specificity.value)} "
        f"found on {one.dataset}, {between(found.ppv)} of its alarms are right."
    )


def _scored(row: ExternalRow, metric: str) -> bool:
    return row.value(metric) is not None


def _same(other: ExternalRow, row: Row, metric: str) -> bool:
    """Whether an evaluation is of a row's own runs: of their settings, images, seeds, and with their tests' numbers."""
    runs = {_training(run.seed, run.fold, row.folds): run for run in row.runs}
    if row.control or not other.trainings or not {*other.trainings} <= {*runs}:
        return False
    own = [runs[name] for name in other.trainings]
    if any(run.pipeline_digest != other.pipeline_digest for run in own):
        return False  # of the same name, but of other settings or of other images
    return _agree(other.internal, [run.metrics for run in own], metric)


def _training(seed: int, fold: int | None, folds: int) -> str:
    return f"{seed}, fold {fold}" if folds > 1 else str(seed)


def _agree(internal: Mapping[str, float], metrics: Sequence[Mapping[str, Estimate]], metric: str) -> bool:
    values = [one.value if (one := found.get(metric)) is not None else None for found in metrics]
    known = [value for value in values if value is not None]
    if metric not in internal or len(known) < len(values):
        return False
    return bool(abs(sum(known) / len(known) - internal[metric]) < CLOSE)
