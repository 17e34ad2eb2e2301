"""Lungs, lesions and marks where a classifier sees them, and how far its heat maps keep to them."""

import numpy as np

from benchmark.data.masking import apply_masks
from benchmark.evaluation.localisation import localisation, localisation_estimates, share_estimates
from benchmark.records.estimate import Estimate
from benchmark.stages.reading import Reader


def map_statistics(run: Reader, rows: np.ndarray, targets: np.ndarray, maps: np.ndarray) -> dict[str, Estimate]:
    """Per class, how heat maps localise lungs and, where they are known, lesions and the marks burnt into the film.

    Of lesions, plain brightness too.
    """
    spec, prepared = run.spec, run.prepared
    classes = np.array(list(spec.classes))[targets]
    groups = prepared.groups[rows]
    lungs = as_seen(run, lung_masks(run, rows), rows)
    known = lungs.any(axis=(1, 2))
    estimates = localisation_estimates(
        localisation(maps[known], lungs[known]), classes[known], groups[known], "lung", spec.seed
    )
    lesions = as_seen(run, prepared.lesions(rows), rows) & lungs
    diseased = prepared.lesion_known[rows] & lesions.any(axis=(1, 2))
    if diseased.any():
        region, frame, where = lesions[diseased], lungs[diseased], (classes[diseased], groups[diseased])
        estimates |= localisation_estimates(
            localisation(maps[diseased], region, within=frame), *where, "lesion", spec.seed
        )
        # What plain brightness would score: a heat map that does no better shows nothing.
        plain = localisation(run.views[rows[diseased]], region, within=frame)
        estimates |= {
            name.replace("brightness-", "brightness-lesion-"): one
            for name, one in localisation_estimates(plain, *where, "brightness", spec.seed).items()
            if "enrich" in name
        }
    return estimates | _on_marks(run, rows, classes, maps)


def _on_marks(run: Reader, rows: np.ndarray, classes: np.ndarray, maps: np.ndarray) -> dict[str, Estimate]:
    """How much of the heat lies on lettering and frame, of the images on which there are any."""
    marks = as_seen(run, run.prepared.marks(rows), rows)
    marked = marks.any(axis=(1, 2))
    if not marked.any():
        return {}
    seen = localisation(maps[marked], marks[marked])
    where = classes[marked], run.prepared.groups[rows][marked], "marks", run.spec.seed
    return share_estimates(seen, *where) | localisation_estimates(seen, *where)


def lung_masks(run: Reader, rows: np.ndarray) -> np.ndarray:
    """The dataset's lung masks bool (n,H,W), predicted ones where it has none."""
    lungs = run.prepared.masks(rows)
    lacking = ~run.prepared.has_mask[rows]
    predicted = run.masks(rows[lacking]) if lacking.any() else None
    if predicted is not None:
        lungs[lacking] = predicted
    return lungs


def as_seen(run: Reader, regions: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Regions (n,H,W) of the prepared images where the classifier's inputs have them: moved by a crop."""
    how = run.spec.images.mask
    masks = run.masks(rows) if how == "crop" else None
    if masks is None:
        return regions
    return apply_masks(regions.astype(np.uint8) * 255, masks, how) > 127
