"""Whether the predictions that an evaluation on images of elsewhere stored give what it says: its numbers anew.

As of a run, see `benchmark.evaluation.recomputing`: values to 1e-9, intervals where the code that scored is today's.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from benchmark.evaluation import metrics
from benchmark.evaluation.differing import differing
from benchmark.evaluation.estimates import Outputs, evaluate
from benchmark.evaluation.external import Asked, carried_over, drops, needed_of_classes, neutral_logits, outputs_of
from benchmark.evaluation.external_rows import DICE, seen_of
from benchmark.evaluation.intervals import proportion
from benchmark.evaluation.masks import MEASURES, agreement_estimates
from benchmark.evaluation.recomputing_calibration import calibration_contradictions, fit_contradictions, priors
from benchmark.evaluation.recomputing_rules import FEW_RESAMPLES
from benchmark.evaluation.stored import UNREADABLE, read_columns
from benchmark.evaluation.subgroups import Seen, differences, subgroups
from benchmark.evaluation.thresholds import at_specificities
from benchmark.records.contents import images_digest
from benchmark.records.estimate import Estimate
from benchmark.records.external import MASKS, External, Recalibration, Subgroup, SubgroupDifference
from benchmark.records.files import PREDICTIONS
from benchmark.records.metrics import ECE_FLOOR
from benchmark.records.recomputed import Recomputed

INTERVALS = "intervals: the code that scored is not today's, or not known"
OUTPUTS = ("logits", "corrected_logits", "probabilities", "recalibrated_logits", "recalibrated_probabilities")
Columns = Mapping[str, np.ndarray]


def recompute_external(external: External, folder: Path, same_code: bool) -> Recomputed:
    """What the stored predictions of an evaluation say of it.

    Args:
        same_code: the code that scored it is today's, so that intervals and what was fitted must be the same too.
    """
    try:
        columns = read_columns(folder / PREDICTIONS)
        if not all(np.all(np.isfinite(columns[name])) for name in OUTPUTS if name in columns):
            return Recomputed([f"{PREDICTIONS} holds outputs that are not finite"])
        exact = same_code and external.resamples > 0
        checks = _masks if external.kind == MASKS else _classes
        contradictions = [*_images(external, columns), *checks(external, columns, exact)]
    except UNREADABLE as error:
        return Recomputed([f"{PREDICTIONS} cannot be read, or does not fit the record ({error})"])
    return Recomputed(contradictions, [] if exact else [INTERVALS])


def _images(external: External, columns: Columns) -> Iterator[str]:
    """Which images were judged, in which classes and groups."""
    test = columns.get("subsets", np.full(len(columns["ids"]), "test")) == "test"
    ids, groups = (columns[name][test] for name in ("ids", "groups"))
    targets = columns["targets"][test] if "targets" in columns else np.zeros(len(ids), int)
    if external.test and images_digest(ids, groups, targets) != external.test:
        yield "images: other ones, of other groups or of other classes than were recorded"
    for name, found in (("n", len(ids)), ("groups", len(np.unique(groups)))):
        if found != getattr(external, name):
            yield f"{name}: {found} are stored, recorded {getattr(external, name)}"


def _masks(external: External, columns: Columns, exact: bool) -> Iterator[str]:
    """Agreement of the predicted masks; before it was stored whole, the Dice coefficient alone."""
    known, groups = np.isfinite(columns[DICE]), columns["groups"]
    found = {}
    if "case" in columns:
        found["implausible"] = proportion(columns["implausible"], groups)
        agreement = {name: columns[name][known] for name in (*MEASURES, "case")}
        if known.any():
            resamples = external.resamples if exact else FEW_RESAMPLES
            found |= agreement_estimates(agreement, groups[known], external.seed, resamples)
    elif known.any():
        exact, found[DICE] = False, Estimate(float(columns[DICE][known].mean()), n=int(known.sum()))
    yield from differing("", external.masks, found, exact=exact)


def _classes(external: External, columns: Columns, exact: bool) -> Iterator[str]:
    outputs = outputs_of(columns["corrected_logits"], columns["probabilities"])
    test = columns["subsets"] == "test"
    asked = Asked(external.classes, external.positive, external.seed, external.resamples if exact else FEW_RESAMPLES)
    yield from _carried(external, asked, columns, outputs, test, exact)
    if external.recalibration is not None:
        yield from _again(external, external.recalibration, asked, columns, exact)
    seen = seen_of(external, [{name: column[test] for name, column in columns.items()}])
    yield from _subgroups(external, seen, exact)


def _carried(
    external: External, asked: Asked, columns: Columns, outputs: Outputs, test: np.ndarray, exact: bool
) -> Iterator[str]:
    """What the run's calibration and thresholds give on the images that were judged."""
    classes, info, logits = external.classes, external.calibration, columns["logits"]
    yield from calibration_contradictions(info, classes, logits, columns["corrected_logits"], columns["probabilities"])
    targets, groups = columns["targets"], columns["groups"]
    counts = dict(zip(classes, np.bincount(targets[test], minlength=len(classes)).tolist(), strict=True))
    confusion = metrics.confusion(targets[test], outputs.decisions[test], len(classes)).astype(int).tolist()
    required = needed_of_classes(classes, external.positive, targets, outputs.decisions, groups, test)
    for name, again in (("counts", counts), ("confusion", confusion), ("needed", required)):
        if again != getattr(external, name):
            yield f"{name}: stored outputs give {again}, recorded {getattr(external, name)}"
    neutral = neutral_logits(logits, priors(info, classes)[1])
    found = carried_over(asked, targets[test], outputs.of(test), groups[test], info.thresholds, neutral[test])
    yield from differing("", external.metrics, _comparable(found, exact), exact=exact)
    yield from differing("drop of ", external.drop, drops(found, external.internal), exact=exact)


def _again(external: External, recorded: Recalibration, asked: Asked, columns: Columns, exact: bool) -> Iterator[str]:
    """What was fitted on local images, and gives on the others."""
    corrected, probabilities = columns["recalibrated_logits"], columns["recalibrated_probabilities"]
    info, classes, targets, groups = recorded.calibration, external.classes, columns["targets"], columns["groups"]
    local = columns["subsets"] == "local"
    if int(local.sum()) != recorded.images:
        yield f"local images: {int(local.sum())} are stored, recorded {recorded.images}"
    said = list(calibration_contradictions(info, classes, columns["logits"], corrected, probabilities))
    said += fit_contradictions(info, classes, columns["logits"][local], targets[local]) if exact else []
    yield from (f"recalibrated, {text}" for text in said)
    outputs, rest = outputs_of(corrected, probabilities), ~local
    found = evaluate(*asked[:2], targets[rest], outputs.of(rest), groups[rest], asked.seed, asked.resamples)
    if external.positive is not None and len(classes) == 2:
        k = classes.index(external.positive)
        subsets = np.where(local, "calibration", "test")
        found |= at_specificities(k, targets, outputs.odds[:, k], subsets, groups)[0]
    yield from differing("recalibrated, ", recorded.metrics, _comparable(found, exact), exact=exact)
    yield from differing("recalibrated, drop of ", recorded.drop, drops(found, external.internal), exact=exact)


def _comparable(found: dict, exact: bool) -> dict:
    """Without what is drawn at random, where the draws are not the same."""
    return found if exact else {name: one for name, one in found.items() if name != ECE_FLOOR}


def _subgroups(external: External, seen: Seen, exact: bool) -> Iterator[str]:
    found = subgroups(seen, external.metric, external.seed)
    recorded = {(one.trait, one.value): one for one in external.subgroups}
    if recorded.keys() != {(one.trait, one.value) for one in found}:
        yield f"subgroups: {len(found)} by the stored traits, recorded {len(recorded)}, or of other values"
        return
    for one in found:
        yield from _subgroup(recorded[one.trait, one.value], one, exact)
    if exact:
        again, tested = differences(seen, found, external.metric, int(external.test[:15], 16))
        if tested != external.tested:
            yield f"subgroups: {tested} pairs are tested, recorded {external.tested}"
        yield from differing("", _by_pair(external.differences), _by_pair(again), exact=True)
        for name in _by_pair(external.differences).keys() - _by_pair(again).keys():
            yield f"{name}: recorded as different, which the stored outputs do not show"


def _subgroup(recorded: Subgroup, found: Subgroup, exact: bool) -> Iterator[str]:
    name = f"{found.trait} {found.value}"
    if (recorded.n, recorded.groups, recorded.counts) != (found.n, found.groups, found.counts):
        yield f"{name}: {found.counts} in {found.groups} groups are stored, recorded {recorded.counts}"
    yield from differing(f"{name}, ", recorded.metrics, found.metrics, exact=exact)


def _by_pair(found: list[SubgroupDifference]) -> dict:
    return {f"{one.metric} by {one.trait}, {one.first} less {one.second}": one.difference for one in found}
