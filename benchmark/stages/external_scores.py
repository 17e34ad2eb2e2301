"""What a run's outputs on images of elsewhere are worth: fields of a record, and the columns that they rest on."""

from typing import Any, NamedTuple

import numpy as np

from benchmark.data.prepared import Prepared
from benchmark.data.splits import limit
from benchmark.evaluation import metrics
from benchmark.evaluation.calibration import calibrated
from benchmark.evaluation.estimates import Outputs
from benchmark.evaluation.external import (
    Asked,
    carried_over,
    drops,
    needed_of_classes,
    neutral_logits,
    outputs_of,
    recalibrated,
)
from benchmark.evaluation.scoring import calibration_info
from benchmark.evaluation.subgroups import Seen, differences, divided, subgroups
from benchmark.evaluation.training_checks import ONE_ANSWER
from benchmark.models.external import Said
from benchmark.models.run_facts import fitted
from benchmark.records.contents import images_digest
from benchmark.records.external import TRAIT, ExternalTask, Recalibration
from benchmark.records.record import Record
from registry.errors import DataError

LOCAL = 0  # seed of the choice of local images: the same for every run


class Judged(NamedTuple):
    """Fields of `External`, and columns of its ``predictions.npz``."""

    fields: dict[str, Any]
    columns: dict[str, np.ndarray]


class Images(NamedTuple):
    """The n images: class, group, and whether they are local ones, which are fitted on and not judged."""

    targets: np.ndarray
    groups: np.ndarray
    local: np.ndarray


def judged(record: Record, task: ExternalTask, prepared: Prepared, rows: np.ndarray, said: Said) -> Judged:
    """Everything that outputs on these rows of prepared images are worth.

    Raises:
        DataError: so many local images leave none to judge.
    """
    classes = record.classes
    targets = np.array([classes.index(task.mapping[str(label)]) for label in prepared.labels[rows]], int)
    groups = prepared.groups[rows]
    images = Images(targets, groups, _local(task, record, targets, groups))
    rest = ~images.local
    asked = Asked(classes, record.positive, int(record.spec["seed"]), int(record.spec["resamples"]))
    calibration, data_prior, batch_prior = fitted(record)
    corrected, probabilities, _ = calibrated(calibration, said.logits, data_prior, batch_prior)
    outputs = outputs_of(corrected, probabilities)
    neutral = neutral_logits(said.logits, batch_prior)
    thresholds = record.calibration.thresholds
    found = carried_over(asked, targets[rest], outputs.of(rest), groups[rest], thresholds, neutral[rest])
    seen, note = _seen(record, prepared, rows[rest], targets[rest], outputs.of(rest))
    confusion = metrics.confusion(targets[rest], outputs.decisions[rest], len(classes)).astype(int).tolist()
    counts = np.bincount(targets[rest], minlength=len(classes)).tolist()
    again, columns = _again(record, asked, images, said.logits, data_prior, batch_prior)
    fields = {
        "counts": dict(zip(classes, counts, strict=True)),
        "metrics": found,
        "confusion": confusion,
        "drop": drops(found, record.metrics),
        "internal": {name: one for name, one in record.metrics.items() if name in found},
        "recalibration": again,
        "needed": needed_of_classes(classes, record.positive, targets, outputs.decisions, groups, rest),
        "notes": [*_notes(classes, counts, confusion), *([note] if note else [])],
        "n": int(rest.sum()),
        "groups": len(np.unique(groups[rest])),
    }
    stored = {"logits": said.logits, "corrected_logits": corrected, "probabilities": probabilities, **columns}
    stored |= {f"{TRAIT}{name}": _spread(values, rest) for name, values in seen.divided.items()}
    columns = {"targets": targets, "subsets": np.where(rest, "test", "local"), **stored}
    return Judged(fields | _carried(record, task) | _divided(record, prepared.ids[rows[rest]], seen), columns)


def _seen(
    record: Record, prepared: Prepared, rows: np.ndarray, targets: np.ndarray, outputs: Outputs
) -> tuple[Seen, str]:
    """The images that are judged, by source and traits, and what they are not divided by."""
    traits, note = divided(prepared.sources[rows].tolist(), prepared.traits[rows].tolist())
    return Seen(record.classes, record.positive, targets, prepared.groups[rows], traits, [outputs]), note


def _carried(record: Record, task: ExternalTask) -> dict[str, Any]:
    """What the run and the map of labels bring with them."""
    return {
        "metric": record.metric,
        "classes": record.classes,
        "positive": record.positive,
        "labels": {name: list(labels) for name, labels in record.spec["classes"].items()},
        "mapping": task.mapping,
        "calibration": record.calibration,
    }


def _divided(record: Record, ids: np.ndarray, seen: Seen) -> dict[str, Any]:
    """Which images were judged, and what the run is worth in parts of them."""
    test = images_digest(ids, seen.groups, seen.targets)
    parts = subgroups(seen, record.metric, int(record.spec["seed"]))
    apart, tested = differences(seen, parts, record.metric, int(test[:15], 16))
    return {"test": test, "subgroups": parts, "differences": apart, "tested": tested}


def _local(task: ExternalTask, record: Record, targets: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(n,) bool: about so many images as are asked for, in whole groups and by class, the same for every run."""
    local = np.zeros(len(targets), bool)
    if not task.recalibrate:
        return local
    names = [record.classes[k] for k in targets]
    local[limit(names, [None] * len(names), groups.tolist(), task.recalibrate, LOCAL)] = True
    if local.all():
        raise DataError(
            f"--recalibrate {task.recalibrate} takes all {len(names)} images and leaves none to judge; take fewer"
        )
    return local


def _again(
    record: Record, asked: Asked, images: Images, logits: np.ndarray, data_prior: list[float], batch_prior: list[float]
) -> tuple[Recalibration | None, dict[str, np.ndarray]]:
    """What recalibration on the local images gives, and columns; nothing without such images."""
    local = images.local
    if not local.any():
        return None, {}
    found = recalibrated(asked, images.targets, logits, images.groups, local, data_prior, batch_prior)
    counts = np.bincount(images.targets[local], minlength=len(record.classes)).tolist()
    shares = [count / sum(counts) for count in counts] if all(counts) else data_prior
    return (
        Recalibration(
            images=int(local.sum()),
            groups=len(np.unique(images.groups[local])),
            counts=dict(zip(record.classes, counts, strict=True)),
            calibration=calibration_info(
                found.calibration, images.groups[local], record.classes, shares, batch_prior, found.thresholds
            ),
            metrics=found.metrics,
            drop=drops(found.metrics, record.metrics),
        ),
        {"recalibrated_logits": found.corrected_logits, "recalibrated_probabilities": found.probabilities},
    )


def _notes(classes: list[str], counts: list[int], confusion: list[list[int]]) -> list[str]:
    absent = [name for name, count in zip(classes, counts, strict=True) if not count]
    notes = [f"the external dataset has no image of {', '.join(absent)}"] if absent else []
    decided = np.sum(confusion, axis=0)
    if decided.max() >= ONE_ANSWER * decided.sum():
        notes.append(f"answers {classes[int(decided.argmax())]} for (nearly) every image here")
    return notes


def _spread(values: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Values of the images that are judged, in the places of all; the others have none."""
    found = np.full(len(rest), "", dtype=values.dtype)
    found[rest] = values
    return found
