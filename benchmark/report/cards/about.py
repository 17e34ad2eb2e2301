"""What a model is for, what it was asked, and the data that it stands on."""

from collections.abc import Iterator
from typing import Any

from benchmark.records.record import DatasetInfo, Record
from benchmark.report import captions, wording
from benchmark.report.cards.parts import Entry, Grid, Section, counted, entry, settings

PURPOSE = (
    "Research: to be compared with other classifiers on the same images and with rules that see no disease. It is no "
    "medical device, not for diagnosis, and no decision on a patient should follow from it; its use in practice has "
    "not been studied."
)


def use(record: Record) -> Section:
    """What it is for and what it was asked."""
    entries = [
        entry("Intended use", PURPOSE, claim="3 41", tripod="3b", state="in part"),
        _question(record),
        entry(
            "Kind of study",
            "Retrospective: images that were there already were used, and nothing was collected for this run. How and "
            "when they were collected is not known.",
            claim="5",
            state="in part",
        ),
    ]
    return Section("Use", entries)


def _question(record: Record) -> Entry:
    mapped: dict[str, Any] = record.spec.get("classes") or {}
    classes = "; ".join(f"{name}: {', '.join(map(str, labels))}" for name, labels in mapped.items())
    shown = classes or ", ".join(record.classes)
    positive = f"Positive class: {record.positive}." if record.positive else ""
    title = record.spec.get("title") or record.task
    return entry(
        "Question",
        [f"{title}, of one radiograph of the chest. Classes and their labels: {shown}.", positive],
        claim="4 6",
        tripod="4 8a",
        state="in part",
    )


def data(record: Record) -> Section:
    """What was understood of the dataset, who is in it and who is not, and how it was divided."""
    if record.dataset is None:
        return Section("Data", [entry("Data", "The run ended before it knew its data.", claim="7", state="not known")])
    info = record.dataset
    entries = [*_origin(info), *_patients(info), *_left_out(record, info), *_truth(info), *_parts(record)]
    return Section("Data", entries, [grid for grid in (_subsets(record),) if grid.rows])


def _origin(info: DatasetInfo) -> Iterator[Entry]:
    where = info.origin or "The dataset does not say where it comes from."
    images = sum(info.counts.values())
    yield entry(
        "Origin",
        [
            f"{info.name}: {where.rstrip('.')}." if info.origin else f"{info.name}: {where}",
            f"{images:,} images ({counted(info.counts)}), digest {info.digest}.",
            f"Licence: {info.licence}." if info.licence else "Licence: not known.",
            *info.notices,
        ],
        claim="7",
        tripod="5a",
        state="answered" if info.origin else "in part",
    )
    yield entry(
        "Hospitals and collections",
        f"{len(info.sources)}: {counted(info.sources)}." if info.sources else "Not known.",
        tripod="6a",
        state="in part" if info.sources else "not known",
    )
    facts = "How images were taken, when, of patients with which treatment, and how identities were removed."
    yield entry("Acquisition", facts, claim="11 13", tripod="5b 6c", state="not known")


def _patients(info: DatasetInfo) -> Iterator[Entry]:
    known = info.understood
    if known.patients:
        how = f", by {known.patients_by}" if known.patients_by else ""
        text = f"{known.patients:,} with {known.patients_of:,} of {known.read:,} images{how}."
        yield entry("Patients", text, claim="35", tripod="20a", state="in part")
    else:
        yield entry("Patients", "Images are counted instead.", claim="35", tripod="20a", state="not known")
    traits = f"Known of images: {counted(known.traits)}." if known.traits else "Age, sex and view are not known."
    yield entry(
        "Who they are",
        [traits, "Their distribution over the parts is not in the record."],
        claim="36",
        tripod="20b 20c",
        state="not done" if known.traits else "not known",
    )


def _left_out(record: Record, info: DatasetInfo) -> Iterator[Entry]:
    known = info.understood
    said = [
        f"By their label: {counted(known.ignored)}." if known.ignored else "",
        f"By a limit on their number: {known.limited:,}." if known.limited else "",
        f"Unreadable: {len(info.skipped):,} ({wording.listed(info.skipped)})." if info.skipped else "",
        f"In no part: {record.split.left_out:,}." if record.split and record.split.left_out else "",
        *(f"{one.count:,} {one.what} passed over: {one.why}." for one in known.passed_over),
    ]
    left = [text for text in said if text]
    yield entry("Left out", left or "Nothing of the dataset.", claim="10 12 35", tripod="11")
    but = ", but for what is left out" if left else ""
    who = f"Whoever the dataset holds{but}. Whom its makers took into it, and why, is not in the record."
    yield entry("Who was taken in", who, claim="8", tripod="6b 20a", state="in part")


def _truth(info: DatasetInfo) -> Iterator[Entry]:
    yield entry(
        "Truth",
        "The labels of the dataset, taken as they are. Who gave them, by what, how far labellers agree and whether "
        "they were blinded is not in the record; the test images are labelled like the others.",
        claim="14 17",
        tripod="8a",
        state="in part",
    )
    yield entry(
        "Labellers",
        "Who they were, and why the truth was found by them.",
        claim="15 16 18",
        tripod="8b 8c 9c",
        state="not known",
    )
    if info.format_differences:
        yield entry("Files that give the class away", f"Allowed by whoever ran it: {info.format_differences}.")


def _parts(record: Record) -> Iterator[Entry]:
    split = record.split
    if split is None:
        yield entry("Parts", "The run ended before it divided its images.", claim="19 20", state="not known")
        return
    how = f"{split.folds} folds" if split.folds > 1 else "one hold-out"
    own = "the dataset's own test part is tested on" if split.parts == "given" else "divided at random, by class"
    yield entry(
        "Parts",
        [
            f"{how.capitalize()}, {own}, seed {split.seed}, digest {split.digest or 'not made'}.",
            "Training learns, validation watches (and ends boosting), calibration sets probabilities and thresholds; "
            "test images decide nothing.",
            *split.notes,
        ],
        claim="19",
        tripod="12a 21",
    )
    grouping = (
        captions.AS_PUBLISHED if split.leaks == "keep" else captions.GROUPINGS.get(split.grouping, split.grouping)
    )
    copies = captions.copies_found(split.copies) if split.copies else "Copies of films were not searched."
    yield entry("Kept together", [f"{grouping[0].upper()}{grouping[1:]}.", copies], claim="20")
    wrong = len(split.contradictions)
    if wrong:
        yield entry("Contradictions", f"{wording.plural(wrong, 'film')} under several labels.", claim="12", tripod="11")
    planned = "No number was planned: the images that there are were divided."
    yield entry("Planned size", planned, claim="21", tripod="10", state="not done")


def _subsets(record: Record) -> Grid:
    counts = record.split.counts if record.split else {}
    classes = record.classes
    rows = [
        [subset, *(f"{own.get(name, 0):,}" for name in classes), f"{sum(own.values()):,}"]
        for subset, own in counts.items()
    ]
    return Grid(["part", *classes, "images"], rows)


def preparation(record: Record) -> Section:
    """How an image becomes what the network sees."""
    images: dict[str, Any] = record.spec.get("images") or {}
    depth = record.dataset.depth if record.dataset else None
    deep = f"{depth.films:,} films of 16 bits: {depth.bits} bits became 8, brighter pixels clipped." if depth else ""
    # Whether there are masks is up to the segmenter; this is what would be done with them.
    masked = {"with masks, where the segmenter gives any," if key == "mask" else key: images[key] for key in images}
    told = f"{settings(masked)}." if images else "Not in the record."
    entries = [
        entry("Images", ["Grey, 8 bits;", told, deep], claim="9", tripod="7 12b 9b"),
        entry("Predictors", "Pixels of one image, no other facts of the patient.", tripod="9a 9b"),
        entry(
            "Images that cannot be read",
            "Left out, and named above." if _skips(record) else "None was allowed: one would have ended the run.",
            claim="12",
            tripod="11",
        ),
    ]
    if record.masks:
        entries.append(
            entry("Masks", "Lung masks are predicted and compared with the dataset's on test images.", claim="9")
        )
    return Section("Preparation", entries)


def _skips(record: Record) -> bool:
    return bool((record.spec.get("dataset") or {}).get("skip_bad"))
