"""What must be held against the numbers of one run, as far as its record tells."""

from collections.abc import Iterator

from benchmark.records.estimate import FEW, FEW_GROUPS
from benchmark.records.metrics import CALIBRATION_SLOPE, LOWER_IS_BETTER
from benchmark.records.record import Record
from benchmark.report import wording
from benchmark.report.cards.beside import Beside
from benchmark.report.cards.parts import Section, entry

NEAR = 0.8, 1.25  # slopes of calibration that are not worth a word
SHARE, ENRICHMENT, LITTLE = "marks-share/", "marks-enrichment/", 0.1


def limits(record: Record, found: Beside) -> Section:
    """One sentence each."""
    said = list(_limits(record, found))
    return Section("Limits", [entry("Limit", text, claim="40", tripod="26") for text in said])


def _limits(record: Record, found: Beside) -> Iterator[str]:
    if record.failure:
        yield "The run failed: nothing of it may be used."
    if record.dataset is None or not record.dataset.sources:
        yield "Sources are not known, so nothing excludes that the hospital was learnt instead of the disease."
    yield from _rules(record, found)
    yield from _elsewhere(found)
    yield from _calibration(record, found)
    yield from _marks(record)
    if not any(one.metrics for one in found.externals):
        yield "Not tried on images of elsewhere: what it scores in another hospital is not known."
    if not found.others:
        yield "One training: what training again would change is not known."
    yield from _division(record)
    few = sorted({name for name, one in record.metrics.items() if FEW_GROUPS in one.note or 0 < one.n < FEW})
    if few:
        yield f"Fewer than ten groups of images behind {wording.listed(few)}: these say little."
    if record.dataset and record.dataset.format_differences:
        yield f"The files alone tell a class: {record.dataset.format_differences}."
    for note in dict.fromkeys([*record.notes, *(record.training.notes or [])]):
        yield f"Of the training: {note.rstrip('.')}."
    if found.scored > 1:
        yield f"These test images were scored at least {found.scored:,} times: the best of so many is partly luck."
    yield "Labels are taken as they are; mistakes in them are in every number."


def _elsewhere(found: Beside) -> Iterator[str]:
    """By how much it scores less on images of elsewhere."""
    for one in found.externals:
        there, drop = one.metrics.get(one.metric), one.drop.get(one.metric)
        if there is None or drop is None or drop.value is None or drop.value >= 0:
            continue
        ends = wording.interval(-drop.high, -drop.low) if drop.low is not None and drop.high is not None else ""
        by = f"{wording.number(-drop.value)} {ends}".rstrip()
        yield (
            f"On {one.n:,} images of {one.dataset.name} it scores {wording.estimate(there)} "
            f"{wording.metric(one.metric)}, a fall of {by}."
        )


def _calibration(record: Record, found: Beside) -> Iterator[str]:
    """Where probabilities are far from shares."""
    places = [("the own test", record.metrics), *((one.dataset.name, one.metrics) for one in found.externals)]
    for where, metrics in places:
        slope = metrics.get(CALIBRATION_SLOPE)
        if slope is None or slope.value is None or NEAR[0] <= slope.value <= NEAR[1]:
            continue
        what = "over-confident" if slope.value < 1 else "too timid"
        yield f"Calibration slope {wording.estimate(slope)} on {where}, where 1 is best: its probabilities are {what}."


def _marks(record: Record) -> Iterator[str]:
    """How much of the heat lies on lettering and frame, where that is not little."""
    shares = {name.removeprefix(SHARE): one for name, one in record.gradcam.items() if name.startswith(SHARE)}
    known = [(one.value, name) for name, one in shares.items() if one.value is not None]
    value, name = max(known, default=(0.0, ""))
    if value < LITTLE:
        return
    times = record.gradcam.get(f"{ENRICHMENT}{name}")
    chance = f", {times.value:.1f} times chance" if times is not None and times.value is not None else ""
    yield (
        f"{value:.0%} of the heat for {name} lies on lettering and frame burnt into the films{chance}: its score may "
        "be theirs."
    )


def _rules(record: Record, found: Beside) -> Iterator[str]:
    """The rules that reach what the model reaches."""
    own = record.metrics.get(record.metric)
    rules = {**record.controls}
    for one in found.controls:
        rules |= one.controls
    if own is None or own.value is None or own.low is None or record.metric in LOWER_IS_BETTER:
        return
    within = [
        f"{name} ({wording.number(known.value)})"
        for name, metrics in rules.items()
        if (known := metrics.get(record.metric)) is not None and known.value is not None and known.value >= own.low
    ]
    if within:
        yield (
            f"Rules that see no disease score at or above the lower end of its interval: {wording.listed(within)}. "
            "bench compare tests whether it is better."
        )


def _division(record: Record) -> Iterator[str]:
    split = record.split
    if split is None:
        return
    if split.leaks == "keep":
        yield "The dataset's own parts share patients or films between training and test: the score is too good."
    elif split.grouping == "image-level":
        yield "Divided by images: one patient, and copies of one film, may be on both sides."
    elif record.dataset and not record.dataset.understood.patients:
        yield "Patients are not known: images of one patient may be on both sides."
    if split.folds == 1:
        yield "One split: what another one would change is in no interval."
