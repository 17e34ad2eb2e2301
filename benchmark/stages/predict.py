"""Logits of a trained classifier on every image it did not train on."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from benchmark.images import load
from benchmark.inference import outputs, warm_up
from benchmark.stages.fit import class_targets, load_inputs

if TYPE_CHECKING:
    from benchmark.context import Context

BATCH = 64
CHUNK = 1024


def build(context: "Context", folder: Path) -> None:
    """Write ``logits.npz``: rows (n,) into the prepared images, logits (n, K), targets (n,), parts (n,)."""
    images = load_inputs(context.artefacts)
    parts = np.load(context.artefacts["split"] / "parts.npy")
    rows = np.flatnonzero(parts != "train")
    network = classifier(context.artefacts["fit"], images.shape[1])
    warm_up(network, images[rows[:BATCH]][..., None], BATCH, len(rows))
    logits = []
    started = time.perf_counter()
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        logits.append(outputs(network, images[chunk][..., None], BATCH))
        context.progress({"done": min(start + CHUNK, len(rows)), "total": len(rows)})
    elapsed = time.perf_counter() - started
    prepared = load(context.artefacts["prepare"])
    np.savez(
        folder / "logits.npz",
        rows=rows,
        ids=np.asarray(prepared.ids)[rows].astype(np.str_),
        parts=parts[rows],
        targets=class_targets(context)[rows],
        logits=np.concatenate(logits).astype(np.float32),
    )
    (folder / "meta.json").write_text(json.dumps({"inference_images_per_s": len(rows) / max(elapsed, 1e-9)}))


def classifier(folder: Path, size: int) -> keras.Model:
    """uint8 images (B,H,W,1) -> logits (B,K), from the artefact of the fit."""
    backbone, head = (keras.saving.load_model(folder / f"{part}.keras", compile=False) for part in ("backbone", "head"))
    return joined(backbone, head, size)


def joined(backbone: keras.Model, head: keras.Model, size: int) -> keras.Model:
    """uint8 images (B,H,W,1) -> logits (B,K)."""
    inputs = keras.Input((size, size, 1), dtype="uint8")
    features = backbone(keras.layers.Rescaling(1 / 255, dtype="float32")(inputs))
    return keras.Model(inputs, head(features[0] if isinstance(features, (list, tuple)) else features))
