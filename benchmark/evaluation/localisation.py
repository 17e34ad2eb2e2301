"""Whether heat maps lie where they should: how far they concentrate on regions, and how often they point elsewhere."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from benchmark.evaluation.intervals import few, join, proportion
from benchmark.evaluation.resampling import bootstrap
from benchmark.records.estimate import Estimate


class Localisation(NamedTuple):
    """How much of each map falls into a region, for N images.

    Attributes:
        share: (N,) of the map's mass, in the region; NaN where undefined.
        enrichment: (N,) that share over the region's share of the area; 1 is chance, NaN where undefined.
        pointing_game_missed: (N,) bool, whether the map's highest point lies outside the region (the pointing game,
            Zhang et al. 2018); False where undefined.
        defined: (N,) bool: the map is not empty and the region neither empty nor everything.
        empty: (N,) bool: the map is zero everywhere it is looked at.
    """

    share: np.ndarray
    enrichment: np.ndarray
    pointing_game_missed: np.ndarray
    defined: np.ndarray
    empty: np.ndarray


def upsample(heat: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A map (h, w) at the size of its image (H, W).

    Bilinear between the centres of cells: a cell's value is a sample of something smooth, and blocks with hard edges
    would give a region's rim the heat of its outside.  Averaged where the map is the finer of the two.
    """
    smaller = heat.shape[0] > shape[0]
    return cv2.resize(heat, shape[::-1], interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def localisation(maps: Sequence | np.ndarray, regions: np.ndarray, within: np.ndarray | None = None) -> Localisation:
    """How far maps concentrate on regions.

    Args:
        maps: (N, h, w), >= 0, of any size.
        regions: (N, H, W) bool.
        within: (N, H, W) bool outside of which neither heat nor area counts, the lungs for instance; None for all.
    """
    rows = [
        _focus(upsample(np.asarray(heat, np.float32), region.shape), region, None if within is None else within[i])
        for i, (heat, region) in enumerate(zip(maps, regions, strict=True))
    ]
    columns = zip(*rows, strict=True) if rows else [()] * 5
    return Localisation(
        *(np.array(column, kind) for column, kind in zip(columns, (float, float, bool, bool, bool), strict=True))
    )


def localisation_estimates(
    seen: Localisation, labels: Sequence[str], groups: Sequence[str], prefix: str, seed: int
) -> dict[str, Estimate]:
    """Statistics per label: ``PREFIX-enrichment/LABEL`` (median), ``PREFIX-misses/LABEL``, ``PREFIX-empty/LABEL``.

    Args:
        labels, groups: (N,) of the images in `seen`.
        prefix: what the region is: ``lung``, ``lesion``, ``marks``.
        seed: of the bootstrap over groups.
    """
    labels, groups = np.asarray(labels), np.asarray(groups)
    result = {}
    for label in dict.fromkeys(labels.tolist()):
        rows = labels == label
        kept = rows & seen.defined
        result[f"{prefix}-enrichment/{label}"] = _noted(
            median_estimate(seen.enrichment[kept], groups[kept], seed), seen, rows
        )
        result[f"{prefix}-misses/{label}"] = (
            proportion(seen.pointing_game_missed[kept], groups[kept])
            if kept.any()
            else Estimate(None, note="no map to judge")
        )
        result[f"{prefix}-empty/{label}"] = Estimate(float(seen.empty[rows].sum()), n=int(rows.sum()))
    return result


def relative_enrichment(
    maps: Sequence | np.ndarray, regions: np.ndarray, labels: Sequence[str], within: np.ndarray | None = None
) -> np.ndarray:
    """Enrichment of each map over that of the mean map of its label on the same image, (N,).

    The mean is over the other images of the label, each map with the same mass, so it has not looked at this one:
    1 is what a map reaches that lies where such maps lie anyway, whatever the image shows.  (Enrichment itself is
    1.3 to 1.8 for a blob in the middle of the frame.)  NaN where either is not defined, or the label has one map.

    Args:
        maps, regions, within: see `localisation`.
        labels: (N,), whose mean counts.
    """
    labels, result = np.asarray(labels), np.full(len(regions), np.nan)
    for label in dict.fromkeys(labels.tolist()):
        rows = np.flatnonzero(labels == label)
        total, kept = np.zeros(regions.shape[1:]), 0
        for row in rows:
            one = _of_unit_mass(maps[row], total.shape)
            total, kept = total + one, kept + bool(one.any())
        for row in rows if kept > 1 else ():
            one, frame = _of_unit_mass(maps[row], total.shape), None if within is None else within[row]
            own, others = (_focus(heat, regions[row], frame)[0] for heat in (one, np.maximum(total - one, 0)))
            result[row] = own / others if others > 0 else np.nan
    return result


def at_resolution(regions: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Regions bool (N, H, W) as maps of that shape, (N, h, w): the best that such maps could show of them."""
    area = cv2.INTER_AREA
    cells = [cv2.resize(region.astype(np.float32), shape[::-1], interpolation=area) for region in regions]
    return np.array(cells, np.float32).reshape(len(regions), *shape)


def _of_unit_mass(heat: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A map (h, w) at the size of its image with a sum of 1; zeros where it is empty."""
    large = upsample(np.asarray(heat, np.float32), shape).astype(float)
    mass = large.sum()
    return large / mass if mass > 0 else np.zeros(shape)


def share_estimates(
    seen: Localisation, labels: Sequence[str], groups: Sequence[str], prefix: str, seed: int
) -> dict[str, Estimate]:
    """``PREFIX-share/LABEL``: median share of a map's mass in the region, of the images with such a region."""
    labels, groups = np.asarray(labels), np.asarray(groups)
    kept = {label: (labels == label) & seen.defined for label in dict.fromkeys(labels.tolist())}
    return {
        f"{prefix}-share/{label}": _noted(median_estimate(seen.share[rows], groups[rows], seed), seen, labels == label)
        for label, rows in kept.items()
    }


def relative_estimates(
    values: np.ndarray, labels: Sequence[str], groups: Sequence[str], name: str, seed: int
) -> dict[str, Estimate]:
    """``NAME/LABEL``: median over images of what `relative_enrichment` gives, where that is defined."""
    labels, groups = np.asarray(labels), np.asarray(groups)
    result = {}
    for label in dict.fromkeys(labels.tolist()):
        kept = (labels == label) & ~np.isnan(values)
        result[f"{name}/{label}"] = median_estimate(values[kept], groups[kept], seed)
    return result


def median_estimate(values: np.ndarray, groups: Sequence[str], seed: int, resamples: int = 1000) -> Estimate:
    """Median of (N,) values with a percentile interval over resampled groups."""
    if not len(values):
        return Estimate(None, note="no map to judge")
    order = np.argsort(values, kind="stable")
    ranked = np.asarray(values)[order]

    def medians(weights: np.ndarray) -> np.ndarray:
        heaped = weights[:, order].cumsum(axis=1)
        half = heaped[:, -1:] / 2
        lower, upper = (heaped < half).sum(axis=1), (heaped <= half).sum(axis=1)
        return (ranked[lower] + ranked[upper]) / 2

    low, high = np.quantile(bootstrap(medians, groups, seed, resamples), [0.025, 0.975])
    return Estimate(float(np.median(values)), float(low), float(high), len(values), few(groups))


def _focus(heat: np.ndarray, region: np.ndarray, within: np.ndarray | None) -> tuple[float, float, bool, bool, bool]:
    area = np.ones(region.shape, bool) if within is None else within.astype(bool)
    target = region & area
    heat = np.where(area, heat, 0)
    mass = heat.sum(dtype=float)
    share = target.sum() / max(area.sum(), 1)
    empty = mass <= 0
    if empty or not 0 < share < 1:
        return np.nan, np.nan, False, False, bool(empty)
    peak = np.unravel_index(heat.argmax(), heat.shape)
    inside = heat[target].sum(dtype=float) / mass
    return float(inside), float(inside / share), not target[peak], True, False


def _noted(estimate: Estimate, seen: Localisation, rows: np.ndarray) -> Estimate:
    empty, other = int(seen.empty[rows].sum()), int((rows & ~seen.defined & ~seen.empty).sum())
    notes = [f"{empty} empty maps left out"] * bool(empty) + [f"{other} images without such a region"] * bool(other)
    return Estimate(estimate.value, estimate.low, estimate.high, estimate.n, join(estimate.note, *notes))
