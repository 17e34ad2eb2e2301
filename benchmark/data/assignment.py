"""Whole groups of samples given to subsets, in proportion in every stratum (label × source), as if by chance.

Every choice is a function of the groups' names, of what they hold and of the seed, never of their order.
"""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

Stratum = tuple[str, str]  # label, source
Contents = Mapping[str, Counter[Stratum]]  # group -> how many of its samples lie in each stratum
Targets = Mapping[str, Mapping[Stratum, float]]  # subset -> how many samples of each stratum it should get
Seed = int | str


def contents_of(
    labels: Sequence[str], sources: Sequence[str | None], groups: Sequence[str]
) -> dict[str, Counter[Stratum]]:
    """Group -> how many of its samples lie in each stratum, from what is known of each of N samples."""
    contents: dict[str, Counter[Stratum]] = defaultdict(Counter)
    for label, source, group in zip(labels, sources, groups, strict=True):
        contents[str(group)][str(label), source or ""] += 1
    return contents


def totals(contents: Contents) -> Counter[Stratum]:
    """How many samples lie in each stratum."""
    result: Counter[Stratum] = Counter()
    for content in contents.values():
        result.update(content)
    return Counter(dict(sorted(result.items())))


def divide(contents: Contents, shares: Mapping[str, float], seed: Seed, *, enough: int, elsewhere: int = 0) -> dict:
    """Group -> subset, each subset with its share of every stratum to within one group.

    Args:
        shares: subset -> share of 1.
        enough: a label of as many groups is in every subset that has a share.
        elsewhere: of a label that has the groups for it, as many lie outside of each subset.
    """
    sizes = totals(contents)
    targets = {subset: {stratum: share * n for stratum, n in sizes.items()} for subset, share in shares.items()}
    chosen = assign(contents, targets, seed)
    _complete(chosen, contents, [subset for subset in shares if shares[subset]], seed, enough, elsewhere)
    return chosen


def assign(contents: Contents, targets: Targets, seed: Seed) -> dict[str, str]:
    """Gives every group to the subset that lacks most of what it holds.

    That is the choice that least increases the squared deviation from the targets, and it bounds each deviation in a
    stratum by the largest group in it.  Groups over several strata go first, while there is room for them: against
    targets of their own, so that they are spread over the subsets as the others are.
    """
    wide = {group: content for group, content in contents.items() if len(content) > 1}
    chosen: dict[str, str] = {}
    if wide:
        every, own = totals(contents), totals(wide)
        part_of = {
            subset: {stratum: target[stratum] * n / every[stratum] for stratum, n in own.items()}
            for subset, target in targets.items()
        }
        chosen = _greedy(wide, part_of, seed)
    lacking = {subset: dict(target) for subset, target in targets.items()}
    for group, subset in chosen.items():
        for stratum, n in wide[group].items():
            lacking[subset][stratum] -= n
    narrow = {group: content for group, content in contents.items() if len(content) == 1}
    return chosen | _greedy(narrow, lacking, seed)


def apportion(counts: Mapping, n: int, floor: int = 0) -> dict:
    """n divided in proportion to the counts by largest remainders; none exceeds its count or falls below the floor."""
    total = sum(counts.values())
    exact = {key: n * count / total if total else 0.0 for key, count in counts.items()}
    quotas = {key: min(int(share), counts[key]) for key, share in exact.items()}
    by_remainder = sorted(counts, key=lambda key: (quotas[key] - exact[key], str(key)))
    for key in by_remainder[: n - sum(quotas.values())]:
        quotas[key] += quotas[key] < counts[key]
    return {key: max(quota, min(floor, counts[key])) for key, quota in quotas.items()}


def _greedy(contents: Contents, targets: Targets, seed: Seed) -> dict[str, str]:
    lacking = {subset: dict(target) for subset, target in targets.items()}
    chosen = {}
    for group in _shuffled(contents, seed):
        content = contents[group]
        subset = max(lacking, key=lambda subset: sum(n * lacking[subset][s] for s, n in sorted(content.items())))
        for stratum, n in content.items():
            lacking[subset][stratum] -= n
        chosen[group] = subset
    return chosen


def _shuffled(groups: Mapping[str, object], seed: Seed) -> list[str]:
    """Groups in an order that depends on their names and the seed only."""
    return sorted(
        groups,
        key=lambda group: (
            hashlib.blake2b(f"{seed}\0{group}".encode(errors="surrogateescape"), digest_size=8).digest(),
            group,
        ),
    )


def _complete(
    chosen: dict[str, str], contents: Contents, subsets: Sequence[str], seed: Seed, enough: int, elsewhere: int
) -> None:
    """Moves groups, as few and as small as possible, until each label of `enough` groups is in every subset.

    A move never takes the last group of another such label from a subset, so groups over several labels can prevent it.
    """
    held = _Holdings(chosen, contents, subsets, seed, enough, elsewhere)
    for label in held.demanding():
        for subset in subsets:
            if not held.of[label][subset]:
                held.move(label, subsets, subset)
        for subset in subsets:
            while len(held.of[label][subset]) > held.most(label):
                if not held.move(label, [subset], min(subsets, key=lambda other: len(held.of[label][other]))):
                    break


class _Holdings:
    """Which subset holds which groups of each label, while groups are moved between subsets."""

    def __init__(
        self,
        chosen: dict[str, str],
        contents: Contents,
        subsets: Sequence[str],
        seed: Seed,
        enough: int,
        elsewhere: int,
    ) -> None:
        self.chosen, self.contents, self.enough, self.elsewhere = chosen, contents, enough, elsewhere
        self.of: dict[str, dict[str, list[str]]] = defaultdict(lambda: {subset: [] for subset in subsets})
        self.labels_of = {group: sorted({label for label, _ in content}) for group, content in contents.items()}
        for group in _shuffled(contents, seed):
            for label in self.labels_of[group]:
                self.of[label][chosen[group]].append(group)
        self.total = {label: sum(map(len, held.values())) for label, held in self.of.items()}

    def demanding(self) -> list[str]:
        """Labels with enough groups to be in every subset, the rarest first."""
        return sorted(
            (label for label, total in self.total.items() if total >= self.enough),
            key=lambda label: (self.total[label], label),
        )

    def most(self, label: str) -> int:
        """Groups of a label that one subset may hold, so that enough lie elsewhere."""
        total = self.total[label]
        feasible = total - math.ceil(total / len(self.of[label])) >= self.elsewhere
        return total - self.elsewhere if feasible else total

    def move(self, label: str, donors: Sequence[str], subset: str) -> bool:
        """Give `subset` a group of the label, from the donor that holds most; False where none can be spared."""
        spare = [
            group
            for donor in donors
            for group in self.of[label][donor]
            if all(self._spared(other, donor, subset) for other in self.labels_of[group])
        ]
        if not spare:
            return False
        group = min(
            spare,
            key=lambda group: (
                -len(self.of[label][self.chosen[group]]),
                len(self.labels_of[group]),
                self.contents[group].total(),
            ),
        )
        for other in self.labels_of[group]:
            self.of[other][self.chosen[group]].remove(group)
            self.of[other][subset].append(group)
        self.chosen[group] = subset
        return True

    def _spared(self, label: str, donor: str, subset: str) -> bool:
        if self.total[label] < self.enough:
            return True
        return len(self.of[label][donor]) > 1 and len(self.of[label][subset]) < self.most(label)
