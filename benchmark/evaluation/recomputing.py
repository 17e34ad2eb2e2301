"""Whether the outputs that a run stored give what its record says: the numbers anew, by today's code.

Values are compared to 1e-9, corrected logits to 1e-6; intervals and what was fitted only where the code that scored is
today's, for they depend on more than the outputs.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.evaluation import curves, metrics
from benchmark.evaluation.calibration import without_prior
from benchmark.evaluation.controls import control_shares, judge_controls
from benchmark.evaluation.differing import alike, differing, shown
from benchmark.evaluation.estimates import Outputs, evaluate
from benchmark.evaluation.recomputing_calibration import calibration_contradictions, fit_contradictions, priors
from benchmark.evaluation.recomputing_curves import curve_contradictions
from benchmark.evaluation.recomputing_maps import map_contradictions, mask_contradictions, unstored
from benchmark.evaluation.recomputing_rules import bootstrapped, rule_contradictions
from benchmark.evaluation.scoring import uncalibrated
from benchmark.evaluation.stored import UNREADABLE, Stored, Training, read_stored, read_training
from benchmark.evaluation.thresholds import at_specificities
from benchmark.records.contents import images_digest
from benchmark.records.files import PREDICTIONS
from benchmark.records.metrics import ECE_FLOOR
from benchmark.records.recomputed import Recomputed
from benchmark.records.record import Record

OF_RULES = "controls"  # the kind of records whose rows are rules, and no pipeline


class _Run(NamedTuple):
    """What is compared: a record, what its run stored, and whether today's code scored it."""

    record: Record
    stored: Stored
    exact: bool
    training: Training | None
    folder: Path

    @property
    def test(self) -> np.ndarray:
        return self.stored.subsets == "test"

    @property
    def outputs(self) -> Outputs:
        odds = metrics.log_odds(self.stored.corrected_logits)
        return Outputs(self.stored.corrected_logits.argmax(axis=1), odds, self.stored.probabilities)

    @property
    def settings(self) -> tuple[int, int]:
        """Seed and number of resamples."""
        return bootstrapped(self.record, self.exact)


def recompute(record: Record, folder: Path, same_code: bool) -> Recomputed:
    """What a run's stored outputs say of its record.

    Args:
        same_code: the code that scored it is today's, so that intervals and what was fitted must be the same too.
    """
    try:
        if record.spec.get("kind") == OF_RULES:
            return Recomputed(list(rule_contradictions(record, folder, same_code)))
        stored = read_stored(folder / PREDICTIONS)
        counts = record.split.counts.get("train") if record.split else None
        training = read_training(folder, record.spec["classes"], counts) if stored.fold is None else None
        run = _Run(record, stored, same_code, training, folder)
        checks: tuple[Callable[[_Run], Iterator[str]], ...] = (
            _images, _metrics, _calibration, _thresholds, _controls, _maps_and_masks, _curves,
        )  # fmt: skip
        return Recomputed([text for check in checks for text in check(run)], list(_unchecked(run)))
    except UNREADABLE as error:
        return Recomputed([f"{PREDICTIONS} cannot be read, or does not fit the record ({error})"])


def _images(run: _Run) -> Iterator[str]:
    """The images are as many of each class as the record counts, and decided as its confusion matrix says."""
    record, stored = run.record, run.stored
    tested = (column[run.test].tolist() for column in (stored.ids, stored.groups, stored.targets))
    if record.test and images_digest(*tested) != record.test:
        yield "test images: other ones, of other groups or of other classes than were recorded"
    for subset, counts in record.split.counts.items() if record.split else ():
        if record.imported and not (stored.subsets == subset).any():
            continue  # predictions of test images alone
        found = np.bincount(stored.targets[stored.subsets == subset], minlength=len(record.classes)).tolist()
        if subset != "train" and found != [counts.get(name, 0) for name in record.classes]:
            yield f"{subset} images per class: stored {found}, recorded {list(counts.values())}"
    targets, decisions = stored.targets[run.test], run.outputs.decisions[run.test]
    matrix = metrics.confusion(targets, decisions, len(record.classes)).astype(int).tolist()
    if matrix != record.confusion:
        yield f"confusion matrix: stored outputs give {matrix}, recorded {record.confusion}"


def _metrics(run: _Run) -> Iterator[str]:
    record, stored, test = run.record, run.stored, run.test
    targets, groups = stored.targets[test], stored.groups[test]
    about = record.classes, record.positive, targets
    found = evaluate(*about, run.outputs.of(test), groups, *run.settings)
    if stored.fold is None:
        neutral = without_prior(stored.logits[test], priors(record.calibration, record.classes)[1])
        found |= uncalibrated(*about, neutral, groups, *run.settings)
    if not run.exact:
        del found[ECE_FLOOR]  # drawn at random
    yield from differing("", record.metrics, found, exact=run.exact)


def _calibration(run: _Run) -> Iterator[str]:
    """Logits, by the calibration in the record, give the corrected logits; that calibration is what is fitted."""
    about, stored = (run.record.calibration, run.record.classes), run.stored
    yield from calibration_contradictions(*about, stored.logits, stored.corrected_logits, stored.probabilities)
    if run.exact:
        own = stored.subsets == "calibration"
        yield from fit_contradictions(*about, stored.logits[own], stored.targets[own])


def _thresholds(run: _Run) -> Iterator[str]:
    record, stored = run.record, run.stored
    if not record.calibration.thresholds or record.positive is None or stored.fold is not None:
        return
    k = record.classes.index(record.positive)
    estimates, thresholds = at_specificities(k, stored.targets, run.outputs.odds[:, k], stored.subsets, stored.groups)
    yield from differing("", record.metrics, estimates, exact=run.exact, whole=False)
    for level, recorded in record.calibration.thresholds.items():
        for name in ("log_odds", "calibration_specificity", "calibration_sensitivity", "negatives", "positives"):
            one, other = getattr(recorded, name), getattr(thresholds.get(level), name, None)
            if isinstance(one, int | float) and not alike(one, other):
                yield f"threshold {level}: {name} {shown(other)} by the stored outputs, recorded {shown(one)}"


def _controls(run: _Run) -> Iterator[str]:
    record, stored, test = run.record, run.stored, run.test
    rules = _shares_of_folds(run) if stored.fold is not None else _shares(run)
    about = record.classes, record.positive, stored.targets[test]
    found = judge_controls(*about, rules, stored.groups[test], *run.settings)
    for rule, recorded in record.controls.items():
        if rule in found:
            again = {name: one for name, one in found[rule].items() if run.exact or name != ECE_FLOOR}
            yield from differing(f"control {rule}, ", recorded, again, exact=run.exact)


def _shares(run: _Run) -> dict[str, np.ndarray]:
    """What the rules that never look at an image answer for the test images."""
    if run.training is None:
        return {}
    stored, count = run.stored, len(run.training.targets)
    targets = np.concatenate([run.training.targets, stored.targets[run.test]])
    sources = None
    if run.training.sources is not None:
        sources = [source or None for source in (*run.training.sources, *stored.sources[run.test])]
    train = np.arange(len(targets)) < count
    return control_shares(len(run.record.classes), targets, sources, train, ~train)


def _shares_of_folds(run: _Run) -> dict[str, np.ndarray]:
    """The same, learnt for each fold from the images of the others."""
    stored = run.stored
    assert stored.fold is not None
    sources = [source or None for source in stored.sources]
    found: dict[str, np.ndarray] = {}
    for fold in np.unique(stored.fold):
        own = stored.fold == fold
        for name, shares in control_shares(len(run.record.classes), stored.targets, sources, ~own, own).items():
            found.setdefault(name, np.empty((len(own), shares.shape[1])))[own] = shares
    return found


def _maps_and_masks(run: _Run) -> Iterator[str]:
    yield from map_contradictions(run.record, run.stored)
    yield from mask_contradictions(run.record, run.stored)


def _curves(run: _Run) -> Iterator[str]:
    stored, test = run.stored, run.test
    own = {"": curves.Outputs(stored.corrected_logits[test], stored.probabilities[test])}
    yield from curve_contradictions(run.record, run.folder, stored.targets[test], own, stored.groups[test])


def _unchecked(run: _Run) -> Iterator[str]:
    """What the stored outputs cannot give."""
    record = run.record
    if run.stored.fold is not None:
        yield "thresholds and uncalibrated metrics of pooled folds: the records of the folds have them"
    if run.stored.fold is None and len(record.controls) > 1 and (run.training is None or run.training.sources is None):
        yield "the source oracle: no split.csv says from where the training images are"
    if record.voting or (record.members and run.stored.fold is None):
        yield "members of the vote, and how they agree: their predictions are not stored here"
    yield from unstored(record, run.stored)
    if not run.exact:
        yield "intervals: the code that scored is not today's, or not known"
