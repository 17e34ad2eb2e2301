"""What else than disease may explain a table's scores: rules that never see it, sources, marks burnt into the film."""

from benchmark.comparison.controls import LARGEST, ORACLE
from benchmark.comparison.lean import LEAST
from benchmark.comparison.ranking import side
from benchmark.comparison.tables import Ranking, Row, Table
from benchmark.records.metrics import direction
from benchmark.report.wording import difference, listed, number

MUCH, ABOVE_CHANCE = 0.25, 2.0  # of a pipeline's heat on the marks, and how many times the marks' share of the image
AWAY = 0.5  # of the lungs' share of the image: less heat than that in them lies elsewhere
VIEWS = ("metadata", "grey-histogram", "border", "thumbnail-8x8", "mask-shape")
BALANCED = "balanced-accuracy"
RULES = {
    LARGEST: "always answering the largest class",
    ORACLE: "a rule that knows only the source",
    "metadata": "a rule that sees only the file's size and format",
    "grey-histogram": "a rule that sees only how often each grey level occurs",
    "border": "a rule that sees only the border of the frame",
    "thumbnail-8x8": "a rule that sees only 8 × 8 pixels",
    "mask-shape": "a rule that sees only the shape of the lung masks",
}


def explained(table: Table, ranking: Ranking) -> str:
    """Which rules that see no disease the reference is not shown to be better than."""
    unbeaten = [row for row in _tested(table) if side(row.verdict, table.metric) != "worse"]
    if unbeaten:
        best = max(unbeaten, key=lambda row: _merit(table, row))
        names = listed([_rule(row) for row in sorted(unbeaten, key=lambda row: -_merit(table, row))])
        return (
            f"No gain of {ranking.reference} over {names} can be shown: {best.pipeline} scores "
            f"{number(best.value(table.metric))}, {_beside(best, ranking.reference)}."
        )
    oracle = _control(table, ORACLE)
    if oracle is not None and oracle.verdict is None and _reaches(table, oracle, ranking.reference, table.metric):
        return (
            f"A rule that knows only the source scores {number(oracle.value(table.metric))}, no worse than "
            f"{ranking.reference}: the source alone may explain these scores."
        )
    return ""


def reaching(table: Table, name: str) -> list[str]:
    """Controls that were not tested against a pipeline and score at least as much, each with its score."""
    return [f"{row.pipeline} ({number(row.value(table.metric))})" for row in _reaching(table, name)]


def _reaching(table: Table, name: str) -> list[Row]:
    tested = [row.pipeline for row in _tested(table)]
    others = [row for row in table.rows if row.control and row.pipeline not in tested]
    return [row for row in others if _reaches(table, row, name, table.metric)]


def untested_rules(table: Table, ranking: Ranking) -> str:
    """Which rules score at least as much as the reference, though nothing says whether that is more than noise."""
    name = ranking.reference
    # Of the source that nothing was asked about `explained` speaks.
    rows = [row for row in _reaching(table, name) if row.pipeline != ORACLE or row.verdict is not None]
    if not rows:
        return ""
    own, sign = _reference(table, name).value(table.metric) or 0.0, direction(table.metric)
    rows = sorted(rows, key=lambda row: -_merit(table, row))
    more = all(_merit(table, row) > sign * own for row in rows)
    reasons = list(dict.fromkeys(row.verdict.note for row in rows if row.verdict is not None and row.verdict.note))
    why = ranking.untested or "; ".join(reasons)
    scores = "scores" if len(rows) == 1 else "score"
    what = f"{scores} {'better' if more and sign < 0 else 'more' if more else 'no worse'}"
    names = listed([f"{row.pipeline} ({number(row.value(table.metric))})" for row in rows])
    return f"{names} {what} than {name} ({number(own)}); not tested{f': {why}' if why else ''}."


def _reference(table: Table, name: str) -> Row:
    return next(row for row in table.rows if row.pipeline == name and not row.control)


def strongest(table: Table) -> Row | None:
    """The control with the best score, among those that were tested."""
    return max(_tested(table), key=lambda row: _merit(table, row), default=None)


def unknown_sources(table: Table) -> str:
    """That nothing excludes that the source was learnt, where sources are unknown or their rule has no score."""
    oracle = _control(table, ORACLE)
    if oracle is not None and oracle.value(table.metric) is not None:
        return ""
    if table.dataset and table.dataset.sources:
        return f"The source control has no {table.metric}, so nothing here excludes that the source was learnt."
    return "Sources unknown, so nothing here excludes that the source was learnt."


def no_learnt_rules(table: Table) -> str:
    """That no rule on a view stands beside older records."""
    if any(row.control and row.pipeline.partition("(")[0] in VIEWS for row in table.rows):
        return ""
    return "No rule on grey levels, border or masks was learnt for these records; bench run learns them."


def outside_the_lungs(table: Table) -> str:
    """Which pipelines have their heat for some class outside the lungs."""
    found = [(row, row.localisation[LEAST]) for row in table.rows if LEAST in row.localisation and not row.control]
    away = [f"{row.pipeline} ({least:.2f} of an even spread{_for_class(row)})" for row, least in found if least < AWAY]
    if not away:
        return ""
    return f"Look at their maps before believing these: the heat for a class lies outside the lungs of {listed(away)}."


def _for_class(row: Row) -> str:
    named = {run.gradcam[LEAST].note for run in row.runs if LEAST in run.gradcam}
    return f", for {named.pop()}" if len(named) == 1 else ""


def marks(table: Table, first: str) -> str:
    """What follows where the first row looks at the marks: its score shows nothing, that of one that does not may."""
    best = _reference(table, first)
    oracle, largest = _control(table, ORACLE), _control(table, LARGEST)
    # Whatever the table is ranked by: what the source tells is a matter of decisions.
    by = BALANCED if oracle is not None and oracle.value(BALANCED) is not None else table.metric
    base = largest.value(by) if largest else None
    if oracle is None or oracle.value(by) in (None, base) or not _reaches(table, oracle, first, by):
        return ""  # a source that tells no class from another explains nothing
    if not _on_marks(best):
        return ""
    share, enrichment = best.localisation["marks-share"], best.localisation["marks-enrichment"]
    sentence = (
        f"{best.pipeline} looks at the lettering and frame burnt into the films ({share:.0%} of its heat for "
        f"{_marked_class(best)}, {enrichment:.1f} times chance), so its score is no sign that it sees the disease"
    )
    others = (row for row in table.rows if not row.control and row.value(table.metric) is not None and row.pooled)
    other = next((row for row in others if "marks-share" in row.localisation and not _on_marks(row)), None)
    if other is None:
        return f"{sentence}."
    own = other.localisation["marks-share"]
    return f"{sentence}; {other.pipeline}, with {own:.0%} there, scores {number(other.value(table.metric))}."


def _on_marks(row: Row) -> bool:
    """Whether much of a pipeline's heat lies on lettering and frame, far more than if it were spread evenly."""
    share, enrichment = (row.localisation.get(name, 0.0) for name in ("marks-share", "marks-enrichment"))
    return share >= MUCH and enrichment >= ABOVE_CHANCE


def _marked_class(row: Row) -> str:
    """The class with the most heat on the marks, where it is the same in all runs."""
    named = {run.gradcam["marks-share"].note for run in row.runs if "marks-share" in run.gradcam}
    return named.pop() if len(named) == 1 else "one class"


def _tested(table: Table) -> list[Row]:
    """Controls that were tested against the reference, or decide as it does."""
    verdicts = [(row, row.verdict) for row in table.rows if row.control and row.verdict is not None]
    return [row for row, one in verdicts if one.low is not None or one.identical]


def _beside(row: Row, reference: str) -> str:
    """How a control's score lies to that of the reference."""
    if row.verdict is not None and row.verdict.identical:
        return f"the same decision as {reference} on all {row.verdict.n:,} images"
    return f"a difference of {difference(row.verdict)}"


def _control(table: Table, rule: str) -> Row | None:
    return next((row for row in table.rows if row.control and row.pipeline == rule), None)


def _rule(row: Row) -> str:
    kind, _, detail = row.pipeline.partition("(")
    return RULES.get(kind, f"the control {kind}") + (f" of {detail.rstrip(')')}" if detail else "")


def _merit(table: Table, row: Row) -> float:
    return direction(table.metric) * (row.value(table.metric) or 0.0)


def _reaches(table: Table, control: Row, name: str, metric: str) -> bool:
    own = _reference(table, name).value(metric)
    other = control.value(metric)
    return None not in (own, other) and direction(metric) * (other or 0.0) >= direction(metric) * (own or 0.0)
