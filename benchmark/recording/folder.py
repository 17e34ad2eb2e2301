"""What every record says alike, and the folder that it is put into."""

import platform
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from benchmark.config import RunSpec
from benchmark.digests import library_versions
from benchmark.images import Prepared, load
from benchmark.parts import components_of
from benchmark.predictions import stored_logits
from benchmark.record import SCHEMA, DatasetInfo, Part, Record, SplitInfo
from benchmark.records import write
from benchmark.scoring import Scores, score
from benchmark.stages.fit import batch_prior, class_targets, data_prior
from benchmark.store import replace_folder
from registry.lookup import find

if TYPE_CHECKING:
    from benchmark.config import Spec
    from benchmark.context import Context
    from benchmark.plan import Plan, Survey

LIBRARIES = (
    "keras", "tensorflow", "jax", "torch", "numpy", "opencv-python-headless", "scikit-learn", "xgboost", "cxr-bench",
)  # fmt: skip


def write_folder(target: Path, fill: Callable[[Path], Record]) -> Record:
    """Put what `fill` writes, and the record that it gives, in place of whatever was at `target`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".writing-", dir=target.parent))
    try:
        record = fill(folder)
        write(record, folder)
        folder.chmod(0o755)
        replace_folder(folder, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return record


def identity(spec: "Spec", plan: "Plan", pipeline: str) -> dict[str, Any]:
    """Fields of a good record that its specification and plan alone determine."""
    return {
        "schema": SCHEMA,
        "status": "ok",
        "task": spec.task,
        "run": plan.run,
        "pipeline": pipeline,
        "pipeline_digest": plan.pipeline_digest,
        "seed": spec.seed,
        "fold": spec.fold,
        "digest": plan.digest,
        "key": plan.key,
        "spec": msgspec.to_builtins(spec),
        "metric": spec.metric,
        "classes": list(spec.classes),
        "positive": spec.positive,
        "components": _components(plan, spec),
        "tuned": spec.tuned if isinstance(spec, RunSpec) else None,
        "environment": {
            "python": platform.python_version(),
            "platform": platform.platform(),
            **{name: found for name, found in library_versions(*LIBRARIES).items() if found != "absent"},
        },
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def findings(context: "Context", survey: "Survey", scores: Scores) -> dict[str, Any]:
    """Fields about the data and the scores."""
    prepared = load(context.artefacts["prepare"])
    return {
        "dataset": _dataset(survey, prepared),
        "split": _split(context),
        "metrics": scores.metrics,
        "controls": scores.controls,
        "confusion": scores.confusion,
        "calibration": scores.calibration,
    }


def scores_of(context: "Context") -> Scores:
    """The scores of stored predictions."""
    spec = context.spec
    prepared, stored = load(context.artefacts["prepare"]), stored_logits(context)
    parts = np.load(context.artefacts["split"] / "parts.npy")
    targets = class_targets(context)
    # The rules that never look at an image learn from the training part too, which has no logits.
    logits = np.zeros((len(targets), len(spec.classes)))
    logits[stored["rows"]] = stored["logits"]
    return score(
        classes=list(spec.classes),
        positive=spec.positive,
        targets=targets,
        logits=logits,
        parts=parts,
        groups=prepared.groups,
        data_prior=data_prior(context),
        batch_prior=batch_prior(context),
        seed=spec.seed,
        sources=list(prepared.sources),
        resamples=spec.resamples,
    )


def write_predictions(context: "Context", scores: Scores, folder: Path) -> None:
    """Write ``predictions.npz`` and ``split.csv``."""
    stored = stored_logits(context)
    prepared, rows = load(context.artefacts["prepare"]), stored["rows"]
    np.savez(
        folder / "predictions.npz",
        ids=prepared.ids[rows],
        groups=prepared.groups[rows],
        labels=prepared.labels[rows],
        sources=np.array([source or "" for source in prepared.sources[rows]], np.str_),
        parts=stored["parts"],
        targets=stored["targets"],
        logits=stored["logits"],
        evidence=scores.evidence[rows],
        probabilities=scores.probabilities[rows],
    )
    shutil.copy(context.artefacts["split"] / "split.csv", folder / "split.csv")
    (folder / "spec.json").write_bytes(msgspec.json.format(msgspec.json.encode(context.spec), indent=2))


def _components(plan: "Plan", spec: "Spec") -> dict[str, Part]:
    parts = {}
    for name, kind, component in components_of(spec):
        entry = find(kind, component.name)
        parts[name] = Part(entry.name, component.options, entry.distribution, entry.version, plan.code[name])
    return parts


def _dataset(survey: "Survey", prepared: Prepared) -> DatasetInfo:
    counts = Counter(prepared.labels.tolist())
    return DatasetInfo(
        name=survey.name,
        digest=survey.digest,
        counts={label: counts[label] for label in survey.labels},
        sources=survey.sources,
        licence=survey.licence,
        origin=survey.origin,
        notices=survey.notices,
        skipped=list(prepared.skipped),
    )


def _split(context: "Context") -> SplitInfo:
    table = context.spec.split
    parts = np.load(context.artefacts["split"] / "parts.npy")
    names = np.array(list(context.spec.classes))[class_targets(context)]
    counts = {
        part: {name: int(((parts == part) & (names == name)).sum()) for name in context.spec.classes}
        for part in ("train", "select", "fit", "test")
    }
    return SplitInfo(
        digest=(context.artefacts["split"] / "digest").read_text(),
        grouping=table.grouping,
        seed=table.seed,
        fractions={"train": table.train, "validation": table.validation, "test": table.test},
        counts=counts,
        folds=table.folds,
    )
