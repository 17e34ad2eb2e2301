"""What a run is worth in parts of the images, and which of them differ: all differences in one family.

A subgroup is the images of one source, or of one value of a trait.  Nobody is left out for being few: a small one has
its number and interval.  Subgroups differ where the simultaneous interval of their difference leaves 0 out, over all
pairs of all traits and metrics at once, and both have ten groups of images or more of every class that the metric is
of.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from benchmark.evaluation.estimates import Outputs, evaluate
from benchmark.evaluation.influences import influences
from benchmark.evaluation.intervals import Z
from benchmark.evaluation.pairs import Common, covariance, pair_errors
from benchmark.evaluation.resampling import group_codes
from benchmark.evaluation.retraining import retraining
from benchmark.evaluation.scale import from_normal
from benchmark.evaluation.simultaneous import draws_for, largest_deviates
from benchmark.records.estimate import FEW, Estimate
from benchmark.records.external import Subgroup, SubgroupDifference

LEVEL = 0.95
UNKNOWN = "unknown"
BANDS = ((18, "under 18"), (40, "18 to 39"), (65, "40 to 64"), (200, "65 and over"))
MOST_VALUES = 30  # of a trait by which images are divided
RESAMPLES = 500  # of the metrics of a subgroup that need them


class Seen(NamedTuple):
    """The images n of an evaluation, and what runs that differ in their seed alone say of them.

    Attributes:
        divided: trait -> value of each image (n,).
        outputs: one per training.
    """

    classes: Sequence[str]
    positive: str | None
    targets: np.ndarray
    groups: np.ndarray
    divided: Mapping[str, np.ndarray]
    outputs: Sequence[Outputs]


class _Row(NamedTuple):
    """A metric in a subgroup.

    Attributes:
        values: (S,) of the trainings.
        moves: (S, G) influences of all groups of images.
        lacking: what these lack to the error that the recorded interval says: where all images of a subgroup are
            right no image moves its metric, though more images might.
    """

    trait: str
    value: str
    metric: str
    values: np.ndarray
    moves: np.ndarray
    lacking: float


def divided(sources: Sequence[str | None], traits: Sequence[Mapping[str, str]]) -> tuple[dict[str, np.ndarray], str]:
    """Source and traits as (n,) texts by name, ages in bands; and a note on what divides nothing.

    What all images have in common divides nothing, and neither does what is hardly ever shared.
    """
    found = {"source": [source or UNKNOWN for source in sources]}
    for name in sorted({name for one in traits for name in one}):
        values = [one.get(name) or UNKNOWN for one in traits]
        found[name] = [age_band(value) for value in values] if name == "age" else values
    counts = {name: len(set(values)) for name, values in found.items()}
    kept = {name: np.array(values, np.str_) for name, values in found.items() if 1 < counts[name] <= MOST_VALUES}
    many = [f"{name} ({count} values)" for name, count in counts.items() if count > MOST_VALUES]
    return kept, f"not divided by {', '.join(many)}" if many else ""


def age_band(age: str) -> str:
    """The band of an age in years; unknown where it is none."""
    try:
        years = float(age)
    except ValueError:
        return UNKNOWN
    return next((band for below, band in BANDS if 0 <= years < below), UNKNOWN)


def tested_metrics(classes: Sequence[str], positive: str | None, metric: str) -> list[str]:
    """The task's metric, and the share of each class that is recognised."""
    if positive is not None and len(classes) == 2:
        return list(dict.fromkeys([metric, "sensitivity", "specificity"]))
    return list(dict.fromkeys([metric, *(f"recall/{name}" for name in classes)]))


def subgroups(seen: Seen, metric: str, seed: int) -> list[Subgroup]:
    """Every subgroup with its metrics, of the mean over trainings where there are several."""
    names = tested_metrics(seen.classes, seen.positive, metric)
    found = []
    for trait, values in seen.divided.items():
        for value in sorted(set(values.tolist()), key=lambda one: (one == UNKNOWN, one)):
            chosen = values == value
            of_class = np.bincount(seen.targets[chosen], minlength=len(seen.classes)).tolist()
            found.append(
                Subgroup(
                    trait=trait,
                    value=value,
                    n=int(chosen.sum()),
                    groups=len(np.unique(seen.groups[chosen])),
                    counts=dict(zip(seen.classes, of_class, strict=True)),
                    metrics=_metrics(seen, chosen, names, seed),
                )
            )
    return found


def _metrics(seen: Seen, chosen: np.ndarray, names: Sequence[str], seed: int) -> dict[str, Estimate]:
    """Means over trainings of what each has, interval ends included."""
    targets, groups = seen.targets[chosen], seen.groups[chosen]
    of_trainings = [
        evaluate(
            seen.classes,
            seen.positive,
            targets,
            one.of(chosen),
            groups,
            seed,
            RESAMPLES,
            part=len(np.unique(one.decisions)) > 1,
        )
        for one in seen.outputs
    ]
    return {name: _mean([one[name] for one in of_trainings]) for name in names if name in of_trainings[0]}


def _mean(found: Sequence[Estimate]) -> Estimate:
    first = found[0]
    if len(found) == 1 or any(one.value is None for one in found):
        return next((one for one in found if one.value is None), first)
    ends = [[getattr(one, end) for one in found] for end in ("value", "low", "high")]
    value, low, high = (None if None in one else float(np.mean(one)) for one in ends)
    return Estimate(value, low, high, first.n, first.note)


def differences(seen: Seen, found: Sequence[Subgroup], metric: str, seed: int) -> tuple[list[SubgroupDifference], int]:
    """Differences of subgroups that are told apart, and how many pairs were tested at once.

    Args:
        found: the subgroups of the same images.
        seed: of the draws.
    """
    rows = [row for one in found for row in _rows(seen, one, tested_metrics(seen.classes, seen.positive, metric))]
    tested = np.zeros((len(rows), len(rows)), bool)
    for i, j in combinations(range(len(rows)), 2):
        tested[i, j] = tested[j, i] = rows[i].trait == rows[j].trait and rows[i].metric == rows[j].metric
    if not tested.any():
        return [], 0
    values = np.array([row.values.mean() for row in rows])
    own = np.diag([row.lacking for row in rows])  # of each row as if of one more group, which no other has
    moves = np.hstack([np.stack([row.moves.mean(axis=0) for row in rows]), own])
    trained = retraining([row.values for row in rows], [True] * len(rows))  # they have all trainings in common
    common = [_common(rows, moves, i, j) for i, j in zip(*np.nonzero(np.triu(tested)), strict=True)]
    pairs = pair_errors(values, moves, trained, common if len(seen.outputs) > 1 else [], tested, FEW)
    drawn = largest_deviates(covariance(moves), trained, pairs, seed, draws_for(len(rows)))
    quantile = float(drawn[int(np.ceil(LEVEL * (len(drawn) + 1))) - 1])
    reach = pairs.error * from_normal(quantile, pairs.freedom)
    apart = np.argwhere(np.triu(pairs.tested & (pairs.deviates > quantile)))
    told = [_told(rows[i], rows[j], float(pairs.value[i, j]), float(reach[i, j])) for i, j in apart]
    return told, int(np.triu(tested).sum())


def _rows(seen: Seen, one: Subgroup, names: Sequence[str]) -> list[_Row]:
    """The metrics of a subgroup that can be tested."""
    chosen = seen.divided[one.trait] == one.value
    codes, sizes = group_codes(seen.groups)
    rows = []
    for name in names:
        if not _testable(seen, chosen, name):
            continue
        compute = influences(name, seen.classes, seen.positive)
        kept, own = np.unique(codes[chosen], return_inverse=True)
        values, moves = np.empty(len(seen.outputs)), np.zeros((len(seen.outputs), len(sizes)))
        for place, outputs in enumerate(seen.outputs):
            values[place], moves[place, kept] = compute(seen.targets[chosen], _needed(outputs, name)[chosen], own)
        if np.isfinite(values).all():
            rows.append(_Row(one.trait, one.value, name, values, moves, _lacking(moves, one.metrics[name])))
    return rows


def _needed(outputs: Outputs, name: str) -> np.ndarray:
    """Probabilities of metrics that judge them; of all others log-odds, which decide and rank alike."""
    return outputs.probabilities if name in ("log-loss", "brier", "ece") else outputs.odds


def _testable(seen: Seen, chosen: np.ndarray, name: str) -> bool:
    """Whether there are enough groups of every class that a metric is of."""
    classes = list(seen.classes)
    kind, _, label = name.partition("/")
    of = [classes.index(label)] if label else range(len(classes))
    if kind in ("sensitivity", "specificity") and not label and seen.positive is not None:
        own = classes.index(seen.positive)
        of = [own if kind == "sensitivity" else 1 - own]
    return all(len(np.unique(seen.groups[chosen & (seen.targets == k)])) >= FEW for k in of)


def _lacking(moves: np.ndarray, one: Estimate) -> float:
    """See `_Row`."""
    known = float((moves.mean(axis=0) ** 2).sum())
    reach = (one.high - one.low) / (2 * Z) if one.low is not None and one.high is not None else 0.0
    return float(np.sqrt(max(0.0, reach**2 - known)))


def _common(rows: Sequence[_Row], moves: np.ndarray, i: int, j: int) -> Common:
    """Two subgroups stand on the same trainings."""
    apart = rows[i].values - rows[j].values
    variance = float(np.var(apart, ddof=1)) if len(apart) > 1 else 0.0
    return Common(i, j, float(apart.mean()), moves[i] - moves[j], variance / len(apart), variance, len(apart) - 1)


def _told(one: _Row, other: _Row, value: float, reach: float) -> SubgroupDifference:
    return SubgroupDifference(
        trait=one.trait,
        metric=one.metric,
        first=one.value,
        second=other.value,
        difference=Estimate(value, value - reach, value + reach),
    )
