"""A run's folder: what its steps made, copied together, and the record of its findings.

Nothing is computed here, and nothing is written into the folder after it: what comes later goes elsewhere.  Whoever
changes what a record says raises the schema's number, which is in its key.
"""

import csv
import json
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from benchmark.models.notes import halved
from benchmark.records.contents import images_digest, listing
from benchmark.records.curves import FILE as CURVES
from benchmark.records.estimate import Estimate
from benchmark.records.files import PREDICTIONS, write
from benchmark.records.findings import Findings, Member, Reference
from benchmark.records.gallery import FILE as GALLERY
from benchmark.records.notes import shared_notes
from benchmark.records.record import SCHEMA, DatasetInfo, Part, Record
from benchmark.records.telling import FORMAT, differences, telling
from benchmark.records.training import Pace, TrainingInfo
from benchmark.stages.costs import cost_of, meta_of
from benchmark.stages.model_files import model_files
from benchmark.stages.waiting import waiting
from benchmark.storage.cache import replace_folder
from benchmark.storage.digests import library_versions
from benchmark.storage.files import new_folder
from benchmark.tasks.components import components_of
from benchmark.tasks.spec import RunSpec, VoteSpec
from registry.lookup import find

if TYPE_CHECKING:
    from benchmark.stages.context import Context, RunFacts
    from benchmark.tasks.spec import Spec

LIBRARIES = (
    "keras", "tensorflow", "jax", "torch", "numpy", "opencv-python-headless", "scikit-learn", "xgboost", "cxr-bench",
)  # fmt: skip
ON_DEVICE = (
    "batch_size",
    "jit",
    "steps_per_execution",
    "input_stall",
    "tracing_s",
)  # what trainings measured on the device
THUMBNAILS = "gradcam.json"
SOURCELESS = "made anew each time: the source of {} cannot be read"


def write_run(context: "Context", facts: "RunFacts", names: Mapping[str, str], target: Path) -> Record:
    """Put a finished run's folder in place of whatever was there; gives its record.

    Args:
        names: how tables name the pipelines: member or ``reference`` -> its own, of a fold the name of its run.
    """

    def fill(folder: Path) -> Record:
        _copy(context, folder)
        return _record(context, facts, names)

    return put_run(fill, target)


def put_run(fill: Callable[[Path], Record], target: Path) -> Record:
    """Put a run's folder in place of whatever was there, whole or not at all.

    Args:
        fill: writes everything but the record into a new folder, and gives that.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = new_folder(target.parent, ".writing-")
    try:
        made = fill(folder)
        record = msgspec.structs.replace(made, files=listing(folder), test=tested(folder / PREDICTIONS))
        write(record, folder, flush=False)
        replace_folder(folder, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return record


def _copy(context: "Context", folder: Path) -> None:
    """Everything in a run's folder but its record."""
    artefacts = context.artefacts
    _copy_predictions(artefacts, folder)
    copy_some(artefacts["score"], (CURVES,), folder)
    if "split" in artefacts:
        shutil.copy(artefacts["split"] / "split.csv", folder)
        (folder / "spec.json").write_bytes(msgspec.json.format(msgspec.json.encode(context.spec), indent=2))
    if "draw" in artefacts:
        for figure in (*artefacts["draw"].glob("*.png"), artefacts["draw"] / THUMBNAILS):
            shutil.copy(figure, folder)
        copy_some(artefacts["draw"], (GALLERY,), folder)
    if "fit" in artefacts:
        _write_history(read_history(context), folder)
    if isinstance(context.spec, RunSpec) and context.spec.fold is not None:
        (folder / "model").mkdir()
        for name, path in model_files(context).items():
            shutil.copy(path, folder / "model" / name)
        for path in artefacts["familiarity"].glob("*.npz"):
            shutil.copy(path, folder / "model")


def copy_some(artefact: Path, names: Sequence[str], folder: Path) -> None:
    """Copy those of the files that the artefact has."""
    for name in names:
        if (artefact / name).is_file():
            shutil.copy(artefact / name, folder)


def _copy_predictions(artefacts: Mapping[str, Path], folder: Path) -> None:
    """What was scored and, where heat maps were judged, how each keeps to lungs, lesion and marks, in one file."""
    scored = artefacts["score"] / "predictions.npz"
    mapped = artefacts["explain"] / "images.npz" if "explain" in artefacts else None
    if mapped is None or not mapped.is_file():
        shutil.copy(scored, folder)
        return
    with np.load(scored, allow_pickle=False) as outputs, np.load(mapped, allow_pickle=False) as maps:
        np.savez_compressed(folder / "predictions.npz", **outputs, **maps)


def _record(context: "Context", facts: "RunFacts", names: Mapping[str, str]) -> Record:
    spec = context.spec
    findings = msgspec.json.decode((context.artefacts["score"] / "findings.json").read_bytes(), type=Findings)
    return Record(
        **common_fields(context, facts, findings),
        metrics=findings.metrics,
        confusion=findings.confusion,
        masks=findings.masks,
        members=_members(findings, facts, names),
        voting=findings.voting,
        reference=_reference(findings, names),
        calibration=findings.calibration,
        training=_training(context, facts),
        cost=cost_of(context),
        trainings=facts.trainings,
        notes=[*findings.notes, *notes_of(context), *sourceless(facts)],
        tuned=spec.tuned if isinstance(spec, RunSpec) else None,
        **_maps(context),
    )


def common_fields(context: "Context", facts: "RunFacts", findings: Findings) -> dict[str, Any]:
    """Fields of a record of any kind: who was run, what was asked, on what it stands, by what code and when."""
    spec = context.spec
    return {
        "schema": SCHEMA,
        "status": "ok",
        "task": spec.task,
        "run": facts.run,
        "pipeline": facts.pipeline,
        "pipeline_digest": facts.pipeline_digest,
        "seed": spec.seed,
        "fold": spec.fold,
        "digest": facts.digest,
        "key": facts.key,
        "spec": msgspec.to_builtins(spec),
        "metric": spec.metric,
        "classes": list(spec.classes),
        "positive": spec.positive,
        "components": _components(facts, spec),
        "dataset": _dataset(facts, findings, spec.classes),
        "split": findings.split,
        "controls": findings.controls,
        "stages": facts.stages,
        "environment": environment(),
        "scoring": facts.scoring,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def sourceless(facts: "RunFacts") -> list[str]:
    """Notes of what cannot be found again, because its source cannot be read."""
    return [SOURCELESS.format(name) for name in facts.uncacheable]


def tested(path: Path) -> str:
    """Digest of the test images in stored predictions."""
    with np.load(path, allow_pickle=False) as stored:
        test = stored["subsets"] == "test"
        return images_digest(*(stored[name][test].tolist() for name in ("ids", "groups", "targets")))


def _maps(context: "Context") -> dict[str, Any]:
    """How the heat maps were made and where they lie; pooled folds have none."""
    if "explain" not in context.artefacts:
        return {}
    fields: dict[str, Any] = {"map_method": meta_of(context, "explain")["method"]}
    statistics = context.artefacts["explain"] / "statistics.json"
    if statistics.is_file():
        fields["gradcam"] = msgspec.json.decode(statistics.read_bytes(), type=dict[str, Estimate])
    return fields


def environment() -> dict[str, str]:
    """Versions of what computed."""
    versions = {name: version for name, version in library_versions(*LIBRARIES).items() if version != "absent"}
    return {"python": platform.python_version(), "platform": platform.platform(), **versions}


def _components(facts: "RunFacts", spec: "Spec") -> dict[str, Part]:
    """What a run is made of, with the code behind it."""
    parts = {}
    for name, kind, component in components_of(spec):
        entry = find(kind, component.name)
        parts[name] = Part(entry.name, component.options, entry.distribution, entry.version, facts.code[name])
    return parts


def _dataset(facts: "RunFacts", findings: Findings, classes: Mapping[str, Sequence[str]]) -> DatasetInfo:
    """The data that a run stands on."""
    summary = facts.summary
    found = telling(summary.facts, summary.counts, classes)
    return DatasetInfo(
        name=summary.name,
        digest=summary.digest,
        counts={label: findings.images.get(label, 0) for label in summary.labels},
        sources=summary.sources,
        licence=summary.licence,
        origin=summary.origin,
        notices=[*summary.notices, *differences(found), *findings.notices],
        skipped=findings.skipped,
        understood=summary.understood,
        format_differences=next((one.text() for one in found if one.what == FORMAT), ""),
        depth=findings.depth,
    )


def _members(findings: Findings, facts: "RunFacts", names: Mapping[str, str]) -> list[Member]:
    """Of a vote its members, of pooled folds the folds, which are runs of their own."""
    if findings.voting:
        return [Member(name, names[name], metrics) for name, metrics in findings.members.items()]
    return [Member(name, facts.pipeline, metrics, names[name]) for name, metrics in findings.members.items()]


def _reference(findings: Findings, names: Mapping[str, str]) -> Reference | None:
    return findings.reference and msgspec.structs.replace(findings.reference, pipeline=names["reference"])


def notes_of(context: "Context") -> list[str]:
    """Trainings for which memory did not suffice as they were asked for, and those that stood still for long."""
    if inner := [*context.members.values(), *context.folds]:
        return shared_notes([notes_of(one) for one in inner], "members" if context.members else "folds")
    spec = context.spec
    asked = {"segmenter": spec.segmentation.batch_size, "fit": spec.training.batch_size}
    metas = {stage: meta_of(context, stage) for stage in asked if stage in context.artefacts}
    sizes = {stage: meta["batch_size"] for stage, meta in metas.items()}
    smaller = [f"{stage}: {halved(size, asked[stage])}" for stage, size in sizes.items() if size < asked[stage]]
    return smaller + waiting(context)


def _training(context: "Context", facts: "RunFacts") -> TrainingInfo:
    """How the network was trained, and the classical head on its features; of a vote what the voter noted."""
    fields: dict[str, Any] = {"stage_duration_s": facts.duration_s}
    if context.folds:
        return TrainingInfo(**fields)
    if isinstance(context.spec, VoteSpec):
        return TrainingInfo(**fields, notes=meta_of(context, "vote")["notes"])
    if "fit" in context.artefacts:
        history, meta = read_history(context), meta_of(context, "fit")
        shares = dict(zip(context.spec.classes, meta["batch_prior"], strict=True))
        fields |= {"epochs": len(history), "steps": meta["steps"], "batch_prior": shares}
        fields |= {"val_loss": meta["val_loss"], "precision": context.spec.runtime.precision}
        fields |= {name: meta[name] for name in ON_DEVICE}
    if "segmenter" in context.artefacts:
        fields["segmenter"] = Pace(**{name: meta_of(context, "segmenter")[name] for name in ON_DEVICE})
    if context.spec.classical:
        meta = meta_of(context, "predict")
        shares = dict(zip(context.spec.classes, meta["batch_prior"], strict=True))
        fields |= {"batch_prior": shares, **{name: meta[name] for name in ("balanced", "rounds", "notes")}}
    return TrainingInfo(**fields)


def _write_history(history: list[dict[str, float]], folder: Path) -> None:
    with (folder / "history.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=list(history[-1]))  # not every epoch is validated; the last is
        table.writeheader()
        table.writerows(history)


def read_history(context: "Context") -> list[dict[str, float]]:
    """One row per epoch of the network's training."""
    rows: list[dict[str, float]] = json.loads((context.artefacts["fit"] / "history.json").read_text())
    return rows
