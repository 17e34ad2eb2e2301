"""The sentence under a table: who leads, by how much, whether that is separable, and what the controls say."""

from benchmark.comparison.tables import Lead, Row, Table
from benchmark.records.metrics import LOWER_IS_BETTER
from benchmark.report.wording import estimate, interval, number

ORACLE, LARGEST = "source-oracle", "majority"


def conclusion(table: Table) -> str:
    """Who leads, by how much, and whether that is significant."""
    return f"{_leader(table)} {_controls(table)}".strip()


def _leader(table: Table) -> str:
    lead = table.lead
    if lead is None:
        waiting = any(row.value(table.metric) is not None for row in table.rows if not row.control)
        pooled = " whose folds are pooled" if waiting else ""
        return f"No pipeline{pooled} has a {table.metric} here."
    if lead.runner_up is None or lead.gain is None:
        value = estimate(_best(table).metrics[table.metric])
        return f"{lead.pipeline} is the only pipeline with numbers: {value} {table.metric}; nothing to compare it with."
    direction = "lower" if table.metric in LOWER_IS_BETTER else "higher"
    told = (
        f"{lead.pipeline} leads {lead.runner_up}: {table.metric} {direction} by {number(lead.gain)}"
        if lead.separable
        else f"{lead.pipeline} stands first, {table.metric} {direction} than {lead.runner_up}'s by {number(lead.gain)}"
    )
    if number(lead.gain) == number(0):
        told = f"{lead.pipeline} and {lead.runner_up} are level: {table.metric} differs by {number(0)}"
    if lead.low is None:
        return f"{told}; whether that is separable is not testable ({lead.untested})."
    return f"{told} {interval(lead.low, lead.high)} on the same {lead.n:,} images, {_verdict(lead)}.{_level(lead)}"


def _verdict(lead: Lead) -> str:
    if lead.separable:
        return "separable (paired bootstrap over groups, 95 %)"
    detectable = "" if lead.detectable is None else f"; smallest detectable difference {number(lead.detectable)}"
    note = f"; {lead.note}" if lead.note else ""
    return f"not separable (paired bootstrap over groups, 95 %){detectable}{note}"


def _level(lead: Lead) -> str:
    if not lead.level:
        return ""
    *others, last = lead.level
    names = f"{', '.join(others)} and {last} are" if others else f"{last} is"
    return f" {names} not separable from the leader either."


def _controls(table: Table) -> str:
    if table.lead is None:
        return ""
    rules = {row.pipeline: row for row in table.rows if row.control}
    told = []
    oracle = rules.get(ORACLE)
    known = oracle.value(table.metric) if oracle else None
    if known is not None:
        base = rules[LARGEST].value(table.metric) if LARGEST in rules else None
        tells = known != base and _reaches(table, known)  # a source that tells no class from another explains nothing
        beaten = ", no worse than the leader: the source alone may explain these scores" if tells else ""
        told.append(f"A rule that knows only the source scores {number(known)}{beaten}.")
    elif table.dataset and table.dataset.sources:
        told.append(f"The source control has no {table.metric}, so nothing here excludes that the source was learnt.")
    else:
        told.append("Sources unknown, so nothing here excludes that the source was learnt.")
    largest = rules[LARGEST].value(table.metric) if LARGEST in rules else None
    if largest is not None and _covers(table, largest):
        told.append(
            f"Always answering the largest class scores {number(largest)}: the leader is not separable from that."
        )
    return " ".join(told)


def _best(table: Table) -> Row:
    return next(row for row in table.rows if table.lead and row.pipeline == table.lead.pipeline and not row.control)


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
