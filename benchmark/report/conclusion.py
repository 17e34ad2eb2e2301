"""The sentence under a table: who leads, by how much, whether that is significant, and what the controls say."""

from benchmark.comparison.tables import Leader, Row, Table
from benchmark.records.metrics import LOWER_IS_BETTER
from benchmark.report.wording import estimate, interval, number

ORACLE, LARGEST = "source-oracle", "majority"
MUCH, ABOVE_CHANCE = 0.25, 2.0  # of a pipeline's heat on the marks, and how many times the marks' share of the image


def conclusion(table: Table) -> str:
    """Who leads, by how much, and whether that is significant."""
    return f"{_leader(table)} {_controls(table)}".strip()


def _leader(table: Table) -> str:
    leader = table.leader
    if leader is None:
        waiting = any(row.value(table.metric) is not None for row in table.rows if not row.control)
        pooled = " whose folds are pooled" if waiting else ""
        return f"No pipeline{pooled} has a {table.metric} here."
    first = leader.pipeline
    if leader.runner_up is None or leader.gain is None:
        value = estimate(_best(table).metrics[table.metric])
        return f"{first} is the only pipeline with numbers: {value} {table.metric}; nothing to compare it with."
    direction = "lower" if table.metric in LOWER_IS_BETTER else "higher"
    second, gain = leader.runner_up, number(leader.gain)
    sentence = (
        f"{first} leads {second}: {table.metric} {direction} by {gain}"
        if leader.significant
        else f"{first} stands first, {table.metric} {direction} than {second}'s by {gain}"
    )
    if number(leader.gain) == number(0):
        sentence = f"{first} and {second} are level: {table.metric} differs by {number(0)}"
    if leader.low is None:
        return f"{sentence}; whether that is statistically significant is not testable ({leader.untested})."
    where = f"{interval(leader.low, leader.high)} on the same {leader.n:,} images"
    return f"{sentence} {where}, {_verdict(leader)}.{_tied(leader)}"


def _verdict(leader: Leader) -> str:
    if leader.significant:
        return "statistically significant (paired bootstrap over groups, 95 %)"
    detectable = (
        ""
        if leader.minimum_detectable is None
        else f"; minimum detectable difference {number(leader.minimum_detectable)}"
    )
    note = f"; {leader.note}" if leader.note else ""
    return f"not statistically significant (paired bootstrap over groups, 95 %){detectable}{note}"


def _tied(leader: Leader) -> str:
    if not leader.tied:
        return ""
    *others, last = leader.tied
    names = f"{', '.join(others)} and {last}" if others else last
    return f" Nor does the leader differ significantly from {names}."


def _controls(table: Table) -> str:
    if table.leader is None:
        return ""
    rules = {row.pipeline: row for row in table.rows if row.control}
    sentences = []
    oracle = rules.get(ORACLE)
    known = oracle.value(table.metric) if oracle else None
    if known is not None:
        base = rules[LARGEST].value(table.metric) if LARGEST in rules else None
        tells = known != base and _reaches(table, known)  # a source that tells no class from another explains nothing
        beaten = ", no worse than the leader: the source alone may explain these scores" if tells else ""
        sentences.append(f"A rule that knows only the source scores {number(known)}{beaten}.")
        if tells and _on_marks(best := _best(table)):
            sentences.append(_marks(table, best))
    elif table.dataset and table.dataset.sources:
        sentences.append(
            f"The source control has no {table.metric}, so nothing here excludes that the source was learnt."
        )
    else:
        sentences.append("Sources unknown, so nothing here excludes that the source was learnt.")
    largest = rules[LARGEST].value(table.metric) if LARGEST in rules else None
    if largest is not None and _covers(table, largest):
        sentences.append(
            f"Always answering the largest class scores {number(largest)}: the leader is not significantly better."
        )
    return " ".join(sentences)


def _on_marks(row: Row) -> bool:
    """Whether much of a pipeline's heat lies on lettering and frame, far more than if it were spread evenly."""
    share, enrichment = (row.localisation.get(name, 0.0) for name in ("marks-share", "marks-enrichment"))
    return share >= MUCH and enrichment >= ABOVE_CHANCE


def _marks(table: Table, best: Row) -> str:
    """What follows where the leader looks at the marks: its score shows nothing, that of one that does not may."""
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


def _marked_class(row: Row) -> str:
    """The class with the most heat on the marks, where it is the same in all runs."""
    named = {run.gradcam["marks-share"].note for run in row.runs if "marks-share" in run.gradcam}
    return named.pop() if len(named) == 1 else "one class"


def _best(table: Table) -> Row:
    return next(row for row in table.rows if table.leader and row.pipeline == table.leader.pipeline and not row.control)


def _reaches(table: Table, control: float) -> bool:
    best = _best(table).value(table.metric)
    if best is None:
        return False
    return control <= best if table.metric in LOWER_IS_BETTER else control >= best


def _covers(table: Table, value: float) -> bool:
    best = _best(table).metrics[table.metric]
    if table.metric in LOWER_IS_BETTER:
        return best.high is not None and best.high >= value
    return best.low is not None and best.low <= value
