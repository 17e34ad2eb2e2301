"""What imported predictions are worth on the test subset, judged as a pipeline's are."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from benchmark.data.predicted_table import FLOOR
from benchmark.data.targets import class_targets
from benchmark.evaluation.scoring import Scores, score
from benchmark.evaluation.training_checks import one_answer
from benchmark.records.findings import Findings
from benchmark.stages.logits import Logits, read_logits
from benchmark.stages.predictions import data_prior
from benchmark.stages.reading import Reader
from benchmark.stages.score import results, write_findings, write_outputs, write_scored_curves

if TYPE_CHECKING:
    from benchmark.stages.context import Context
    from benchmark.tasks.spec import ImportedSpec

NOT_HELD = "not held"  # in place of the subset of an image that the file says nothing of
AS_GIVEN = "the likeliest class by the imported probabilities (of two classes, from .5 on), not calibrated"
UNCORRECTED = "as they were imported: log-loss, Brier and ECE judge them so"


def build(context: "Context", folder: Path) -> None:
    """Write ``findings.json``, ``predictions.npz`` and ``curves.json``, as the stage of a pipeline does."""
    run = Reader(context)
    stored = read_logits(run)
    scores = _scores(run, stored)
    write_outputs(run, stored, stored.targets, scores, folder)
    write_scored_curves(run, scores, folder)
    same = _one_answer(run.spec, scores.confusion)
    notes = [*same, *_notes(run.spec, run.meta("predict")["clipped"])]
    write_findings(Findings(**results(run, scores), notes=notes), folder)


def _scores(run: Reader, stored: Logits) -> Scores:
    """Calibrated where the file holds the images for it; else decided and judged by its probabilities as they are."""
    spec, shares = run.spec, data_prior(run)
    equal = [1 / len(spec.classes)] * len(spec.classes)
    subsets = np.full(len(run.subsets), NOT_HELD, np.dtype(f"U{max(len(NOT_HELD), len('calibration'))}"))
    train = run.rows("train")
    subsets[train], subsets[stored.rows] = "train", stored.subsets
    logits = np.zeros((len(subsets), len(spec.classes)))  # rules that see no image learn from the training subset
    logits[stored.rows] = stored.logits
    prior = shares if spec.shares == "training" else equal
    found = score(
        classes=list(spec.classes),
        positive=spec.positive,
        targets=class_targets(run.prepared.labels, spec.classes),
        logits=logits,
        subsets=subsets,
        groups=run.prepared.groups,
        data_prior=shares if spec.subsets == "all" else prior,
        batch_prior=prior,
        seed=spec.seed,
        sources=list(run.prepared.sources),
        resamples=spec.resamples,
    )
    if spec.subsets == "all" or spec.shares == "training":
        return found
    said = msgspec.structs.replace(found.calibration, decisions=AS_GIVEN, probabilities=UNCORRECTED)
    return Scores(found.metrics, found.confusion, found.corrected_logits, found.probabilities, said, found.controls)


def _one_answer(spec: "ImportedSpec", confusion: Sequence[Sequence[int]]) -> list[str]:
    """Of predictions that hardly tell images apart; what mends a training of ours is no help here."""
    asked = "--range, --size, --outputs and the order of --classes" if spec.classifier else "the file, and --shares"
    said = [note.partition(";")[0] for note in one_answer(confusion, list(spec.classes))]
    return [f"{one}: look at {asked}" for one in said]


def _notes(spec: "ImportedSpec", clipped: int) -> list[str]:
    """What a reader must know of where the predictions come from and how they were taken; alike for all seeds."""
    made = "made by a classifier in an ONNX file" if spec.classifier else "imported from a table of another program"
    notes = [f"predictions {made}: that it never saw test images is its makers' word"]
    taken = f"its probabilities are taken to refer to {SHARES[spec.shares]}"
    if spec.subsets == "all":
        notes.append(f"calibrated on the calibration subset as every row is; {taken}")
    elif spec.shares == "equal":
        notes.append(f"not calibrated, for test images alone are there: decided by {AS_GIVEN.partition(', not')[0]}")
    else:
        notes.append(f"not calibrated, for test images alone are there; {taken}, and decided at equal ones")
    zero = "image has a probability" if clipped == 1 else "images have a probability"
    return notes + ([f"{clipped:,} {zero} below {FLOOR:g}, taken for that"] if clipped else [])


SHARES = {"equal": "equal class shares", "training": "the class shares of the training subset"}
