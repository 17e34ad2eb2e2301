"""A segmenter network trained on the training part, against the dataset's own masks."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import keras
import msgspec
import numpy as np

from benchmark.batches import Batches
from benchmark.images import Prepared, load
from benchmark.memory import within_memory
from benchmark.pace import pace_of
from benchmark.session import begin
from benchmark.training import History, times, train
from registry.errors import DataError
from registry.lookup import find
from registry.lookup import load as load_component
from registry.segmenters.losses import cross_entropy_dice

if TYPE_CHECKING:
    from benchmark.context import Context

MAX_TURN = 10.0  # degrees
MAX_SHIFT = 0.06  # of the frame
MAX_SCALE = 0.12
MAX_GAMMA = 1.4


def build(context: "Context", folder: Path) -> None:
    """Write ``model.keras`` (images in [0, 1] -> lung probability), ``history.json`` and ``meta.json``."""
    size = context.spec.segmentation.batch_size
    model, history, how = within_memory(partial(_fit, context), size, context.partial, context.progress)
    model.save(folder / "model.keras")
    (folder / "history.json").write_text(json.dumps(history))
    meta = {"parameters": model.count_params(), **times(history), **how}
    (folder / "meta.json").write_text(json.dumps(meta))


def _fit(context: "Context", batch_size: int, checkpoints: Path) -> tuple[keras.Model, History, dict[str, Any]]:
    spec = context.spec
    begin(spec.segmentation.seed, spec.runtime)
    images = load(context.artefacts["prepare"])
    parts = np.load(context.artefacts["split"] / "parts.npy")
    train_rows, select_rows = (rows_with_masks(images, parts, part) for part in ("train", "select"))
    factory = load_component(find("segmenter", spec.segmenter.name))
    shape = (images.size, images.size, 1)
    model = factory(shape, **spec.segmenter.options)
    unit = keras.layers.Rescaling(1 / 255, dtype="float32")
    network = keras.Sequential([keras.Input(shape, dtype="uint8"), unit, model])
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
        pairs(images, select_rows),
        msgspec.structs.replace(spec.segmentation, batch_size=batch_size),
        loss=cross_entropy_dice,
        seed=spec.segmentation.seed,
        folder=checkpoints,
        progress=context.progress,
        deterministic=spec.runtime.deterministic,
    )
    return model, history, {"batch_size": batch_size, **pace_of(network)}


def rows_with_masks(images: Prepared, parts: np.ndarray, part: str) -> np.ndarray:
    """Indices of the samples of a part that have a mask.

    Raises:
        DataError: there are none to learn from.
    """
    rows = np.flatnonzero((parts == part) & images.has_mask)
    if len(rows) == 0:
        raise DataError(
            f"a segmenter is trained on lung masks, and the {part} part has none; "
            "use --segmenter none or --segmenter threshold, or add a masks folder"
        )
    return rows


def pairs(images: Prepared, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (n,H,W,1) and masks float32 (n,H,W,1)."""
    return images.images[rows][..., None], images.masks(rows)[..., None].astype(np.float32)


def distorted(generator: np.random.Generator, images: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images and masks turned, scaled, shifted and mirrored alike; the exposure of the images varied."""
    size = images.shape[1]
    films, lungs = np.empty_like(images), np.empty_like(masks)
    for row in range(len(images)):
        turn, scale = generator.uniform(-MAX_TURN, MAX_TURN), 1 + generator.uniform(-MAX_SCALE, MAX_SCALE)
        matrix = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), turn, scale)
        matrix[:, 2] += generator.uniform(-MAX_SHIFT, MAX_SHIFT, 2) * size
        if generator.random() < 0.5:
            matrix = matrix @ np.array([[-1, 0, size - 1], [0, 1, 0], [0, 0, 1]], float)
        gamma = MAX_GAMMA ** generator.uniform(-1, 1)
        exposed = (255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
        film = cv2.warpAffine(images[row], matrix, (size, size), flags=cv2.INTER_CUBIC)
        films[row, ..., 0] = exposed[film]
        lungs[row, ..., 0] = cv2.warpAffine(masks[row], matrix, (size, size), flags=cv2.INTER_LINEAR) > 0.5
    return films, lungs
