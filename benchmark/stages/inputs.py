"""What the classifier sees: the prepared images with the lung masks applied, equalised inside them where asked."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.array_file import RowFile
from benchmark.data.masking import apply_masks, equalise_inside
from benchmark.data.prepared import load
from benchmark.stages.masks import CHUNK, read_masks

if TYPE_CHECKING:
    from benchmark.stages.context import Context


def build(context: "Context", folder: Path) -> None:
    """Write ``images.npy`` uint8 (N,H,W)."""
    images = load(context.artefacts["prepare"])
    settings = context.spec.images
    out = RowFile(folder / "images.npy", images.images.shape[1:])
    for start in range(0, len(images.ids), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(images.ids)))
        films = images.images[rows]
        masks = np.ones(films.shape, bool)  # a segmenter that keeps the whole frame
        if "masks" in context.artefacts:
            masks = read_masks(context.artefacts["masks"], images.size, rows)
        if settings.equalise == "lungs":
            films = equalise_inside(films, masks)
        for row, film in zip(rows, apply_masks(films, masks, settings.mask), strict=True):
            out.write(int(row), np.ascontiguousarray(film))
        context.progress({"done": int(rows[-1]) + 1, "total": len(images.ids)})
    out.finish(range(len(images.ids)))
