"""Influences beside leaving groups out, DeLong's and Obuchowski's errors written out by pairs."""

import numpy as np
import pytest
from scipy import stats

from benchmark.evaluation.influences import influences
from benchmark.evaluation.metrics import metric_named
from benchmark.evaluation.pairs import image_errors
from benchmark.evaluation.resampling import without_each_group
from benchmark.records.metrics import metrics_of
from registry.errors import UnknownNameError

TWO, FOUR = ["negative", "positive"], list("abcd")
CLOSED = [(TWO, "positive", name) for name in metrics_of(TWO, "positive")] + [
    (FOUR, None, name) for name in metrics_of(FOUR, None)
]


def drawn(classes: list[str], seed: int = 0, n: int = 1500) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets, logits with ties, and groups of three."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, len(classes), n)
    logits = rng.normal(size=(n, len(classes))).round(2)
    logits[np.arange(n), targets] += 1.25
    return targets, logits, np.arange(n) // 3


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(("classes", "positive", "name"), CLOSED, ids=lambda value: str(value)[:30])
def test_an_influence_is_what_leaving_the_group_out_takes_away(
    classes: list[str], positive: str | None, name: str
) -> None:
    metric = metric_named(name, classes, positive)
    targets, logits, groups = drawn(classes)
    outputs = softmax(logits) if metric.needs == "probabilities" else logits
    value, moves = influences(name, classes, positive)(targets, outputs, groups)
    without = np.concatenate([metric.compute(targets, outputs, weights) for weights in without_each_group(groups)])
    assert value == pytest.approx(metric.compute(targets, outputs, np.ones((1, len(targets))))[0])
    assert moves.shape == (500,) and moves.sum() == pytest.approx(0, abs=1e-9)
    left_out = without.mean() - without
    assert np.sqrt((moves**2).sum()) == pytest.approx(np.sqrt((left_out**2).sum()), rel=0.01)
    assert np.corrcoef(moves, left_out)[0, 1] > 0.999


def test_a_metric_that_is_not_defined_has_no_influences() -> None:
    _, logits, groups = drawn(TWO, n=30)
    for name in ("auroc", "mcc", "recall/positive"):
        value, _ = influences(name, TWO, "positive")(np.zeros(30, int), logits, groups)
        assert np.isnan(value)
    with pytest.raises(UnknownNameError):
        influences("ece-floor", TWO, "positive")


def test_mcc_of_a_single_decided_class_is_0_by_convention() -> None:
    targets, _, groups = drawn(TWO)
    value, moves = influences("mcc", TWO, "positive")(targets, np.tile([1.0, 0.0], (1500, 1)), groups)
    assert value == 0 and not moves.any()


def placements(positives: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of every positive the share of negatives below it, of every negative that of positives above it."""
    high, low = scores[positives], scores[~positives]
    above = (high[:, None] > low[None]) + 0.5 * (high[:, None] == low[None])
    return above.mean(axis=1), above.mean(axis=0)


def delong(positives: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Difference of two AUROCs and its error (DeLong, DeLong & Clarke-Pearson 1988)."""
    (a10, a01), (b10, b01) = placements(positives, first), placements(positives, second)
    variance = np.var(a10 - b10, ddof=1) / positives.sum() + np.var(a01 - b01, ddof=1) / (~positives).sum()
    return float(a10.mean() - b10.mean()), float(np.sqrt(variance))


def obuchowski(positives: np.ndarray, scores: np.ndarray, clusters: np.ndarray) -> float:
    """Error of an AUROC where clusters hold images of either kind (Obuchowski 1997)."""
    of_positives, of_negatives = placements(positives, scores)
    area, count = of_positives.mean(), clusters.max() + 1
    own, others = (np.bincount(clusters[side], minlength=count) for side in (positives, ~positives))
    sums = np.bincount(clusters[positives], of_positives, count) - own * area
    other_sums = np.bincount(clusters[~positives], of_negatives, count) - others * area
    kinds = [((own > 0).sum(), own.sum(), sums), ((others > 0).sum(), others.sum(), other_sums)]
    first, second = (number / ((number - 1) * images) * (each**2).sum() for number, images, each in kinds)
    both = count / (count - 1) * (sums * other_sums).sum()
    m, n = own.sum(), others.sum()
    return float(np.sqrt(first / m + second / n + 2 * both / (m * n)))


def two_columns(scores: np.ndarray) -> np.ndarray:
    return np.stack([-scores / 2, scores / 2], axis=1)


@pytest.mark.parametrize("seed", range(20))
def test_the_error_of_an_auroc_difference_is_delongs_before_it_is_widened(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 2000
    positives = np.arange(n) < rng.integers(350, 900)
    common = rng.normal(size=n)
    scores = [common + rng.normal(size=n) + rng.uniform(0.8, 2.4) * positives for _ in range(2)]
    known = influences("auroc", TWO, "positive")
    found = [known(positives.astype(int), two_columns(one), np.arange(n)) for one in scores]
    images2, widen = image_errors(np.stack([moves for _, moves in found]), 300)
    difference, error = delong(positives, *scores)
    assert found[0][0] - found[1][0] == pytest.approx(difference)
    assert np.sqrt(images2[0, 1]) / widen[0, 1] == pytest.approx(error, rel=0.01)
    own, theirs = (2 * stats.norm.sf(abs(difference) / each) for each in (np.sqrt(images2[0, 1]), error))
    assert own == pytest.approx(theirs, abs=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_the_error_of_a_clustered_auroc_is_obuchowskis_before_it_is_widened(seed: int) -> None:
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(500), 3)
    positives = np.repeat(rng.random(500) < 0.3, 3)
    positives[::7] = ~positives[::7]  # clusters of both kinds
    scores = rng.normal(size=1500) + np.repeat(rng.normal(size=500), 3) + 1.4 * positives
    _, moves = influences("auroc", TWO, "positive")(positives.astype(int), two_columns(scores), clusters)
    images2, widen = image_errors(np.stack([moves, np.zeros(500)]), 100)
    assert np.sqrt(images2[0, 1]) / widen[0, 1] == pytest.approx(obuchowski(positives, scores, clusters), rel=0.01)
