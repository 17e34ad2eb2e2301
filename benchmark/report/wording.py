"""What every report says in the same words: numbers, captions, notes under rows, the closing sentence."""

import math

from benchmark.aggregates import Aggregate
from benchmark.compare import LOWER_IS_BETTER, Row, Table
from benchmark.records import DatasetInfo, Estimate, SplitInfo

FEW = 10  # a cell that rests on fewer images is greyed
ORACLE = "source-oracle"
GROUPINGS = {
    "group": "images known to belong together kept on one side",
    "naive": "naive: patients and identical images may be on both sides",
}


def number(value: float | None) -> str:
    """Three decimals; a dash where there is no number."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value + 0.0:.3f}".replace("-0.000", "0.000")


def interval(low: float | None, high: float | None) -> str:
    """``[0.932, 0.971]``, empty where there is none."""
    return "" if low is None or high is None else f"[{number(low)}, {number(high)}]"


def estimate(one: Aggregate | Estimate | None) -> str:
    """``0.954 [0.932, 0.971]``; a dash where it was not measured, ``undefined`` where it has no value."""
    if one is None:
        return "–"
    if one.value is None:
        return "undefined"
    return f"{number(one.value)} {interval(one.low, one.high)}".rstrip()


def count(value: int) -> str:
    """A count of parameters, short: ``617 k``."""
    if value < 10_000:
        return f"{value:,}" if value else "–"
    return f"{value / 1e3:,.0f} k" if value < 1e6 else f"{value / 1e6:,.1f} M"


def duration(seconds: float | None) -> str:
    """Wall time, short: ``61.5 s``, ``4 min 12 s``, ``1 h 05 min``."""
    if seconds is None:
        return "–"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes = round(seconds) // 60
    return f"{minutes} min {round(seconds) % 60:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def size(octets: int) -> str:
    """Bytes, short: ``2.7 MB``."""
    return f"{octets / 1e6:,.1f} MB" if octets >= 50_000 else f"{octets / 1e3:,.1f} kB" if octets else "–"


def label(row: Row) -> str:
    """How a row is named."""
    return f"control: {row.pipeline}" if row.control else row.pipeline


def span(row: Row) -> str:
    """What stands in a row instead of numbers; empty where it has numbers."""
    if row.status == "not-computable":
        return f"not computable: {', '.join(row.notes)}"
    return "failed" if row.status == "failed" else ""


def seeds(row: Row) -> str:
    """How many seeds count: ``3``, or ``2 of 3`` where some failed."""
    if row.control:
        return ""
    return str(len(row.seeds)) if row.seeds == row.expected else f"{len(row.seeds)} of {len(row.expected)}"


def spread(row: Row, metric: str) -> float | None:
    """Standard deviation over seeds, where there is one."""
    one = row.metric(metric)
    return None if one is None else one.spread


def few(row: Row, metric: str) -> bool:
    """Whether a cell rests on so few images that it is greyed."""
    one = row.metric(metric)
    return one is not None and one.n < FEW


def title(table: Table) -> str:
    """Which task on which data."""
    return f"{table.task} · {table.dataset.name if table.dataset else 'dataset unknown'}"


def caption(table: Table) -> list[str]:
    """What the numbers rest on, and the dataset's notices."""
    lines = []
    if table.dataset:
        lines.append(_dataset(table.dataset))
    lines.append(_split(table.split) if table.split else "Split unknown: no run got as far.")
    trained = sorted({seed for row in table.rows for seed in row.expected})
    positive = f" Positive class: {table.positive}." if table.positive else ""
    lines.append(
        f"Training seed{'s' * (len(trained) > 1)} {_listed(trained)}. "
        f"Thresholds and calibration from validation, never from test.{positive}"
    )
    return lines + (table.dataset.notices if table.dataset else [])


def legend(table: Table) -> str:
    """How to read the cells."""
    if any(spread(row, table.metric) is not None for row in table.rows):
        return "Value [95 % interval over images], both means over seeds; SD: standard deviation over training seeds."
    return "Value [95 % interval over images]; one seed, so no spread over seeds."


def notes(row: Row, metrics: list[str]) -> list[str]:
    """What must be said under a row: seeds that failed and why, shown metrics that are not defined."""
    told = []
    if row.status == "partial":
        told.append(f"{len(row.seeds)} of {len(row.expected)} seeds; {_causes(row, short=True)}")
    elif row.failures:
        told.append(_causes(row, short=False))
    elif row.status == "failed":
        told.append("it left no cause")
    if row.status != "not-computable":
        told.extend(row.notes)
    for name in metrics:
        one = row.metric(name)
        if one is not None and one.note:
            told.append(f"{name}: {one.note}")
    return told


def closing(table: Table) -> str:
    """Who leads, by how much, whether that is separable, and what the controls say."""
    return f"{_leader(table)} {_controls(table)}".strip()


def _leader(table: Table) -> str:
    lead = table.lead
    if lead is None:
        return f"No pipeline has a {table.metric} here."
    if lead.runner_up is None or lead.gain is None:
        value = estimate(_best(table).metrics[table.metric])
        return f"{lead.pipeline} is the only pipeline with numbers: {value} {table.metric}; nothing to compare it with."
    direction = "lower" if table.metric in LOWER_IS_BETTER else "higher"
    told = f"{lead.pipeline} leads {lead.runner_up}: {table.metric} {direction} by {number(lead.gain)}"
    if number(lead.gain) == number(0):
        told = f"{lead.pipeline} and {lead.runner_up} are level: {table.metric} differs by {number(0)}"
    if lead.low is None:
        return f"{told}; whether that is separable is not testable ({lead.untested})."
    verdict = "separable" if lead.separable else "not separable"
    return (
        f"{told} {interval(lead.low, lead.high)} on the same {lead.n:,} images, {verdict} "
        "(paired bootstrap over groups, 95 %)."
    )


def _controls(table: Table) -> str:
    if table.lead is None:
        return ""
    rules = {row.pipeline: row for row in table.rows if row.control}
    told = []
    oracle = rules.get(ORACLE)
    known = oracle.value(table.metric) if oracle else None
    if known is not None:
        beaten = ", no worse than the leader: the source alone may explain these scores" * _reaches(table, known)
        told.append(f"A rule that knows only the source scores {number(known)}{beaten}.")
    elif table.dataset and table.dataset.sources:
        told.append(f"The source control has no {table.metric}, so nothing here excludes that the source was learnt.")
    else:
        told.append("Sources unknown, so nothing here excludes that the source was learnt.")
    majority = rules["majority"].value(table.metric) if "majority" in rules else None
    if majority is not None and _covers(table, majority):
        told.append(
            f"Always answering the largest class scores {number(majority)}: the leader is not separable from that."
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


def _causes(row: Row, *, short: bool) -> str:
    by_cause: dict[str, list[str]] = {}
    for one in row.failures:
        detail = f" at {one.failure.stage}: {one.failure.message}" if one.failure.stage and not short else ""
        run = f"s{one.seed}" + (f" f{one.fold}" if one.fold else "")
        by_cause.setdefault(one.failure.cause + detail, []).append(run)
    return "; ".join(f"{', '.join(runs)}: {cause}" for cause, runs in by_cause.items())


def _dataset(dataset: DatasetInfo) -> str:
    counts = ", ".join(f"{name} {images:,}" for name, images in dataset.counts.items())
    skipped = f" {len(dataset.skipped)} unreadable left out." if dataset.skipped else ""
    return f"Dataset {dataset.digest[:8]}: {sum(dataset.counts.values()):,} images ({counts}).{skipped}"


def _split(split: SplitInfo) -> str:
    shares = ", ".join(f"{part} {100 * share:.3g} %" for part, share in split.fractions.items())
    return (
        f"Split {split.digest[:8]}: {shares}; {GROUPINGS.get(split.grouping, split.grouping)}; split seed {split.seed}."
    )


def _listed(numbers: list[int]) -> str:
    if len(numbers) > 4 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))
