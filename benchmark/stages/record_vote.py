"""The record of a vote: its scores, its members', how they agree, and the model that answers directly."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.evaluation import metrics
from benchmark.evaluation.calibration import softmax
from benchmark.evaluation.estimates import Outputs, evaluate
from benchmark.evaluation.intervals import paired_difference, proportion
from benchmark.evaluation.metrics import metric_named
from benchmark.evaluation.voting import agreement
from benchmark.planning.graph import REFERENCE
from benchmark.records.estimate import Estimate
from benchmark.records.record import Cost, Member, Record, Reference
from benchmark.stages.draw import illustrate_maps
from benchmark.stages.explain import write_samples
from benchmark.stages.heatmaps import mapper
from benchmark.stages.model_files import model_files
from benchmark.stages.predictions import Predictions, predictions
from benchmark.stages.reading import Reader
from benchmark.stages.record import cost_of, mask_quality, meta_of, notes_of
from benchmark.stages.recording import findings, identity, scores_of, write_folder, write_predictions

if TYPE_CHECKING:
    from benchmark.evaluation.scoring import Scores
    from benchmark.planning.graph import Plan, Survey
    from benchmark.stages.context import Context, StagesRecord

UNCORRECTED = ("log-loss", "brier", "ece")


def write_run(
    context: "Context", plan: "Plan", survey: "Survey", went: "StagesRecord", names: Mapping[str, str], target: Path
) -> Record:
    """Put a finished vote's folder in place of whatever was there; gives its record.

    Args:
        names: how tables name the pipelines: "" -> the vote, member -> its own.
    """

    def fill(folder: Path) -> Record:
        scores = scores_of(context)
        write_predictions(context, scores, folder)
        run = Reader(context)
        found, maps = predictions(run), mapper(run)
        test = found.subsets == "test"
        write_samples(folder, maps.heat, found.rows[test], found.targets[test], softmax(found.evidence[test]))
        illustrate_maps(context, folder, folder / "samples.npz", maps.method, names[""])
        return Record(
            **identity(context.spec, plan, names[""]),
            **findings(context, survey, scores),
            map_method=maps.method,
            masks=mask_quality(next(iter(context.members.values()))),
            members=[Member(name, names[name], judged(member)) for name, member in context.members.items()],
            voting=voting(context, found),
            reference=reference(context, scores, names),
            training={"stage_duration_s": went.duration_s, "notes": meta_of(context, "vote")["notes"]},
            notes=list(dict.fromkeys(note for member in context.members.values() for note in notes_of(member))),
            cost=joint_cost(context),
            stages=went.status,
        )

    return write_folder(target, fill)


def judged(member: "Context") -> dict[str, Estimate]:
    """The metrics of a member on the test part, of the question that it was asked."""
    return _judged(member, predictions(Reader(member)))


def voting(context: "Context", found: Predictions) -> dict[str, Estimate]:
    """How the members agree on the test part, and what the vote's chances are worth before they are corrected."""
    test = found.subsets == "test"
    with np.load(context.artefacts["vote"] / "members.npz", allow_pickle=False) as stored:
        voices = stored["voices"][:, test]
    columns = [context.spec.column(name) for name in context.spec.members]
    told = {name: proportion(where, found.groups[test]) for name, where in agreement(voices, columns).items()}
    raw = softmax(found.logits)  # as the voter gave them: at equal class shares, not calibrated
    as_given = _judged(context, found._replace(probabilities=raw))
    return told | {f"{name}-uncorrected": as_given[name] for name in UNCORRECTED}


def reference(context: "Context", scores: "Scores", names: Mapping[str, str]) -> Reference | None:
    """The paired comparison with the model that answers directly, by the task's metric."""
    if context.reference is None:
        return None
    spec = context.spec
    metric = metric_named(spec.metric, list(spec.classes), spec.positive)
    direct = predictions(Reader(context.reference))
    test = direct.subsets == "test"
    sides = [getattr(one, metric.needs)[rows] for one, rows in ((scores, direct.rows[test]), (direct, test))]
    groups = direct.groups[test]
    found = paired_difference(metric.compute, direct.targets[test], *sides, groups, 0, spec.resamples)
    difference = Estimate(found.value, found.low, found.high, found.n, found.note)
    return Reference(names[REFERENCE], difference, found.detectable, judged(context.reference))


def joint_cost(context: "Context") -> Cost:
    """The sums over the members; what they share, a segmenter for instance, counts once."""
    costs = [cost_of(member) for member in context.members.values()]
    files = {path for member in context.members.values() for path in model_files(member).values()}
    shared = _shared_segmenters(context)
    rates = [cost.inference_images_per_s for cost in costs]
    return Cost(
        parameters=sum(cost.parameters for cost in costs) - sum(one["parameters"] for one in shared),
        trainable_parameters=sum(cost.trainable_parameters for cost in costs),
        model_bytes=sum(path.stat().st_size for path in files),
        training_s=sum(cost.training_s or 0 for cost in costs) - sum(one["training_s"] for one in shared),
        inference_images_per_s=1 / sum(1 / rate for rate in rates if rate) if all(rates) else None,
        hardware=costs[0].hardware,
    )


def _shared_segmenters(context: "Context") -> list[dict[str, Any]]:
    """What was told of segmenters that a member before had counted already."""
    seen, again = set(), []
    for member in context.members.values():
        path = member.artefacts.get("segmenter")
        if path in seen:
            again.append(meta_of(member, "segmenter"))
        elif path:
            seen.add(path)
    return again


def _judged(context: "Context", found: Predictions) -> dict[str, Estimate]:
    spec, test = context.spec, found.subsets == "test"
    outputs = Outputs(found.evidence.argmax(axis=1), metrics.log_odds(found.evidence), found.probabilities)
    classes = list(spec.classes)
    return evaluate(
        classes, spec.positive, found.targets[test], outputs.of(test), found.groups[test], spec.seed, spec.resamples
    )
