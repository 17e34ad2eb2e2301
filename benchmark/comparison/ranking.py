"""The order of a table's rows, tested: all of them at once, controls too, against the first or one that was named."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from benchmark.comparison.tables import Ranking, Row
from benchmark.records.metrics import direction
from benchmark.records.verdicts import Contender, FamilyTest, Verdict, Verdicts

UNLIKE = 0.005  # by so much a difference over common trainings may miss that of the printed values without a word
Side = Literal["better", "worse", "tied"]


class Ranked(NamedTuple):
    """Rows with what was found of each, what can be said of their order, and class -> groups of test images."""

    rows: list[Row]
    ranking: Ranking | None
    groups: dict[str, int]


def ranked(rows: Sequence[Row], metric: str, test: FamilyTest, against: str | None = None) -> Ranked:
    """The rows in their order, tested at once.

    Args:
        rows: of a table, best first, controls last.
        against: the pipeline that the others are tested against; None takes the first.
    """
    tested = [row for row in rows if row.runs and row.pooled and not row.untrusted and row.value(metric) is not None]
    pipelines = [row.pipeline for row in tested if not row.control]
    if not pipelines:
        return Ranked(list(rows), None, {})
    if against is not None and against not in pipelines:
        return Ranked(list(rows), Ranking(pipelines[0], against, named=True, untested=f"{against} has no numbers"), {})
    return ranked_by(rows, tested, metric, test, against)


def ranked_by(
    rows: Sequence[Row], tested: Sequence[Row], metric: str, test: FamilyTest, against: str | None = None
) -> Ranked:
    """The rows in their order, of which those that can be tested have been chosen.

    Args:
        tested: some of `rows`, a pipeline at least.
        against: one of these pipelines; None takes the first.
    """
    first = next(row.pipeline for row in tested if not row.control)
    reference = against or first
    place = next(i for i, row in enumerate(tested) if row.pipeline == reference and not row.control)
    found = test([_contender(row) for row in tested], metric, place, against is not None)
    own = {id(row): number for number, row in enumerate(tested)}
    complete = [
        _with(row, tested[place], metric, found, own[id(row)]) if id(row) in own and found.standings else row
        for row in rows
    ]
    kept = [row for row, before in zip(complete, rows, strict=True) if id(before) in own]
    return Ranked(complete, _ranking(kept, first, reference, against is not None, metric, found), found.groups)


def side(verdict: Verdict | None, metric: str) -> Side:
    """On which side of the reference a row is; `tied` where the two cannot be told apart."""
    if verdict is None or verdict.low is None or verdict.high is None:
        return "tied"
    low, high = sorted((direction(metric) * verdict.low, direction(metric) * verdict.high))
    return "better" if low > 0 else "worse" if high < 0 else "tied"


def no_worse(verdict: Verdict | None, metric: str, margin: float) -> bool:
    """Whether a row is shown to be worse than the reference by no more than a margin."""
    if verdict is None or verdict.low is None or verdict.high is None:
        return False
    return min(direction(metric) * verdict.low, direction(metric) * verdict.high) > -margin


def _contender(row: Row) -> Contender:
    return Contender(row.pipeline, row.runs, rule=row.rule)


def _with(row: Row, reference: Row, metric: str, found: Verdicts, number: int) -> Row:
    """The row with what was found of it, and a word where common trainings tell another difference than is printed."""
    verdict = None if row is reference else found.differences[number]
    if verdict is not None and verdict.common_trainings and verdict.value is not None:
        printed = (row.value(metric) or 0.0) - (reference.value(metric) or 0.0)
        if abs(printed - verdict.value) > UNLIKE:
            note = f"by the trainings that both have, not by all of either, whose values differ by {printed:+.3f}"
            verdict = msgspec.structs.replace(verdict, note="; ".join(filter(None, [verdict.note, note])))
    return msgspec.structs.replace(row, standing=found.standings[number], verdict=verdict)


def _ranking(rows: Sequence[Row], first: str, reference: str, named: bool, metric: str, found: Verdicts) -> Ranking:
    if found.note:
        return Ranking(first, reference, named, [reference], untested=found.note)
    by_side: dict[Side, list[str]] = {"tied": [], "better": [], "worse": []}
    for row in rows:
        by_side[side(row.verdict, metric)].append(row.pipeline)
    settled = all(row.verdict is None or not row.verdict.these_trainings for row in rows)
    own = next((row.standing for row in rows if row.pipeline == first and not row.control), None)
    twice = (own is not None and own.trainings != 1) or any(row.folds > 1 for row in rows)  # 0: nothing is trained
    leads = not named and by_side["tied"] == [first] and not by_side["better"] and settled and twice and len(rows) > 1
    return Ranking(
        first, reference, named, by_side["tied"], by_side["better"], by_side["worse"], leads=leads, pairs=found.pairs
    )
