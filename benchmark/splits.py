"""Dividing a dataset by whole groups, stratified by label and source, the same way in whatever order it comes.

Parts are ``train``, ``select`` and ``fit`` (the two halves of validation) and ``test``.
"""

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from registry.errors import ConfigError, StorageError, unknown_name

PARTS = ("train", "select", "fit", "test")
GROUPINGS = ("group", "naive")
MAKER_TOLERANCE = 0.05  # a mask maker's share may differ this much between labels before it gives the label away

Stratum = tuple[str, str]  # label, source


def split(
    labels: Sequence[str],
    sources: Sequence[str | None],
    groups: Sequence[str],
    *,
    fractions: tuple[float, float, float],
    seed: int,
    grouping: str,
    ids: Sequence[str] | None = None,
) -> np.ndarray:
    """The part of each sample, str (N,).

    In each stratum (label × source) a part's size lies within one group of its share, unless a label of four groups
    or more would otherwise be missing from a part, or groups reach over several strata.

    Args:
        fractions: of train, validation and test; validation is halved into select and fit.
        grouping: ``group`` keeps groups on one side; ``naive`` splits image by image, as the founding study did.
        ids: what the naive split knows images by; needed there for a split that does not depend on their order.

    Raises:
        ConfigError: fractions that are negative or do not add up to 1.
    """
    if grouping not in GROUPINGS:
        raise unknown_name("grouping", grouping, GROUPINGS, "[split] of the task file")
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ConfigError(
            f"split fractions are shares of 1 that add up to 1, received {', '.join(map(str, fractions))}"
        )
    units = groups if grouping == "group" else ids if ids is not None else [str(i) for i in range(len(labels))]
    contents = _contents(labels, sources, units)
    train, validation, test = fractions
    shares = dict(zip(PARTS, (train, validation / 2, validation / 2, test), strict=True))
    totals = _totals(contents)
    targets = {part: {stratum: share * n for stratum, n in totals.items()} for part, share in shares.items()}
    chosen = _assign(contents, targets, seed)
    _complete(chosen, contents, [part for part in PARTS if shares[part]], seed)
    return np.array([chosen[unit] for unit in units], str)


def limit(labels: Sequence[str], sources: Sequence[str | None], groups: Sequence[str], n: int, seed: int) -> np.ndarray:
    """Indices, ascending, of about n samples in whole groups, with the shares of label and source kept.

    A label keeps at least four samples, where it has them, so that every part of a split can hold one.
    """
    if n >= len(labels):
        return np.arange(len(labels))
    contents = _contents(labels, sources, groups)
    totals = _totals(contents)
    per_label = Counter(map(str, labels))
    quotas = _apportion(per_label, n, floor=4)
    kept = {}
    for label, quota in quotas.items():
        kept |= _apportion({stratum: count for stratum, count in totals.items() if stratum[0] == label}, quota)
    rest = {stratum: total - kept[stratum] for stratum, total in totals.items()}
    chosen = _assign(contents, {"kept": kept, "rest": rest}, seed)
    return np.flatnonzero([chosen[group] == "kept" for group in groups])


def masks_leak(labels: Sequence[str], mask_makers: Sequence[str | None]) -> str | None:
    """Why the dataset's own masks would give the label away, in a sentence; None where they would not.

    They do where the share of images with a mask by some maker, or without any, differs between labels.
    """
    counts: dict[str, Counter] = defaultdict(Counter)
    for label, maker in zip(labels, mask_makers, strict=True):
        counts[str(label)][maker] += 1
    makers = {maker for label in counts.values() for maker in label}
    if makers <= {None}:
        return "the dataset has no masks"
    shares = {label: {maker: count[maker] / count.total() for maker in makers} for label, count in counts.items()}
    for maker in sorted(makers, key=str):
        ranked = sorted((share[maker], label) for label, share in shares.items())
        (low, least), (high, most) = ranked[0], ranked[-1]
        if high - low > MAKER_TOLERANCE:
            what = "no mask" if maker is None else f"a mask by {maker!r}"
            return f"the dataset's masks give the label away: {high:.0%} of {most} have {what}, {low:.0%} of {least}"
    return None


def write_csv(
    path: Path,
    ids: Sequence[str],
    labels: Sequence[str],
    sources: Sequence[str | None],
    groups: Sequence[str],
    parts: Sequence[str],
) -> None:
    """Keeps a split as a table id, label, source, group, part; an unknown source is empty."""
    try:
        with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(("id", "label", "source", "group", "part"))
            table.writerows(zip(ids, labels, ("" if s is None else s for s in sources), groups, parts, strict=True))
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error


def _contents(
    labels: Sequence[str], sources: Sequence[str | None], groups: Sequence[str]
) -> dict[str, Counter[Stratum]]:
    """Group -> how many of its samples lie in each stratum."""
    contents: dict[str, Counter[Stratum]] = defaultdict(Counter)
    for label, source, group in zip(labels, sources, groups, strict=True):
        contents[str(group)][str(label), source or ""] += 1
    return contents


def _totals(contents: Mapping[str, Counter[Stratum]]) -> Counter[Stratum]:
    totals: Counter[Stratum] = Counter()
    for content in contents.values():
        totals.update(content)
    return Counter(dict(sorted(totals.items())))


def _assign(
    contents: Mapping[str, Counter[Stratum]], targets: Mapping[str, Mapping[Stratum, float]], seed: int
) -> dict[str, str]:
    """Gives every group to the part that lacks most of what it holds.

    That is the choice that least increases the squared deviation from the targets, and it bounds each deviation in a
    stratum by the largest group in it.  Groups over several strata go first, while there is room for them: against
    targets of their own, so that they are spread over the parts as the others are.
    """
    wide = {group: content for group, content in contents.items() if len(content) > 1}
    chosen: dict[str, str] = {}
    if wide:
        totals, own = _totals(contents), _totals(wide)
        part_of = {
            part: {stratum: target[stratum] * n / totals[stratum] for stratum, n in own.items()}
            for part, target in targets.items()
        }
        chosen = _greedy(wide, part_of, seed)
    lacking = {part: dict(target) for part, target in targets.items()}
    for group, part in chosen.items():
        for stratum, n in wide[group].items():
            lacking[part][stratum] -= n
    narrow = {group: content for group, content in contents.items() if len(content) == 1}
    return chosen | _greedy(narrow, lacking, seed)


def _greedy(
    contents: Mapping[str, Counter[Stratum]], targets: Mapping[str, Mapping[Stratum, float]], seed: int
) -> dict[str, str]:
    lacking = {part: dict(target) for part, target in targets.items()}
    chosen = {}
    for group in _shuffled(contents, seed):
        content = contents[group]
        part = max(lacking, key=lambda part: sum(n * lacking[part][s] for s, n in sorted(content.items())))
        for stratum, n in content.items():
            lacking[part][stratum] -= n
        chosen[group] = part
    return chosen


def _shuffled(groups: Mapping[str, object], seed: int) -> list[str]:
    """Groups in an order that depends on their names and the seed only."""
    return sorted(
        groups,
        key=lambda group: (
            hashlib.blake2b(f"{seed}\0{group}".encode(errors="surrogateescape"), digest_size=8).digest(),
            group,
        ),
    )


def _complete(
    chosen: dict[str, str], contents: Mapping[str, Counter[Stratum]], parts: Sequence[str], seed: int
) -> None:
    """Moves groups, as few and as small as possible, until each label of four groups or more is in every part.

    A move never takes the last group of another such label from a part, so groups over several labels can prevent it.
    """
    holders: dict[str, dict[str, list[str]]] = defaultdict(lambda: {part: [] for part in parts})
    labels_of = {group: sorted({label for label, _ in content}) for group, content in contents.items()}
    for group in _shuffled(contents, seed):
        for label in labels_of[group]:
            holders[label][chosen[group]].append(group)
    demanding = {label for label, held in holders.items() if sum(map(len, held.values())) >= len(PARTS)}
    for label in sorted(demanding, key=lambda label: (sum(map(len, holders[label].values())), label)):
        for part in parts:
            spare = [
                group
                for donor in parts
                for group in holders[label][donor]
                if not holders[label][part]
                and all(len(holders[other][donor]) > 1 for other in labels_of[group] if other in demanding)
            ]
            if not spare:
                continue
            group = min(
                spare,
                key=lambda group: (-len(holders[label][chosen[group]]), len(labels_of[group]), contents[group].total()),
            )
            for other in labels_of[group]:
                holders[other][chosen[group]].remove(group)
                holders[other][part].append(group)
            chosen[group] = part


def _apportion(counts: Mapping, n: int, floor: int = 0) -> dict:
    """n divided in proportion to the counts by largest remainders; none exceeds its count or falls below the floor."""
    total = sum(counts.values())
    exact = {key: n * count / total if total else 0.0 for key, count in counts.items()}
    quotas = {key: min(int(share), counts[key]) for key, share in exact.items()}
    by_remainder = sorted(counts, key=lambda key: (quotas[key] - exact[key], str(key)))
    for key in by_remainder[: n - sum(quotas.values())]:
        quotas[key] += quotas[key] < counts[key]
    return {key: max(quota, min(floor, counts[key])) for key, quota in quotas.items()}
