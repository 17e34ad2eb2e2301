"""Rules that never look at an image: what a classifier must beat to have learnt anything from the pixels.

``majority`` answers with the class prior of the training images, ``source-oracle`` with those of the training images
of the same source.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.evaluation import metrics
from benchmark.evaluation.estimates import Outputs, evaluate
from benchmark.evaluation.resampling import Groups
from benchmark.records.estimate import Estimate

MAJORITY, ORACLE = "majority", "source-oracle"


def controls(
    classes: Sequence[str],
    positive: str | None,
    targets: np.ndarray,
    subsets: np.ndarray,
    groups: Groups,
    sources: Sequence[str | None] | None,
    seed: int,
    resamples: int = 2000,
) -> dict[str, dict[str, Estimate]]:
    """Metrics on "test" of rules learnt on "train": ``majority`` and, where all sources are known, ``source-oracle``.

    Both answer with the class prior of their training images and decide for the largest share.
    """
    targets, subsets, groups = np.asarray(targets, int), np.asarray(subsets), np.asarray(groups)
    test = subsets == "test"
    rules = control_shares(len(classes), targets, sources, subsets == "train", test)
    return judge_controls(classes, positive, targets[test], rules, groups[test], seed, resamples)


def control_shares(
    num_classes: int,
    targets: np.ndarray,
    sources: Sequence[str | None] | None,
    train: np.ndarray,
    test: np.ndarray,
) -> dict[str, np.ndarray]:
    """Rule -> class priors (n, K) that it answers the images of `test` with, learnt from those of `train` (N,) bool."""
    alike = np.zeros(len(targets), int)
    rules = {MAJORITY: class_shares(num_classes, alike[train], targets[train], alike[test])}
    if sources is not None and all(source is not None for source in sources):
        known = np.asarray(sources)
        rules[ORACLE] = class_shares(num_classes, known[train], targets[train], known[test])
    return rules


def judge_controls(
    classes: Sequence[str],
    positive: str | None,
    targets: np.ndarray,
    rules: Mapping[str, np.ndarray],
    groups: Groups,
    seed: int,
    resamples: int,
) -> dict[str, dict[str, Estimate]]:
    """Rule -> metrics of its class priors (n, K) on n images."""
    return {
        name: evaluate(classes, positive, targets, outputs_of_shares(shares), groups, seed, resamples)
        for name, shares in rules.items()
    }


def class_shares(classes: int, sources: np.ndarray, targets: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """(n, K) class priors of the training images of each `asked` source.

    One image spread over the classes by their overall shares is added to every source, so that no share is 0
    and an unseen source has the overall ones.
    """
    overall = np.bincount(targets, minlength=classes) + 1 / classes
    overall = overall / overall.sum()
    by_source = {source: np.bincount(targets[sources == source], minlength=classes) for source in np.unique(asked)}
    table = {source: (count + overall) / (count.sum() + 1) for source, count in by_source.items()}
    return np.array([table[source] for source in asked]).reshape(len(asked), classes)


def outputs_of_shares(shares: np.ndarray) -> Outputs:
    """A rule that answers with class priors (n, K) and decides for the largest."""
    return Outputs(shares.argmax(axis=1), metrics.log_odds(np.log(shares)), shares)


def judge_rule(
    name: str,
    classes: Sequence[str],
    positive: str | None,
    targets: np.ndarray,
    corrected_logits: np.ndarray,
    probabilities: np.ndarray,
    groups: Groups,
    seed: int,
    resamples: int,
) -> dict[str, Estimate]:
    """Metrics of a rule's stored outputs (n, K): decided at equal class priors, ``majority`` at the data's own."""
    if name == MAJORITY:
        return judge_controls(classes, positive, targets, {name: probabilities}, groups, seed, resamples)[name]
    outputs = Outputs(corrected_logits.argmax(axis=1), metrics.log_odds(corrected_logits), probabilities)
    return evaluate(classes, positive, targets, outputs, np.asarray(groups), seed, resamples)
