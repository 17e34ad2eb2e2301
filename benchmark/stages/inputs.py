"""What the classifier sees: the prepared images with the lung masks applied, equalised inside them where asked."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.array_file import RowFile
from benchmark.data.masking import view
from benchmark.stages.reading import Reader

if TYPE_CHECKING:
    from benchmark.stages.context import Context

CHUNK = 256


def build(context: "Context", folder: Path) -> None:
    """Write ``images.npy`` uint8 (N,H,W)."""
    run, how = Reader(context), context.spec.images
    images = run.prepared.images
    out = RowFile(folder / "images.npy", images.shape[1:])
    for start in range(0, len(images), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(images)))
        frames = run.prepared.frames_of(rows)
        seen = view(images[rows], run.masks(rows), equalise=how.equalise, mask=how.mask, frames=frames)
        for row, image in zip(rows, seen, strict=True):
            out.write(int(row), np.ascontiguousarray(image))
        context.progress({"done": int(rows[-1]) + 1, "total": len(images)})
    out.finish(range(len(images)))
