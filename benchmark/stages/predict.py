"""Logits of a trained classifier on every image it did not train on."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.targets import class_targets
from benchmark.models.inference import outputs, warm_up
from benchmark.models.predictor import joined, load_backbone, load_head
from benchmark.stages.logits import write_logits
from benchmark.stages.reading import Reader

if TYPE_CHECKING:
    from benchmark.stages.context import Context

BATCH = 64
CHUNK = 1024


def build(context: "Context", folder: Path) -> None:
    """Write ``logits.npz``, see `benchmark.stages.logits`, and ``meta.json``."""
    run = Reader(context)
    views, rows = run.views, run.rows("validation", "calibration", "test")
    trained = run.artefacts["fit"]
    backbone, head = load_backbone(trained / "backbone.keras", run.spec), load_head(trained / "head.keras", run.spec)
    network = joined(backbone, head, views.shape[1])
    warm_up(network, views[rows[:BATCH]][..., None], BATCH, len(rows))
    logits = []
    started = time.perf_counter()
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        logits.append(outputs(network, views[chunk][..., None], BATCH))
        context.progress({"done": min(start + CHUNK, len(rows)), "total": len(rows)})
    elapsed = time.perf_counter() - started
    targets = class_targets(run.prepared.labels, run.spec.classes)
    write_logits(folder, run, rows, targets, np.concatenate(logits))
    (folder / "meta.json").write_text(json.dumps({"inference_images_per_s": len(rows) / max(elapsed, 1e-9)}))
