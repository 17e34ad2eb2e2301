"""Lungs, lesions and marks where a classifier sees them, and how far its heat maps keep to them."""

from typing import NamedTuple

import numpy as np

from benchmark.data.masking import apply_masks
from benchmark.evaluation.localisation import (
    Localisation,
    at_resolution,
    localisation,
    localisation_estimates,
    relative_enrichment,
    relative_estimates,
    share_estimates,
)
from benchmark.records.estimate import Estimate
from benchmark.stages.reading import Reader


class MapStatistics(NamedTuple):
    """How heat maps localise lungs and, where they are known, lesions and the marks burnt into the film.

    Attributes:
        estimates: ``STATISTIC/CLASS`` -> what holds of the maps of a class.
        images: statistic -> its value for each of n images, float (n,), NaN where it has none: ``…-enrichment``,
            ``…-misses`` (0 or 1), ``…-empty`` (0 or 1), ``…-share``, ``…-relative-enrichment`` and, of the images' own
            masks at the maps' resolution, ``…-mask-relative-enrichment``.
    """

    estimates: dict[str, Estimate]
    images: dict[str, np.ndarray]


def map_statistics(run: Reader, rows: np.ndarray, targets: np.ndarray, maps: np.ndarray) -> MapStatistics:
    """The statistics of maps (n, h, w) of classes (n,), of lesions those of plain brightness too."""
    judged = _Judged(run, rows, np.array(list(run.spec.classes))[targets], maps)
    lungs, films = as_seen(run, lung_masks(run, rows), rows), films_as_seen(run, rows)
    judged.keep("lung", lungs, lungs.any(axis=(1, 2)), within=films)
    judged.keep_relative("lung", lungs, lungs.any(axis=(1, 2)), within=films)
    lesions = as_seen(run, run.prepared.lesions(rows), rows) & lungs
    diseased = run.prepared.lesion_known[rows] & lesions.any(axis=(1, 2))
    if diseased.any():
        judged.keep("lesion", lesions, diseased, within=lungs)
        judged.keep_relative("lesion", lesions, diseased, within=lungs)
        judged.keep_brightness(lesions, diseased, lungs)
    marks = as_seen(run, run.prepared.marks(rows), rows)
    if marks.any():
        marked = marks.any(axis=(1, 2))
        seen = judged.keep("marks", marks, marked, within=films)
        judged.estimates |= share_estimates(seen, *judged.where(marked), "marks", run.spec.seed)
        judged.keep_values("marks-share", seen.share, marked)
    return MapStatistics(judged.estimates, judged.images)


class _Judged:
    """The statistics of n maps as they are found, one region after the other."""

    def __init__(self, run: Reader, rows: np.ndarray, classes: np.ndarray, maps: np.ndarray) -> None:
        self.run, self.rows, self.classes, self.maps = run, rows, classes, maps
        self.groups, self.seed = run.prepared.groups[rows], run.spec.seed
        self.estimates: dict[str, Estimate] = {}
        self.images: dict[str, np.ndarray] = {}

    def where(self, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Classes and groups of the images (n,) bool."""
        return self.classes[known], self.groups[known]

    def keep(
        self, prefix: str, regions: np.ndarray, known: np.ndarray, within: np.ndarray | None = None
    ) -> Localisation:
        """How the maps keep to regions (n, H, W) of the images on which they are `known`."""
        seen = localisation(self.maps[known], regions[known], None if within is None else within[known])
        self.estimates |= localisation_estimates(seen, *self.where(known), prefix, self.seed)
        self.keep_values(f"{prefix}-enrichment", seen.enrichment, known)
        missed = np.where(seen.defined, seen.pointing_game_missed, np.nan)
        self.keep_values(f"{prefix}-misses", missed, known)
        self.keep_values(f"{prefix}-empty", seen.empty, known)
        return seen

    def keep_relative(
        self, prefix: str, regions: np.ndarray, known: np.ndarray, within: np.ndarray | None = None
    ) -> None:
        """How far the maps look at their own image, beside what the images' own regions would give."""
        region, frame = regions[known], None if within is None else within[known]
        best = at_resolution(region, self.maps.shape[1:])
        for name, maps in ((prefix, self.maps[known]), (f"{prefix}-mask", best)):
            values = relative_enrichment(maps, region, self.classes[known], frame)
            statistic = f"{name}-relative-enrichment"
            self.estimates |= relative_estimates(values, *self.where(known), statistic, self.seed)
            self.keep_values(statistic, values, known)

    def keep_brightness(self, lesions: np.ndarray, known: np.ndarray, lungs: np.ndarray) -> None:
        """What plain brightness would score: a heat map that does no better shows nothing."""
        plain = localisation(self.run.views[self.rows[known]], lesions[known], within=lungs[known])
        found = localisation_estimates(plain, *self.where(known), "brightness", self.seed)
        self.estimates |= {
            name.replace("brightness-", "brightness-lesion-"): one for name, one in found.items() if "enrich" in name
        }
        self.keep_values("brightness-lesion-enrichment", plain.enrichment, known)

    def keep_values(self, statistic: str, values: np.ndarray, known: np.ndarray) -> None:
        """Of the images on which it is known."""
        column = np.full(len(known), np.nan)
        column[known] = values
        self.images[statistic] = column


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
    return apply_masks(regions.astype(np.uint8) * 255, masks, how, run.prepared.frames_of(rows)) > 127


def films_as_seen(run: Reader, rows: np.ndarray) -> np.ndarray | None:
    """Films (n,H,W) where the classifier's inputs have them, false on bars; None where there are no bars."""
    films = run.prepared.films(rows)
    return None if films is None else as_seen(run, films, rows)
