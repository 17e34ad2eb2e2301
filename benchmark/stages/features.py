"""Pooled features of the backbone's last map, of every image: what heads that are no networks learn from."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from benchmark.models.runtime import begin
from benchmark.stages.fit import load_inputs, make_backbone
from registry.backend import device_name
from registry.networks.explanation import features
from registry.networks.saved import load_network

if TYPE_CHECKING:
    from benchmark.stages.context import Context

BATCH = 64
CHUNK = 1024
FROZEN_SEED = 0  # of a backbone that is not trained: seeds move training only


def build(context: "Context", folder: Path) -> None:
    """Write ``features.npy`` float32 (N, C) and ``meta.json``; of an untrained backbone ``backbone.keras`` too."""
    images = load_inputs(context.artefacts)
    if "fit" in context.artefacts:
        backbone = load_backbone(context)
    else:
        begin(FROZEN_SEED, context.spec.runtime)
        backbone = make_backbone(context.spec.backbone, images.shape[1])
        backbone.save(folder / "backbone.keras")
    network = pooled(backbone, images.shape[1])
    network.predict(images[:BATCH][..., None], batch_size=BATCH, verbose=0)  # compiles
    found = np.empty((len(images), network.outputs[0].shape[-1]), np.float32)
    started = time.perf_counter()
    for start in range(0, len(images), CHUNK):
        rows = slice(start, start + CHUNK)
        found[rows] = network.predict(images[rows][..., None], batch_size=BATCH, verbose=0)
        context.progress({"done": min(start + CHUNK, len(images)), "total": len(images)})
    meta = {
        "parameters": backbone.count_params(),
        "images_per_s": len(images) / max(time.perf_counter() - started, 1e-9),
        "device": device_name(),
    }
    np.save(folder / "features.npy", found)
    (folder / "meta.json").write_text(json.dumps(meta))


def pooled(backbone: keras.Model, size: int) -> keras.Model:
    """uint8 images (B,H,W,1) -> mean features (B,C)."""
    inputs = keras.Input((size, size, 1), dtype="uint8")
    cells = features(backbone(keras.layers.Rescaling(1 / 255, dtype="float32")(inputs)))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D(dtype="float32")(cells))


def load_backbone(context: "Context") -> keras.Model:
    """The backbone behind a run's features: trained with its head, or with its carrier, or as it came."""
    folder = context.artefacts["fit" if "fit" in context.artefacts else "features"]
    return load_network(folder / "backbone.keras", "backbone", context.spec.backbone.name)
