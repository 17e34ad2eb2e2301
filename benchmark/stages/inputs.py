"""What the classifier sees: the prepared images with the lung masks applied."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.images import equalise_inside, load
from benchmark.masking import apply_masks
from benchmark.stages.masks import CHUNK, read_masks

if TYPE_CHECKING:
    from benchmark.context import Context


def build(context: "Context", folder: Path) -> None:
    """Write ``images.npy`` uint8 (N,H,W)."""
    images = load(context.artefacts["prepare"])
    settings = context.spec.images
    out = np.lib.format.open_memmap(folder / "images.npy", mode="w+", dtype=np.uint8, shape=images.images.shape)
    for start in range(0, len(images.ids), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(images.ids)))
        masks = read_masks(context.artefacts["masks"], images.size, rows)
        films = images.images[rows]
        if settings.equalise == "lungs":
            films = equalise_inside(films, masks)
        out[rows] = apply_masks(films, masks, settings.mask)
        context.progress({"done": int(rows[-1]) + 1, "total": len(images.ids)})
    out.flush()
