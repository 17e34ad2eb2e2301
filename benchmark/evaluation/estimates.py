"""The metrics of a rule's outputs, each with its 95 % interval, its n and, where it is degenerate, the reason."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from benchmark.evaluation import intervals as statistics
from benchmark.evaluation import metrics
from benchmark.evaluation.probability_estimates import (
    RESAMPLED,
    probability_estimates,
    recalibration_estimates,
    resampled,
)
from benchmark.evaluation.resampling import bootstrap, correlations, group_codes, group_sums, standard_error
from benchmark.records.estimate import CONSTANT, FEW_GROUPS, Estimate


@dataclass(frozen=True)
class Outputs:
    """What a rule says of n images: decisions (n,), log-odds per class (n, K), probabilities (n, K)."""

    decisions: np.ndarray
    odds: np.ndarray
    probabilities: np.ndarray

    def of(self, chosen: np.ndarray) -> "Outputs":
        """The same of the chosen images."""
        return Outputs(self.decisions[chosen], self.odds[chosen], self.probabilities[chosen])


@dataclass(frozen=True)
class _Judged:
    """Everything the estimates are made from; `draws` are (resamples,) by metric, (resamples, K) for AUPRC."""

    classes: Sequence[str]
    positive: str | None
    targets: np.ndarray
    outputs: Outputs
    groups: np.ndarray
    matrix: np.ndarray
    draws: Mapping[str, np.ndarray]

    def share(self, right: np.ndarray, among: np.ndarray, undefined: str) -> Estimate:
        return statistics.proportion(right[among], self.groups[among], undefined)

    def few(self, among: np.ndarray) -> str:
        return statistics.few(self.groups[among])


def evaluate(
    classes: Sequence[str],
    positive: str | None,
    targets: np.ndarray,
    outputs: Outputs,
    groups: np.ndarray,
    seed: int,
    resamples: int = 2000,
    part: bool = False,
) -> dict[str, Estimate]:
    """Every metric of (n,) images with its 95 % interval, by name.

    Proportions have Wilson's interval at the clustered effective n; F1 is a function of a proportion and takes
    its interval from it; balanced accuracy and macro-F1 recover theirs from those of the classes (MOVER);
    AUROC uses DeLong's clustered error on the logit scale, AUPRC and MCC a cluster bootstrap's error on
    the logit and Fisher's scale; log-loss, Brier and the calibration error are cluster bootstraps.  None collapses at
    1.  A rule that gives every image the same answer has the interval of such a rule: none.

    For K = 2 AUROC and AUPRC are those of `positive`, else of the second class; for K > 2 the mean over classes.
    Images that are `part` of those that a rule answers may share an answer though the rule has several.
    """
    count = len(classes)
    groups, _ = group_codes(groups)
    matrix = metrics.confusion(targets, outputs.decisions, count)
    draws = _resample(targets, outputs, count, groups, seed, resamples)
    judged = _Judged(classes, positive, targets, outputs, groups, matrix, draws)
    decided = _decision_estimates(judged)
    estimates = (decided if part else _constant_rule(judged, decided)) | _ranking_estimates(judged)
    wrong = targets != outputs.decisions
    estimates |= probability_estimates(targets, outputs.probabilities, groups, wrong, draws, seed)
    if count == 2:
        k = classes.index(positive) if positive else 1
        estimates |= recalibration_estimates(targets == k, outputs.probabilities[:, [1 - k, k]], groups)
    if groups.max() == 0:
        estimates = {name: _noted(one, "one group only: interval not valid") for name, one in estimates.items()}
    if positive is not None and count == 2:
        k = classes.index(positive)
        estimates["sensitivity"] = estimates[f"recall/{classes[k]}"]
        estimates["specificity"] = estimates[f"recall/{classes[1 - k]}"]
    return estimates


def _constant_rule(judged: _Judged, estimates: dict[str, Estimate]) -> dict[str, Estimate]:
    """The estimates with the intervals of a rule that gives every image the same answer, where it does.

    One class is recalled whole and the others not at all, whatever the images: there is nothing to resample.
    Who only decides alike on these images, and is not equally sure of all, may decide otherwise on others.
    """
    if not statistics.same_answer(judged.outputs.odds) or len(np.unique(judged.targets)) < 2:
        return estimates
    of_classes = [f"{kind}/{name}" for kind in ("recall", "specificity") for name in judged.classes]
    certain = ["balanced-accuracy", *of_classes]
    fixed = {name: one for name in certain if (one := estimates.get(name)) is not None and one.value is not None}
    return estimates | {name: Estimate(e.value, e.value, e.value, e.n, CONSTANT) for name, e in fixed.items()}


def _noted(estimate: Estimate, note: str) -> Estimate:
    return msgspec.structs.replace(estimate, note=statistics.join(estimate.note, note))


def _resample(
    targets: np.ndarray, outputs: Outputs, count: int, groups: np.ndarray, seed: int, resamples: int
) -> dict[str, np.ndarray]:
    """Bootstrap draws of what has no closed form, all from the same resamples."""

    def statistic(weights: np.ndarray) -> np.ndarray:
        matrix = metrics.confusion(targets, outputs.decisions, count, weights)
        columns = [
            metrics.matthews(matrix),
            *resampled(targets, outputs.probabilities, weights),
            *(metrics.auprc(targets == k, outputs.odds[:, k], weights) for k in range(count)),
        ]
        return np.stack(columns, axis=-1)

    drawn = bootstrap(statistic, groups, seed, resamples)
    names = ("mcc", *RESAMPLED)
    return {name: drawn[:, i] for i, name in enumerate(names)} | {"auprc": drawn[:, len(names) :]}


def _decision_estimates(judged: _Judged) -> dict[str, Estimate]:
    targets, decisions = judged.targets, judged.outputs.decisions
    right = targets == decisions
    everything = np.ones(len(targets), bool)
    recall, precision, f1, specificity = {}, {}, {}, {}
    for k, name in enumerate(judged.classes):
        absent = f"no {name} in the test subset"
        recall[name] = judged.share(right, targets == k, absent)
        precision[name] = judged.share(right, decisions == k, f"never decided {name}")
        specificity[name] = judged.share(decisions != k, targets != k, f"nothing but {name} in the test subset")
        f1[name] = _f1(judged, k)
    result = {
        "accuracy": judged.share(right, everything, "no images"),
        "balanced-accuracy": _mean_of_classes(recall, _moves(judged, _recall_influence), 0.0, len(targets)),
        "macro-f1": _mean_of_classes(f1, _moves(judged, _f1_influence), 1.0, len(targets)),
        "mcc": _matthews(judged),
    }
    per_class = {"precision": precision, "recall": recall, "f1": f1}
    if len(judged.classes) > 2:
        per_class["specificity"] = specificity
    for metric, by_class in per_class.items():
        result |= {f"{metric}/{name}": estimate for name, estimate in by_class.items()}
    counts = np.bincount(targets, minlength=len(judged.classes)).tolist()
    return result | {f"n/{name}": Estimate(float(n), n=n) for name, n in zip(judged.classes, counts, strict=True)}


def _f1(judged: _Judged, k: int) -> Estimate:
    """F1 = 2 J / (1 + J), J being the share of right ones among images that are of the class or decided so."""
    true, decided = judged.targets == k, judged.outputs.decisions == k
    name = judged.classes[k]
    overlap = judged.share(true & decided, true | decided, f"{name} neither in the test subset nor decided")
    if overlap.value is None:
        return overlap
    value, low, high = (2 * j / (1 + j) for j in (overlap.value, overlap.low, overlap.high))
    n = int(true.sum())
    absent = "" if n else f"no {name} in the test subset"
    return Estimate(value, low, high, n, absent or judged.few(true))


def _moves(judged: _Judged, influence: Callable[[_Judged, int], np.ndarray]) -> np.ndarray:
    """(G, K): what each group adds to the error of each class's metric; NaN where the class has none."""
    columns = []
    for k in range(len(judged.classes)):
        size = int((judged.targets == k).sum())
        defined = 0 < size < len(judged.targets)
        of_images = influence(judged, k) if defined else np.full(len(judged.targets), np.nan)
        columns.append(group_sums(of_images, judged.groups))
    return np.stack(columns, axis=1)


def _recall_influence(judged: _Judged, k: int) -> np.ndarray:
    own = judged.targets == k
    right = judged.outputs.decisions == k
    return own * (right - right[own].mean()) / own.sum()


def _f1_influence(judged: _Judged, k: int) -> np.ndarray:
    true, decided = (judged.targets == k).astype(float), (judged.outputs.decisions == k).astype(float)
    total = (true + decided).sum()
    f1 = 2 * (true * decided).sum() / total
    return (2 * true * decided - f1 * (true + decided)) / total


def _mean_of_classes(by_class: Mapping[str, Estimate], moves: np.ndarray, unknown: float, n: int) -> Estimate:
    """Mean over the classes for which the metric is defined.

    Args:
        moves: (…, K) how the classes' metrics move together, over groups or over resamples.
        unknown: correlation of classes to assume where `moves` cannot tell: recalls rest on different images
            (0), F1s and AUROCs share their errors (1).
    """
    kept = [i for i, estimate in enumerate(by_class.values()) if estimate.value is not None]
    if not kept:
        return Estimate(None, n=n, note="one class only in the test subset")
    defined = [list(by_class.values())[i] for i in kept]
    value, low, high = statistics.mean_of_estimates(defined, correlations(moves[:, kept], unknown))
    notes = [f"mean over {len(kept)} of {len(by_class)} classes"] if len(kept) < len(by_class) else []
    notes += [estimate.note for estimate in by_class.values() if estimate.value is None]
    common = {estimate.note for estimate in defined}
    scarce = [f"{name}: {FEW_GROUPS}" for name, e in by_class.items() if e.value is not None and FEW_GROUPS in e.note]
    notes += common if len(common) == 1 else scarce
    return Estimate(value, max(0.0, low), min(1.0, high), n, statistics.join(*notes))


def _matthews(judged: _Judged) -> Estimate:
    n = len(judged.targets)
    value = float(metrics.matthews(judged.matrix))
    if len(np.unique(judged.targets)) < 2:
        return Estimate(None, n=n, note="one class only in the test subset")
    if math.isnan(value):
        return Estimate(0.0, 0.0, 0.0, n, "one class only decided: 0 by convention")
    error, few = standard_error(judged.draws["mcc"]), statistics.few(judged.groups)
    if 1 - abs(value) < 1e-9:
        low = _matthews_of_bound(judged)
        ends = (low, 1.0) if value > 0 else (-1.0, -low)
        return Estimate(round(value, 8), *ends, n, statistics.join(few, "no errors: bound from Wilson's"))
    return Estimate(value, *statistics.fisher_interval(value, error), n, few)


def _matthews_of_bound(judged: _Judged) -> float:
    """MCC if every class erred at Wilson's bound for a share of 0, its errors spread over the other classes."""
    sizes = judged.matrix.sum(axis=1)
    present = np.flatnonzero(sizes)
    matrix = np.zeros((len(present), len(present)))
    for row, k in enumerate(present):
        members = judged.targets == k
        errors = statistics.wilson(0.0, statistics.effective_n(np.ones(members.sum()), judged.groups[members]))[1]
        matrix[row] = sizes[k] * errors / (len(present) - 1)
        matrix[row, row] = sizes[k] * (1 - errors)
    return float(metrics.matthews(matrix))


def _ranking_estimates(judged: _Judged) -> dict[str, Estimate]:
    n = len(judged.targets)
    areas = {name: _auroc(judged, k) for k, name in enumerate(judged.classes)}
    precisions = {name: _auprc(judged, k) for k, name in enumerate(judged.classes)}
    if len(judged.classes) == 2:
        name = judged.positive or judged.classes[1]
        return {"auroc": msgspec.structs.replace(areas[name], n=n), "auprc": precisions[name]}
    result = {
        "auroc": _mean_of_classes(areas, _moves(judged, _auroc_influence), 1.0, n),
        "auprc": _mean_of_classes(precisions, judged.draws["auprc"], 1.0, n),
    }
    return result | {f"auroc/{name}": area for name, area in areas.items()}


def _auroc_influence(judged: _Judged, k: int) -> np.ndarray:
    return metrics.auroc_influence(judged.targets == k, judged.outputs.odds[:, k])


def _one_sided(judged: _Judged, k: int) -> Estimate | None:
    """The estimate of a ranking metric where there is nothing to rank against each other."""
    name, n = judged.classes[k], int((judged.targets == k).sum())
    if 0 < n < len(judged.targets):
        return None
    return Estimate(
        None, n=n, note=f"no {name} in the test subset" if n == 0 else f"nothing but {name} in the test subset"
    )


def _auroc(judged: _Judged, k: int) -> Estimate:
    undefined = _one_sided(judged, k)
    if undefined:
        return undefined
    own, odds = judged.targets == k, judged.outputs.odds[:, k]
    n, value = int(own.sum()), float(metrics.auroc(own, odds))
    note = judged.few(own) or judged.few(~own)
    if np.ptp(odds) == 0:
        return Estimate(0.5, 0.5, 0.5, n, statistics.join(note, "scores do not vary"))
    error = statistics.clustered_error(metrics.auroc_influence(own, odds), judged.groups)
    sides = [statistics.effective_n(np.ones(side.sum()), judged.groups[side]) for side in (own, ~own)]
    low, high = statistics.auroc_interval(value, error, *sides)
    perfect = "complete separation: score interval" if error == 0 else ""
    return Estimate(value, low, high, n, statistics.join(note, perfect))


def _auprc(judged: _Judged, k: int) -> Estimate:
    undefined = _one_sided(judged, k)
    if undefined:
        return undefined
    own, odds = judged.targets == k, judged.outputs.odds[:, k]
    n, value = int(own.sum()), float(metrics.auprc(own, odds))
    error = standard_error(judged.draws["auprc"][:, k])
    if 0 < value < 1 and error > 0:
        return Estimate(value, *statistics.logit_interval(value, error), n, judged.few(own))
    worth = statistics.effective_n(np.ones(n), judged.groups[own])
    note = "complete separation: Wilson's interval on the positives"
    return Estimate(value, *statistics.wilson(value, worth), n, statistics.join(judged.few(own), note))
