"""Logits of a trained classifier on every image it did not train on."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from benchmark.data.prepared import load
from benchmark.stages.fit import class_targets, load_inputs
from registry.networks.explanation import features
from registry.networks.saved import load_network

if TYPE_CHECKING:
    from benchmark.stages.context import Context

BATCH = 64
CHUNK = 1024


def build(context: "Context", folder: Path) -> None:
    """Write ``logits.npz``: rows (n,) into the prepared images, logits (n, K), targets (n,), parts (n,)."""
    images = load_inputs(context.artefacts)
    parts = np.load(context.artefacts["split"] / "parts.npy")
    rows = np.flatnonzero(parts != "train")
    network = classifier(context, images.shape[1])
    network.predict(images[rows[:BATCH]][..., None], batch_size=BATCH, verbose=0)  # compiles
    logits = []
    started = time.perf_counter()
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        logits.append(network.predict(images[chunk][..., None], batch_size=BATCH, verbose=0))
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


def classifier(context: "Context", size: int) -> keras.Model:
    """uint8 images (B,H,W,1) -> logits (B,K), from the artefact of the fit."""
    folder, spec = context.artefacts["fit"], context.spec
    backbone = load_network(folder / "backbone.keras", "backbone", spec.backbone.name)
    return joined(backbone, load_network(folder / "head.keras", "head", spec.head.name), size)


def joined(backbone: keras.Model, head: keras.Model, size: int) -> keras.Model:
    """uint8 images (B,H,W,1) -> logits (B,K)."""
    inputs = keras.Input((size, size, 1), dtype="uint8")
    outputs = backbone(keras.layers.Rescaling(1 / 255, dtype="float32")(inputs))
    return keras.Model(inputs, head(features(outputs)))
