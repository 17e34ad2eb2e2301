"""The rows of a table as arrays, from the predictions that runs and controls left in their folders."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from benchmark.evaluation.controls import MAJORITY, class_shares
from benchmark.evaluation.inference import TestedRow
from benchmark.evaluation.influences import influences
from benchmark.evaluation.intervals import proportion, same_answer
from benchmark.evaluation.metrics import Metric
from benchmark.evaluation.pairs import image_errors
from benchmark.evaluation.resampling import group_codes
from benchmark.evaluation.scale import Z
from benchmark.evaluation.stored_outputs import FoldersOf, Outputs, Untestable, by_seed, read_outputs, read_rule
from benchmark.records.estimate import Estimate
from benchmark.records.metrics import OF_PROBABILITIES, OF_RANKS
from benchmark.records.record import Record
from benchmark.records.verdicts import Contender

ACCURACY, BALANCED = "accuracy", "balanced-accuracy"
MOST_IMAGES = 10**8  # that a record is believed to have learnt from


class Told(NamedTuple):
    """A row that can be tested, and what its standing says besides.

    Attributes:
        images: place of the images in `Reading.images`.
        constant: whether it gives every image the same answer.
        trainings: how many it has, those of folds counted singly; 0 of a control.
    """

    row: TestedRow
    images: int
    constant: bool
    trainings: int = 0


class Reading:
    """Reads rows by one metric.

    Attributes:
        images: of each set of images the first outputs; `codes` its groups, from 0 to G - 1.
        by_decisions: whether the metric knows of outputs only what they decide for.
    """

    def __init__(
        self, metric: Metric, classes: Sequence[str], positive: str | None, folder_of: FoldersOf, subset: str
    ) -> None:
        self.metric, self.classes, self.folder_of, self.subset = metric, classes, folder_of, subset
        self.influences = influences(metric.name, classes, positive)
        self.by_decisions = metric.name.partition("/")[0] not in (*OF_RANKS, *OF_PROBABILITIES)
        self.images: list[Outputs] = []
        self.codes: list[np.ndarray] = []

    def pipeline(self, contender: Contender) -> Told:
        """A row of trained runs.

        Raises:
            Untestable: their predictions cannot be read, or are not of one set of images.
        """
        seeds = by_seed(contender.runs)
        found = [read_outputs(runs, self.metric, self.folder_of, self.subset) for runs in seeds.values()]
        place = self.place(found)
        recorded = [run.metrics[self.metric.name] for run in contender.runs] if self.subset == "test" else []
        told = self.told(place, [one.values for one in found], recorded)
        keys = tuple(frozenset(key for run in runs for key in run.trainings) for runs in seeds.values())
        folds = len(np.unique(self.images[place].fold))
        return told._replace(row=replace(told.row, seeds=tuple(seeds), trainings=keys), trainings=len(found) * folds)

    def control(self, contender: Contender, place: int | None) -> Told:
        """A row of a rule, whose outputs a record of its own holds, or, of the majority, that is worked out.

        Args:
            place: of the images that the majority answers.
        """
        run, rule = contender.runs[0], contender.rule
        if rule == MAJORITY and place is not None:
            values, recorded = self._majority(contender.runs, self.images[place]), []
        else:
            outputs = read_rule(run, rule, self.metric, self.folder_of, self.subset)
            place, values = self.place([outputs]), outputs.values
            known = run.controls.get(rule, {}).get(self.metric.name)
            recorded = [known] if known and self.subset == "test" else []
        told = self.told(place, [values], recorded)
        return told._replace(row=replace(told.row, control=True))

    def _majority(self, runs: Sequence[Record], images: Outputs) -> np.ndarray:
        """(n, K): the class prior of the training images for every image; of all folds, that of all images."""
        count = len(self.classes)
        sizes = _training_images(runs, self.classes) or np.bincount(images.targets, minlength=count).tolist()
        learnt = np.repeat(np.arange(count), sizes)
        shares = class_shares(count, np.zeros(len(learnt), int), learnt, np.zeros(len(images.ids), int))
        return shares if self.metric.needs == "probabilities" else np.log(shares)

    def place(self, found: Sequence[Outputs]) -> int:
        """Of the images of all these outputs in `images`.

        Raises:
            Untestable: they are not of one set of images.
        """
        places = {self._place(outputs) for outputs in found}
        if len(places) > 1:
            raise Untestable("the predictions of its seeds are of different images")
        return places.pop()

    def _place(self, outputs: Outputs) -> int:
        for place, known in enumerate(self.images):
            if known.same_images(outputs):
                return place
        self.images.append(outputs)
        self.codes.append(group_codes(outputs.groups)[0])
        return len(self.images) - 1

    def told(self, place: int, values: list[np.ndarray], recorded: Sequence[Estimate]) -> Told:
        """A row by the outputs of its trainings on one set of images.

        Args:
            recorded: of each training its metric, with the interval over images alone; else it is worked out.

        Raises:
            Untestable: the metric is not defined there.
        """
        images, codes = self.images[place], self.codes[place]
        found = [self.influences(images.targets, one, codes) for one in values]
        scores, moves = np.array([value for value, _ in found]), np.stack([moves for _, moves in found])
        if not np.isfinite(scores).all():
            raise Untestable(f"{self.metric.name} is not defined on these images")
        constant = self.by_decisions and all(np.ptp(one.argmax(axis=1)) == 0 for one in values)
        knows_none = constant and all(map(same_answer, values))  # one class is recalled whole on any images
        whatever = knows_none and self.metric.name == BALANCED
        says = [self._digest(one) for one in values]
        low, high = (scores.mean(),) * 2 if whatever else self._bounds(place, values, scores, moves, recorded)
        row = TestedRow(
            values=scores,
            moves=moves,
            low=float(low),
            high=float(high),
            still=len(says) > 1 and (whatever or len(set(says)) == 1),
            says="".join(says) if len(set(says)) > 1 else says[0],
            by_fold=self._by_fold(images, values),
        )
        return Told(row, place, constant)

    def _digest(self, values: np.ndarray) -> str:
        said = values.argmax(axis=1).astype(np.int8) if self.by_decisions else np.ascontiguousarray(values)
        return hashlib.sha256(said.tobytes()).hexdigest()

    def _by_fold(self, images: Outputs, values: list[np.ndarray]) -> np.ndarray | None:
        """(S, k) the metric in each fold; None where there are no folds."""
        folds = np.unique(images.fold)
        if len(folds) < 2:
            return None
        found = np.empty((len(values), len(folds)))
        for column, fold in enumerate(folds):
            chosen = images.fold == fold
            own = np.zeros(int(chosen.sum()), int)  # who adds what is not asked for
            found[:, column] = [self.influences(images.targets[chosen], one[chosen], own)[0] for one in values]
        if not np.isfinite(found).all():
            raise Untestable(f"{self.metric.name} is not defined in fold {folds[np.isnan(found).any(axis=0)][0]}")
        return found

    def _bounds(
        self,
        place: int,
        values: list[np.ndarray],
        scores: np.ndarray,
        moves: np.ndarray,
        recorded: Sequence[Estimate],
    ) -> tuple[float, float]:
        """The interval over images alone: as recorded, else of a proportion, else by the influences."""
        images = self.images[place]
        if not recorded and self.metric.name == ACCURACY:
            recorded = [proportion(one.argmax(axis=1) == images.targets, images.groups) for one in values]
        ends = [(one.low, one.high) for one in recorded if one.low is not None and one.high is not None]
        if ends:
            low, high = np.mean(ends, axis=0).tolist()
            return low, high
        fewest = min(groups_of_classes(images, self.codes[place], range(len(self.classes)), present=True))
        reach = Z * np.mean([_error(own, fewest) for own in moves])
        return float(scores.mean() - reach), float(scores.mean() + reach)


def groups_of_classes(images: Outputs, codes: np.ndarray, classes: Sequence[int], present: bool = False) -> list[int]:
    """Independent groups of each class, of those that are there."""
    counts = [len(np.unique(codes[images.targets == k])) for k in classes]
    return [count for count in counts if count or not present]


def _error(moves: np.ndarray, fewest: int) -> float:
    images2, _ = image_errors(np.stack([moves, np.zeros_like(moves)]), fewest)
    return float(np.sqrt(images2[0, 1])) if moves.any() else 0.0


def _training_images(runs: Sequence[Record], classes: Sequence[str]) -> list[int] | None:
    """Of each class, where a run's record has them, and as so many as there can be."""
    for run in runs:
        counts = run.split.counts.get("train") if run.split else None
        if counts and min(counts.values()) >= 0 and sum(counts.values()) <= MOST_IMAGES:
            return [counts.get(name, 0) for name in classes]
    return None
