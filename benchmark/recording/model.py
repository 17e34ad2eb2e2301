"""The record of one pipeline: scores, predictions, history, models, figures."""

import csv
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from benchmark.agreement import implausible, mask_estimates
from benchmark.illustrations import illustrate
from benchmark.images import load
from benchmark.memory import halved
from benchmark.record import Cost, Estimate, Record
from benchmark.recording.folder import findings, identity, scores_of, write_folder, write_predictions
from benchmark.stages.masks import read_masks
from benchmark.statistics import proportion

if TYPE_CHECKING:
    from benchmark.context import Context, StagesRecord
    from benchmark.plan import Plan, Survey

PACE = ("batch_size", "jit", "steps_per_execution", "waiting", "tracing_s")  # what trainings found out on the device
STALLED = 0.1  # the share of the time waited for images from which on a reader must know


def write_run(
    context: "Context", plan: "Plan", survey: "Survey", went: "StagesRecord", names: Mapping[str, str], target: Path
) -> Record:
    """Put a finished run's folder in place of whatever was there; gives its record.

    Args:
        names: "" -> how tables name the pipeline.
    """

    def fill(folder: Path) -> Record:
        scores = scores_of(context)
        write_predictions(context, scores, folder)
        _write_history(context, folder)
        (folder / "model").mkdir()
        for name, path in model_files(context).items():
            shutil.copy(path, folder / "model" / name)
        illustrate(context, folder)
        return Record(
            **identity(context.spec, plan, names[""]),
            **findings(context, survey, scores),
            masks=mask_quality(context),
            gradcam=msgspec.json.decode(
                (context.artefacts["explain"] / "statistics.json").read_bytes(), type=dict[str, Estimate]
            ),
            map_method=meta_of(context, "explain")["method"],
            training=_training(context, went),
            notes=notes_of(context),
            cost=cost_of(context),
            stages=went.status,
        )

    return write_folder(target, fill)


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
        found = mask_estimates(truth[cell], predicted[cell], groups[cell], context.spec.seed)
        told |= {f"{name}{suffix}": estimate for name, estimate in found.items()}
    return told


def cost_of(context: "Context") -> Cost:
    """What a run costs: of a classical head with the carrier that its backbone was trained with."""
    trained = meta_of(context, "fit") if "fit" in context.artefacts else None
    features = meta_of(context, "features") if context.spec.classical else None
    predicted = meta_of(context, "predict")
    training_s = trained["training_s"] if trained else 0.0
    if features:
        training_s += predicted["training_s"]
        rate = 1 / (1 / features["images_per_s"] + predicted["inference_s_per_image"])
        parameters, trainable = features["parameters"], 0
    else:
        assert trained
        rate, parameters, trainable = (
            predicted["inference_images_per_s"], trained["parameters"], trained["trainable_parameters"],
        )  # fmt: skip
    if "segmenter" in context.artefacts:
        segmenter = meta_of(context, "segmenter")
        parameters, training_s = parameters + segmenter["parameters"], training_s + segmenter["training_s"]
    return Cost(
        parameters=parameters,
        trainable_parameters=trainable,
        model_bytes=sum(path.stat().st_size for path in model_files(context).values()),
        training_s=training_s,
        training_images_per_s=trained and trained["training_images_per_s"],
        inference_images_per_s=rate,
        hardware=(trained or features or {})["device"],
    )


def model_files(context: "Context") -> dict[str, Path]:
    """The files that predict, by the names that a run's folder gives them: backbone, head, segmenter."""
    artefacts = context.artefacts
    owner = "fit" if "fit" in artefacts else "features"
    heads = artefacts["predict"].glob("classifier.*") if context.spec.classical else [artefacts["fit"] / "head.keras"]
    files = {"backbone.keras": artefacts[owner] / "backbone.keras", **{path.name: path for path in heads}}
    return files | ({"segmenter.keras": artefacts["segmenter"] / "model.keras"} if "segmenter" in artefacts else {})


def meta_of(context: "Context", stage: str) -> dict[str, Any]:
    """What a stage told of itself."""
    told: dict[str, Any] = json.loads((context.artefacts[stage] / "meta.json").read_text())
    return told


def notes_of(context: "Context") -> list[str]:
    """Trainings for which memory did not suffice as they were asked for, and those that stood still for long."""
    spec = context.spec
    asked = {"segmenter": spec.segmentation.batch_size, "fit": spec.training.batch_size}
    told = {stage: meta_of(context, stage) for stage in asked if stage in context.artefacts}
    sizes = {stage: meta["batch_size"] for stage, meta in told.items()}
    smaller = [f"{stage}: {halved(size, asked[stage])}" for stage, size in sizes.items() if size < asked[stage]]
    shares = {stage: meta["waiting"] for stage, meta in told.items()}
    return smaller + [f"{stage}: {stalled(share)}" for stage, share in shares.items() if share > STALLED]


def stalled(waiting: float) -> str:
    """What a reader must know of a training that waited for images for a large share of its time."""
    return (
        f"training waited for images {waiting:.0%} of the time; give it more processors (fewer --jobs) or keep the "
        "cache (BENCH_CACHE) on a faster disk"
    )


def _training(context: "Context", went: "StagesRecord") -> dict[str, Any]:
    """How the network was trained, and the classical head on its features."""
    told: dict[str, Any] = {"stage_duration_s": went.duration_s}
    if "fit" in context.artefacts:
        history, meta = read_history(context), meta_of(context, "fit")
        shares = dict(zip(context.spec.classes, meta["batch_shares"], strict=True))
        told |= {"epochs": len(history), "steps": meta["steps"], "batch_shares": shares}
        told |= {"best_epoch": meta["best_epoch"], "val_loss": meta["val_loss"]}
        told |= {"final_rate": history[-1]["rate"], "precision": context.spec.runtime.precision}
        told |= {name: meta[name] for name in PACE}
    if "segmenter" in context.artefacts:
        told["segmenter"] = {name: meta_of(context, "segmenter")[name] for name in PACE}
    if context.spec.classical:
        meta = meta_of(context, "predict")
        shares = dict(zip(context.spec.classes, meta["batch_shares"], strict=True))
        told |= {"batch_shares": shares, **{name: meta[name] for name in ("balanced", "rounds", "notes")}}
    return told


def _write_history(context: "Context", folder: Path) -> None:
    if "fit" not in context.artefacts:
        return
    history = read_history(context)
    with (folder / "history.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=list(history[0]))
        table.writeheader()
        table.writerows(history)


def read_history(context: "Context") -> list[dict[str, float]]:
    """One row per epoch of the network's training."""
    rows: list[dict[str, float]] = json.loads((context.artefacts["fit"] / "history.json").read_text())
    return rows
