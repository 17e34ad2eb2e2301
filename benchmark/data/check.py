"""What is wrong with a dataset, or may be: copies, contradictions, leaks, what tells classes without any disease."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from itertools import combinations

import numpy as np

from benchmark.data.copies import Copy, check_copies
from benchmark.data.looks import Look
from benchmark.data.merging import connected
from benchmark.records.data_check import DataCheck, Exposure, Leak, Twins
from benchmark.records.summary import DatasetSummary
from benchmark.records.telling import telling
from registry.contracts import PARTS, Sample
from registry.errors import DataError

SHOWN = 5  # examples of a leak


def checked(
    samples: Sequence[Sample], summary: DatasetSummary, looks: Sequence[Look], copies: Sequence[Copy]
) -> DataCheck:
    """What was found of a dataset's samples.

    Args:
        looks: at each of them.
        copies: pairs within them.
    """
    twins = _twins(samples, looks, copies)
    groups = connected([(one, other) for one, other, _ in twins])
    known = all(sample.source is not None for sample in samples)
    return DataCheck(
        summary=summary,
        unreadable=[f"{sample.id}: {look.reason}" for sample, look in zip(samples, looks, strict=True) if look.reason],
        twins=sorted((one for _, _, one in twins), key=_telling_first),
        twin_groups=len(groups),
        twin_films=sum(map(len, groups)),
        unsearched=_unsearched(samples, copies),
        leaks=[*_shared_patients(samples), *_shared_films([one for _, _, one in twins])],
        sources=_table(samples, lambda sample: sample.source) if known else {},
        cramers_v=cramers_v([s.label for s in samples], [s.source for s in samples]) if known else None,
        masks=_faults(samples, looks),
        annotators=_table(samples, lambda sample: sample.mask_annotator),
        tells=telling(summary.facts, summary.counts, {label: [label] for label in summary.labels}),
        by_label=_exposures(samples, looks, lambda sample: sample.label),
        by_source=_exposures(samples, looks, lambda sample: sample.source) if known else {},
    )


def in_common(ours: Sequence[Sample], theirs: Sequence[Sample], copies: Sequence[Copy]) -> list[Twins]:
    """Pairs of films of two datasets that are copies."""
    return [_pair(ours[copy.one], theirs[copy.other], copy.points, identical=False) for copy in copies]


def cramers_v(rows: Sequence[Hashable], columns: Sequence[Hashable]) -> float | None:
    """How much of two properties each tells of the other (Cramér 1946, chapter 21), from 0 to 1.

    None where one of them is always the same.
    """
    row, column = (np.unique([str(value) for value in values], return_inverse=True)[1] for values in (rows, columns))
    if not len(row) or not row.max() or not column.max():
        return None
    table = np.zeros((row.max() + 1, column.max() + 1))
    np.add.at(table, (row, column), 1)
    expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
    chi_squared = ((table - expected) ** 2 / expected).sum()
    return float(np.sqrt(chi_squared / table.sum() / (min(table.shape) - 1)))


def _twins(samples: Sequence[Sample], looks: Sequence[Look], copies: Sequence[Copy]) -> list[tuple[int, int, Twins]]:
    """Pairs of films that agree in key points, and those that are equal pixel for pixel, which need not have any."""
    points = {(copy.one, copy.other): copy.points for copy in copies}
    equal: dict[bytes, list[int]] = defaultdict(list)
    for place, look in enumerate(looks):
        if not look.reason:
            equal[look.pixels].append(place)
    identical = {pair for places in equal.values() for pair in combinations(places, 2)}
    found = []
    for one, other in sorted({*points, *identical}):
        is_same = (one, other) in identical
        pair = _pair(samples[one], samples[other], points.get((one, other), 0), identical=is_same)
        found.append((one, other, pair))
    return found


def _pair(one: Sample, other: Sample, points: int, *, identical: bool) -> Twins:
    parts = (one.part, other.part) if one.part and other.part else None
    return Twins(one.id, other.id, (one.label, other.label), points, identical, parts)


def _telling_first(twins: Twins) -> tuple[bool, bool, int]:
    return not twins.contradict, twins.parts is None or len(set(twins.parts)) == 1, twins.points


def _unsearched(samples: Sequence[Sample], copies: Sequence[Copy]) -> str:
    try:
        check_copies(copies, samples)
    except DataError as error:
        return str(error)
    return ""


def _shared_patients(samples: Sequence[Sample]) -> list[Leak]:
    parts: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        if sample.part and sample.group != sample.id:
            parts[sample.group].add(sample.part)
    found = []
    for two in combinations(PARTS, 2):
        shared = sorted(group for group, known in parts.items() if known.issuperset(two))
        found += [Leak("patients", two, len(shared), shared[:SHOWN])] if shared else []
    return found


def _shared_films(twins: Sequence[Twins]) -> list[Leak]:
    found = []
    for two in combinations(PARTS, 2):
        shared = [f"{one.one} = {one.other}" for one in twins if one.parts and set(one.parts) == set(two)]
        found += [Leak("copies", two, len(shared), shared[:SHOWN])] if shared else []
    return found


def _faults(samples: Sequence[Sample], looks: Sequence[Look]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for sample, look in zip(samples, looks, strict=True):
        if look.mask:
            found[look.mask].append(sample.id)
    return dict(found)


def _table(samples: Sequence[Sample], of: Callable[[Sample], str | None]) -> dict[str, dict[str, int]]:
    """Label -> value -> images, of values that there are."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for sample in samples:
        value = of(sample)
        if value is not None:
            found[sample.label][value] += 1
    return {label: dict(sorted(counts.items())) for label, counts in found.items()}


def _exposures(
    samples: Sequence[Sample], looks: Sequence[Look], of: Callable[[Sample], str | None]
) -> dict[str, Exposure]:
    by_value: dict[str, list[Look]] = defaultdict(list)
    for sample, look in zip(samples, looks, strict=True):
        if not look.reason:
            by_value[of(sample) or ""].append(look)
    return {value: _exposure(seen) for value, seen in sorted(by_value.items())}


def _exposure(seen: Sequence[Look]) -> Exposure:
    means = np.array([look.mean for look in seen])
    low, high = np.quantile(means, (0.05, 0.95))
    black, white = (float(np.mean([getattr(look, name) for look in seen])) for name in ("black", "white"))
    return Exposure(len(seen), float(means.mean()), float(low), float(high), black, white)
