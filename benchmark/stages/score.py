"""What a run's stored predictions are worth on the test subset: metrics with intervals, controls, mask quality."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from benchmark.data.targets import class_targets
from benchmark.evaluation import curves
from benchmark.evaluation.intervals import proportion
from benchmark.evaluation.masks import implausible, mask_agreement, mask_estimates
from benchmark.evaluation.scoring import Scores, score
from benchmark.evaluation.training_checks import masks, one_answer, training_notes
from benchmark.records.curves import FILE as CURVES
from benchmark.records.estimate import Estimate
from benchmark.records.findings import Copies, DepthInfo, Findings, SplitInfo
from benchmark.stages.labels import NO_TEST, learns_shuffled, told_targets
from benchmark.stages.logits import Logits, read_logits
from benchmark.stages.predictions import batch_prior, data_prior
from benchmark.stages.reading import Reader

if TYPE_CHECKING:
    from benchmark.stages.context import Context
    from benchmark.tasks.spec import Spec

FINDINGS, PREDICTIONS = "findings.json", "predictions.npz"
CHUNK = 256


def build(context: "Context", folder: Path) -> None:
    """Write ``findings.json`` (see `Findings`), ``predictions.npz`` and ``curves.json``, as a run's folder has them."""
    run = Reader(context)
    scores = scores_of(run)
    write_predictions(run, scores, folder)
    write_scored_curves(run, scores, folder)
    quality = mask_quality(run)
    notes = [*one_answer(scores.confusion, list(run.spec.classes)), *trained_notes(run, quality)]
    write_findings(Findings(**results(run, scores), masks=quality, notes=notes), folder)


def write_findings(findings: Findings, folder: Path) -> None:
    """Write the findings, numbers of NumPy as plain ones."""
    (folder / FINDINGS).write_bytes(msgspec.json.encode(findings, enc_hook=lambda number: number.item()))


def write_scored_curves(run: Reader, scores: Scores, folder: Path) -> None:
    """Write the curves of a run; its targets on the test subset are the truth."""
    test = run.subsets == "test"
    outputs = curves.Outputs(scores.corrected_logits[test], scores.probabilities[test])
    targets = class_targets(run.prepared.labels[test], run.spec.classes)
    write_curves(run.spec, targets, {"": outputs}, run.prepared.groups[test], folder)


def write_curves(
    spec: "Spec", targets: np.ndarray, outputs: Mapping[str, curves.Outputs], groups: np.ndarray, folder: Path
) -> None:
    """Write ``curves.json`` of outputs for n test images; see `benchmark.evaluation.curves`."""
    found = curves.curves(list(spec.classes), spec.positive, targets, outputs, groups, spec.seed, spec.resamples)
    (folder / CURVES).write_bytes(curves.encoded(found))


def scores_of(run: Reader) -> Scores:
    """The scores of stored predictions."""
    spec, stored = run.spec, read_logits(run)
    targets = told_targets(run, class_targets(run.prepared.labels, spec.classes), run.subsets)
    # The rules that never look at an image learn from the training subset too, which has no logits.
    logits = np.zeros((len(targets), len(spec.classes)))
    logits[stored.rows] = stored.logits
    return scored(run, targets, logits, batch_prior(run), list(run.prepared.sources))


def scored(
    run: Reader,
    targets: np.ndarray,
    logits: np.ndarray,
    prior: list[float],
    sources: list[str | None] | None = None,
) -> Scores:
    """The scores of logits (N, K) of all prepared images, calibrated and decided as any pipeline's are.

    Args:
        targets: (N,) class index.
        prior: (K,) class prior that the logits refer to.
        sources: of the images, where the rule that knows them alone is to be scored too.
    """
    spec = run.spec
    return score(
        classes=list(spec.classes),
        positive=spec.positive,
        targets=targets,
        logits=logits,
        subsets=run.subsets,
        groups=run.prepared.groups,
        data_prior=data_prior(run),
        batch_prior=prior,
        seed=spec.seed,
        sources=sources,
        resamples=spec.resamples,
    )


def trained_notes(run: Reader, quality: Mapping[str, Estimate]) -> list[str]:
    """What went wrong in the trainings of a pipeline, though they ended.

    Args:
        quality: of its masks.
    """
    notes = masks(quality, trained="segmenter" in run.artefacts)
    notes += [NO_TEST] if learns_shuffled(run) else []
    if "fit" in run.artefacts:
        history = json.loads((run.artefacts["fit"] / "history.json").read_text())
        steps = run.meta("fit")["steps"]
        notes += training_notes(history, len(run.spec.classes), run.spec.training, steps)
    return notes


def results(run: Reader, scores: Scores) -> dict[str, Any]:
    """Fields of `Findings` that a run of any kind has."""
    return {
        "split": split_info(run),
        **prepared_images(run),
        "metrics": scores.metrics,
        "controls": scores.controls,
        "confusion": scores.confusion,
        "calibration": scores.calibration,
    }


def prepared_images(run: Reader) -> dict[str, Any]:
    """Fields of `Findings` about the images that were prepared."""
    prepared = run.prepared
    return {
        "images": dict(Counter(prepared.labels.tolist())),
        "skipped": list(prepared.skipped),
        "notices": list(prepared.notices),
        "depth": prepared.depth and DepthInfo(*prepared.depth),
    }


def write_predictions(run: Reader, scores: Scores, folder: Path) -> None:
    """Write ``predictions.npz``; its targets are those that the run was told."""
    stored = read_logits(run)
    write_outputs(run, stored, told_targets(run, stored.targets, stored.subsets), scores, folder)


def write_outputs(run: Reader, stored: Logits, targets: np.ndarray, scores: Scores, folder: Path) -> None:
    """Write ``predictions.npz`` of the images whose logits are stored, with these targets (n,)."""
    prepared, rows = run.prepared, stored.rows
    np.savez_compressed(
        folder / PREDICTIONS,
        ids=prepared.ids[rows],
        groups=prepared.groups[rows],
        labels=prepared.labels[rows],
        sources=np.array([source or "" for source in prepared.sources[rows]], np.str_),
        subsets=stored.subsets,
        targets=targets,
        logits=stored.logits,
        corrected_logits=scores.corrected_logits[rows],
        probabilities=scores.probabilities[rows],
    )


def _dice(run: Reader, rows: np.ndarray) -> dict[str, np.ndarray]:
    """``dice`` of each image's predicted mask with the dataset's, NaN where that has none; nothing without masks."""
    if "masks" not in run.artefacts:
        return {}
    found = [np.zeros(0)]
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        found.append(mask_agreement(run.prepared.masks(chunk), run.masks(chunk))["dice"])  # wherever bars lie
    return {"dice": np.concatenate(found)}


def mask_quality(run: Reader) -> dict[str, Estimate]:
    """Agreement of predicted masks with the dataset's on the test subset, by mask annotator and label."""
    prepared, rows = run.prepared, run.rows("test")
    predicted = run.masks(rows)
    if predicted is None:
        return {}
    truth, groups = prepared.masks(rows), prepared.groups[rows]
    annotators = np.array([annotator or "" for annotator in prepared.mask_annotators[rows]], np.str_)
    labels, known = prepared.labels[rows], prepared.has_mask[rows]
    films = prepared.films(rows)
    result = {"implausible": proportion(implausible(predicted, films), groups)}
    cells = [("", known)]
    pairs = dict.fromkeys(zip(labels[known].tolist(), annotators[known].tolist(), strict=True))
    cells += [
        (f"/{label} ({annotator})", (labels == label) & (annotators == annotator)) for label, annotator in sorted(pairs)
    ]
    for suffix, cell in cells:
        shown = None if films is None else films[cell]
        estimates = mask_estimates(truth[cell], predicted[cell], groups[cell], run.spec.seed, films=shown)
        result |= {f"{name}{suffix}": estimate for name, estimate in estimates.items()}
    return result


def split_info(run: Reader) -> SplitInfo:
    """How the images of a run were divided."""
    table, classes = run.spec.split, run.spec.classes
    names = np.array(list(classes))[class_targets(run.prepared.labels, classes)]
    counts = {
        subset: {name: int(((run.subsets == subset) & (names == name)).sum()) for name in classes}
        for subset in ("train", "validation", "calibration", "test")
    }
    return SplitInfo(
        **_facts(run.artefacts["split"] / "facts.json"),
        digest=(run.artefacts["split"] / "digest").read_text(),
        grouping=table.grouping,
        seed=table.seed,
        fractions={"train": table.train, "validation": table.validation, "test": table.test},
        counts=counts,
        folds=table.folds,
    )


def _facts(path: Path) -> dict[str, Any]:
    """Fields of `SplitInfo` that dividing the images found."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {**found, "copies": Copies(**found["copies"])} if found.get("copies") else found
