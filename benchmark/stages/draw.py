"""The figures of a run: what the network sees, how good the masks are, where it looks, how it learnt."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.depth import eight_bits
from benchmark.data.samples import open_dataset
from benchmark.data.targets import class_targets
from benchmark.evaluation.masks import mask_agreement
from benchmark.evaluation.training_checks import training_notes
from benchmark.figures.curves import curves
from benchmark.figures.explanations import Panel, gradcam_sheet
from benchmark.figures.gallery import Shown, gallery
from benchmark.figures.masks import MaskRow, mask_sheet
from benchmark.figures.mean_heat import MeanHeat, mean_heat_sheet
from benchmark.figures.thumbnails import thumbnails
from benchmark.figures.views import View, network_view_sheet
from benchmark.models.augmentation import augmentation
from benchmark.models.inference import unit
from benchmark.models.schedule import learning_rates
from benchmark.records.gallery import FILE as GALLERY
from benchmark.stages.gallery import ARRAYS
from benchmark.stages.reading import Reader
from benchmark.stages.regions import as_seen, lung_masks
from benchmark.tasks.components import plain_name

if TYPE_CHECKING:
    from benchmark.stages.context import Context

WORST_MASKS = 8


def build(context: "Context", folder: Path) -> None:
    """Write ``network-view.png``, ``masks.png``, the heat maps of `draw_maps`, ``mean-heat.png`` and ``curves.png``.

    There is no ``masks.png`` where the frame is kept whole, and no ``curves.png`` where no network was trained; of a
    vote, whose models are its members', the heat maps alone.
    """
    run, explained = Reader(context), context.artefacts["explain"]
    method = run.meta("explain")["method"]
    draw_maps(run, folder, explained / "samples.npz", method)
    if run.members:
        return
    network_view_sheet(folder / "network-view.png", views(run))
    if "masks" in context.artefacts:
        draw_masks(run, folder / "masks.png")
    draw_mean_heat(context, folder / "mean-heat.png", explained / "mean-heat.npz", method)
    if "fit" in context.artefacts:
        draw_curves(context, folder / "curves.png")


def draw_maps(run: Reader, folder: Path, samples: Path, method: str) -> None:
    """Write ``gradcam.png`` and ``gradcam.json`` of the samples that the step before chose, and ``gallery.json``."""
    seen = next(iter(run.members.values()), run)  # of a vote, what its first member sees
    targets = class_targets(run.prepared.labels, run.spec.classes)
    panels = gradcam_panels(seen, samples, list(run.spec.classes), targets)
    caption = f"{plain_name(run.spec)}, seed {run.spec.seed}: log-odds of the decided class, test images"
    gradcam_sheet(folder / "gradcam.png", panels, caption=caption, method=method)
    (folder / "gradcam.json").write_text(json.dumps(thumbnails(panels)))
    draw_gallery(seen, list(run.spec.classes), targets, samples.with_name(ARRAYS), method, folder)


def draw_gallery(run: Reader, classes: list[str], targets: np.ndarray, stored: Path, method: str, folder: Path) -> None:
    """Write ``gallery.json``, see `benchmark.records.gallery`.

    Args:
        run: whose inputs are shown.
        classes: those that the targets are indices of; a member of a vote may have others.
        targets: (N,) the class of every prepared image.
        stored: the arrays of `write_gallery`.
    """
    with np.load(stored, allow_pickle=False) as arrays:
        chosen = dict(arrays)
    shown = [
        Shown(
            id=str(run.prepared.ids[row]),
            label=classes[targets[row]],
            decided=classes[int(chosen["decided"][i])],
            probability=float(chosen["probabilities"][i]),
            film=run.prepared.images[row],
            seen=run.views[row],
            heat=chosen["heat"][i],
        )
        for i, row in enumerate(chosen["rows"])
    ]
    (folder / GALLERY).write_bytes(gallery(shown, method))


def draw_mean_heat(context: "Context", path: Path, stored: Path, method: str) -> None:
    """Where the log-odds of its own class come from on the average test image."""
    with np.load(stored, allow_pickle=False) as arrays:
        panels = [
            MeanHeat(
                class_name=name,
                heat=arrays["heat"][k],
                lungs=_unless_empty(arrays["lungs"][k]),
                images=int(arrays["images"][k]),
                empty=int(arrays["empty"][k]),
                marks=_unless_empty(arrays["marks"][k]),
            )
            for k, name in enumerate(context.spec.classes)
        ]
    caption = f"{plain_name(context.spec)}, seed {context.spec.seed}: log-odds of the true class, mean over test images"
    mean_heat_sheet(path, panels, caption=caption, method=method)


def draw_curves(context: "Context", path: Path) -> None:
    """How the network learnt; that of `features_head` where the head is none."""
    history = json.loads((context.artefacts["fit"] / "history.json").read_text())
    steps, spec = json.loads((context.artefacts["fit"] / "meta.json").read_text())["steps"], context.spec
    features_head = f" (its backbone, with {spec.features_head.name})" if spec.features_head else ""
    title = f"{plain_name(spec)}{features_head}, seed {spec.seed}: {steps:,} steps, the last weights"
    rates = learning_rates(spec.training.learning_rate, steps)
    notes = training_notes(history, len(spec.classes), spec.training, steps)
    curves(path, history, rates, title, chance=math.log(len(spec.classes)), notes=notes)


def views(run: Reader) -> list[View]:
    """One training image of each class on its way into the network."""
    spec, prepared, inputs = run.spec, run.prepared, run.views
    targets = class_targets(prepared.labels, spec.classes)
    rows = [int(np.flatnonzero((run.subsets == "train") & (targets == k))[0]) for k in range(len(spec.classes))]
    masks, frames = run.masks(np.array(rows)), prepared.frames_of(np.array(rows))
    bits = prepared.depth and prepared.depth.bits
    samples = {sample.id: sample for sample in open_dataset(spec.dataset, spec.split.seed)[1]}
    settings = spec.augmentation
    change = augmentation(flips=settings.flips, rotation=settings.rotation, rotated=settings.rotated, seed=spec.seed)
    changed = np.asarray(change(unit(inputs[np.array(rows)]), training=True))[..., 0]
    return [
        View(
            class_name=name,
            sample_id=str(prepared.ids[row]),
            raw=eight_bits(samples[str(prepared.ids[row])].read_image(), bits),
            equalised=prepared.images[row],
            mask=None if masks is None else masks[k],
            masked=inputs[row],
            augmented=np.rint(255 * changed[k]).astype(np.uint8),
            frame=None if frames is None else frames[k],
        )
        for k, (name, row) in enumerate(zip(spec.classes, rows, strict=True))
    ]


def draw_masks(run: Reader, path: Path) -> None:
    """The test images on which predicted mask and truth agree least."""
    prepared = run.prepared
    rows = np.flatnonzero((run.subsets == "test") & prepared.has_mask)
    if len(rows) == 0:
        return
    truth, predicted = prepared.masks(rows), run.masks(rows)
    dice = mask_agreement(truth, predicted)["dice"]  # wherever bars lie
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
    mask_sheet(path, mask_rows, caption=f"worst Dice of {len(rows)} test images; segmenter {run.spec.segmenter}")


def gradcam_panels(run: Reader, samples: Path, classes: list[str], targets: np.ndarray) -> list[Panel]:
    """Chosen samples with their heat maps.

    Args:
        run: whose inputs are shown.
        classes, targets: names, and (N,) the true class of every prepared image.
    """
    prepared, inputs = run.prepared, run.views
    with np.load(samples, allow_pickle=False) as stored:
        chosen = dict(stored)
    rows = chosen["rows"]
    lungs = as_seen(run, lung_masks(run, rows), rows)
    lesions = as_seen(run, prepared.lesions(rows), rows)
    marks = as_seen(run, prepared.marks(rows), rows)
    return [
        Panel(
            class_name=classes[targets[row]],
            kind=str(chosen["kinds"][i]),
            sample_id=str(prepared.ids[row]),
            decided=classes[int(chosen["decided"][i])],
            probability=float(chosen["probabilities"][i]),
            image=inputs[row],
            heat=chosen["heat"][i],
            lungs=_unless_empty(lungs[i]),
            lesion=_unless_empty(lesions[i]),
            marks=_unless_empty(marks[i]),
        )
        for i, row in enumerate(rows)
    ]


def _unless_empty(region: np.ndarray) -> np.ndarray | None:
    return region if region.any() else None
