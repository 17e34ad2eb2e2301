"""Rows of runs on images of elsewhere, read from what evaluations stored: what their trainings have in common, and all
rows of a table tested at once.

Runs are judged on common images, and a row that was recalibrated on local images stands on the trainings of the one
that was not; there are no rules among them.  What is said is that of any table: `benchmark.evaluation.inference`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.evaluation.contenders import Reading, Told
from benchmark.evaluation.external import outputs_of
from benchmark.evaluation.family import Family
from benchmark.evaluation.inference import TestedRow, own_intervals
from benchmark.evaluation.influences import Influenced
from benchmark.evaluation.metrics import Metric, metric_named, weighted_mean
from benchmark.evaluation.retraining import retraining
from benchmark.evaluation.scale import Z
from benchmark.evaluation.stored import UNREADABLE, read_columns
from benchmark.evaluation.stored_outputs import COMMON, TOLERANCE, Outputs, Untestable, together
from benchmark.evaluation.subgroups import Seen, differences, subgroups
from benchmark.records.estimate import Estimate
from benchmark.records.external import MASKS, TRAIT, External, Subgroup, SubgroupDifference
from benchmark.records.files import PREDICTIONS
from benchmark.records.verdicts import Contender, Verdicts

DICE = "dice"
RECALIBRATED = {"corrected_logits": "recalibrated_logits", "probabilities": "recalibrated_probabilities"}


def row_intervals(
    values: Sequence[Sequence[float]], ends: Sequence[tuple[float, float]], untrained: Sequence[bool]
) -> list[tuple[float, float]]:
    """Of each row the 95 % interval over images and retraining, as of a row of any table.

    Args:
        values: of each row those of its trainings.
        ends: of each row the 95 % interval over images alone.
        untrained: of which rows nothing was trained.
    """
    rows = [
        TestedRow(values=np.array(own), moves=np.zeros((len(own), 1)), low=low, high=high)
        for own, (low, high) in zip(values, ends, strict=True)
    ]
    still = [resting or (len(own) > 1 and np.ptp(own) == 0) for own, resting in zip(values, untrained, strict=True)]
    return own_intervals(rows, retraining([row.values for row in rows], still), Z)


def rows_subgroups(
    runs: Sequence[External], folders: Sequence[Path]
) -> tuple[list[Subgroup], list[SubgroupDifference], int] | None:
    """Subgroups, differences and how many pairs were tested, of the mean over several trainings.

    Args:
        runs: that differ in their training alone, on the same images.

    Returns:
        None where the predictions of one cannot be read.
    """
    first = runs[0]
    try:
        stored = [_test_columns(folder / PREDICTIONS) for folder in folders]
    except UNREADABLE:
        return None
    columns = stored[0]
    if any(not np.array_equal(columns["ids"], one["ids"]) for one in stored):
        return None
    seen = seen_of(first, stored)
    found = subgroups(seen, first.metric, 0)
    return found, *differences(seen, found, first.metric, int(first.test[:15], 16))


def seen_of(external: External, stored: Sequence[Mapping[str, np.ndarray]]) -> Seen:
    """The images that were judged, and what trainings say of them, from the columns of each training's predictions."""
    columns = stored[0]
    return Seen(
        classes=external.classes,
        positive=external.positive,
        targets=columns["targets"],
        groups=columns["groups"],
        divided={name.removeprefix(TRAIT): values for name, values in columns.items() if name.startswith(TRAIT)},
        outputs=[outputs_of(one["corrected_logits"], one["probabilities"]) for one in stored],
    )


class Judged(NamedTuple):
    """One evaluation as one training of a row; `local` where the row is what recalibration makes of it."""

    external: External
    folder: Path
    local: bool

    @property
    def metrics(self) -> dict[str, Estimate]:
        """What was recorded of it."""
        external = self.external
        if self.local and external.recalibration is not None:
            return external.recalibration.metrics
        return external.masks if external.kind == MASKS else external.metrics


def rows_verdicts(
    names: Sequence[str], rows: Sequence[Sequence[tuple[External, Path]]], local: Sequence[bool], reference: int
) -> Verdicts:
    """The verdicts on rows of the same images, classes and map of labels.

    Args:
        rows: of each row its trainings, evaluations and their folders.
        local: of each row whether it is what recalibration makes of them.
        reference: place of the row that stands first.
    """
    found = [[Judged(*one, own) for one in runs] for runs, own in zip(rows, local, strict=True)]
    asked = [one for runs in found for one in runs]
    reading = _Masks(asked) if asked[0].external.kind == MASKS else _Elsewhere(asked)
    contenders = [Contender(name, runs) for name, runs in zip(names, found, strict=True)]  # type: ignore[arg-type]
    return Family(reading, contenders, reference, named=False).verdicts()


class _Elsewhere(Reading):
    """Rows of classifiers."""

    def __init__(self, asked: Sequence[Judged]) -> None:
        first = asked[0].external
        metric = metric_named(first.metric, first.classes, first.positive)
        super().__init__(metric, first.classes, first.positive, lambda run: run.folder, "test")
        self.numbers = _numbers(asked)

    def pipeline(self, contender: Contender) -> Told:
        """A row of evaluations.

        Raises:
            Untestable: their predictions cannot be read, or do not give what was recorded.
        """
        runs: Sequence[Judged] = contender.runs  # type: ignore[assignment]
        found = [self._outputs(one) for one in runs]
        recorded = [one.metrics[self.metric.name] for one in runs]
        told = self.told(self.place(found), [one.values for one in found], recorded)
        seeds = tuple(self.numbers[_training(one)] for one in runs)
        keys = tuple(frozenset({*one.external.trainings, one.external.record}) for one in runs)
        return told._replace(row=replace(told.row, seeds=seeds, trainings=keys), trainings=len(found))

    def _outputs(self, one: Judged) -> Outputs:
        try:
            outputs = together([self._columns(read_columns(one.folder / PREDICTIONS), one.local)])
        except UNREADABLE as error:
            raise Untestable("its predictions cannot be read") from error
        again = float(self.metric.compute(outputs.targets, outputs.values, np.ones((1, len(outputs.ids))))[0])
        recorded = one.metrics[self.metric.name].value
        by_convention = np.isnan(again) and recorded == 0  # MCC of a single decided class
        if not by_convention and (recorded is None or not abs(again - recorded) <= TOLERANCE):
            raise Untestable(f"its predictions do not give the recorded {self.metric.name}")
        return outputs

    def _columns(self, columns: Mapping[str, np.ndarray], local: bool) -> Outputs:
        test, needs = columns["subsets"] == "test", self.metric.needs
        values = columns[RECALIBRATED[needs] if local else needs][test].astype(float)
        ids, groups, targets = (columns[name][test] for name in COMMON)
        return Outputs(ids, groups, targets, np.zeros(len(ids), int), values)


class _Masks(_Elsewhere):
    """Rows of segmenters, by their mean Dice coefficient."""

    def __init__(self, asked: Sequence[Judged]) -> None:
        self.metric = Metric(DICE, DICE, lambda targets, values, weights: weighted_mean(values[:, 0], weights))
        self.influences, self.classes, self.by_decisions = _of_mean, [MASKS], False
        self.images, self.codes = [], []
        self.numbers = _numbers(asked)

    def pipeline(self, contender: Contender) -> Told:
        """A row of evaluations of a segmenter, which training again does not change where none was trained."""
        told = super().pipeline(contender)
        segmenters = [one.external.segmenter for one in contender.runs]  # type: ignore[attr-defined]
        if "" in segmenters:
            return told._replace(row=replace(told.row, still=True), trainings=0)
        keys = tuple(
            frozenset({one}) if one is not None else own
            for one, own in zip(segmenters, told.row.trainings, strict=True)
        )
        return told._replace(row=replace(told.row, trainings=keys))

    def _columns(self, columns: Mapping[str, np.ndarray], local: bool) -> Outputs:
        dice = columns[DICE]
        known = np.isfinite(dice)
        nothing = np.zeros(int(known.sum()), int)
        return Outputs(columns["ids"][known], columns["groups"][known], nothing, nothing, dice[known, None])


def _of_mean(targets: np.ndarray, values: np.ndarray, codes: np.ndarray) -> Influenced:
    mean = float(values.mean())
    return mean, np.bincount(codes, (values[:, 0] - mean) / len(values))


def _numbers(asked: Sequence[Judged]) -> dict[tuple[int, int], int]:
    """Of each training a number: a fold's classifier is one as any other, for all are asked about the same images."""
    return {training: number for number, training in enumerate(sorted(set(map(_training, asked))))}


def _training(one: Judged) -> tuple[int, int]:
    return one.external.seed, one.external.fold or 0


def _test_columns(path: Path) -> dict[str, np.ndarray]:
    columns = read_columns(path)
    test = columns["subsets"] == "test"
    return {name: column[test] for name, column in columns.items()}
