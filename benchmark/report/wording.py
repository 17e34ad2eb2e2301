"""The words that all reports share: numbers, cells, notes under rows."""

import math
from collections.abc import Iterable, Sequence

from benchmark.comparison.aggregates import Aggregate
from benchmark.comparison.tables import Failed, Row
from benchmark.records.differences import Difference
from benchmark.records.estimate import CONSTANT, FEW, FEW_GROUPS, Estimate
from benchmark.records.metrics import AT_THRESHOLD, LEVELS, specificity_of
from benchmark.records.record import Tuned
from benchmark.records.verdicts import Verdict

JOINT = "; "  # between pieces of a note
OCCLUSION = "occlusion"  # in the name of how maps are made without gradients


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


def difference(found: Difference | Estimate | Verdict | None) -> str:
    """``+0.012 [-0.010, 0.034]``; a dash where there is none."""
    if found is None or found.value is None:
        return "–"
    sign = "" if number(found.value).startswith("-") else "+"
    return f"{sign}{number(found.value)} {interval(found.low, found.high)}".rstrip()


def listed(names: Sequence[str], most: int = 3) -> str:
    """``a, b and c``; of more than `most` the first ones and how many more."""
    shown = list(names) if len(names) <= most + 1 else [*names[:most], f"{len(names) - most} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def few_of(names: Iterable[str], most: int) -> str:
    """``a, b, c``; of more than `most` the first ones and how many more."""
    known = list(names)
    return ", ".join(known if len(known) <= most else [*known[:most], f"{len(known) - most} more"])


def metric(name: str) -> str:
    """What a metric is called: ``sensitivity at the threshold chosen for specificity .95``, most by their names."""
    kind, _, level = name.partition(AT_THRESHOLD)
    return f"{kind} {at_threshold(level)}" if level in LEVELS else name


def at_threshold(level: str) -> str:
    """``at the threshold chosen for specificity .95`` of ``specificity-95``; on test it shows another."""
    return f"at the threshold chosen for specificity {specificity_of(level):.2f}".replace("0.", ".")


def beside_perfect(floor: Estimate) -> str:
    """What stands beside a calibration error that has no interval.

    Chance shows always the same where each bin holds one group of images, and then it is that error itself.
    """
    if floor.value is not None and floor.high is not None and math.isclose(floor.value, floor.high):
        return "of so few images, what a perfect model may show too"
    return f"a perfect model of this size: {number(floor.value)}, at most {number(floor.high)}"


def plural(number_of: int, noun: str) -> str:
    """``1 trial``, ``3 trials``."""
    return f"1 {noun}" if number_of == 1 else f"{number_of:,} {noun}s"


def count(value: int) -> str:
    """A count of parameters, short: ``617 k``."""
    if value < 10_000:
        return f"{value:,}" if value else "–"
    return f"{value / 1e3:,.0f} k" if value < 1e6 else f"{value / 1e6:,.1f} M"


def large(value: int) -> str:
    """A count of operations, short: ``140 M``, ``4.45 G``."""
    return f"{value / 1e9:,.2f} G" if value >= 1e9 else count(value)


def duration(seconds: float | None) -> str:
    """Wall time, short: ``61.5 s``, ``4 min 12 s``, ``1 h 05 min``."""
    if seconds is None:
        return "–"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes = round(seconds) // 60
    return f"{minutes} min {round(seconds) % 60:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def tuning(found: Tuned | None) -> str:
    """What a search for settings cost: ``6 trials (1 unfinished) · 5 min 12 s``; a dash where there was none."""
    if found is None:
        return "–"
    lacking = f" ({found.unfinished} unfinished)" if found.unfinished else ""
    stayed = " · default stayed" if found.stayed else ""
    return f"{plural(found.trials, 'trial')}{lacking} · {duration(found.duration_s)}{stayed}"


def size(size_bytes: int) -> str:
    """Bytes, short: ``2.7 MB``."""
    return (
        f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 50_000 else f"{size_bytes / 1e3:,.1f} kB" if size_bytes else "–"
    )


def memory(size_bytes: int) -> str:
    """Bytes of memory, short: ``870 MB``, ``2.4 GB``."""
    return f"{size_bytes / 1e9:,.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:,.0f} MB"


def unnamed(component: str, options: str) -> str:
    """What short names leave out of a component, as every row with it has that."""
    return f"Every {component} here: {options}."


def label(row: Row) -> str:
    """How a row is named."""
    return f"control: {row.pipeline}" if row.control else row.pipeline


def span(row: Row) -> str:
    """What stands in a row instead of numbers; empty where it has numbers."""
    if row.status == "not-computable":
        return f"not computable: {', '.join(row.notes)}"
    return "failed" if row.status == "failed" else ""


def seeds(row: Row) -> str:
    """How many seeds count: ``3``, or ``2 of 3`` where some failed or are not finished."""
    if row.control:
        return ""
    whole = set(row.seeds) - set(row.unfinished)
    return str(len(whole)) if whole == set(row.expected) else f"{len(whole)} of {len(row.expected)}"


def spread(row: Row, metric: str) -> float | None:
    """Standard deviation over seeds, where there is one."""
    one = row.metric(metric)
    return None if one is None else one.spread


def few(row: Row, metric: str) -> bool:
    """Whether a cell rests on so few images that it is greyed."""
    one = row.metric(metric)
    return one is not None and scarce(one)


def scarce(one: Aggregate | Estimate) -> bool:
    """Whether a number rests on images of fewer than ten groups."""
    return one.n < FEW or FEW_GROUPS in one.note


def localisation(row: Row, kind: str) -> str:
    """One number of a pipeline's maps; ``(o)`` where they were not made from gradients."""
    value = row.localisation.get(kind)
    if value is None:
        return "" if row.control else "–"
    return f"{value:.2f} (o)" if occluded(row) else f"{value:.2f}"


def occluded(row: Row) -> bool:
    """Whether the maps were made without gradients."""
    return OCCLUSION in row.map_method


def notes(row: Row, metrics: list[str], *, of_groups: bool = True) -> list[str]:
    """The notes under a row: runs that failed and why, shown metrics that are not defined.

    Args:
        of_groups: say where there are too few groups of test images, which is so of all rows of a table.
    """
    lines = ["; ".join(filter(None, [_lacking(row), causes(row)]))] if row.status == "partial" else []
    if row.status == "failed":
        lines.append(causes(row, full=True) or "it left no cause")
    if row.status != "not-computable":
        lines.extend(row.notes)
    lines += [note for note in _tested(row) if of_groups or FEW_GROUPS not in note]
    by_note: dict[str, list[str]] = {}
    for name in metrics:
        one = row.metric(name)
        if one is None or (row.control and one.note == CONSTANT):
            continue
        note = one.note if of_groups else JOINT.join(p for p in one.note.split(JOINT) if FEW_GROUPS not in p)
        if note:
            by_note.setdefault(note, []).append(metric(name))
    return lines + [f"{', '.join(names)}: {note}" for note, names in by_note.items()]


def pieces_of_few(row: Row, name: str) -> list[str]:
    """What a metric's note says of too few groups: ``fewer than ten groups``, ``COVID: fewer than ten groups``."""
    one = row.metric(name)
    return [] if one is None else [piece for piece in one.note.split(JOINT) if FEW_GROUPS in piece]


def _tested(row: Row) -> list[str]:
    """What must be known of a row's interval and of its difference to the reference."""
    lines = []
    if row.standing is not None:
        lines += ["trained once: the spread of the other rows stands for its own"] if row.standing.borrowed else []
        lines += [row.standing.note] if row.standing.note and not row.control else []
    known = row.standing.note if row.standing is not None else ""
    if row.verdict is not None and row.verdict.note not in ("", known) and not row.control:
        lines.append(f"Δ: {row.verdict.note}")
    return lines


def causes(row: Row, *, full: bool = False) -> str:
    """Which runs failed and why, those of one cause together; `full` adds stage and message."""
    by_cause: dict[str, list[str]] = {}
    for one in row.failures:
        detail = f" at {one.failure.stage}: {one.failure.message}" if one.failure.stage and full else ""
        by_cause.setdefault(one.failure.cause + detail, []).append(run_of(row, one))
    return "; ".join(f"{', '.join(runs)}: {cause}" for cause, runs in by_cause.items())


def run_of(row: Row, failed: Failed) -> str:
    """A run in short: ``s1``, ``s1 f3``, ``s1 pooled``."""
    if row.folds == 1:
        return f"s{failed.seed}"
    return f"s{failed.seed} pooled" if failed.fold is None else f"s{failed.seed} f{failed.fold}"


def _lacking(row: Row) -> str:
    """How much of what was run has numbers."""
    whole = set(row.seeds) - set(row.unfinished)
    known = (
        [f"{len(whole)} of {len(row.expected)} seeds"] if len(row.expected) > 1 and whole != set(row.expected) else []
    )
    for seed, folds in row.unfinished.items():
        of_seed = f"s{seed}: " if len(row.expected) > 1 else ""
        not_pooled = ", not pooled" if folds == row.folds else ""
        known.append(f"{of_seed}{folds} of {row.folds} folds{not_pooled}")
    return "; ".join(known) + ("" if row.pooled else ", so not ranked")
