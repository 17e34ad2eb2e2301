"""Curves of each class against the others on the test images, with pointwise 95 % bands, thinned to fixed grids.

Sensitivity over the false positive rate (ROC), precision over recall, reliability, and net benefit over the threshold
probability (Vickers & Elkin 2006).  Of two classes with a positive one, that one alone.

Bands.  ROC and precision: groups are resampled, and the variance that this gives at a point, which holds that the
threshold moves too, becomes Wilson's interval of as many images as would have that variance, at most as many groups as
there are: so a band does not collapse where a curve is at 0 or 1.  Reliability: Wilson's interval at the effective
number of images in a bin, as of any proportion.  Net benefit is a mean over images: 2.5 and 97.5 % of resampled groups.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from benchmark.evaluation.intervals import proportion, wilson
from benchmark.evaluation.metrics import log_odds
from benchmark.evaluation.resampling import group_weights
from benchmark.records.curves import Band, ClassCurves, Curves, Reliability

RESAMPLES = 500  # a band is read from a picture
BINS, FEW_BINS = 10, 5
MOST_POINTS, LEAST_POINTS, POINTS_IN_ALL, MOST_SETS = 40, 6, 160, 24  # so that a file has at most 20 kB
THRESHOLDS = (0.01, 0.9)


class Outputs(NamedTuple):
    """Of n test images and K classes: (n, K) at equal class priors, and at the training data's."""

    corrected_logits: np.ndarray
    probabilities: np.ndarray


class _Points(NamedTuple):
    """The three curves over their grids, (..., G) each, and how many images are called positive at each recall."""

    sensitivity: np.ndarray
    precision: np.ndarray
    net_benefit: np.ndarray
    called: np.ndarray


class _Grids(NamedTuple):
    rate: np.ndarray
    recall: np.ndarray
    threshold: np.ndarray


def curves(
    classes: Sequence[str],
    positive: str | None,
    targets: np.ndarray,
    outputs: Mapping[str, Outputs],
    groups: np.ndarray,
    seed: int,
    resamples: int,
) -> Curves:
    """The curves of one rule or several on the same test images.

    A class without test images, or without others, has none; nor have, of many, the smallest.

    Args:
        targets: (n,) class index.
        outputs: rule -> its outputs; of a pipeline the one rule is called "".
        resamples: of groups, of which at most 500 are made; 0 leaves the bands of all but reliability empty.
    """
    asked = _asked(list(classes), positive, np.asarray(targets), max(1, MOST_SETS // len(outputs)))
    sets = max(1, len(asked) * len(outputs))
    points = max(LEAST_POINTS, min(MOST_POINTS, POINTS_IN_ALL // sets))
    grids = _grids(points)
    bins = BINS if sets <= POINTS_IN_ALL // BINS else FEW_BINS
    found = {}
    for rule, of in outputs.items():
        odds = log_odds(of.corrected_logits)
        found[rule] = [
            _of_class(name, targets == k, odds[:, k], of.probabilities[:, k], groups, grids, bins, seed, resamples)
            for k, name in asked
        ]
    return Curves(*(grid.tolist() for grid in grids), of=found)


def encoded(found: Curves) -> bytes:
    """As it lies in a file."""
    return msgspec.json.encode(found)


def _asked(classes: list[str], positive: str | None, targets: np.ndarray, most: int) -> list[tuple[int, str]]:
    """Column and name of the classes that have a curve."""
    if positive is not None and len(classes) == 2:
        wanted = [classes.index(positive)]
    else:
        wanted = list(range(len(classes)))[1 if len(classes) == 2 else 0 :]
    counts = np.bincount(targets, minlength=len(classes))
    known = [k for k in wanted if 0 < counts[k] < len(targets)]
    kept = set(sorted(known, key=lambda k: -counts[k])[:most])
    return [(k, classes[k]) for k in known if k in kept]


def _grids(points: int) -> _Grids:
    """Rates lie closer near 0, where a screening test is used."""
    steps = np.arange(points + 1) / points
    threshold = np.linspace(*THRESHOLDS, points)
    return _Grids(*(np.unique(grid.round(3)) for grid in (steps**2, steps[1:], threshold)))


def _of_class(
    name: str,
    own: np.ndarray,
    odds: np.ndarray,
    chances: np.ndarray,
    groups: np.ndarray,
    grids: _Grids,
    bins: int,
    seed: int,
    resamples: int,
) -> ClassCurves:
    whole = _points(own, odds, chances, grids, np.ones((1, len(own))))
    value = _Points(*(one[0] for one in whole))
    drawn = None
    if resamples:
        every = group_weights(groups, min(resamples, RESAMPLES), seed)
        chunks = [_points(own, odds, chances, grids, weights) for weights in every]
        drawn = _Points(*(np.concatenate(parts) for parts in zip(*chunks, strict=True)))
    independent = len(np.unique(groups)) / len(groups)
    carriers = len(np.unique(groups[own]))
    return ClassCurves(
        name=name,
        positives=int(own.sum()),
        n=len(own),
        sensitivity=_shares(value.sensitivity, drawn and drawn.sensitivity, np.full(len(grids.rate), carriers)),
        precision=_shares(value.precision, drawn and drawn.precision, np.maximum(1, value.called * independent)),
        reliability=_reliability(own, chances, groups, bins),
        net_benefit=_quantiles(value.net_benefit, drawn and drawn.net_benefit),
    )


def _points(own: np.ndarray, odds: np.ndarray, chances: np.ndarray, grids: _Grids, weights: np.ndarray) -> _Points:
    """The curves of resamples with weights (r, n); NaN in those without images of the class, or without others."""
    order = np.argsort(-odds, kind="stable")
    ends = np.flatnonzero(np.r_[odds[order][1:] != odds[order][:-1], True])  # of images that share a score
    sorted_weights = weights[:, order]
    hits = np.cumsum(sorted_weights * own[order], axis=1)[:, ends]
    alarms = np.cumsum(sorted_weights * ~own[order], axis=1)[:, ends]
    ranks = [_ranked(*one, grids) for one in zip(hits, alarms, strict=True)]
    sensitivity, precision, called = (np.array(column) for column in zip(*ranks, strict=True))
    price = grids.threshold / (1 - grids.threshold)
    gains = (chances[:, None] >= grids.threshold) * np.where(own[:, None], 1.0, -price)  # (n, T)
    return _Points(sensitivity, precision, weights @ gains / weights.sum(axis=1, keepdims=True), called)


def _ranked(hits: np.ndarray, alarms: np.ndarray, grids: _Grids) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sensitivity at each rate, between two scores in a straight line; precision and number called at each recall."""
    if not (hits[-1] and alarms[-1]):
        return np.full(len(grids.rate), np.nan), *np.full((2, len(grids.recall)), np.nan)
    recalls, rates = np.r_[0, hits / hits[-1]], np.r_[0, alarms / alarms[-1]]
    sensitivity = np.interp(grids.rate, rates, recalls)
    places = np.minimum(np.searchsorted(recalls[1:], grids.recall - 1e-9), len(hits) - 1)
    called = hits[places] + alarms[places]
    return sensitivity, hits[places] / called, called


def _shares(values: np.ndarray, drawn: np.ndarray | None, most: np.ndarray) -> Band:
    """Shares with Wilson's intervals of as many images as have the variance that was drawn, at most so many."""
    if drawn is None:
        return Band(_plain(values))
    defined = drawn[~np.isnan(drawn).any(axis=1)]
    spread = defined.var(axis=0, ddof=1) if len(defined) > 1 else np.zeros(len(values))
    own = values * (1 - values)
    worth = np.where((spread > 0) & (own > 0), own / np.where(spread > 0, spread, 1), most)
    ends = [wilson(float(one), float(n)) for one, n in zip(values, np.clip(worth, 1, most), strict=True)]
    return Band(_plain(values), *(_plain(np.array(end)) for end in zip(*ends, strict=True)))


def _quantiles(values: np.ndarray, drawn: np.ndarray | None) -> Band:
    if drawn is None:
        return Band(_plain(values))
    return Band(_plain(values), *map(_plain, np.quantile(drawn, [0.025, 0.975], axis=0)))


def _reliability(own: np.ndarray, chances: np.ndarray, groups: np.ndarray, bins: int) -> Reliability:
    edges = np.unique(np.quantile(chances, np.arange(1, bins) / bins))
    within = np.searchsorted(edges, chances, "right")
    used = [within == place for place in range(len(edges) + 1) if (within == place).any()]
    shares = [proportion(own[one], groups[one]) for one in used]
    band = Band(*(_plain(np.array([getattr(one, end) for one in shares])) for end in ("value", "low", "high")))
    return Reliability([round(float(chances[one].mean()), 4) for one in used], band, [int(one.sum()) for one in used])


def _plain(values: np.ndarray) -> list[float | None]:
    return list(_rounded(values))


def _rounded(values: np.ndarray) -> Iterator[float | None]:
    for value in values.tolist():
        yield round(value, 3) if np.isfinite(value) else None
