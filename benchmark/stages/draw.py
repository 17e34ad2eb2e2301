"""The figures of a run: what the network sees, how good the masks are, where it looks, how it learnt."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.prepared import Prepared, load
from benchmark.data.samples import open_dataset
from benchmark.evaluation.masks import mask_agreement
from benchmark.figures.curves import curves
from benchmark.figures.explanations import Panel, gradcam_sheet
from benchmark.figures.masks import MaskRow, mask_sheet
from benchmark.figures.mean_heat import MeanHeat, mean_heat_sheet
from benchmark.figures.thumbnails import thumbnails
from benchmark.figures.views import View, network_view_sheet
from benchmark.models.augmentation import augmentation
from benchmark.models.training import decide
from benchmark.stages.fit import class_targets, load_inputs
from benchmark.stages.heatmaps import unit
from benchmark.stages.masks import read_masks
from benchmark.stages.regions import as_seen, lung_masks
from benchmark.tasks.components import plain_name

if TYPE_CHECKING:
    from benchmark.stages.context import Context

WORST_MASKS = 8


def build(context: "Context", folder: Path) -> None:
    """Write ``network-view.png``, ``masks.png``, the maps of `draw_maps`, ``mean-heat.png`` and ``curves.png``.

    There is no ``masks.png`` where the frame is kept whole, and no ``curves.png`` where no network was trained; of a
    vote, whose models are its members', the maps alone.
    """
    explained = context.artefacts["explain"]
    method = json.loads((explained / "meta.json").read_text())["method"]
    draw_maps(context, folder, explained / "samples.npz", method)
    if context.members:
        return
    prepared, inputs = load(context.artefacts["prepare"]), load_inputs(context.artefacts)
    network_view_sheet(folder / "network-view.png", views(context, prepared, inputs))
    if "masks" in context.artefacts:
        draw_masks(context, prepared, folder / "masks.png")
    draw_mean_heat(context, folder / "mean-heat.png", explained / "mean-heat.npz", method)
    if "fit" in context.artefacts:
        draw_curves(context, folder / "curves.png")


def draw_maps(context: "Context", folder: Path, samples: Path, method: str) -> None:
    """Write ``gradcam.png`` and ``gradcam.json`` of the samples that the step before chose."""
    seen = next(iter(context.members.values()), context)  # of a vote, what its first member sees
    panels = gradcam_panels(seen, samples, list(context.spec.classes), class_targets(context))
    caption = f"{plain_name(context.spec)}, seed {context.spec.seed}: evidence for the decided class, test images"
    gradcam_sheet(folder / "gradcam.png", panels, caption=caption, method=method)
    (folder / "gradcam.json").write_text(json.dumps(thumbnails(panels)))


def draw_mean_heat(context: "Context", path: Path, stored: Path, method: str) -> None:
    """Where the evidence for its own class lies on the average test image."""
    with np.load(stored, allow_pickle=False) as found:
        panels = [
            MeanHeat(name, heat, lungs if lungs.any() else None, int(images), int(empty))
            for name, heat, lungs, images, empty in zip(
                context.spec.classes, found["heat"], found["lungs"], found["images"], found["empty"], strict=True
            )
        ]
    caption = (
        f"{plain_name(context.spec)}, seed {context.spec.seed}: evidence for the true class, mean over test images"
    )
    mean_heat_sheet(path, panels, caption=caption, method=method)


def draw_curves(context: "Context", path: Path) -> None:
    """How the network learnt; that of the carrier where the head is none."""
    history = json.loads((context.artefacts["fit"] / "history.json").read_text())
    steps = json.loads((context.artefacts["fit"] / "meta.json").read_text())["steps"] // len(history)
    best = decide(history, context.spec.training, steps).best + 1
    first = context.spec.training.minimum_steps
    since = f"weights are chosen from {first} steps on" if first > steps else "weights are chosen from every epoch"
    carrier = f" (its backbone, with {context.spec.carrier.name})" if context.spec.carrier else ""
    title = f"{plain_name(context.spec)}{carrier}, seed {context.spec.seed}: {since}"
    curves(path, history, best, title, ripening=first > steps)


def views(context: "Context", prepared: Prepared, inputs: np.ndarray) -> list[View]:
    """One training image of each class on its way into the network."""
    spec = context.spec
    parts, targets = np.load(context.artefacts["split"] / "parts.npy"), class_targets(context)
    rows = [int(np.flatnonzero((parts == "train") & (targets == k))[0]) for k in range(len(spec.classes))]
    samples = {sample.id: sample for sample in open_dataset(spec.dataset, spec.split.seed)[1]}
    settings = spec.augmentation
    change = augmentation(flips=settings.flips, rotation=settings.rotation, rotated=settings.rotated, seed=spec.seed)
    changed = np.asarray(change(unit(inputs[np.array(rows)]), training=True))[..., 0]
    return [
        View(
            class_name=name,
            sample_id=str(prepared.ids[row]),
            raw=samples[str(prepared.ids[row])].read_image(),
            equalised=prepared.images[row],
            mask=_mask(context, prepared.size, row),
            masked=inputs[row],
            augmented=np.rint(255 * changed[k]).astype(np.uint8),
        )
        for k, (name, row) in enumerate(zip(spec.classes, rows, strict=True))
    ]


def draw_masks(context: "Context", prepared: Prepared, path: Path) -> None:
    """The test images on which predicted mask and truth agree least."""
    parts = np.load(context.artefacts["split"] / "parts.npy")
    rows = np.flatnonzero((parts == "test") & prepared.has_mask)
    if len(rows) == 0:
        return
    truth, predicted = prepared.masks(rows), read_masks(context.artefacts["masks"], prepared.size, rows)
    dice = mask_agreement(truth, predicted)["dice"]
    worst = np.argsort(np.nan_to_num(dice, nan=1.0), kind="stable")[:WORST_MASKS]
    mask_rows = [
        MaskRow(
            sample_id=str(prepared.ids[rows[i]]),
            label=str(prepared.labels[rows[i]]),
            image=prepared.images[rows[i]],
            truth=truth[i],
            prediction=predicted[i],
            dice=float(dice[i]),
        )
        for i in worst
    ]
    mask_sheet(path, mask_rows, caption=f"worst Dice of {len(rows)} test images; segmenter {context.spec.segmenter}")


def gradcam_panels(context: "Context", samples: Path, classes: list[str], targets: np.ndarray) -> list[Panel]:
    """Chosen samples with their maps.

    Args:
        context: of the run whose inputs are shown.
        classes, targets: names, and (N,) the true class of every prepared image.
    """
    prepared, inputs = load(context.artefacts["prepare"]), load_inputs(context.artefacts)
    with np.load(samples, allow_pickle=False) as stored:
        chosen = dict(stored)
    rows = chosen["rows"]
    lungs = as_seen(context, lung_masks(context, prepared, rows), rows)
    lesions = as_seen(context, prepared.lesions(rows), rows)
    return [
        Panel(
            class_name=classes[targets[row]],
            kind=str(chosen["kinds"][i]),
            sample_id=str(prepared.ids[row]),
            decided=classes[int(chosen["decided"][i])],
            probability=float(chosen["probabilities"][i]),
            image=inputs[row],
            heat=chosen["heat"][i],
            lungs=lungs[i] if lungs[i].any() else None,
            lesion=lesions[i] if lesions[i].any() else None,
        )
        for i, row in enumerate(rows)
    ]


def _mask(context: "Context", size: int, row: int) -> np.ndarray | None:
    if "masks" not in context.artefacts:
        return None
    return read_masks(context.artefacts["masks"], size, np.array([row]))[0]
