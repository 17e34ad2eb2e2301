"""What a run's stored predictions are worth on the test part: metrics with intervals, controls, mask quality."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from benchmark.data.prepared import load
from benchmark.evaluation.intervals import proportion
from benchmark.evaluation.masks import implausible, mask_estimates
from benchmark.evaluation.scoring import Scores, score
from benchmark.records.estimate import Estimate
from benchmark.records.findings import Findings, SplitInfo
from benchmark.stages.fit import batch_prior, class_targets, data_prior
from benchmark.stages.masks import read_masks
from benchmark.stages.predictions import stored_logits

if TYPE_CHECKING:
    from benchmark.stages.context import Context

FINDINGS, PREDICTIONS = "findings.json", "predictions.npz"


def build(context: "Context", folder: Path) -> None:
    """Write ``findings.json`` (see `Findings`) and ``predictions.npz``, as a run's folder has it."""
    scores = scores_of(context)
    write_predictions(context, scores, folder)
    write_findings(Findings(**found(context, scores), masks=mask_quality(context)), folder)


def write_findings(findings: Findings, folder: Path) -> None:
    """Write what was found, numbers of NumPy as plain ones."""
    (folder / FINDINGS).write_bytes(msgspec.json.encode(findings, enc_hook=lambda number: number.item()))


def scores_of(context: "Context") -> Scores:
    """The scores of stored predictions."""
    spec = context.spec
    prepared, stored = load(context.artefacts["prepare"]), stored_logits(context)
    parts = np.load(context.artefacts["split"] / "parts.npy")
    targets = class_targets(context)
    # The rules that never look at an image learn from the training part too, which has no logits.
    logits = np.zeros((len(targets), len(spec.classes)))
    logits[stored["rows"]] = stored["logits"]
    return score(
        classes=list(spec.classes),
        positive=spec.positive,
        targets=targets,
        logits=logits,
        parts=parts,
        groups=prepared.groups,
        data_prior=data_prior(context),
        batch_prior=batch_prior(context),
        seed=spec.seed,
        sources=list(prepared.sources),
        resamples=spec.resamples,
    )


def found(context: "Context", scores: Scores) -> dict[str, Any]:
    """Fields of `Findings` that a run of any kind has."""
    prepared = load(context.artefacts["prepare"])
    return {
        "split": _split(context),
        "images": dict(Counter(prepared.labels.tolist())),
        "skipped": list(prepared.skipped),
        "metrics": scores.metrics,
        "controls": scores.controls,
        "confusion": scores.confusion,
        "calibration": scores.calibration,
    }


def write_predictions(context: "Context", scores: Scores, folder: Path) -> None:
    """Write ``predictions.npz``."""
    stored = stored_logits(context)
    prepared, rows = load(context.artefacts["prepare"]), stored["rows"]
    np.savez(
        folder / PREDICTIONS,
        ids=prepared.ids[rows],
        groups=prepared.groups[rows],
        labels=prepared.labels[rows],
        sources=np.array([source or "" for source in prepared.sources[rows]], np.str_),
        parts=stored["parts"],
        targets=stored["targets"],
        logits=stored["logits"],
        evidence=scores.evidence[rows],
        probabilities=scores.probabilities[rows],
    )


def mask_quality(context: "Context") -> dict[str, Estimate]:
    """Agreement of predicted masks with the dataset's on the test part, by mask maker and label."""
    if "masks" not in context.artefacts:
        return {}
    prepared = load(context.artefacts["prepare"])
    rows = np.flatnonzero(np.load(context.artefacts["split"] / "parts.npy") == "test")
    predicted = read_masks(context.artefacts["masks"], prepared.size, rows)
    truth, groups = prepared.masks(rows), prepared.groups[rows]
    makers = np.array([maker or "" for maker in prepared.mask_makers[rows]], np.str_)
    labels, drawn = prepared.labels[rows], prepared.has_mask[rows]
    told = {"implausible": proportion(implausible(predicted), groups)}
    cells = [("", drawn)]
    pairs = dict.fromkeys(zip(labels[drawn].tolist(), makers[drawn].tolist(), strict=True))
    cells += [(f"/{label} ({maker})", (labels == label) & (makers == maker)) for label, maker in sorted(pairs)]
    for suffix, cell in cells:
        estimates = mask_estimates(truth[cell], predicted[cell], groups[cell], context.spec.seed)
        told |= {f"{name}{suffix}": estimate for name, estimate in estimates.items()}
    return told


def _split(context: "Context") -> SplitInfo:
    table = context.spec.split
    parts = np.load(context.artefacts["split"] / "parts.npy")
    names = np.array(list(context.spec.classes))[class_targets(context)]
    counts = {
        part: {name: int(((parts == part) & (names == name)).sum()) for name in context.spec.classes}
        for part in ("train", "select", "fit", "test")
    }
    return SplitInfo(
        digest=(context.artefacts["split"] / "digest").read_text(),
        grouping=table.grouping,
        seed=table.seed,
        fractions={"train": table.train, "validation": table.validation, "test": table.test},
        counts=counts,
        folds=table.folds,
    )
