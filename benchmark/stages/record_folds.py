"""All folds of a cross-validation as one result: metrics of the pooled out-of-fold predictions.  A worker's task.

Every image is tested once, by models that did not learn from it; each fold's predictions are calibrated on that fold's
own validation part before they are pooled.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from benchmark.evaluation import metrics
from benchmark.evaluation.controls import control_shares, judge_controls
from benchmark.evaluation.estimates import Outputs, evaluate
from benchmark.evaluation.intervals import proportion
from benchmark.evaluation.scoring import DECISION_RULE, PROBABILITY_RULE
from benchmark.planning.graph import Plan
from benchmark.records.estimate import Estimate
from benchmark.records.files import FILE, PREDICTIONS, verify
from benchmark.records.record import Cost, Member, Record, SplitInfo
from benchmark.stages.recording import identity, write_folder
from benchmark.storage.cache import storage_errors
from benchmark.tasks.spec import Spec
from registry.errors import DataError

ARRAYS = ("ids", "groups", "labels", "sources", "targets", "logits", "evidence", "probabilities")


class Pooled(NamedTuple):
    """The test parts of all folds, one behind the other; `fold` (n,) says whose."""

    fold: np.ndarray
    arrays: dict[str, np.ndarray]


def serve(request: dict[str, Any], emit: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Pool the folds whose records lie in ``request["folds"]``."""
    emit({"event": "stage", "stage": "record", "owner": "", "status": "building"})
    spec: Spec = msgspec.convert(request["spec"], Spec)  # type: ignore[arg-type]
    plan = msgspec.convert(request["plan"], Plan)
    target = Path(request["folder"])
    with storage_errors(target):
        pool(spec, plan, request["names"][""], [Path(folder) for folder in request["folds"]], target)
    return {"folder": request["folder"], "stages": {}}


def pool(spec: Spec, plan: Plan, pipeline: str, folders: list[Path], target: Path) -> Record:
    """Put the pooled result of these folds in place of whatever was at `target`; gives its record.

    Raises:
        DataError: a fold has no result, or the folds do not test every image once.
    """
    folds = [_good(folder / FILE) for folder in folders]
    pooled = _pooled(folders)

    def fill(folder: Path) -> Record:
        np.savez(folder / PREDICTIONS, parts=np.full(len(pooled.fold), "test"), fold=pooled.fold, **pooled.arrays)
        found, outputs = pooled.arrays, _outputs(pooled)
        return Record(
            **identity(spec, plan, pipeline),
            dataset=folds[0].dataset,
            split=_split(spec, folds[0], found["targets"]),
            metrics=_metrics(spec, folds, pooled, outputs),
            controls=_controls(spec, pooled),
            confusion=metrics.confusion(found["targets"], outputs.decisions, len(spec.classes)).astype(int).tolist(),
            members=[Member(f"fold {fold.fold}", fold.pipeline, fold.metrics, fold.run) for fold in folds],
            calibration={"decisions": DECISION_RULE, "probabilities": PROBABILITY_RULE, "part": "fit, of each fold"},
            notes=list(dict.fromkeys(note for fold in folds for note in fold.notes)),
            cost=_cost(folds),
        )

    return write_folder(target, fill)


def _good(path: Path) -> Record:
    record = verify(path) if path.is_file() else None
    if record is None or record.status != "ok":
        cause = f": {record.failure.cause}, {record.failure.message}" if record and record.failure else ""
        raise DataError(f"the folds cannot be pooled, {path.parent.name} has no result{cause}; mend that fold first")
    return record


def _pooled(folders: list[Path]) -> Pooled:
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ARRAYS}
    numbers = []
    for number, folder in enumerate(folders):
        with np.load(folder / PREDICTIONS, allow_pickle=False) as stored:
            test = stored["parts"] == "test"
            for name in ARRAYS:
                parts[name].append(stored[name][test])
            numbers.append(np.full(int(test.sum()), number))
    arrays = {name: np.concatenate(found) for name, found in parts.items()}
    if len(set(arrays["ids"].tolist())) != len(arrays["ids"]):
        raise DataError("the folds cannot be pooled: an image was tested by two of them; run all of them again")
    return Pooled(np.concatenate(numbers), arrays)


def _outputs(pooled: Pooled) -> Outputs:
    evidence = pooled.arrays["evidence"]
    return Outputs(evidence.argmax(axis=1), metrics.log_odds(evidence), pooled.arrays["probabilities"])


def _metrics(spec: Spec, folds: list[Record], pooled: Pooled, outputs: Outputs) -> dict[str, Estimate]:
    found, classes = pooled.arrays, list(spec.classes)
    told = evaluate(classes, spec.positive, found["targets"], outputs, found["groups"], spec.seed, spec.resamples)
    if spec.positive is None or len(classes) != 2:
        return told
    k = classes.index(spec.positive)
    own = found["targets"] == k
    for level in folds[0].calibration.get("thresholds", {}):
        chosen = [fold.calibration["thresholds"][level].get("log_odds") for fold in folds]
        if None in chosen:
            continue
        right = (outputs.odds[:, k] >= np.array(chosen)[pooled.fold]) == own  # each fold at its own threshold
        for name, side in ((f"sensitivity@{level}", own), (f"specificity@{level}", ~own)):
            told[name] = proportion(right[side], found["groups"][side], f"no images for {name}")
    return told


def _controls(spec: Spec, pooled: Pooled) -> dict[str, dict[str, Estimate]]:
    """The rules that never look at an image, learnt for each fold from the images of the others."""
    found, classes = pooled.arrays, list(spec.classes)
    sources = [source or None for source in found["sources"].tolist()]
    by_fold = [
        control_shares(len(classes), found["targets"], sources, pooled.fold != fold, pooled.fold == fold)
        for fold in range(spec.split.folds)
    ]
    rules = {name: np.concatenate([shares[name] for shares in by_fold]) for name in by_fold[0]}
    return judge_controls(classes, spec.positive, found["targets"], rules, found["groups"], spec.seed, spec.resamples)


def _split(spec: Spec, fold: Record, targets: np.ndarray) -> SplitInfo | None:
    counts = {name: int((targets == k).sum()) for k, name in enumerate(spec.classes)}
    return fold.split and msgspec.structs.replace(fold.split, counts={"test": counts})


def _cost(folds: list[Record]) -> Cost:
    """Of one fold's model, except the training of all."""
    costs = [fold.cost for fold in folds]
    times = [cost.training_s for cost in costs if cost.training_s is not None]
    return msgspec.structs.replace(costs[0], training_s=sum(times) if len(times) == len(costs) else None)
