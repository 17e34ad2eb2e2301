"""A head that is no network: learns from stored features, answers for every image it did not learn from."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.classical import fit, logits, save
from benchmark.images import load
from benchmark.stages.fit import check_classes, class_targets, shuffled
from registry.lookup import find, packages_of
from registry.lookup import load as load_component

if TYPE_CHECKING:
    from benchmark.context import Context


def build(context: "Context", folder: Path) -> None:
    """Write the classifier, ``logits.npz`` as the stage predict does, and ``meta.json``."""
    spec = context.spec
    features = np.load(context.artefacts["features"] / "features.npy", mmap_mode="r")
    parts = np.load(context.artefacts["split"] / "parts.npy")
    targets = class_targets(context)
    check_classes(targets, parts, spec.classes)
    train, select, rows = (np.flatnonzero(which) for which in (parts == "train", parts == "select", parts != "train"))
    entry = find("head", spec.head.name)
    started = time.perf_counter()
    learnt = fit(
        load_component(entry)((None, None, features.shape[1]), len(spec.classes), **spec.head.options),
        features[train],
        shuffled(targets[train], spec.training.labels, spec.seed),
        len(spec.classes),
        balance=spec.training.balance,
        select=(features[select], targets[select]),
        seed=spec.seed,
    )
    training_s = time.perf_counter() - started
    started = time.perf_counter()
    found = logits(learnt.classifier, features[rows], len(spec.classes))
    inference_s = time.perf_counter() - started
    save(learnt.classifier, folder, packages_of(entry.distribution))
    np.savez(
        folder / "logits.npz",
        rows=rows,
        ids=np.asarray(load(context.artefacts["prepare"]).ids)[rows].astype(np.str_),
        parts=parts[rows],
        targets=targets[rows],
        logits=found.astype(np.float32),
    )
    meta = {
        "batch_shares": [float(share) for share in learnt.prior],
        "balanced": learnt.how,
        "rounds": learnt.rounds,
        "notes": list(learnt.notes),
        "training_s": training_s,
        "inference_s_per_image": inference_s / max(len(rows), 1),
    }
    (folder / "meta.json").write_text(json.dumps(meta))
