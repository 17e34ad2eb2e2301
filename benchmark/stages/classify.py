"""A head that is no network: learns from stored features, answers for every image it did not learn from."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.targets import check_classes, class_targets, shuffled
from benchmark.models.classical import Learnt, fit, logits, save
from benchmark.stages.logits import write_logits
from benchmark.stages.reading import Reader
from registry.lookup import find, packages_of
from registry.lookup import load as load_component

if TYPE_CHECKING:
    from benchmark.stages.context import Context


def build(context: "Context", folder: Path) -> None:
    """Write the classifier, ``logits.npz``, see `benchmark.stages.logits`, and ``meta.json``."""
    run = Reader(context)
    targets = class_targets(run.prepared.labels, run.spec.classes)
    check_classes(targets, run.subsets, run.spec.classes)
    started = time.perf_counter()
    learnt = _fitted(run, targets)
    training_s = time.perf_counter() - started
    rows = run.rows("validation", "calibration", "test")
    started = time.perf_counter()
    predicted = logits(learnt.classifier, run.features[rows], len(run.spec.classes))
    inference_s = time.perf_counter() - started
    save(learnt.classifier, folder, packages_of(find("head", run.spec.head.name).distribution))
    write_logits(folder, run, rows, targets, predicted)
    meta = {
        "batch_prior": [float(share) for share in learnt.prior],
        "balanced": learnt.how,
        "rounds": learnt.rounds,
        "notes": list(learnt.notes),
        "training_s": training_s,
        "inference_s_per_image": inference_s / max(len(rows), 1),
    }
    (folder / "meta.json").write_text(json.dumps(meta))


def _fitted(run: Reader, targets: np.ndarray) -> Learnt:
    """The head, having learnt from the training subset and stopped early, where it can, by the validation subset."""
    spec, features = run.spec, run.features
    train, validation = run.rows("train"), run.rows("validation")
    factory = load_component(find("head", spec.head.name))
    return fit(
        factory((None, None, features.shape[1]), len(spec.classes), **spec.head.options),
        features[train],
        shuffled(targets[train], spec.training.labels, spec.seed),
        len(spec.classes),
        balance=spec.training.balance,
        validation=(features[validation], shuffled(targets[validation], spec.training.labels, spec.seed)),
        seed=spec.seed,
    )
