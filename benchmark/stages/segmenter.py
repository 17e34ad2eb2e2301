"""A segmenter network trained on the training subset, against the dataset's own masks."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import msgspec
import numpy as np

from benchmark.data.prepared import Prepared
from benchmark.models.batches import Batches
from benchmark.models.executions import execution_settings
from benchmark.models.memory import retry_on_oom
from benchmark.models.runtime import reset_keras
from benchmark.models.segmentation import distorted, make_segmentation, on_bytes
from benchmark.models.training import History, times, train
from benchmark.stages.reading import Reader
from registry.errors import DataError
from registry.networks.losses import cross_entropy_dice

if TYPE_CHECKING:
    from benchmark.stages.context import Context


def build(context: "Context", folder: Path) -> None:
    """Write ``model.keras`` (images in [0, 1] -> lung probability), ``history.json`` and ``meta.json``."""
    size = context.spec.segmentation.batch_size
    model, history, how = retry_on_oom(partial(_fit, context), size, context.partial, context.progress)
    model.save(folder / "model.keras")
    (folder / "history.json").write_text(json.dumps(history))
    meta = {"parameters": model.count_params(), **times(history), **how}
    (folder / "meta.json").write_text(json.dumps(meta))


def _fit(context: "Context", batch_size: int, checkpoints: Path) -> tuple[keras.Model, History, dict[str, Any]]:
    spec, run = context.spec, Reader(context)
    reset_keras(spec.segmentation.seed, spec.runtime)
    images = run.prepared
    train_rows, validation_rows = (rows_with_masks(images, run.subsets, subset) for subset in ("train", "validation"))
    model = make_segmentation(spec.segmenter, images.size).product
    network = on_bytes(model, images.size)
    batches = Batches(
        np.zeros(len(train_rows), int),
        lambda generator, chosen: distorted(generator, *pairs(images, train_rows[chosen])),
        batch_size=batch_size,
        balance="none",
        num_classes=1,
        seed=spec.segmentation.seed,
    )
    history = train(
        network,
        batches,
        pairs(images, validation_rows),
        msgspec.structs.replace(spec.segmentation, batch_size=batch_size),
        loss=cross_entropy_dice,
        seed=spec.segmentation.seed,
        folder=checkpoints,
        progress=context.progress,
        deterministic=spec.runtime.deterministic,
    )
    return model, history, {"batch_size": batch_size, **execution_settings(network)}


def rows_with_masks(images: Prepared, subsets: np.ndarray, subset: str) -> np.ndarray:
    """Indices of the images of a subset that have a mask.

    Raises:
        DataError: there are none to learn from.
    """
    rows = np.flatnonzero((subsets == subset) & images.has_mask)
    if len(rows) == 0:
        raise DataError(
            f"a segmenter is trained on lung masks, and the {subset} subset has none; "
            "use --segmenter none or --segmenter threshold, or add a masks folder"
        )
    return rows


def pairs(images: Prepared, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (n,H,W,1) and masks float32 (n,H,W,1)."""
    return images.images[rows][..., None], images.masks(rows)[..., None].astype(np.float32)
