"""What a classifier's outputs are worth: plain numbers, no intervals (`benchmark.evaluation.scoring` adds them).

n images, K classes.  `weights` is (..., n), one weight per image, for resampling; results then have the shape
`...`.  Without weights every image counts once.  NaN means "not defined here" and never leaves this level:
`benchmark.evaluation.scoring` turns it into an estimate without value and a note that says why.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from registry.errors import unknown_name

SPECIFICITIES = (0.95, 0.99)  # for which thresholds are chosen
ECE_BINS = 15
TINY = 1e-15  # probabilities are cut here before a logarithm


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    numerator, denominator = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator != 0)


def _mean_defined(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is defined there."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0.0).sum(axis=-1), defined.sum(axis=-1))


def _each_once(weights: np.ndarray | None, n: int) -> np.ndarray:
    return np.ones(n) if weights is None else np.asarray(weights, float)


def weighted_mean(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Mean of (n,) values per image."""
    weights = _each_once(weights, len(values))
    return _ratio(weights @ values, weights.sum(axis=-1))


def confusion(
    targets: np.ndarray, decisions: np.ndarray, classes: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """(..., K, K): rows are true classes, columns decided ones."""
    cells = np.zeros((len(targets), classes * classes))
    cells[np.arange(len(targets)), np.asarray(targets) * classes + np.asarray(decisions)] = 1.0
    counts = _each_once(weights, len(targets)) @ cells
    return counts.reshape(*counts.shape[:-1], classes, classes)


def accuracy(matrix: np.ndarray) -> np.ndarray:
    """Share of images decided rightly."""
    return _ratio(np.trace(matrix, axis1=-2, axis2=-1), matrix.sum(axis=(-2, -1)))


def recalls(matrix: np.ndarray) -> np.ndarray:
    """(..., K): share of each class's images that are decided so; NaN for an absent class."""
    return _ratio(np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(axis=-1))


def precisions(matrix: np.ndarray) -> np.ndarray:
    """(..., K): share of the images decided as a class that are of it; NaN for a class never decided."""
    return _ratio(np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(axis=-2))


def specificities(matrix: np.ndarray) -> np.ndarray:
    """(..., K): share of the other classes' images that are not decided as the class; NaN where there are none."""
    true, decided = matrix.sum(axis=-1), matrix.sum(axis=-2)
    others = matrix.sum(axis=(-2, -1))[..., None] - true
    return _ratio(others - (decided - np.diagonal(matrix, axis1=-2, axis2=-1)), others)


def f1s(matrix: np.ndarray) -> np.ndarray:
    """(..., K): 2 TP / (2 TP + FP + FN); NaN for a class neither present nor decided."""
    return _ratio(2 * np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(axis=-1) + matrix.sum(axis=-2))


def balanced_accuracy(matrix: np.ndarray) -> np.ndarray:
    """Mean recall of the classes present."""
    return _mean_defined(recalls(matrix))


def macro_f1(matrix: np.ndarray) -> np.ndarray:
    """Mean F1 of the classes present or decided."""
    return _mean_defined(f1s(matrix))


def matthews(matrix: np.ndarray) -> np.ndarray:
    """Correlation of truth and decision (Gorodkin 2004); NaN where either is a single class."""
    true, decided, total = matrix.sum(axis=-1), matrix.sum(axis=-2), matrix.sum(axis=(-2, -1))
    covariance = np.trace(matrix, axis1=-2, axis2=-1) * total - (true * decided).sum(axis=-1)
    spreads = [total**2 - (margin**2).sum(axis=-1) for margin in (true, decided)]
    return _ratio(covariance, np.sqrt(spreads[0]) * np.sqrt(spreads[1]))


def log_odds(logits: np.ndarray) -> np.ndarray:
    """(n, K): log p_k / (1 - p_k) of the softmax of (n, K) logits, exact where p would round to 1."""
    logits = np.asarray(logits, float)
    odds = np.empty_like(logits)
    for k in range(logits.shape[1]):
        odds[:, k] = logits[:, k] - np.logaddexp.reduce(np.delete(logits, k, axis=1), axis=1)
    return odds


def _by_score(positives: np.ndarray, scores: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Weight of positives and of negatives at each distinct score (..., U), scores ascending."""
    order = np.argsort(scores, kind="stable")
    ordered = np.asarray(scores)[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    weights = _each_once(weights, len(ordered))[..., order]
    positive = np.asarray(positives, float)[order]
    gains = weights * positive
    return np.add.reduceat(gains, starts, axis=-1), np.add.reduceat(weights - gains, starts, axis=-1)


def auroc(positives: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Chance that a positive scores above a negative, ties counting half; NaN without one of the two."""
    gain, loss = _by_score(positives, scores, weights)
    below = np.cumsum(loss, axis=-1) - loss / 2
    return _ratio((gain * below).sum(axis=-1), gain.sum(axis=-1) * loss.sum(axis=-1))


def auroc_influence(positives: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(n,): what each image adds to the error of the AUROC (DeLong's placement values, centred and scaled)."""
    positives, scores = np.asarray(positives, bool), np.asarray(scores, float)
    high, low = np.sort(scores[positives]), np.sort(scores[~positives])

    def share_below(sample: np.ndarray, of: np.ndarray) -> np.ndarray:
        return (np.searchsorted(sample, of, "left") + np.searchsorted(sample, of, "right")) / (2 * len(sample))

    placement = np.where(positives, share_below(low, scores), 1 - share_below(high, scores))
    return (placement - placement[positives].mean()) / np.where(positives, len(high), len(low))


def auprc(positives: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Average precision: precision at each distinct score, weighted by the recall gained there."""
    gain, loss = (side[..., ::-1] for side in _by_score(positives, scores, weights))
    hits = np.cumsum(gain, axis=-1)
    precision = np.nan_to_num(_ratio(hits, hits + np.cumsum(loss, axis=-1)))
    return _ratio((gain * precision).sum(axis=-1), gain.sum(axis=-1))


def log_losses(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(n,): minus the natural logarithm of the true class's probability."""
    return -np.log(np.clip(probabilities[np.arange(len(targets)), targets], TINY, 1.0))


def brier_scores(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(n,): half the squared distance to the truth, in [0, 1]; for K = 2 the usual (p - y)²."""
    truth = np.eye(probabilities.shape[1])[targets]
    return ((probabilities - truth) ** 2).sum(axis=1) / 2


def _bins(confidences: np.ndarray) -> np.ndarray:
    """(n, bins) membership in up to `ECE_BINS` bins of equal mass; equal confidences share a bin."""
    edges = np.unique(np.quantile(confidences, np.arange(1, ECE_BINS) / ECE_BINS))
    return np.eye(len(edges) + 1)[np.searchsorted(edges, confidences, "right")]


def ece(targets: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Expected calibration error of the likeliest class's probability, in 15 bins of equal mass.

    Equal mass, because most confidences lie near 1: bins of equal width would put nearly all images into the
    last one, where errors cancel, and leave the others to noise (Nixon et al. 2019, Roelofs et al. 2022).
    """
    confidences = probabilities.max(axis=1)
    gaps = confidences - (probabilities.argmax(axis=1) == targets)
    weights = _each_once(weights, len(gaps))
    return _ratio(np.abs((weights * gaps) @ _bins(confidences)).sum(axis=-1), weights.sum(axis=-1))


def ece_of_perfect(probabilities: np.ndarray, seed: int | np.random.Generator, simulations: int = 500) -> np.ndarray:
    """(simulations,): ECE of a perfectly calibrated model with these probabilities, which is not 0 for finite n."""
    confidences = probabilities.max(axis=1)
    right = np.random.default_rng(seed).random((simulations, len(confidences))) < confidences
    return np.abs((confidences - right) @ _bins(confidences)).sum(axis=1) / len(confidences)


@dataclass(frozen=True)
class Metric:
    """A metric that can be recomputed on resamples.

    Attributes:
        needs: "corrected_logits" (at equal priors, see `calibration.without_prior`) or "probabilities" (calibrated).
        specificity: where a threshold decides instead of the likeliest class, what it is chosen for on the calibration
            subset; `compute` then takes outputs that were decided so.
        compute: (targets (n,), outputs (n, K) of the kind it needs, weights (..., n)) -> (...).
    """

    name: str
    needs: str
    compute: Callable[..., np.ndarray]
    specificity: float | None = None


def metric_named(name: str, classes: Sequence[str], positive: str | None = None) -> Metric:
    """The metric of that name, to be recomputed on resamples: all in a record but thresholds, counts and floors.

    Raises:
        UnknownNameError: there is none of that name for these classes.
    """
    known = {metric.name: metric for metric in _known(list(classes), positive)}
    if name not in known:
        raise unknown_name("resampleable metric", name, known, "the metrics of a result.json")
    return known[name]


def _known(classes: list[str], positive: str | None) -> Iterator[Metric]:
    column = None if len(classes) > 2 else (classes.index(positive) if positive else 1)
    overall = {"accuracy": accuracy, "balanced-accuracy": balanced_accuracy, "macro-f1": macro_f1, "mcc": matthews}
    per_class = {"precision": precisions, "recall": recalls, "f1": f1s, "specificity": specificities}
    for name, of in overall.items():
        yield Metric(name, "corrected_logits", partial(_of_decisions, of, None))
    for name, of in per_class.items():
        for k, label in enumerate(classes):
            yield Metric(f"{name}/{label}", "corrected_logits", partial(_of_decisions, of, k))
    if positive and column is not None:
        yield Metric("sensitivity", "corrected_logits", partial(_of_decisions, recalls, column))
        yield Metric("specificity", "corrected_logits", partial(_of_decisions, recalls, 1 - column))
        for share in SPECIFICITIES:
            for name, k in {"sensitivity": column, "specificity": 1 - column}.items():
                decided = partial(_of_decisions, recalls, k)
                yield Metric(f"{name}@specificity-{share * 100:.0f}", "corrected_logits", decided, share)
    for name, ranking in {"auroc": auroc, "auprc": auprc}.items():
        yield Metric(name, "corrected_logits", partial(_of_ranks, ranking, column))
        for k, label in enumerate(classes):
            yield Metric(f"{name}/{label}", "corrected_logits", partial(_of_ranks, ranking, k))
    for name, losses in {"log-loss": log_losses, "brier": brier_scores}.items():
        yield Metric(name, "probabilities", partial(_of_losses, losses))
    yield Metric("ece", "probabilities", ece)


def _of_decisions(
    of: Callable[[np.ndarray], np.ndarray],
    column: int | None,
    targets: np.ndarray,
    outputs: np.ndarray,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    values = of(confusion(targets, outputs.argmax(axis=1), outputs.shape[1], weights))
    return values if column is None else values[..., column]


def _of_ranks(
    ranking: Callable[..., np.ndarray],
    column: int | None,
    targets: np.ndarray,
    outputs: np.ndarray,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    odds = log_odds(outputs)
    columns = range(odds.shape[1]) if column is None else [column]
    return _mean_defined(np.stack([ranking(targets == k, odds[:, k], weights) for k in columns], axis=-1))


def _of_losses(
    losses: Callable[[np.ndarray, np.ndarray], np.ndarray],
    targets: np.ndarray,
    outputs: np.ndarray,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    return weighted_mean(losses(targets, outputs), weights)
