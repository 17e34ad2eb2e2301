"""Lung masks of every image, predicted once and kept as bits."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.prepared import Prepared, load
from registry.declarations import reads_dataset_masks
from registry.lookup import find
from registry.lookup import load as load_component
from registry.networks.saved import load_network

if TYPE_CHECKING:
    from benchmark.stages.context import Context

CHUNK = 256


def build(context: "Context", folder: Path) -> None:
    """Write ``masks.npy`` uint8 (N, ceil(H*W/8)), packed bits."""
    images = load(context.artefacts["prepare"])
    predict = predictor(context, images)
    packed = []
    for start in range(0, len(images.ids), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(images.ids)))
        packed.append(np.packbits(predict(rows).reshape(len(rows), -1), axis=1))
        context.progress({"done": int(rows[-1]) + 1, "total": len(images.ids)})
    np.save(folder / "masks.npy", np.concatenate(packed))


def predictor(context: "Context", images: Prepared):
    """Rows -> bool masks (n,H,W)."""
    if "segmenter" in context.artefacts:
        model = load_network(context.artefacts["segmenter"] / "model.keras", "segmenter", context.spec.segmenter.name)
        return lambda rows: model.predict(unit(images, rows), batch_size=32, verbose=0)[..., 0] > 0.5
    factory = load_component(find("segmenter", context.spec.segmenter.name))
    product = factory((images.size, images.size, 1), **context.spec.segmenter.options)
    if reads_dataset_masks(product):
        return images.masks
    return lambda rows: np.asarray(product.predict(unit(images, rows)), bool)


def unit(images: Prepared, rows: np.ndarray) -> np.ndarray:
    """Images float32 (n,H,W,1) in [0, 1]."""
    return images.images[rows][..., None].astype(np.float32) / 255


def read_masks(folder: Path, size: int, rows: np.ndarray) -> np.ndarray:
    """Bool (n,H,W) from the artefact of this stage."""
    packed = np.load(folder / "masks.npy", mmap_mode="r")
    bits = np.unpackbits(packed[rows], axis=1, count=size * size)
    return bits.reshape(-1, size, size).astype(bool)
