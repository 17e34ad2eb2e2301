"""A dozen test images that every pipeline of a split is shown on, with a heat map of each."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.evaluation.calibration import softmax
from benchmark.stages.predictions import Predictions
from benchmark.stages.reading import Reader

if TYPE_CHECKING:
    from benchmark.stages.heatmaps import Mapper

IMAGES = 12
ARRAYS = "gallery.npz"


def write_gallery(run: Reader, found: Predictions, maps: "Mapper", folder: Path) -> None:
    """Write ``gallery.npz``: of n chosen test images rows (n,) into the prepared images, and of their own class the
    probability (n,) at equal class priors and heat uint8 (n,h,w), 255 where a map has its peak; decided (n,).
    """
    digest = (run.artefacts["split"] / "digest").read_text()
    test = np.flatnonzero(found.subsets == "test")
    ids = run.prepared.ids[found.rows[test]].tolist()
    chosen = test[choose(ids, found.targets[test], digest)]
    rows, targets, corrected = found.rows[chosen], found.targets[chosen], found.corrected_logits[chosen]
    heat = maps.heat(rows, targets)
    peaks = heat.max(axis=(1, 2), keepdims=True)
    share = np.divide(heat, peaks, out=np.zeros_like(heat), where=np.isfinite(peaks) & (peaks > 0))
    np.savez(
        folder / ARRAYS,
        rows=rows,
        heat=np.rint(255 * share).astype(np.uint8),
        decided=corrected.argmax(axis=1),
        probabilities=softmax(corrected)[np.arange(len(rows)), targets],
    )


def choose(ids: list[str], targets: np.ndarray, digest: str, most: int = IMAGES) -> np.ndarray:
    """Indices, class by class, of about as many images of each: whom, the split and the images' names decide alone.

    Args:
        targets: (n,) class index.
        digest: of the split.
    """
    keys = [hashlib.sha256(f"{digest}\0{one}".encode(errors="surrogateescape")).hexdigest() for one in ids]
    order = np.array(sorted(range(len(ids)), key=keys.__getitem__), int)
    classes = list(dict.fromkeys(targets[order].tolist()))[:most]
    of_class = {k: order[targets[order] == k] for k in classes}
    count = most // max(1, len(classes))
    return np.concatenate([of_class[k][:count] for k in sorted(classes)]) if classes else order
