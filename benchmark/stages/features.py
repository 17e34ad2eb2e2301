"""Pooled features of the backbone's last map, of every image: what heads that are no networks learn from."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.models.classifier import make_backbone
from benchmark.models.inference import outputs, warm_up
from benchmark.models.predictor import load_backbone, pooled
from benchmark.models.runtime import reset_keras
from benchmark.stages.reading import Reader
from registry.backend import device_name

if TYPE_CHECKING:
    from benchmark.stages.context import Context

BATCH = 64
CHUNK = 1024
FROZEN_SEED = 0  # of a backbone that is not trained: seeds move training only


def build(context: "Context", folder: Path) -> None:
    """Write ``features.npy`` float32 (N, C) and ``meta.json``; of an untrained backbone ``backbone.keras`` too."""
    run = Reader(context)
    views = run.views
    if "fit" in run.artefacts:
        backbone = load_backbone(run.artefacts["fit"] / "backbone.keras", run.spec)
    else:
        reset_keras(FROZEN_SEED, run.spec.runtime)
        backbone = make_backbone(run.spec.backbone, views.shape[1])
        backbone.save(folder / "backbone.keras")
    network = pooled(backbone, views.shape[1])
    warm_up(network, views[:BATCH][..., None], BATCH, len(views))
    features = np.empty((len(views), network.outputs[0].shape[-1]), np.float32)
    started = time.perf_counter()
    for start in range(0, len(views), CHUNK):
        rows = slice(start, start + CHUNK)
        features[rows] = outputs(network, views[rows][..., None], BATCH)
        context.progress({"done": min(start + CHUNK, len(views)), "total": len(views)})
    meta = {
        "parameters": backbone.count_params(),
        "images_per_s": len(views) / max(time.perf_counter() - started, 1e-9),
        "device": device_name(),
    }
    np.save(folder / "features.npy", features)
    (folder / "meta.json").write_text(json.dumps(meta))
