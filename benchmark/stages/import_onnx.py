"""What a whole classifier in an ONNX file says of the prepared images, as logits."""

import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.targets import class_targets
from benchmark.models.onnx_classifier import OnnxClassifier
from benchmark.stages.logits import write_logits
from benchmark.stages.reading import Reader
from registry.cores import usable_cores
from registry.errors import DataError

if TYPE_CHECKING:
    from benchmark.stages.context import Context

BATCH = 64


def build(context: "Context", folder: Path) -> None:
    """Write ``logits.npz``, see `benchmark.stages.logits`, and ``meta.json``.

    Raises:
        DataError: the file has changed since it was looked at.
        BenchError: it cannot be used.
    """
    run, spec = Reader(context), context.spec
    path = Path(spec.file)
    if hashlib.sha256(path.read_bytes()).hexdigest() != spec.sha256:
        raise DataError(f"{path} was changed while it was imported; import it again")
    threads = usable_cores()
    network = OnnxClassifier(path, spec.classifier, run.prepared.size, threads)
    rows, images, logits = run.rows("validation", "calibration", "test"), run.prepared.images, []
    network(images[rows[:BATCH]])  # what is set up by the first batch is no rate
    network.clipped = 0
    started = time.perf_counter()
    for start in range(0, len(rows), BATCH):
        logits.append(network(images[rows[start : start + BATCH]]))
        context.progress({"done": min(start + BATCH, len(rows)), "total": len(rows)})
    rate = len(rows) / max(time.perf_counter() - started, 1e-9)
    columns = [spec.classifier.order.index(name) for name in spec.classes]
    targets = class_targets(run.prepared.labels, spec.classes)
    write_logits(folder, run, rows, targets, np.concatenate(logits)[:, columns])
    cost = {
        "model_bytes": path.stat().st_size,
        "inference_images_per_s": rate,
        "hardware": f"ONNX Runtime, {threads} cores",
    }
    (folder / "meta.json").write_text(json.dumps({"clipped": network.clipped, "cost": cost}), encoding="utf-8")
