"""What a vote is worth: its scores, its members', how they agree, and the model that answers directly."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.evaluation import metrics
from benchmark.evaluation.calibration import softmax
from benchmark.evaluation.estimates import Outputs, evaluate
from benchmark.evaluation.intervals import paired_difference, proportion
from benchmark.evaluation.metrics import metric_named
from benchmark.evaluation.training_checks import one_answer
from benchmark.evaluation.voting import agreement
from benchmark.records.estimate import Estimate
from benchmark.records.findings import Findings, Reference
from benchmark.records.metrics import RMS_CALIBRATION_ERROR
from benchmark.records.notes import shared_notes
from benchmark.stages.predictions import Predictions, predictions
from benchmark.stages.reading import Reader
from benchmark.stages.score import (
    mask_quality,
    results,
    scores_of,
    trained_notes,
    write_findings,
    write_predictions,
    write_scored_curves,
)

if TYPE_CHECKING:
    from benchmark.evaluation.scoring import Scores
    from benchmark.stages.context import Context

UNCORRECTED = ("log-loss", "brier", "ece", RMS_CALIBRATION_ERROR)


def build(context: "Context", folder: Path) -> None:
    """Write ``findings.json``, ``predictions.npz`` and ``curves.json``, as the stage of a pipeline does."""
    run = Reader(context)
    scores = scores_of(run)
    write_predictions(run, scores, folder)
    write_scored_curves(run, scores, folder)
    quality = {name: mask_quality(member) for name, member in run.members.items()}
    trained = shared_notes([trained_notes(member, quality[name]) for name, member in run.members.items()], "members")
    findings = Findings(
        **results(run, scores),
        masks=next(iter(quality.values())),
        notes=[*one_answer(scores.confusion, list(run.spec.classes)), *trained],
        members={name: judged(member) for name, member in run.members.items()},
        voting=voting(run),
        reference=reference(run, scores),
    )
    write_findings(findings, folder)


def judged(member: Reader) -> dict[str, Estimate]:
    """The metrics of a member on the test subset, of the question that it was asked."""
    return _judged(member, predictions(member))


def voting(run: Reader) -> dict[str, Estimate]:
    """How the members agree on the test subset, and what the vote's probabilities are worth uncorrected."""
    own = predictions(run)
    test = own.subsets == "test"
    with np.load(run.artefacts["vote"] / "members.npz", allow_pickle=False) as stored:
        members = stored["probabilities"][:, test]
    columns = [run.spec.column(name) for name in run.spec.members]
    result = {name: proportion(where, own.groups[test]) for name, where in agreement(members, columns).items()}
    raw = softmax(own.logits)  # as the voter gave them: at equal class priors, not calibrated
    as_given = _judged(run, own._replace(probabilities=raw))
    return result | {f"{name}-uncorrected": as_given[name] for name in UNCORRECTED}


def reference(run: Reader, scores: "Scores") -> Reference | None:
    """The paired comparison with the model that answers directly, by the task's metric."""
    if run.reference is None:
        return None
    spec = run.spec
    metric = metric_named(spec.metric, list(spec.classes), spec.positive)
    direct = predictions(run.reference)
    test = direct.subsets == "test"
    sides = [getattr(one, metric.needs)[rows] for one, rows in ((scores, direct.rows[test]), (direct, test))]
    groups = direct.groups[test]
    gap = paired_difference(metric.compute, direct.targets[test], *sides, groups, 0, spec.resamples)
    difference = Estimate(gap.value, gap.low, gap.high, gap.n, gap.note)
    return Reference("", difference, gap.minimum_detectable, judged(run.reference))


def _judged(run: Reader, own: Predictions) -> dict[str, Estimate]:
    spec, test = run.spec, own.subsets == "test"
    outputs = Outputs(own.corrected_logits.argmax(axis=1), metrics.log_odds(own.corrected_logits), own.probabilities)
    classes = list(spec.classes)
    return evaluate(
        classes, spec.positive, own.targets[test], outputs.of(test), own.groups[test], spec.seed, spec.resamples
    )
