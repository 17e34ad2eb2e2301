"""Lungs and lesions where a classifier sees them, and how far its maps keep to them."""

from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.masking import apply_masks
from benchmark.data.prepared import Prepared
from benchmark.evaluation.localisation import focus, focus_estimates
from benchmark.records.estimate import Estimate
from benchmark.stages.masks import read_masks

if TYPE_CHECKING:
    from benchmark.stages.context import Context


def map_statistics(
    context: "Context",
    prepared: Prepared,
    inputs: np.ndarray,
    rows: np.ndarray,
    targets: np.ndarray,
    maps: np.ndarray,
) -> dict[str, Estimate]:
    """In-lung and, where lesions are known, in-lesion focus of the maps and of plain brightness, per class."""
    spec = context.spec
    classes = np.array(list(spec.classes))[targets]
    groups = prepared.groups[rows]
    lungs = as_seen(context, lung_masks(context, prepared, rows), rows)
    known = lungs.any(axis=(1, 2))
    told = focus_estimates(focus(maps[known], lungs[known]), classes[known], groups[known], "lung", spec.seed)
    lesions = as_seen(context, prepared.lesions(rows), rows) & lungs
    diseased = prepared.lesion_known[rows] & lesions.any(axis=(1, 2))
    if diseased.any():
        region, frame, where = lesions[diseased], lungs[diseased], (classes[diseased], groups[diseased])
        told |= focus_estimates(focus(maps[diseased], region, within=frame), *where, "lesion", spec.seed)
        # What plain brightness would score: a map that does no better has found nothing.
        plain = focus_estimates(focus(inputs[rows[diseased]], region, within=frame), *where, "brightness", spec.seed)
        told |= {
            name.replace("brightness-", "brightness-lesion-"): one for name, one in plain.items() if "enrich" in name
        }
    return told


def lung_masks(context: "Context", prepared: Prepared, rows: np.ndarray) -> np.ndarray:
    """The dataset's lung masks bool (n,H,W), predicted ones where it has none."""
    lungs = prepared.masks(rows)
    lacking = ~prepared.has_mask[rows]
    if lacking.any() and "masks" in context.artefacts:
        lungs[lacking] = read_masks(context.artefacts["masks"], prepared.size, rows[lacking])
    return lungs


def as_seen(context: "Context", regions: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Regions (n,H,W) of the prepared images where the classifier's inputs have them: moved by a crop."""
    how = context.spec.images.mask
    if how != "crop" or "masks" not in context.artefacts:
        return regions
    masks = read_masks(context.artefacts["masks"], regions.shape[1], rows)
    return apply_masks(regions.astype(np.uint8) * 255, masks, how) > 127
