"""Simulated tables whose truth is known: equal pipelines on common images, each training with a luck of its own.

An image is judged rightly where √.5 of a normal that all rows share, √.25 of the pipeline's and √.25 of the training's
stay below the normal quantile of the training's level, which is the row's level plus its luck.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from benchmark.evaluation.inference import TestedRow
from benchmark.evaluation.influences import influences
from benchmark.evaluation.intervals import auroc_interval, clustered_error, wilson
from benchmark.evaluation.metrics import auroc_influence

CLASSES = ["negative", "positive"]
NORMAL = NormalDist()
COMMON, OF_PIPELINE, OF_TRAINING = np.sqrt([0.5, 0.25, 0.25])
OF_MEMBER = np.sqrt([0.9, 0.1])  # how much of a vote's normal is that of its member, how much its own
VOTE_SD = 0.003  # by which a vote moves, whatever its member does

BALANCED = influences("balanced-accuracy", CLASSES, "positive")
AUROC = influences("auroc", CLASSES, "positive")


@dataclass(frozen=True)
class Kind:
    """A row to be.

    Attributes:
        seeds: trainings; 0 of a control.
        sd: of the luck of a training.
        vote_on: place of the row whose trainings it votes on.
    """

    seeds: int
    sd: float = 0.015
    level: float = 0.85
    vote_on: int | None = None


def targets_of(n: int, positives: int) -> np.ndarray:
    """(n,) classes, positives last."""
    return (np.arange(n) >= n - positives).astype(int)


def table(rng: np.random.Generator, kinds: Sequence[Kind], targets: np.ndarray) -> list[TestedRow]:
    """Rows of decisions by balanced accuracy."""
    n = len(targets)
    common = rng.normal(size=n)
    latent: list[np.ndarray] = []
    levels: list[np.ndarray] = []
    rows = []
    for kind in kinds:
        trainings = max(kind.seeds, 1)
        if kind.vote_on is None:
            own, each = rng.normal(size=n), rng.normal(size=(trainings, n))
            latent.append(COMMON * common + OF_PIPELINE * own + OF_TRAINING * each)
            levels.append(kind.level + kind.sd * rng.normal(size=trainings) * (kind.seeds > 0))
        else:
            inherited = latent[kind.vote_on][:trainings]
            latent.append(OF_MEMBER[0] * inherited + OF_MEMBER[1] * rng.normal(size=(trainings, n)))
            levels.append(levels[kind.vote_on][:trainings] + VOTE_SD * rng.normal(size=trainings))
        right = latent[-1] < _quantiles(levels[-1])[:, None]
        rows.append(_judged(right, targets, kind, len(rows)))
    return rows


def _quantiles(levels: np.ndarray) -> np.ndarray:
    return np.array([NORMAL.inv_cdf(min(max(level, 0.01), 0.999)) for level in levels])


def _judged(right: np.ndarray, targets: np.ndarray, kind: Kind, place: int) -> TestedRow:
    found = [BALANCED(targets, outputs_of(one, targets), np.arange(len(targets))) for one in right]
    ends = np.mean([balanced_interval(one, targets) for one in right], axis=0)
    base = place if kind.vote_on is None else kind.vote_on
    return TestedRow(
        values=np.array([value for value, _ in found]),
        moves=np.stack([moves for _, moves in found]),
        low=float(ends[0]),
        high=float(ends[1]),
        seeds=tuple(range(len(right))),
        trainings=tuple(frozenset([f"{base}/{seed}"]) for seed in range(len(right))),
        control=kind.seeds == 0,
    )


def outputs_of(right: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(n, 2) outputs that decide rightly where told to."""
    return np.eye(2)[np.where(right, targets, 1 - targets)]


def balanced_interval(right: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """95 % interval over images, as runs have it: Wilson's of either class put together (MOVER)."""
    shares = [float(right[targets == k].mean()) for k in (0, 1)]
    ends = [wilson(share, float((targets == k).sum())) for k, share in enumerate(shares)]
    value = sum(shares) / 2
    below, above = (np.hypot(*(shares[k] - ends[k][side] for k in (0, 1))) / 2 for side in (0, 1))
    return value - below, value + above


def ranked_table(rng: np.random.Generator, rows: int, seeds: int, targets: np.ndarray) -> list[TestedRow]:
    """Rows of scores by AUROC, whose separation has a luck of SD .1."""
    n = len(targets)
    common = rng.normal(size=n)
    found = []
    for _ in range(rows):
        own, each = rng.normal(size=n), rng.normal(size=(seeds, n))
        separation = 1.6 + 0.1 * rng.normal(size=(seeds, 1))
        scores = COMMON * common + OF_PIPELINE * own + OF_TRAINING * each + separation * targets
        found.append(_ranked(scores, targets))
    return found


def _ranked(scores: np.ndarray, targets: np.ndarray) -> TestedRow:
    n, positives = len(targets), targets.sum()
    judged = [AUROC(targets, np.stack([-one, one], axis=1), np.arange(n)) for one in scores]
    ends = [
        auroc_interval(
            value, clustered_error(auroc_influence(targets == 1, one), np.arange(n)), positives, n - positives
        )
        for one, (value, _) in zip(scores, judged, strict=True)
    ]
    low, high = np.mean(ends, axis=0)
    return TestedRow(
        np.array([value for value, _ in judged]),
        np.stack([moves for _, moves in judged]),
        float(low),
        float(high),
        tuple(range(len(scores))),
    )


def folded_table(rng: np.random.Generator, rows: int, targets: np.ndarray, folds: int = 5) -> list[TestedRow]:
    """Rows of one seed over the folds of a cross-validation: luck of SD .015 in each fold, of .008 in all together."""
    n = len(targets)
    fold = np.arange(n) % folds
    common = rng.normal(size=n)
    found = []
    for place in range(rows):
        levels = 0.85 + 0.008 * rng.normal() + 0.015 * rng.normal(size=folds)
        latent = COMMON * common + OF_PIPELINE * rng.normal(size=n) + OF_TRAINING * rng.normal(size=n)
        right = latent < _quantiles(levels)[fold]
        row = _judged(right[None], targets, Kind(1), place)
        by_fold = [
            np.mean([right[(fold == number) & (targets == k)].mean() for k in (0, 1)]) for number in range(folds)
        ]
        found.append(TestedRow(row.values, row.moves, row.low, row.high, by_fold=np.array([by_fold])))
    return found


def seeded(draws: int, *names: int | str) -> Iterator[np.random.Generator]:
    """One generator a draw, of a cell of that name."""
    text = "/".join(map(str, names)).encode()
    for draw in range(draws):
        yield np.random.default_rng([draw, *text])
