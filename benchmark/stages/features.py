"""Features of every image by the backbone: what heads that are no networks learn from."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.models.classifier import checked_map, made
from benchmark.models.extractor import NETWORK, Extractor, keep_files, load_extractor, of_network, of_predictor
from benchmark.models.runtime import reset_keras
from benchmark.stages.reading import Reader
from registry.backend import device_name
from registry.declarations import is_feature_predictor

if TYPE_CHECKING:
    from benchmark.stages.context import Context

BATCH = 64
CHUNK = 1024
FROZEN_SEED = 0  # of a backbone that is not trained: seeds move training only


def build(context: "Context", folder: Path) -> None:
    """Write ``features.npy`` float32 (N, C) and ``meta.json``; of an untrained backbone what `_fresh` keeps too."""
    run = Reader(context)
    views = run.views
    trained = run.artefacts.get("fit")
    extractor = load_extractor({NETWORK: trained / NETWORK}, run.spec) if trained else _fresh(run, folder)
    extractor.warm_up(views, BATCH, len(views))
    features = np.empty((len(views), extractor.channels), np.float32)
    started = time.perf_counter()
    for start in range(0, len(views), CHUNK):
        rows = slice(start, start + CHUNK)
        features[rows] = extractor.features(views[rows], BATCH)
        context.progress({"done": min(start + CHUNK, len(views)), "total": len(views)})
    meta = {
        "parameters": extractor.parameters,
        "images_per_s": len(views) / max(time.perf_counter() - started, 1e-9),
        "device": device_name(),
    }
    np.save(folder / "features.npy", features)
    (folder / "meta.json").write_text(json.dumps(meta))


def _fresh(run: Reader, folder: Path) -> Extractor:
    """An untrained backbone, kept as ``backbone.keras``, or as the files that it is made from if it is no network."""
    component, size = run.spec.backbone, run.views.shape[1]
    reset_keras(FROZEN_SEED, run.spec.runtime)
    backbone = made(component, size)
    if is_feature_predictor(backbone):
        keep_files(component, folder)
        return of_predictor(component.name, backbone, size)
    checked_map(component, backbone).save(folder / NETWORK)
    return of_network(backbone, size)
