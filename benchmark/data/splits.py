"""Dividing a dataset by whole groups, stratified by label and source, the same way in whatever order it comes.

Subsets are ``train``, ``validation`` and ``calibration`` (the two halves of a task's validation) and ``test``.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark.data.assignment import Contents, apportion, assign, contents_of, divide, totals
from registry.errors import ConfigError, StorageError, unknown_name

SUBSETS = ("train", "validation", "calibration", "test")
GROUPINGS = ("group", "image-level")
ANNOTATOR_TOLERANCE = (
    0.05  # a mask annotator's share may differ this much between labels before it gives the label away
)


def split(
    labels: Sequence[str],
    sources: Sequence[str | None],
    groups: Sequence[str],
    *,
    fractions: tuple[float, float, float],
    seed: int,
    grouping: str,
    ids: Sequence[str] | None = None,
    folds: int = 1,
    fold: int = 0,
) -> np.ndarray:
    """The subset of each sample, str (N,).

    In each stratum (label × source) a subset's size lies within one group of its share, unless a label of
    `benchmark.tasks.schema.Split.fewest_groups` or more would otherwise be missing from a subset, or groups reach over
    several strata.

    Args:
        fractions: of train, validation and test; that of validation is halved into the subsets validation and
            calibration.  With folds, the share of test is one fold, and train and validation divide the rest in
            proportion.
        grouping: ``group`` keeps groups on one side; ``image-level`` splits image by image, as the founding study did.
        ids: what the image-level split knows images by; needed there for a split that does not depend on their order.
        folds: with more than one, the test subset is the samples whose `fold_of` is `fold`.

    Raises:
        ConfigError: fractions that are negative or do not add up to 1, or a fold that is not there.
    """
    _check(fractions, folds, fold)
    units = units_of(groups, grouping, ids)
    contents = contents_of(labels, sources, units)
    divided = _hold_out(contents, fractions, seed) if folds == 1 else _one_fold(contents, fractions, folds, fold, seed)
    return np.array([divided[str(unit)] for unit in units], str)


def fold_of(
    labels: Sequence[str],
    sources: Sequence[str | None],
    groups: Sequence[str],
    *,
    folds: int,
    seed: int,
    grouping: str = "group",
    ids: Sequence[str] | None = None,
) -> np.ndarray:
    """The fold that tests each sample, int (N,) from 0 to folds - 1; arguments as of `split`.

    A label of `folds` groups or more is in every fold; one of `Split.fewest_groups` leaves three outside of each.
    """
    if folds < 2:
        raise ConfigError(f"a cross-validation has two folds or more, received {folds}")
    units = units_of(groups, grouping, ids)
    tested = _folds(contents_of(labels, sources, units), folds, seed)
    return np.array([int(tested[unit]) for unit in units], int)


def _check(fractions: tuple[float, float, float], folds: int, fold: int) -> None:
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ConfigError(
            f"split fractions are shares of 1 that add up to 1, received {', '.join(map(str, fractions))}"
        )
    if not 0 <= fold < folds:
        raise ConfigError(f"there is no fold {fold} of {folds}; expected one from 0 to {folds - 1}")


def _hold_out(contents: Contents, fractions: tuple[float, float, float], seed: int) -> dict[str, str]:
    """Group -> subset, where one subset is held out once for all."""
    train, validation, test = fractions
    shares = dict(zip(SUBSETS, (train, validation / 2, validation / 2, test), strict=True))
    return divide(contents, shares, seed, enough=len(SUBSETS))


def _one_fold(
    contents: Contents, fractions: tuple[float, float, float], folds: int, fold: int, seed: int
) -> dict[str, str]:
    """Group -> subset, where one fold is tested and the others are divided between training and validation."""
    train, validation, _ = fractions
    tested = _folds(contents, folds, seed)
    rest = {unit: content for unit, content in contents.items() if tested[unit] != str(fold)}
    shares = {"train": train / (train + validation)}
    shares |= dict.fromkeys(("validation", "calibration"), validation / (train + validation) / 2)
    # An order of its own in every fold, so that not the same groups are validated on each time.
    return dict.fromkeys(contents, "test") | divide(rest, shares, f"{seed}/{fold}", enough=len(shares))


def _folds(contents: Contents, folds: int, seed: int) -> dict[str, str]:
    """Group -> the fold that tests it."""
    shares = {str(fold): 1 / folds for fold in range(folds)}
    return divide(contents, shares, seed, enough=folds, elsewhere=len(SUBSETS) - 1)


def units_of(groups: Sequence[str], grouping: str, ids: Sequence[str] | None) -> Sequence[str]:
    """What is kept whole, of each sample."""
    if grouping not in GROUPINGS:
        raise unknown_name("grouping", grouping, GROUPINGS, "[split] of the task file")
    if grouping == "group":
        return groups
    return ids if ids is not None else [str(i) for i in range(len(groups))]


def limit(labels: Sequence[str], sources: Sequence[str | None], groups: Sequence[str], n: int, seed: int) -> np.ndarray:
    """Indices, ascending, of about n samples in whole groups, with the shares of label and source kept.

    A label keeps at least four samples, where it has them, so that every subset of a split can hold one.
    """
    if n >= len(labels):
        return np.arange(len(labels))
    contents = contents_of(labels, sources, groups)
    sizes = totals(contents)
    per_label = Counter(map(str, labels))
    quotas = apportion(per_label, n, floor=4)
    kept = {}
    for label, quota in quotas.items():
        kept |= apportion({stratum: count for stratum, count in sizes.items() if stratum[0] == label}, quota)
    rest = {stratum: total - kept[stratum] for stratum, total in sizes.items()}
    chosen = assign(contents, {"kept": kept, "rest": rest}, seed)
    return np.flatnonzero([chosen[group] == "kept" for group in groups])


def masks_leak(labels: Sequence[str], mask_annotators: Sequence[str | None]) -> str | None:
    """Why the dataset's own masks would give the label away, in a sentence; None where they would not.

    They do where the share of images with a mask by some annotator, or without any, differs between labels.
    """
    counts: dict[str, Counter] = defaultdict(Counter)
    for label, annotator in zip(labels, mask_annotators, strict=True):
        counts[str(label)][annotator] += 1
    annotators = {annotator for label in counts.values() for annotator in label}
    if annotators <= {None}:
        return "the dataset has no masks"
    shares = {
        label: {annotator: count[annotator] / count.total() for annotator in annotators}
        for label, count in counts.items()
    }
    for annotator in sorted(annotators, key=str):
        ranked = sorted((share[annotator], label) for label, share in shares.items())
        (low, least), (high, most) = ranked[0], ranked[-1]
        if high - low > ANNOTATOR_TOLERANCE:
            what = "no mask" if annotator is None else f"a mask by {annotator!r}"
            return f"the dataset's masks give the label away: {high:.0%} of {most} have {what}, {low:.0%} of {least}"
    return None


def write_csv(
    path: Path,
    ids: Sequence[str],
    labels: Sequence[str],
    sources: Sequence[str | None],
    groups: Sequence[str],
    subsets: Sequence[str],
) -> None:
    """Keeps a split as a table id, label, source, group, subset; an unknown source is empty."""
    try:
        with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(("id", "label", "source", "group", "subset"))
            table.writerows(zip(ids, labels, ("" if s is None else s for s in sources), groups, subsets, strict=True))
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
