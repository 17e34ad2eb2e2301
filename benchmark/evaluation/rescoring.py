"""A run's numbers anew by today's code, from the outputs that it stored; nothing is trained and no image is read."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmark.evaluation.curves import Outputs, curves, encoded
from benchmark.evaluation.scoring import score
from benchmark.evaluation.stored import SPLIT, UNREADABLE, check_outputs, read_columns, read_training
from benchmark.records.calibration import CalibrationInfo
from benchmark.records.curves import FILE as CURVES
from benchmark.records.files import PREDICTIONS
from benchmark.records.record import Record
from registry.errors import BenchError, DataError


def rescore(record: Record, folder: Path, target: Path) -> dict[str, Any]:
    """Scores the stored logits; gives what of the record is then otherwise.

    Args:
        folder: of the run.
        target: folder for the predictions as they are calibrated now, their curves, and the split beside them.

    Raises:
        DataError: the run is of pooled folds or of rules, has stored too little, or its files do not fit its record.
    """
    try:
        return _rescored(record, folder, target)
    except BenchError:
        raise
    except UNREADABLE as error:
        raise DataError(
            f"{record.run} cannot be scored anew: {PREDICTIONS} or {SPLIT} in its folder cannot be read, or does not "
            f"fit its record ({type(error).__name__}: {' '.join(str(error).split())[:160]}); run it again"
        ) from error


def _rescored(record: Record, folder: Path, target: Path) -> dict[str, Any]:
    columns = read_columns(folder / PREDICTIONS)
    check_outputs(columns)
    training = read_training(folder, record.spec["classes"], record.split.counts.get("train") if record.split else None)
    if "fold" in columns or "logits" not in columns or training is None or not record.calibration.batch_prior:
        raise DataError(
            f"{record.run} cannot be scored anew from what it stored: that takes the logits of one pipeline or vote "
            "and the classes of its training images; score the runs that it was pooled of"
        )
    count = len(training.targets)
    shares = (np.bincount(training.targets, minlength=len(record.classes)) / count).tolist()
    if record.imported:  # whose probabilities may stay at the shares that they came with
        shares = [record.calibration.data_prior[name] for name in record.classes]
    learnt = training.sources
    scores = score(
        classes=record.classes,
        positive=record.positive,
        targets=np.concatenate([training.targets, columns["targets"]]),
        logits=np.concatenate([np.zeros((count, len(record.classes))), columns["logits"]]),
        subsets=np.concatenate([np.full(count, "train"), columns["subsets"]]),
        groups=np.concatenate([[f"train {row}" for row in range(count)], columns["groups"]]),
        data_prior=shares,
        batch_prior=[record.calibration.batch_prior[name] for name in record.classes],
        seed=record.seed,
        sources=None if learnt is None else [one or None for one in (*learnt, *columns["sources"])],
        resamples=int(record.spec["resamples"]),
    )
    outputs = {name: getattr(scores, name)[count:] for name in ("corrected_logits", "probabilities")}
    np.savez_compressed(target / PREDICTIONS, **{**columns, **outputs})
    test = columns["subsets"] == "test"
    own = {"": Outputs(*(outputs[name][test] for name in ("corrected_logits", "probabilities")))}
    resampled = columns["groups"][test], record.seed, int(record.spec["resamples"])
    drawn = curves(record.classes, record.positive, columns["targets"][test], own, *resampled)
    (target / CURVES).write_bytes(encoded(drawn))
    if (folder / SPLIT).is_file():
        shutil.copy(folder / SPLIT, target)
    found = {name: getattr(scores, name) for name in ("metrics", "controls", "confusion")}
    return {**found, "calibration": _worded(record, scores.calibration)}


def _worded(record: Record, found: CalibrationInfo) -> CalibrationInfo:
    """What was fitted, of imported predictions with the record's own words of how they were taken."""
    if not record.imported:
        return found
    own = record.calibration
    return msgspec.structs.replace(found, decisions=own.decisions, probabilities=own.probabilities)
