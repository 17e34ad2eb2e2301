"""From a run's artefacts to its folder of results: record, predictions, history, split, models, figures."""

import csv
import json
import platform
import shutil
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from benchmark.agreement import implausible, mask_estimates
from benchmark.illustrations import illustrate
from benchmark.images import Prepared, load
from benchmark.provenance import library_versions
from benchmark.records import SCHEMA, Cost, DatasetInfo, Estimate, Part, Record, SplitInfo, write
from benchmark.scoring import Scores, score
from benchmark.stages.fit import batch_prior, class_targets, data_prior
from benchmark.stages.masks import read_masks
from benchmark.statistics import proportion
from benchmark.store import replace_folder
from registry.lookup import find

if TYPE_CHECKING:
    from benchmark.config import RunSpec
    from benchmark.context import Context, StagesRecord
    from benchmark.plan import Plan, Survey

LIBRARIES = ("keras", "tensorflow", "jax", "torch", "numpy", "opencv-python-headless", "scikit-learn", "cxr-bench")


def write_run(
    context: "Context", plan: "Plan", survey: "Survey", went: "StagesRecord", pipeline: str, target: Path
) -> Record:
    """Put a finished run's folder in place of whatever was there; gives its record."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".writing-", dir=target.parent))
    try:
        scores = _scores(context)
        record = _record(context, plan, survey, went, pipeline, scores)
        _write_predictions(context, scores, folder)
        _write_history(context, folder)
        shutil.copy(context.artefacts["split"] / "split.csv", folder / "split.csv")
        _copy_models(context, folder)
        (folder / "spec.json").write_bytes(msgspec.json.format(msgspec.json.encode(context.spec), indent=2))
        illustrate(context, folder)
        write(record, folder)
        folder.chmod(0o755)
        replace_folder(folder, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return record


def _scores(context: "Context") -> Scores:
    spec = context.spec
    prepared, stored = load(context.artefacts["prepare"]), _logits(context)
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


def _record(
    context: "Context", plan: "Plan", survey: "Survey", went: "StagesRecord", pipeline: str, scores: Scores
) -> Record:
    spec = context.spec
    prepared = load(context.artefacts["prepare"])
    history, meta = _history(context), _meta(context, "fit")
    return Record(
        schema=SCHEMA,
        status="ok",
        task=spec.task,
        run=plan.run,
        pipeline=pipeline,
        pipeline_digest=plan.pipeline_digest,
        seed=spec.seed,
        fold=spec.fold,
        digest=plan.digest,
        key=plan.key,
        spec=msgspec.to_builtins(spec),
        metric=spec.metric,
        classes=list(spec.classes),
        positive=spec.positive,
        components=_components(plan, spec),
        dataset=_dataset(survey, prepared),
        split=_split(context, prepared),
        metrics=scores.metrics,
        controls=scores.controls,
        confusion=scores.confusion,
        masks=_masks(context, prepared),
        gradcam=_explanation(context),
        calibration=scores.calibration,
        training={
            "epochs": len(history),
            "steps": meta["steps"],
            "batch_shares": dict(zip(spec.classes, meta["batch_shares"], strict=True)),
            "final_rate": history[-1]["rate"],
            "stage_duration_s": went.duration_s,
        },
        cost=_cost(context, meta),
        stages=went.status,
        environment={
            "python": platform.python_version(),
            "platform": platform.platform(),
            **{name: found for name, found in library_versions(*LIBRARIES).items() if found != "absent"},
        },
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _components(plan: "Plan", spec: "RunSpec") -> dict[str, Part]:
    parts = {}
    chosen = {"dataset": spec.dataset, "segmenter": spec.segmenter, "backbone": spec.backbone, "head": spec.head}
    for kind, component in chosen.items():
        entry = find(kind, component.name)
        parts[kind] = Part(entry.name, component.options, entry.distribution, entry.version, plan.code[kind])
    return parts


def _dataset(survey: "Survey", prepared: Prepared) -> DatasetInfo:
    counts = Counter(prepared.labels.tolist())
    return DatasetInfo(
        name=survey.name,
        digest=survey.digest,
        counts={label: counts[label] for label in survey.labels},
        sources=survey.sources,
        licence=survey.licence,
        origin=survey.origin,
        notices=survey.notices,
        skipped=list(prepared.skipped),
    )


def _split(context: "Context", prepared: Prepared) -> SplitInfo:
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
    )


def _masks(context: "Context", prepared: Prepared) -> dict[str, Estimate]:
    """Agreement of predicted masks with the dataset's on the test part, by mask maker and label."""
    if "masks" not in context.artefacts:
        return {}
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
        found = mask_estimates(truth[cell], predicted[cell], groups[cell], context.spec.seed)
        told |= {f"{name}{suffix}": estimate for name, estimate in found.items()}
    return told


def _explanation(context: "Context") -> dict[str, Estimate]:
    if "explain" not in context.artefacts:
        return {}
    content = (context.artefacts["explain"] / "statistics.json").read_bytes()
    return msgspec.json.decode(content, type=dict[str, Estimate])


def _cost(context: "Context", meta: dict[str, Any]) -> Cost:
    models = [context.artefacts["fit"] / "backbone.keras", context.artefacts["fit"] / "head.keras"]
    parameters, training_s = meta["parameters"], meta["training_s"]
    if "segmenter" in context.artefacts:
        models.append(context.artefacts["segmenter"] / "model.keras")
        segmenter = _meta(context, "segmenter")
        parameters, training_s = parameters + segmenter["parameters"], training_s + segmenter["training_s"]
    return Cost(
        parameters=parameters,
        trainable_parameters=meta["trainable_parameters"],
        model_bytes=sum(path.stat().st_size for path in models),
        training_s=training_s,
        training_images_per_s=meta["training_images_per_s"],
        inference_images_per_s=_meta(context, "predict")["inference_images_per_s"],
        hardware=meta["device"],
    )


def _write_predictions(context: "Context", scores: Scores, folder: Path) -> None:
    stored = _logits(context)
    prepared, rows = load(context.artefacts["prepare"]), stored["rows"]
    np.savez(
        folder / "predictions.npz",
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


def _write_history(context: "Context", folder: Path) -> None:
    history = _history(context)
    with (folder / "history.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=list(history[0]))
        table.writeheader()
        table.writerows(history)


def _copy_models(context: "Context", folder: Path) -> None:
    models = folder / "model"
    models.mkdir()
    for name in ("backbone.keras", "head.keras"):
        shutil.copy(context.artefacts["fit"] / name, models / name)
    if "segmenter" in context.artefacts:
        shutil.copy(context.artefacts["segmenter"] / "model.keras", models / "segmenter.keras")


def _logits(context: "Context") -> dict[str, np.ndarray]:
    with np.load(context.artefacts["predict"] / "logits.npz", allow_pickle=False) as stored:
        return dict(stored)


def _history(context: "Context") -> list[dict[str, float]]:
    rows: list[dict[str, float]] = json.loads((context.artefacts["fit"] / "history.json").read_text())
    return rows


def _meta(context: "Context", stage: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((context.artefacts[stage] / "meta.json").read_text())
    return told
