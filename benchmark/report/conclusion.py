"""The sentences under a table: what a trivial rule explains, who leads or cannot be told apart, what would show it."""

from collections.abc import Sequence
from typing import NamedTuple

from benchmark.comparison.ranking import no_worse, side
from benchmark.comparison.tables import Ranking, Row, Table
from benchmark.records.metrics import LOWER_IS_BETTER, direction
from benchmark.records.verdicts import Verdict
from benchmark.report.cues import (
    explained,
    marks,
    no_learnt_rules,
    outside_the_lungs,
    strongest,
    unknown_sources,
    untested_rules,
)
from benchmark.report.power import what_would_show_it
from benchmark.report.wording import count, interval, listed, metric, number

RETRAIN = "--seeds 0,1,2"
TRAIN_AGAIN = f"; {RETRAIN} trains again"
IMPORT_AGAIN = "; bench import takes a file of each training"  # where nothing here can train
AMONG = "(corrected for being chosen among these rows)"  # behind an interval that is wider than in the table


def conclusion(table: Table) -> str:
    """What may be said of the rows of a table, the most important first."""
    ranking = table.ranking
    if ranking is None:
        waiting = any(row.value(table.metric) is not None for row in table.rows if not row.control)
        pooled = " whose folds are pooled" if waiting else ""
        return f"No pipeline{pooled} has a {metric(table.metric)} here."
    return " ".join(filter(None, parts(table, ranking)))


class Parts(NamedTuple):
    """What may be said of a table, the most important first; empty where there is nothing to say."""

    absent: str
    explained: str
    level: str
    order: str
    trainings: str
    power: str
    cheaper: str
    sources: str
    rules: str
    marks: str
    outside: str


def parts(table: Table, ranking: Ranking) -> Parts:
    """The sentences of a conclusion, each by what it is about."""
    unbeaten = explained(table, ranking)
    order = _named(table, ranking) if ranking.named else _order(table, ranking)
    return Parts(
        absent=f"{table.absent}, which was named, is not in this table." if table.absent else "",
        explained=unbeaten,
        level=untested_rules(table, ranking),
        order=order if unbeaten or ranking.named else f"{order}{_above(table)}",
        trainings=_these_trainings(table, ranking),
        power=what_would_show_it(table, ranking),
        cheaper=_cheaper(table, ranking),
        sources=unknown_sources(table),
        rules=no_learnt_rules(table),
        marks=marks(table, ranking.first),
        outside=outside_the_lungs(table),
    )


def order(table: Table, ranking: Ranking) -> str:
    """What may be said of the order of rows alone: who leads or is tied, by which trainings, what would show more."""
    said = [_order(table, ranking), _these_trainings(table, ranking), what_would_show_it(table, ranking)]
    return " ".join(filter(None, said))


def _order(table: Table, ranking: Ranking) -> str:
    """Who leads, or stands first without leading."""
    first = _row(table, ranking.first)
    others = [row for row in table.rows if not row.control and row.verdict is not None]
    value = f"{number(first.value(table.metric))} {_interval_of_first(table, first)}".rstrip()
    if ranking.untested:
        rows = [row for row in table.rows if not row.control and row.value(table.metric) is not None]
        if len(rows) == 1:
            only = f"{ranking.first} is the only pipeline with numbers: {value} {metric(table.metric)}"
            return f"{only}; it is not tested ({ranking.untested})."
        return (
            f"{ranking.first} stands first with {value}; whether that is more than noise is not testable "
            f"({ranking.untested})."
        )
    if not others:
        return f"{ranking.first} is the only pipeline with numbers: {value} {metric(table.metric)}."
    tied = [row for row in others if side(row.verdict, table.metric) == "tied"]
    if tied:
        return _tie(table, ranking.first, value, tied)
    verb = "leads" if ranking.leads else "stands first"
    whom = "every other pipeline's" if len(others) > 1 else f"{others[0].pipeline}'s"
    nearest = f", than {others[0].pipeline}'s" if len(others) > 1 else ""
    return (
        f"{ranking.first} {verb} with {value}: its {metric(table.metric)} is {_better(table)} than {whom}{nearest} by "
        f"{_gain(table, others[0])}."
    )


def _tie(table: Table, first: str, value: str, tied: Sequence[Row]) -> str:
    """Who cannot be told apart from the first, and by how much the nearest differs."""
    nearest, verdict = tied[0], tied[0].verdict or Verdict()
    sentence = f"{first} stands first with {value}, but cannot be told apart from {listed(_names(tied))}"
    if verdict.identical:
        own = "" if len(tied) == 1 else f"; {nearest.pipeline}"
        return f"{sentence}{own}: the same decision on all {verdict.n:,} images."
    if verdict.low is None:
        return f"{sentence} ({verdict.note or 'not tested'})."
    whose = "" if len(tied) == 1 else f" than {nearest.pipeline}'s"
    return f"{sentence}: its {metric(table.metric)} is {_better(table)}{whose} by {_gain(table, nearest)}."


def _named(table: Table, ranking: Ranking) -> str:
    """What lies above and below the pipeline that was named, and what cannot be told from it."""
    own = _row(table, ranking.reference)
    above, below, tied = (
        [name for name in names if name != ranking.reference and name in _pipelines(table)]
        for names in (ranking.better, ranking.worse, ranking.tied)
    )
    parts = [f"{listed(above)} {_is(above)} better"] if above else []
    parts += [f"{listed(below)} {_is(below)} worse"] if below else []
    parts += [f"{listed(tied)} cannot be told apart from it"] if tied else []
    value = number(own.value(table.metric))
    reason = f" (not testable: {ranking.untested})" if ranking.untested else ""
    return (
        f"Against {ranking.reference}, named before, with {value}: {'; '.join(parts) or 'no other pipeline'}{reason}."
    )


def _these_trainings(table: Table, ranking: Ranking) -> str:
    """Which rows were trained once, so that retraining is not in their tests, and what to do."""
    verdicts = [row.verdict for row in table.rows if row.verdict is not None and row.verdict.low is not None]
    if not any(one.these_trainings for one in verdicts):
        return ""
    rows = [row for row in table.rows if not row.control and row.standing is not None]
    once = [row.pipeline for row in rows if row.standing and row.standing.trainings == 1]
    every = len(once) == len(rows)
    whose = "Every row was" if every and len(rows) > 1 else f"{listed(once)} {'was' if len(once) == 1 else 'were'}"
    leads = "" if ranking.named else ", so nothing leads"
    ours = [row for row in rows if row.pipeline in once and not any(run.imported for run in row.runs)]
    again = TRAIN_AGAIN if ours else IMPORT_AGAIN
    return (
        f"{whose} trained once{'' if every else ', so that in part this is of these trainings alone'}: what training "
        f"again would change is not known{leads}{again}."
    )


def _cheaper(table: Table, ranking: Ranking) -> str:
    """Rows of fewer parameters that are shown to be no worse by more than the margin."""
    own = _row(table, ranking.reference)
    small = [
        row
        for row in table.rows
        if not row.control
        and 0 < row.cost.parameters < own.cost.parameters
        and side(row.verdict, table.metric) != "better"
        and no_worse(row.verdict, table.metric, table.margin)
    ]
    if not small:
        return ""
    names = [f"{row.pipeline} ({count(row.cost.parameters)} parameters)" for row in small]
    return (
        f"With fewer parameters than {own.pipeline} ({count(own.cost.parameters)}), {listed(names)} "
        f"{_is(names)} no worse by more than {table.margin:g}."
    )


def _above(table: Table) -> str:
    """By how much the first is better than the strongest control, where it is."""
    row = strongest(table)
    if row is None or side(row.verdict, table.metric) != "worse":
        return ""
    best = f"{row.pipeline} ({number(row.value(table.metric))})"
    return f" It is better than every control, than {best} by {_gain(table, row)}."


def corrected(table: Table, row: Row) -> bool:
    """Whether the sentence gives the first row another interval than the table, for its having been chosen.

    A single pipeline was chosen among none, whatever rules stand beside it.
    """
    one = row.standing
    if one is None or one.first_low is None or sum(not other.control and other.pooled for other in table.rows) < 2:
        return False
    return interval(one.first_low, one.first_high) != interval(one.low, one.high)


def _interval_of_first(table: Table, row: Row) -> str:
    """The interval of the first row, where it is not that of the table with a word on what it is."""
    one, standing = row.metric(table.metric), row.standing
    if standing is not None and corrected(table, row):
        return f"{interval(standing.first_low, standing.first_high)} {AMONG}"
    if standing is not None and standing.low is not None:
        return interval(standing.low, standing.high)
    return interval(one.low, one.high) if one else ""


def _gain(table: Table, row: Row) -> str:
    """The reference's advantage over a row with its interval: ``0.016 [-0.004, 0.036]``."""
    verdict = row.verdict or Verdict()
    if verdict.value is None or verdict.low is None or verdict.high is None:
        return f"{number(verdict.value)} ({verdict.note or 'not tested'})"
    sign = -direction(table.metric)
    low, high = sorted((sign * verdict.low, sign * verdict.high))
    return f"{number(sign * verdict.value)} {interval(low, high)}"


def _better(table: Table) -> str:
    return "lower" if table.metric in LOWER_IS_BETTER else "higher"


def _names(rows: Sequence[Row]) -> list[str]:
    return [row.pipeline for row in rows]


def _pipelines(table: Table) -> list[str]:
    return [row.pipeline for row in table.rows if not row.control]


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _row(table: Table, name: str) -> Row:
    return next(row for row in table.rows if row.pipeline == name and not row.control)
