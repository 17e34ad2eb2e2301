"""The verdicts on all rows of a table at once, from the predictions that its runs left."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmark.evaluation.contenders import Reading, Told, groups_of_classes
from benchmark.evaluation.controls import MAJORITY
from benchmark.evaluation.inference import Inference, Question, infer
from benchmark.evaluation.intervals import FEW, FEW_GROUPS
from benchmark.evaluation.metrics import metric_named
from benchmark.evaluation.stored import UNREADABLE
from benchmark.evaluation.stored_outputs import Outputs, Untestable
from benchmark.evaluation.verdicts import difference, standing
from benchmark.records.record import Record
from benchmark.records.verdicts import Contender, FamilyTest, Standing, Verdict, Verdicts
from registry.errors import UnknownNameError

OTHER_IMAGES = "its predictions are of other images"
_NO_OUTPUTS = "its predictions do not fit its record"


def family_test(folder_of: Callable[[Record], Path], subset: str = "test") -> FamilyTest:
    """The test of a table, reading each run's predictions from its folder.

    Args:
        subset: of the images; besides `test`, what a run predicts are `validation` and `calibration`.
    """

    def verdicts(contenders: Sequence[Contender], metric: str, reference: int, named: bool) -> Verdicts:
        asked = next((one.runs[0] for one in contenders if one.runs and not one.rule), None)
        if asked is None:
            return _nothing(contenders, "no pipeline has numbers")
        try:
            known = metric_named(metric, asked.classes, asked.positive)
        except UnknownNameError:
            return _nothing(contenders, f"{metric} cannot be tested")
        reading = Reading(known, asked.classes, asked.positive, folder_of, subset)
        return Family(reading, contenders, reference, named).verdicts()

    return verdicts


def _nothing(contenders: Sequence[Contender], why: str) -> Verdicts:
    return Verdicts([Standing(note=why)] * len(contenders), [Verdict(note=why)] * len(contenders), note=why)


def _too_few(groups: Mapping[str, int]) -> str:
    """Why these groups of each class allow no verdict; empty where they do."""
    absent = [name for name, count in groups.items() if not count]
    few = [name for name, count in groups.items() if 0 < count < FEW]
    why = [f"no image of {', '.join(absent)}"] if absent else []
    why += [f"{FEW_GROUPS} of {', '.join(few)}"] if few else []
    return f"{'; '.join(why)}: no verdict" if why else ""


class Family:
    """The rows of one table, those that cannot be tested with the reason."""

    def __init__(self, reading: Reading, contenders: Sequence[Contender], reference: int, named: bool) -> None:
        self.reading, self.contenders, self.reference, self.named = reading, contenders, reference, named
        self.told: dict[int, Told] = {}
        self.reasons: dict[int, str] = {}
        # Pipelines tell which images and folds there are, which the majority answers, and other rules may not know.
        with np.errstate(all="ignore"):
            for i in sorted(
                range(len(contenders)), key=lambda i: (bool(contenders[i].rule), contenders[i].rule == MAJORITY)
            ):
                self._read(i)
        for i in [i for i, told in self.told.items() if told.images != self.place]:
            self.reasons[i] = OTHER_IMAGES
            del self.told[i]

    @property
    def place(self) -> int | None:
        """The images that the reference row was tested on, or most rows."""
        if self.reference in self.told:
            return self.told[self.reference].images
        places = [told.images for told in self.told.values()]
        return max(set(places), key=lambda place: (places.count(place), -place)) if places else None

    def _read(self, i: int) -> None:
        contender = self.contenders[i]
        if not contender.runs:
            self.reasons[i] = f"{contender.name} has no numbers"
            return
        try:
            if contender.rule:
                self.told[i] = self.reading.control(contender, self.place)
            else:
                self.told[i] = self.reading.pipeline(contender)
        except Untestable as reason:
            self.reasons[i] = str(reason)
        except UNREADABLE as error:  # outputs of other shapes, types or classes than the record's
            self.reasons[i] = f"{_NO_OUTPUTS} ({type(error).__name__})"

    def verdicts(self) -> Verdicts:
        """Of the rows in their order; what absurd outputs make of them is not finite, and no verdict."""
        with np.errstate(all="ignore"):
            return self._verdicts()

    def _verdicts(self) -> Verdicts:
        place = self.place
        if place is None:
            return self._untested(next(iter(self.reasons.values()), "no predictions"))
        images, codes = self.reading.images[place], self.reading.codes[place]
        classes = self.reading.classes
        groups = dict(zip(classes, groups_of_classes(images, codes, range(len(classes))), strict=True))
        order = sorted(self.told)
        found = infer([self.told[i].row for i in order], self._question(images, groups, order))
        note = _too_few(groups)
        standings = [self._standing(i, order, found, note) for i in range(len(self.contenders))]
        differences = [self._difference(i, order, found, note, len(images.ids)) for i in range(len(self.contenders))]
        untested = self.reasons.get(self.reference, "")
        return Verdicts(standings, differences, int(np.triu(found.pairs.tested).sum()), groups, note or untested)

    def _question(self, images: Outputs, groups: dict[str, int], order: list[int]) -> Question:
        folds = len(np.unique(images.fold))
        reference = order.index(self.reference) if self.named and self.reference in order else None
        return Question(
            fewest=min(filter(None, groups.values()), default=1),  # a class without images bounds nothing
            reference=reference,
            share=self._share(folds) if folds > 1 else None,
            seed=int(images.digest()[:15], 16),
        )

    def _share(self, folds: int) -> float:
        """Test images by training images of a fold."""
        split = next((run.split for one in self.contenders for run in one.runs if run.split), None)
        shares = split.fractions if split else {"train": 1.0}
        return 1 / (folds - 1) / (shares["train"] / (shares["train"] + shares.get("validation", 0.0)))

    def _standing(self, i: int, order: list[int], found: Inference, note: str) -> Standing:
        if i in self.told:
            return standing(self.told[i], found, order.index(i), self.reading.metric.name, note)
        metric = self.reading.metric.name
        recorded = [run.metrics[metric] for run in self.contenders[i].runs if metric in run.metrics]
        ends = [(one.low, one.high) for one in recorded if one.low is not None and one.high is not None]
        if not ends or self.contenders[i].rule:
            return Standing(note=self.reasons[i])
        low, high = np.mean(ends, axis=0).tolist()
        return Standing(low=low, high=high, trainings=len(recorded), note=self.reasons[i])

    def _difference(self, i: int, order: list[int], found: Inference, note: str, n: int) -> Verdict:
        if i == self.reference:
            return Verdict(n=n, note=self.reasons.get(i, ""))
        for one in (i, self.reference):
            if one in self.reasons:
                return Verdict(note=self.reasons[one])
        verdict = difference(found, order.index(i), order.index(self.reference), n)
        if not note or verdict.identical:
            return verdict
        return Verdict(value=verdict.value, n=n, note=note)

    def _untested(self, why: str) -> Verdicts:
        order: list[int] = []
        standings = [self._standing(i, order, None, "") for i in range(len(self.contenders))]  # type: ignore[arg-type]
        return Verdicts(standings, [Verdict(note=self.reasons[i]) for i in range(len(self.contenders))], note=why)
