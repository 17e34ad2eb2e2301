"""Whether a dataset has enough for the split that a task asks for, before anything is decoded."""

from collections.abc import Mapping, Sequence

from benchmark.data.part_counts import TEST, check_parts
from benchmark.records.summary import DatasetSummary
from benchmark.tasks.schema import Split
from registry.errors import DataError, RefusedError
from registry.wording import plural

REST = 3  # subsets outside of test
COPIES = "crops and re-encodings of one film were not looked for yet"


def check_split(split: Split, classes: Mapping[str, Sequence[str]], summary: DatasetSummary) -> None:
    """See that every class can be in every subset, and that given parts do not leak as far as files tell.

    Raises:
        RefusedError: patients, or files, of the test part lie outside of it too, and nobody said what to do about it.
        DataError: a class has too few groups or, in a part that is used as it is, too few images.
        ConfigError: the dataset's parts are to be used, and cannot be.
    """
    if split.parts == "given":
        _check_given(classes, summary)
        if split.leaks == "refuse":
            _check_leaks(split, summary)
    grouped = split.grouping == "group"
    patients = grouped and sum(summary.groups.values()) < summary.images
    unit, counts = "patients" if patients else "images", summary.groups if grouped else summary.counts
    found = {name: sum(counts.get(label, 0) for label in taken) for name, taken in classes.items()}
    folds = split.folds
    needed = split.fewest_groups
    scarce = [f"{name} has {count}" for name, count in found.items() if count < needed]
    if scarce:
        parts = "one in training, one in each half of validation and one in test"
        every = f" of each of {folds} folds" if folds > 1 else ""
        remedy = "; use fewer folds, add images or raise --limit" if folds > 1 else "; add images or raise --limit"
        raise DataError(
            f"too few {unit}: {', '.join(scarce)}; every class needs {parts}{every}, so {needed} or more{remedy}"
        )


def _check_leaks(split: Split, summary: DatasetSummary) -> None:
    """Copies that are not the very file are found among prepared images alone, where a run looks for them."""
    known = summary.understood
    # Of one file under two labels the run may leave both images out.
    leaking = known.leaking_patients if split.contradictions == "drop" else known.leaking
    if leaking:
        outside = summary.images - sum(known.parts[TEST].values())
        raise RefusedError(
            f"{leaking:,} of {plural(outside, 'image')} outside the test part {'is' if leaking == 1 else 'are'} of a "
            f"patient or a file that is in it too ({', '.join(known.leaks)}); {COPIES}; "
            'split.leaks = "drop" leaves them out, "keep" takes the parts as they were published, '
            'split.parts = "own" divides all images anew'
        )


def _check_given(classes: Mapping[str, Sequence[str]], summary: DatasetSummary) -> None:
    parts = summary.understood.parts
    check_parts({part: sum(labels.values()) for part, labels in parts.items()}, summary.images)
    for name, taken in classes.items():
        images = {part: sum(labels.get(label, 0) for label in taken) for part, labels in parts.items()}
        rest = sum(count for part, count in images.items() if part != TEST)
        if not images[TEST] or rest < REST:
            raise DataError(
                f"too few images of {name} in the dataset's own parts: {images[TEST]} in test, {rest} elsewhere; "
                f'each class needs 1 in test and {REST} elsewhere; use split.parts = "own" or add images'
            )
