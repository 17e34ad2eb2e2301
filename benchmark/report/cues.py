"""What else than disease may explain a table's scores: rules that never see it, sources, marks burnt into the film."""

from benchmark.comparison.ranking import side
from benchmark.comparison.tables import Ranking, Row, Table
from benchmark.records.metrics import direction
from benchmark.report.wording import difference, listed, number

ORACLE, LARGEST = "source-oracle", "majority"
MUCH, ABOVE_CHANCE = 0.25, 2.0  # of a pipeline's heat on the marks, and how many times the marks' share of the image
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
    if oracle is not None and oracle.verdict is None and _reaches(table, oracle, ranking.reference):
        return (
            f"A rule that knows only the source scores {number(oracle.value(table.metric))}, no worse than "
            f"{ranking.reference}: the source alone may explain these scores."
        )
    return ""


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


def marks(table: Table, first: str) -> str:
    """What follows where the first row looks at the marks: its score shows nothing, that of one that does not may."""
    best = next(row for row in table.rows if row.pipeline == first and not row.control)
    oracle = _control(table, ORACLE)
    largest = _control(table, LARGEST)
    base = largest.value(table.metric) if largest else None
    if oracle is None or oracle.value(table.metric) in (None, base) or not _reaches(table, oracle, first):
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


def _reaches(table: Table, control: Row, name: str) -> bool:
    own = next(row for row in table.rows if row.pipeline == name and not row.control)
    if own.value(table.metric) is None or control.value(table.metric) is None:
        return False
    return _merit(table, control) >= _merit(table, own)
