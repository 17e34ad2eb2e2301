"""A finished run on images of elsewhere: what it says of them, what that is worth, and the folder that keeps both."""

import shutil
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmark.data.prepared import Prepared
from benchmark.evaluation.intervals import proportion
from benchmark.evaluation.masks import MEASURES, agreement_estimates
from benchmark.models.external import Said, of_run, of_segmenter, of_vote
from benchmark.records.contents import images_digest, listing
from benchmark.records.estimate import Estimate
from benchmark.records.external import MASKS, SCHEMA, External, ExternalTask, write
from benchmark.records.files import FILE, PREDICTIONS, as_written, verify
from benchmark.records.findings import DepthInfo
from benchmark.records.record import Record
from benchmark.stages.external_images import Chosen, Given, Tell, choose
from benchmark.stages.external_scores import Judged, judged
from benchmark.stages.record import environment
from benchmark.storage.cache import replace_folder
from benchmark.storage.files import new_folder
from benchmark.storage.kept import Kept
from registry.errors import DataError

SEGMENTER = "model/segmenter.keras"  # among a run's files, where one was trained


def evaluate(task: ExternalTask, given: Given, own: Given | None, kept: Kept | None, tell: Tell) -> None:
    """Put the evaluation of a run into its folder.

    Args:
        given: the external images, as the run prepared its own.
        own, kept: see `choose`.
        tell: takes what is being done.

    Raises:
        DataError: nothing can be evaluated; the message says why.
    """
    folder = Path(task.run)
    record = verify(folder / FILE)
    if record.seal != task.seal:
        raise DataError(f"{folder} was run again meanwhile; run the same line again")
    images = given.images()
    first = next(iter(images.values()))
    chosen = choose(task, given, first, own, kept, tell)
    said = _said(task, record, images, chosen.rows, tell)
    tell("scoring")
    found = None if task.kind == MASKS else judged(record, task, first, chosen.rows, said)
    _put(task, record, first, chosen, said, found)


def _said(task: ExternalTask, record: Record, images: Mapping[str, Prepared], rows: np.ndarray, tell: Tell) -> Said:
    folder = Path(task.run)
    if task.kind == MASKS:
        return of_segmenter(folder, images[""], rows, tell)
    if not task.members:
        return of_run(folder, images[""], rows, tell)
    members = {name: Path(path) for name, path in task.members.items()}
    return of_vote(record, folder, members, images, rows, tell)


def _put(
    task: ExternalTask, record: Record, images: Prepared, chosen: Chosen, said: Said, found: Judged | None
) -> None:
    target = Path(task.folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = new_folder(target.parent, ".writing-")
    try:
        np.savez_compressed(folder / PREDICTIONS, **_columns(images, chosen.rows, said, found))
        external = External(**(_fields(task, record, images, chosen, said) | (found.fields if found else {})))
        write(msgspec.structs.replace(external, files=listing(folder)), folder)
        replace_folder(folder, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fields(task: ExternalTask, record: Record, images: Prepared, chosen: Chosen, said: Said) -> dict[str, Any]:
    """What every evaluation says; `judged` has the rest."""
    rows = chosen.rows
    labels = Counter(images.labels.tolist())
    dataset = msgspec.structs.replace(
        task.dataset,
        counts={label: labels[label] for label in task.dataset.counts},
        skipped=list(images.skipped),
        notices=[*task.dataset.notices, *images.notices, *_parts(images)],
        depth=images.depth and DepthInfo(*images.depth),
    )
    same = ("run", "task", "pipeline", "pipeline_digest", "seed", "fold", "trainings")
    return {name: getattr(record, name) for name in same} | {
        "schema": SCHEMA,
        "kind": task.kind,
        "name": Path(task.folder).name,
        "record": as_written(Path(task.run) / FILE).seal,
        "dataset": dataset,
        "key": task.key,
        "n": len(rows),
        "groups": len(np.unique(images.groups[rows])),
        "test": images_digest(images.ids[rows], images.groups[rows], np.zeros(len(rows), int)),
        "shared": chosen.shared,
        "left_out": chosen.left_out,
        "masks": _masks(record, images, rows, said),
        "segmenter": _segmenter(record) if task.kind == MASKS else None,
        "resamples": int(record.spec["resamples"]),
        "scoring": task.scoring,
        "environment": environment(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _segmenter(record: Record) -> str:
    """Digest of the trained segmenter; empty where none was trained."""
    trained = record.files.get(SEGMENTER)
    return trained.sha256 if trained else ""


def _parts(images: Prepared) -> list[str]:
    counts = Counter(part for part in images.parts.tolist() if part)
    listed = ", ".join(f"{part} {count:,}" for part, count in sorted(counts.items()))
    return [f"It comes in parts ({listed}); the images of all of them are judged."] if counts else []


def _masks(record: Record, images: Prepared, rows: np.ndarray, said: Said) -> dict[str, Estimate]:
    """Agreement of the masks with those of the dataset, and how many are no lungs."""
    if said.implausible is None:
        return {}
    known, groups = said.agreement["known"], images.groups[rows]
    seed = int(record.spec["seed"])
    agreement = {name: values[known] for name, values in said.agreement.items()}
    found = {"implausible": proportion(said.implausible, groups)}
    resamples = int(record.spec["resamples"])
    return found | agreement_estimates(agreement, groups[known], seed, resamples) if known.any() else found


def _columns(images: Prepared, rows: np.ndarray, said: Said, found: Judged | None) -> dict[str, np.ndarray]:
    """What ``predictions.npz`` keeps of every image."""
    columns = {
        "ids": images.ids[rows],
        "groups": images.groups[rows],
        "labels": images.labels[rows],
        "sources": np.array([source or "" for source in images.sources[rows]], np.str_),
    }
    if said.implausible is not None:
        known = said.agreement["known"]
        columns |= {name: np.where(known, said.agreement[name], np.nan) for name in MEASURES}
        columns |= {"case": np.where(known, said.agreement["case"], ""), "implausible": said.implausible}
    return columns | (found.columns if found else {})
