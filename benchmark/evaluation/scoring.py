"""A run's outputs -> its metrics with intervals, its calibrated probabilities and its control rows.

One decision rule for every metric that counts decisions (accuracy to MCC, sensitivity, specificity, the
confusion matrix): the class likeliest *at equal class shares*, `calibration.calibrate`.  It is what balanced
accuracy rewards and what training on balanced batches aims at.  Rankings (AUROC, AUPRC) use the same evidence.
Log-loss, Brier and ECE judge calibrated probabilities at the training data's class shares.
Calibration and thresholds are fitted on the part "fit", everything is reported on "test".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from benchmark.evaluation import metrics
from benchmark.evaluation.calibration import Calibration, calibrate, log_prior, threshold_at_specificity
from benchmark.evaluation.estimates import Outputs, evaluate
from benchmark.evaluation.intervals import proportion
from benchmark.evaluation.resampling import Groups
from benchmark.records.estimate import Estimate
from registry.errors import DataError

SPECIFICITIES = (0.95, 0.99)
DECISION_RULE = "likeliest class at equal class shares, calibrated on validation"
UNCALIBRATED_RULE = "likeliest class at equal class shares, not calibrated"
PROBABILITY_RULE = "class shares of the training data: log-loss, Brier and ECE refer to them"


@dataclass(frozen=True)
class Scores:
    """What `score` gives.

    Attributes:
        metrics: on the test part; names as in a record.
        confusion: test images; rows true classes, columns decided ones.
        evidence: (N, K) float64 of all samples, calibrated, at equal class shares.
        probabilities: (N, K) float64 of all samples, calibrated, at the training data's class shares.
        decisions: (N,) class index of all samples, at equal class shares.
        calibration: JSON-able: the fitted parameters, priors, rules, thresholds and notes.
        controls: "majority" and, where sources are known, "source-oracle" -> metrics on the test part.
    """

    metrics: dict[str, Estimate]
    confusion: list[list[int]]
    evidence: np.ndarray
    probabilities: np.ndarray
    decisions: np.ndarray
    calibration: dict[str, Any]
    controls: dict[str, dict[str, Estimate]] = field(default_factory=dict)


def score(
    *,
    classes: Sequence[str],
    positive: str | None,
    targets: np.ndarray,
    logits: np.ndarray,
    parts: np.ndarray,
    groups: Groups,
    data_prior: Sequence[float],
    batch_prior: Sequence[float],
    seed: int,
    sources: Sequence[str | None] | None = None,
    resamples: int = 2000,
) -> Scores:
    """Calibrates on "fit", scores "test", and scores the rules that never look at an image.

    Args:
        classes: names, in the order of the logits' columns.
        positive: the class that sensitivity is about (K = 2), or None.
        targets: (N,) class index; of all parts.
        logits: (N, K) as the network gave them.
        parts: (N,) "train", "select", "fit" or "test".
        groups: (N,) images that are not independent share one.
        data_prior: (K,) class shares of the training part.
        batch_prior: (K,) class shares (weights included) that the network saw in training.
        sources: (N,) hospital or collection; None, or any None among them: unknown.

    Raises:
        DataError: no test images, or logits that are not finite.
    """
    targets, logits, parts = np.asarray(targets, int), np.asarray(logits, float), np.asarray(parts)
    _check(logits, parts)
    fit, test = parts == "fit", parts == "test"
    evidence, probabilities, calibration = calibrate(logits, targets, fit, data_prior, batch_prior)
    outputs = Outputs(evidence.argmax(axis=1), metrics.log_odds(evidence), probabilities)
    judged = evaluate(classes, positive, targets[test], outputs.of(test), np.asarray(groups)[test], seed, resamples)
    info = _calibration_info(calibration, classes, data_prior, batch_prior)
    if positive is not None and len(classes) == 2:
        at, info["thresholds"] = _at_specificities(classes.index(positive), targets, outputs, parts, np.asarray(groups))
        judged |= at
    return Scores(
        metrics=judged,
        confusion=metrics.confusion(targets[test], outputs.decisions[test], len(classes)).astype(int).tolist(),
        evidence=evidence,
        probabilities=outputs.probabilities,
        decisions=outputs.decisions,
        calibration=info,
        controls=controls(classes, positive, targets, parts, groups, sources, seed, resamples),
    )


def _check(logits: np.ndarray, parts: np.ndarray) -> None:
    if not (parts == "test").any():
        raise DataError("nothing to score: the test part is empty; use more images or a larger test fraction")
    broken = int((~np.isfinite(logits)).any(axis=1).sum())
    if broken:
        raise DataError(f"logits must be finite to be scored; {broken} of {len(logits)} images have NaN or infinity")


def _calibration_info(
    calibration: Calibration, classes: Sequence[str], data_prior: Sequence[float], batch_prior: Sequence[float]
) -> dict[str, Any]:
    shares = {"data_prior": data_prior, "batch_prior": batch_prior}
    named = {key: dict(zip(classes, np.exp(log_prior(prior)).tolist(), strict=True)) for key, prior in shares.items()}
    fitted = msgspec.structs.asdict(calibration)
    decided = UNCALIBRATED_RULE if calibration.method == "identity" else DECISION_RULE
    return {**fitted, **named, "decisions": decided, "probabilities": PROBABILITY_RULE, "part": "fit"}


def _at_specificities(
    k: int, targets: np.ndarray, outputs: Outputs, parts: np.ndarray, groups: np.ndarray
) -> tuple[dict[str, Estimate], dict[str, Any]]:
    """Sensitivity and specificity on "test" at thresholds chosen on "fit", and those thresholds."""
    own, odds, fit, test = targets == k, outputs.odds[:, k], parts == "fit", parts == "test"
    found: dict[str, Estimate] = {}
    thresholds: dict[str, Any] = {}
    for specificity in SPECIFICITIES:
        name = f"specificity-{specificity * 100:.0f}"
        sides = {f"sensitivity@{name}": test & own, f"specificity@{name}": test & ~own}
        if not (fit & ~own).any():
            note = "no threshold: no negatives among the images to choose it on"
            found |= {key: Estimate(None, n=int(side.sum()), note=note) for key, side in sides.items()}
            thresholds[name] = {"note": note}
            continue
        threshold = threshold_at_specificity(own[fit], odds[fit], specificity)
        right = (odds >= threshold) == own
        for key, side in sides.items():
            found[key] = proportion(right[side], groups[side], f"no images for {key} in the test part")
        thresholds[name] = _threshold_info(threshold, right, own & fit, ~own & fit)
    return found, thresholds


def _threshold_info(
    threshold: float, right: np.ndarray, positives: np.ndarray, negatives: np.ndarray
) -> dict[str, Any]:
    return {
        "log_odds": threshold,  # of the evidence, at equal class shares
        "validation_specificity": float(right[negatives].mean()),
        "validation_sensitivity": float(right[positives].mean()) if positives.any() else None,
        "negatives": int(negatives.sum()),
        "positives": int(positives.sum()),
    }


def controls(
    classes: Sequence[str],
    positive: str | None,
    targets: np.ndarray,
    parts: np.ndarray,
    groups: Groups,
    sources: Sequence[str | None] | None,
    seed: int,
    resamples: int = 2000,
) -> dict[str, dict[str, Estimate]]:
    """Metrics on "test" of rules learnt on "train": ``majority`` and, where all sources are known, ``source-oracle``.

    Both answer with the class shares of their training images and decide for the largest share.
    """
    targets, parts, groups = np.asarray(targets, int), np.asarray(parts), np.asarray(groups)
    test = parts == "test"
    rules = control_shares(len(classes), targets, sources, parts == "train", test)
    return judge_controls(classes, positive, targets[test], rules, groups[test], seed, resamples)


def control_shares(
    num_classes: int,
    targets: np.ndarray,
    sources: Sequence[str | None] | None,
    train: np.ndarray,
    test: np.ndarray,
) -> dict[str, np.ndarray]:
    """Rule -> class shares (n, K) that it answers the images of `test` with, learnt from those of `train` (N,) bool."""
    alike = np.zeros(len(targets), int)
    rules = {"majority": class_shares(num_classes, alike[train], targets[train], alike[test])}
    if sources is not None and all(source is not None for source in sources):
        known = np.asarray(sources)
        rules["source-oracle"] = class_shares(num_classes, known[train], targets[train], known[test])
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
    """Rule -> metrics of its class shares (n, K) on n images."""
    told = {}
    for name, shares in rules.items():
        outputs = outputs_of_shares(shares)
        told[name] = evaluate(classes, positive, targets, outputs, groups, seed, resamples)
        balanced = told[name]["balanced-accuracy"]
        if len(np.unique(outputs.decisions)) == 1 and balanced.value is not None:
            # One class recalled whole, the others not at all, whatever the images: there is nothing to resample.
            told[name]["balanced-accuracy"] = Estimate(balanced.value, balanced.value, balanced.value, balanced.n)
    return told


def class_shares(classes: int, sources: np.ndarray, targets: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """(n, K) class shares of the training images of each `asked` source.

    One image spread over the classes by their overall shares is added to every source, so that no share is 0
    and an unseen source has the overall ones.
    """
    overall = np.bincount(targets, minlength=classes) + 1 / classes
    overall = overall / overall.sum()
    by_source = {source: np.bincount(targets[sources == source], minlength=classes) for source in np.unique(asked)}
    table = {source: (count + overall) / (count.sum() + 1) for source, count in by_source.items()}
    return np.array([table[source] for source in asked]).reshape(len(asked), classes)


def outputs_of_shares(shares: np.ndarray) -> Outputs:
    """A rule that answers with class shares (n, K) and decides for the largest."""
    return Outputs(shares.argmax(axis=1), metrics.log_odds(np.log(shares)), shares)
