"""All folds of a cross-validation as one result: metrics of the pooled out-of-fold predictions.

Every image is tested once, by models that did not learn from it; each fold's predictions are calibrated on that fold's
own validation subset before they are pooled.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from benchmark.evaluation import curves, metrics
from benchmark.evaluation.controls import control_shares, judge_controls
from benchmark.evaluation.estimates import Outputs, evaluate
from benchmark.evaluation.scoring import DECISION_RULE, PROBABILITY_RULE, uncalibrated
from benchmark.evaluation.thresholds import worth_of_threshold
from benchmark.records.calibration import CalibrationInfo, Threshold
from benchmark.records.estimate import Estimate
from benchmark.records.findings import Findings, SplitInfo
from benchmark.records.notes import shared_notes
from benchmark.stages.score import FINDINGS, PREDICTIONS, write_curves, write_findings
from registry.errors import DataError

if TYPE_CHECKING:
    from benchmark.stages.context import Context
    from benchmark.tasks.spec import Spec

ARRAYS = ("ids", "groups", "labels", "sources", "targets", "logits", "corrected_logits", "probabilities")


class Pooled(NamedTuple):
    """The test subsets of all folds, one behind the other; `fold` (n,) says whose."""

    fold: np.ndarray
    arrays: dict[str, np.ndarray]


def build(context: "Context", folder: Path) -> None:
    """Write ``findings.json``, ``predictions.npz`` and ``curves.json`` of all folds together.

    Raises:
        DataError: the folds do not test every image once.
    """
    spec, folders = context.spec, [fold.artefacts["score"] for fold in context.folds]
    folds = [msgspec.json.decode((path / FINDINGS).read_bytes(), type=Findings) for path in folders]
    pooled = pool(folders)
    arrays, outputs = pooled.arrays, _outputs(pooled)
    np.savez_compressed(folder / PREDICTIONS, subsets=np.full(len(pooled.fold), "test"), fold=pooled.fold, **arrays)
    scored = {"": curves.Outputs(arrays["corrected_logits"], arrays["probabilities"])}
    write_curves(spec, arrays["targets"], scored, arrays["groups"], folder)
    findings = Findings(
        split=pooled_split(spec, folds[0], arrays["targets"]),
        images=folds[0].images,
        skipped=folds[0].skipped,
        notices=folds[0].notices,
        depth=folds[0].depth,
        metrics=_metrics(spec, folds, pooled, outputs),
        controls=_controls(spec, pooled),
        confusion=metrics.confusion(arrays["targets"], outputs.decisions, len(spec.classes)).astype(int).tolist(),
        calibration=CalibrationInfo(
            decisions=DECISION_RULE,
            probabilities=PROBABILITY_RULE,
            subset="calibration, of each fold",
            thresholds=thresholds_of(folds),
        ),
        notes=shared_notes([fold.notes for fold in folds], "folds"),
        members={f"fold {number}": fold.metrics for number, fold in enumerate(folds)},
    )
    write_findings(findings, folder)


def pool(folders: list[Path], columns: Sequence[str] = ARRAYS) -> Pooled:
    """The test predictions of all folds.

    Raises:
        DataError: an image was tested by two of them.
    """
    collected: dict[str, list[np.ndarray]] = {name: [] for name in columns}
    numbers = []
    for number, folder in enumerate(folders):
        with np.load(folder / PREDICTIONS, allow_pickle=False) as stored:
            test = stored["subsets"] == "test"
            for name in columns:
                collected[name].append(stored[name][test])
            numbers.append(np.full(int(test.sum()), number))
    arrays = {name: np.concatenate(found) for name, found in collected.items()}
    if len(set(arrays["ids"].tolist())) != len(arrays["ids"]):
        raise DataError("the folds cannot be pooled: an image was tested by two of them; run all of them again")
    return Pooled(np.concatenate(numbers), arrays)


def _outputs(pooled: Pooled) -> Outputs:
    corrected_logits = pooled.arrays["corrected_logits"]
    return Outputs(corrected_logits.argmax(axis=1), metrics.log_odds(corrected_logits), pooled.arrays["probabilities"])


def _metrics(spec: "Spec", folds: list[Findings], pooled: Pooled, outputs: Outputs) -> dict[str, Estimate]:
    arrays, classes = pooled.arrays, list(spec.classes)
    groups, resampled = arrays["groups"], (spec.seed, spec.resamples)
    result = evaluate(classes, spec.positive, arrays["targets"], outputs, groups, *resampled)
    priors = np.array([[fold.calibration.batch_prior[name] for name in classes] for fold in folds])
    neutral = arrays["logits"] - np.log(priors)[pooled.fold]
    result |= uncalibrated(classes, spec.positive, arrays["targets"], neutral, groups, *resampled)
    if spec.positive is None or len(classes) != 2:
        return result
    k = classes.index(spec.positive)
    own = arrays["targets"] == k
    for name, threshold in thresholds_of(folds).items():
        if not threshold.of_folds or None in threshold.of_folds:
            continue
        chosen = np.array(threshold.of_folds, float)[pooled.fold]  # each fold at its own threshold
        result |= worth_of_threshold(name, (outputs.odds[:, k] >= chosen) == own, own, arrays["groups"], threshold.note)
    return result


def thresholds_of(folds: list[Findings]) -> dict[str, Threshold]:
    """The thresholds of all folds, by name; a note that not all have says how many do."""
    found = {}
    for name in folds[0].calibration.thresholds:
        own = [fold.calibration.thresholds[name] for fold in folds]
        notes = shared_notes([[one.note] if one.note else [] for one in own], "folds")
        found[name] = Threshold(of_folds=[one.log_odds for one in own], note="; ".join(notes))
    return found


def _controls(spec: "Spec", pooled: Pooled) -> dict[str, dict[str, Estimate]]:
    """The rules that never look at an image, learnt for each fold from the images of the others."""
    arrays, classes = pooled.arrays, list(spec.classes)
    sources = [source or None for source in arrays["sources"].tolist()]
    by_fold = [
        control_shares(len(classes), arrays["targets"], sources, pooled.fold != fold, pooled.fold == fold)
        for fold in range(spec.split.folds)
    ]
    rules = {name: np.concatenate([shares[name] for shares in by_fold]) for name in by_fold[0]}
    return judge_controls(classes, spec.positive, arrays["targets"], rules, arrays["groups"], spec.seed, spec.resamples)


def pooled_split(spec: "Spec", fold: Findings, targets: np.ndarray) -> SplitInfo:
    """How the images of all folds were divided: every one of them is tested once."""
    counts = {name: int((targets == k).sum()) for k, name in enumerate(spec.classes)}
    return msgspec.structs.replace(fold.split, counts={"test": counts})
