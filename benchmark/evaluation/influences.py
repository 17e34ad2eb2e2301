"""A metric and what each group of images adds to it: its derivative by the groups' weights.

n images, K classes, G groups.  The influences of a metric add up to 0; the sum of their squares, times G / (G - 1), is
the variance of the metric over test sets, because groups are independent.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from benchmark.evaluation import metrics
from benchmark.evaluation.metrics import Metric, metric_named
from benchmark.evaluation.resampling import without_each_group

Influenced = tuple[float, np.ndarray]  # a metric, and what each image (n,) or group (G,) adds to it
OfImages = Callable[[np.ndarray, np.ndarray], Influenced]


def influences(name: str, classes: Sequence[str], positive: str | None) -> Callable[..., Influenced]:
    """(targets (n,), outputs (n, K) of the kind that the metric needs, codes (n,) from 0 to G - 1) -> metric, (G,).

    A metric that is not defined is NaN, and so are its influences; MCC of a single decided class is 0 by convention.

    Raises:
        UnknownNameError: there is no such metric for these classes.
    """
    metric = metric_named(name, classes, positive)
    closed = _closed(name, list(classes), positive)
    return partial(_left_out, metric) if closed is None else partial(_of_groups, closed)


def _of_groups(closed: OfImages, targets: np.ndarray, outputs: np.ndarray, codes: np.ndarray) -> Influenced:
    value, of_images = closed(targets, outputs)
    return value, np.bincount(codes, of_images)


def _left_out(metric: Metric, targets: np.ndarray, outputs: np.ndarray, codes: np.ndarray) -> Influenced:
    """By computing the metric without each group; what it leaves undefined counts as what most leave."""
    value = float(metric.compute(targets, outputs, np.ones((1, len(targets))))[0])
    without = np.concatenate([metric.compute(targets, outputs, weights) for weights in without_each_group(codes)])
    defined = np.isfinite(without)
    if np.isnan(value) or not defined.any():
        return np.nan, np.full(len(without), np.nan)
    return value, np.where(defined, without[defined].mean() - without, 0.0)


def _closed(name: str, classes: list[str], positive: str | None) -> OfImages | None:
    """The closed form of a metric, where there is one."""
    kind, _, label = name.partition("@")[0].partition("/")  # whoever decided, at a threshold or not
    known = positive if positive else classes[1] if len(classes) == 2 else None
    if kind in ("sensitivity", "specificity") and not label:
        place = classes.index(positive or classes[1])
        kind, column = "recall", place if kind == "sensitivity" else 1 - place
    else:
        column = classes.index(label) if label else None
    if kind in OF_DECISIONS:
        return partial(_of_decisions, OF_DECISIONS[kind], column)
    if kind in OF_RANKS:
        ranked = range(len(classes)) if column is None and known is None else [column]
        ranked = [classes.index(known)] if column is None and known is not None else ranked
        return partial(_of_ranks, OF_RANKS[kind], ranked)
    return partial(_of_losses, OF_LOSSES[kind]) if kind in OF_LOSSES else None


def _of_decisions(of: Callable[..., Influenced], k: int | None, targets: np.ndarray, outputs: np.ndarray) -> Influenced:
    """All images of one cell of the confusion matrix add the same."""
    decisions = outputs.argmax(axis=1)
    matrix = metrics.confusion(targets, decisions, outputs.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):  # what is not defined is NaN
        value, of_cells = of(matrix, k)
    return float(value), of_cells[targets, decisions]


def _accuracy(matrix: np.ndarray, _: int | None) -> Influenced:
    value = metrics.accuracy(matrix)
    return value, (np.eye(len(matrix)) - value) / matrix.sum()


def _recall(matrix: np.ndarray, k: int | None) -> Influenced:
    """Of one class, or the mean of those that are present: balanced accuracy."""
    true, right = matrix.sum(axis=1), np.diagonal(matrix)
    by_class = (np.eye(len(matrix)) - (right / true)[:, None]) / true[:, None]  # of images of the class
    if k is not None:
        return right[k] / true[k], np.where(np.arange(len(matrix)) == k, 1.0, 0.0)[:, None] * by_class[k]
    present = true > 0
    return metrics.balanced_accuracy(matrix), np.where(present[:, None], by_class, 0.0) / present.sum()


def _precision(matrix: np.ndarray, k: int | None) -> Influenced:
    value = metrics.precisions(matrix)[k]
    own = np.arange(len(matrix)) == k
    return value, own[None, :] * (own[:, None] - value) / matrix.sum(axis=0)[k]


def _specificity(matrix: np.ndarray, k: int | None) -> Influenced:
    value = metrics.specificities(matrix)[k]
    other = np.arange(len(matrix)) != k
    return value, other[:, None] * (other[None, :] - value) / (matrix.sum() - matrix.sum(axis=1)[k])


def _f1(matrix: np.ndarray, k: int | None) -> Influenced:
    """Of one class, or the mean of those that are present or decided."""
    if k is None:
        found = [_f1(matrix, each) for each in range(len(matrix))]
        defined = [one for one in found if not np.isnan(one[0])]
        return np.mean([value for value, _ in defined]), np.mean([cells for _, cells in defined], axis=0)
    value = metrics.f1s(matrix)[k]
    own = (np.arange(len(matrix)) == k).astype(float)
    either = own[:, None] + own[None, :]
    return value, (2 * np.outer(own, own) - value * either) / (matrix.sum(axis=1)[k] + matrix.sum(axis=0)[k])


def _matthews(matrix: np.ndarray, _: int | None) -> Influenced:
    true, decided, total = matrix.sum(axis=1), matrix.sum(axis=0), matrix.sum()
    value = metrics.matthews(matrix)
    if np.isnan(value):
        only = (true > 0).sum() > 1  # one class is decided: 0 by convention
        return (0.0 if only else np.nan), np.full(matrix.shape, 0.0 if only else np.nan)
    spreads = [total**2 - (margin**2).sum() for margin in (true, decided)]
    moved = np.eye(len(matrix)) * total + np.trace(matrix) - decided[:, None] - true[None, :]
    shrunk = (total - true)[:, None] / spreads[0] + (total - decided)[None, :] / spreads[1]
    return value, moved / np.sqrt(spreads[0] * spreads[1]) - value * shrunk


def _of_ranks(
    of: Callable[..., Influenced], columns: Sequence[int], targets: np.ndarray, outputs: np.ndarray
) -> Influenced:
    """Of one class against the rest, or the mean over those that are there beside others."""
    odds = metrics.log_odds(outputs)
    one_sided = [k for k in columns if np.ptp((targets == k).astype(int)) == 0]
    found = [of(targets == k, odds[:, k]) for k in columns if k not in one_sided]
    if not found:
        return np.nan, np.full(len(targets), np.nan)
    return float(np.mean([value for value, _ in found])), np.mean([moves for _, moves in found], axis=0)


def _auroc(positives: np.ndarray, scores: np.ndarray) -> Influenced:
    return float(metrics.auroc(positives, scores)), metrics.auroc_influence(positives, scores)


def _auprc(positives: np.ndarray, scores: np.ndarray) -> Influenced:
    """An image moves the precision at its own score and at all that are not above it."""
    distinct, place = np.unique(-scores, return_inverse=True)  # from the highest score down
    place = place.reshape(-1)
    count = positives.sum()
    gain = np.bincount(place, positives, len(distinct))
    seen = np.cumsum(np.bincount(place, minlength=len(distinct)))
    precision = np.cumsum(gain) / seen
    value = float((gain * precision).sum() / count)

    def from_here(moved: np.ndarray) -> np.ndarray:
        return np.cumsum((gain * moved / seen)[::-1])[::-1][place]

    of_positive = precision[place] - value + from_here(1 - precision)
    return value, np.where(positives, of_positive, -from_here(precision)) / count


def _of_losses(losses: Callable[..., np.ndarray], targets: np.ndarray, outputs: np.ndarray) -> Influenced:
    of_images = losses(targets, outputs)
    value = float(of_images.mean())
    return value, (of_images - value) / len(targets)


OF_DECISIONS = {
    "accuracy": _accuracy,
    "balanced-accuracy": _recall,
    "recall": _recall,
    "precision": _precision,
    "specificity": _specificity,
    "f1": _f1,
    "macro-f1": _f1,
    "mcc": _matthews,
}
OF_RANKS = {"auroc": _auroc, "auprc": _auprc}
OF_LOSSES = {"log-loss": metrics.log_losses, "brier": metrics.brier_scores}
