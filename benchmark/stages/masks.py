"""Lung masks of every image, predicted once and kept as bits."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.prepared import pack
from benchmark.models.segmentation import load_segmentation, make_segmentation
from benchmark.stages.reading import Reader

if TYPE_CHECKING:
    from benchmark.stages.context import Context

CHUNK = 256


def build(context: "Context", folder: Path) -> None:
    """Write ``masks.npy`` uint8 (N, ceil(H*W/8)), packed bits."""
    run = Reader(context)
    masks, count = masks_of(run), len(run.prepared.ids)
    packed = []
    for start in range(0, count, CHUNK):
        rows = np.arange(start, min(start + CHUNK, count))
        found, films = masks(rows), run.prepared.films(rows)
        packed.append(pack(found if films is None else found & films))  # nothing on a bar is lung
        context.progress({"done": int(rows[-1]) + 1, "total": count})
    np.save(folder / "masks.npy", np.concatenate(packed))


def masks_of(run: Reader) -> Callable[[np.ndarray], np.ndarray]:
    """Rows of the prepared images -> masks bool (n,H,W)."""
    if "segmenter" in run.artefacts:
        segmentation = load_segmentation(run.artefacts["segmenter"] / "model.keras", run.spec.segmenter.name)
    else:
        segmentation = make_segmentation(run.spec.segmenter, run.prepared.size)
    if segmentation.reads_dataset_masks:
        return run.prepared.masks
    return lambda rows: segmentation.masks(run.prepared.images[rows])
