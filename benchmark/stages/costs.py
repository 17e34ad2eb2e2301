"""What runs cost, from what their steps recorded of themselves; nothing is measured here."""

import json
from typing import TYPE_CHECKING, Any

import msgspec

from benchmark.records.record import Cost
from benchmark.stages.model_files import model_files

if TYPE_CHECKING:
    from benchmark.stages.context import Context


UNKNOWN = 0  # parameters of a backbone that does not say how many it has, and of what stands on it


def cost_of(context: "Context") -> Cost:
    """Of a pipeline, a vote, or the folds of a cross-validation together."""
    if context.folds:
        return _pooled([cost_of(fold) for fold in context.folds])
    return _joint(context) if context.members else _single(context)


def meta_of(context: "Context", stage: str) -> dict[str, Any]:
    """What a step recorded of itself."""
    meta: dict[str, Any] = json.loads((context.artefacts[stage] / "meta.json").read_text())
    return meta


def _single(context: "Context") -> Cost:
    """Of a pipeline; of a classical head with the head that its backbone was trained with."""
    trained = meta_of(context, "fit") if "fit" in context.artefacts else None
    features = meta_of(context, "features") if context.spec.classical else None
    predicted = meta_of(context, "predict")
    training_s = trained["training_s"] if trained else 0.0
    if features:
        training_s += predicted["training_s"]
        rate = 1 / (1 / features["images_per_s"] + predicted["inference_s_per_image"])
        parameters, trainable = features["parameters"] or UNKNOWN, 0
    else:
        assert trained
        rate, parameters, trainable = (
            predicted["inference_images_per_s"], trained["parameters"], trained["trainable_parameters"],
        )  # fmt: skip
    if "segmenter" in context.artefacts:
        segmenter = meta_of(context, "segmenter")
        parameters = parameters and parameters + segmenter["parameters"]
        training_s += segmenter["training_s"]
    return Cost(
        parameters=parameters,
        trainable_parameters=trainable,
        model_bytes=sum(path.stat().st_size for path in model_files(context).values()),
        training_s=training_s,
        training_images_per_s=trained and trained["training_images_per_s"],
        inference_images_per_s=rate,
        hardware=(trained or features or {})["device"],
    )


def _joint(context: "Context") -> Cost:
    """The sums over the members of a vote; what they share, a segmenter for instance, counts once."""
    members = context.members.values()
    costs = [cost_of(member) for member in members]
    files = {path for member in members for path in model_files(member).values()}
    shared, parameters = _shared_segmenters(context), [cost.parameters for cost in costs]
    rates = [cost.inference_images_per_s for cost in costs]
    return Cost(
        parameters=sum(parameters) - sum(one["parameters"] for one in shared) if all(parameters) else UNKNOWN,
        trainable_parameters=sum(cost.trainable_parameters for cost in costs),
        model_bytes=sum(path.stat().st_size for path in files),
        training_s=sum(cost.training_s or 0 for cost in costs) - sum(one["training_s"] for one in shared),
        inference_images_per_s=1 / sum(1 / rate for rate in rates if rate) if all(rates) else None,
        hardware=costs[0].hardware,
    )


def _shared_segmenters(context: "Context") -> list[dict[str, Any]]:
    """What was recorded of segmenters that a member before had counted already."""
    seen, again = set(), []
    for member in context.members.values():
        path = member.artefacts.get("segmenter")
        if path in seen:
            again.append(meta_of(member, "segmenter"))
        elif path:
            seen.add(path)
    return again


def _pooled(costs: list[Cost]) -> Cost:
    """Of one fold's model, except the training of all."""
    times = [cost.training_s for cost in costs if cost.training_s is not None]
    return msgspec.structs.replace(costs[0], training_s=sum(times) if len(times) == len(costs) else None)
