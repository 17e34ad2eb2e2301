"""Where the classifier looks on the test subset, and the samples worth showing."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from benchmark.evaluation.calibration import softmax
from benchmark.evaluation.localisation import upsample
from benchmark.stages.gallery import write_gallery
from benchmark.stages.heatmaps import mapper
from benchmark.stages.predictions import predictions
from benchmark.stages.reading import Reader
from benchmark.stages.regions import as_seen, films_as_seen, lung_masks, map_statistics

if TYPE_CHECKING:
    from benchmark.stages.context import Context

CHUNK = 256  # images of which maps are made at once
FEW = 16  # where each costs some fifty passes
IMAGES = "images.npz"
KINDS = ("surest right", "least sure", "surest wrong")


def build(context: "Context", folder: Path) -> None:
    """Write ``statistics.json`` (name -> estimate), ``meta.json`` (the method) and arrays.

    In ``images.npz``, the statistics of each map, as `MapStatistics` has them, for all n images outside the training
    subset, whose order is that of the run's logits; NaN of those that have no map.
    In ``samples.npz``, the maps to show: rows (n,) into the prepared images, kinds (n,), decided (n,) class indices,
    probabilities (n,) of the decided class at equal class priors, heat (n,h,w) of its log-odds.  In ``mean-heat.npz``:
    heat (K,S,S), see `mean_heat`; lungs and marks (K,S,S), share of the images with lung or lettering and frame there;
    images and empty (K,), maps that were averaged and left out.  In ``gallery.npz``: see `write_gallery`.
    """
    run = Reader(context)
    found, maps = predictions(run), mapper(run)
    test = found.subsets == "test"
    rows, targets, probabilities = found.rows[test], found.targets[test], softmax(found.corrected_logits[test])
    judged = worth_mapping(targets, maps.at_most, context.spec.seed)
    heat = []
    size = CHUNK if maps.at_most is None else FEW
    for start in range(0, len(judged), size):
        chunk = judged[start : start + size]
        heat.append(maps.heat(rows[chunk], targets[chunk]))
        context.progress({"done": min(start + size, len(judged)), "total": len(judged)})
    judged_heat = np.concatenate(heat)
    statistics = map_statistics(run, rows[judged], targets[judged], judged_heat)
    (folder / "statistics.json").write_bytes(msgspec.json.encode(statistics.estimates))
    mapped = np.flatnonzero(test)[judged]
    np.savez(folder / IMAGES, **{name: _among(len(test), mapped, one) for name, one in statistics.images.items()})
    shown = rows[judged]
    lungs, marks = (as_seen(run, mask, shown) for mask in (lung_masks(run, shown), run.prepared.marks(shown)))
    regions = MeanRegions(lungs, marks, films_as_seen(run, shown))
    write_mean_heat(folder, judged_heat, regions, targets[judged], len(context.spec.classes))
    write_samples(folder, maps.heat, rows, targets, probabilities)
    write_gallery(run, found, maps, folder)
    (folder / "meta.json").write_text(json.dumps({"method": maps.method}))


def _among(count: int, places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values at their places among so many; NaN elsewhere."""
    column = np.full(count, np.nan)
    column[places] = values
    return column


def worth_mapping(targets: np.ndarray, at_most: int | None, seed: int) -> np.ndarray:
    """Indices, ascending, of the images whose maps are judged: all, or about so many, alike of every class."""
    if at_most is None or len(targets) <= at_most:
        return np.arange(len(targets))
    classes = np.unique(targets)
    mixed = np.random.default_rng((seed, 12)).permutation(len(targets))
    of_class = [mixed[targets[mixed] == k][: -(-at_most // len(classes))] for k in classes]
    return np.sort(np.concatenate(of_class))


class MeanRegions(NamedTuple):
    """What lies under maps: lungs and marks bool (n,S,S), and films, None where no image has bars beside its own."""

    lungs: np.ndarray
    marks: np.ndarray
    films: np.ndarray | None


def write_mean_heat(
    folder: Path, maps: np.ndarray, regions: MeanRegions, targets: np.ndarray, num_classes: int
) -> None:
    """Write ``mean-heat.npz`` of maps (n,h,w) of the true classes (n,), and of what lies under them."""
    lungs, marks, films = regions
    shape = lungs.shape[1:]
    of_class = [np.flatnonzero(targets == k) for k in range(num_classes)]
    found = [mean_heat(maps[rows], shape, None if films is None else films[rows]) for rows in of_class]
    np.savez(
        folder / "mean-heat.npz",
        heat=np.stack([heat for heat, _ in found]),
        lungs=np.stack([_mean_region(lungs[rows]) for rows in of_class]),
        marks=np.stack([_mean_region(marks[rows]) for rows in of_class]),
        images=np.array([len(rows) - empty for rows, (_, empty) in zip(of_class, found, strict=True)]),
        empty=np.array([empty for _, empty in found]),
    )


def _mean_region(regions: np.ndarray) -> np.ndarray:
    """Share (S,S) of those of the regions bool (n,S,S) that are not empty."""
    known = regions[regions.any(axis=(1, 2))]
    return known.mean(axis=0) if len(known) else np.zeros(regions.shape[1:])


def mean_heat(maps: np.ndarray, shape: tuple[int, int], films: np.ndarray | None = None) -> tuple[np.ndarray, int]:
    """Mean over maps (n,h,w), each of them with a mean of 1 at that size, and how many are empty and left out.

    Every image counts alike: the height of a map depends on how sure the network is of it.

    Args:
        films: bool (n, *shape), false on bars, whose heat and area do not count; None where there are none.
    """
    total, kept = np.zeros(shape), 0
    for row, heat in enumerate(maps):
        large = upsample(np.asarray(heat, np.float32), shape)
        film = None if films is None else films[row]
        large = large if film is None else large * film
        mean = float((large if film is None else large[film]).mean(dtype=float))
        if mean > 0:
            total += large / mean
            kept += 1
    return total / max(kept, 1), len(maps) - kept


def write_samples(folder: Path, heat_of, rows: np.ndarray, targets: np.ndarray, probabilities: np.ndarray) -> None:
    """Write ``samples.npz``: of n test images with probabilities (n, K), those worth showing, with their heat maps."""
    chosen, kinds = choose_samples(targets, probabilities, probabilities.shape[1])
    decided = probabilities[chosen].argmax(axis=1)
    np.savez(
        folder / "samples.npz",
        rows=rows[chosen],
        kinds=np.array(kinds, np.str_),
        decided=decided,
        probabilities=probabilities[chosen, decided],
        heat=heat_of(rows[chosen], decided),
    )


def choose_samples(targets: np.ndarray, probabilities: np.ndarray, num_classes: int) -> tuple[np.ndarray, list[str]]:
    """Indices of the surest right, the least sure and the surest wrong image of each class, where there is one.

    The least sure is another one than those two, where the class has another.
    """
    decided, certainty = probabilities.argmax(axis=1), probabilities.max(axis=1)
    chosen, kinds = [], []
    for k in range(num_classes):
        own = np.flatnonzero(targets == k)
        right, wrong = own[decided[own] == k], own[decided[own] != k]
        surest = [some[np.argmax(certainty[some])] for some in (right, wrong) if len(some)]
        others = np.setdiff1d(own, surest)
        unsure = others if len(others) else own
        for kind, among, sign in zip(KINDS, (right, unsure, wrong), (1, -1, 1), strict=True):
            if len(among):
                chosen.append(int(among[np.argmax(sign * certainty[among])]))
                kinds.append(kind)
    return np.array(chosen, int), kinds
