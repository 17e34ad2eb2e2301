"""Dividing a dataset that comes in parts: its test part stays as it is, its validation part is halved.

Whatever is learnt from is what lies outside the test part; `leaking` says which of it should not.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmark.data.assignment import contents_of, divide
from benchmark.data.part_counts import TEST, TRAIN, VALIDATION
from benchmark.data.prepared import Prepared
from registry.contracts import PARTS
from registry.errors import RefusedError

HALVES = ("validation", "calibration")
SHOWN = 3
REMEDIES = (
    'split.leaks = "drop" leaves these images out, "keep" takes the parts as they were published, '
    'split.parts = "own" divides all images anew'
)
FATES = {"drop": "left out", "keep": "kept, so results on the test part are too good"}
FEWEST = 10  # groups of a label in a validation part that is used as it is


class Divided(NamedTuple):
    """The subset of each image, str (N,), and a sentence on where validation comes from."""

    subsets: np.ndarray
    note: str


def leaking(groups: Sequence[str], parts: Sequence[str | None]) -> np.ndarray:
    """Which images (N,) lie outside the test part while others of their group lie in it."""
    tested = np.array([part == TEST for part in parts], bool)
    return ~tested & np.isin(np.asarray(groups), np.asarray(groups)[tested])


def told(images: Prepared, groups: Sequence[str], leaks: np.ndarray, fate: str) -> str:
    """A sentence on images that leak (N,), and on what becomes of them.

    Args:
        groups: of each image, copies together.
        fate: ``drop`` or ``keep``.

    Raises:
        RefusedError: `fate` is ``refuse``.
    """
    tested, groups = images.parts == TEST, np.asarray(groups)
    known = int((leaks & leaking(images.groups, images.parts)).sum())
    twin = dict(zip(groups[tested].tolist(), images.ids[tested].tolist(), strict=True))
    shown = ", ".join(f"{images.ids[row]} and {twin[groups[row]]}" for row in np.flatnonzero(leaks)[:SHOWN])
    found = (
        f"{leaks.sum():,} of {(~tested).sum():,} images outside the test part are of a patient or a film that is in it "
        f"too: {known:,} by patient or as identical images, {leaks.sum() - known:,} as crops or re-encodings ({shown})"
    )
    if fate == "refuse":
        raise RefusedError(f"{found}; {REMEDIES}")
    return f"{found}: {FATES[fate]}."


def unused(parts: Sequence[str | None]) -> list[str]:
    """A sentence, where a dataset comes in parts, for a split that does not use them."""
    counts = ", ".join(f"{part} {parts.count(part):,}" for part in PARTS if part in parts)
    return [f"The parts in which the dataset comes ({counts}) are not used: it is divided anew."] if counts else []


def divide_given(
    labels: Sequence[str],
    sources: Sequence[str | None],
    units: Sequence[str],
    parts: Sequence[str | None],
    *,
    shares: tuple[float, float],
    seed: int,
) -> Divided:
    """The subsets of images that come in parts.

    A group that lies in training and in validation counts as training.  A validation part with fewer than `FEWEST`
    groups of a label is joined to training and cut anew; where there is none, it is cut from training.

    Args:
        units: what is kept whole, of each image.
        shares: of training and validation, in whose proportion a part is cut.
    """
    parts, units = np.array([part or "" for part in parts]), np.asarray(units)
    validating = (parts == VALIDATION) & ~np.isin(units, units[parts == TRAIN])
    few = _few(labels, units, parts, validating)
    chosen = validating if validating.any() and not few else parts != TEST
    contents = contents_of(*(np.asarray(column, object)[chosen] for column in (labels, sources, units)))
    if chosen is validating:
        wanted = dict.fromkeys(HALVES, 0.5)
    else:
        train, validation = (share / sum(shares) for share in shares)
        wanted = {"train": train} | dict.fromkeys(HALVES, validation / 2)
    of = divide(contents, wanted, seed, enough=len(wanted))
    found = np.where(parts == TEST, "test", "train").astype("U16")
    found[chosen] = [of[unit] for unit in units[chosen].tolist()]
    return Divided(found, _note(int(validating.sum()), few, int(np.isin(found, HALVES).sum())))


def _few(labels: Sequence[str], units: np.ndarray, parts: np.ndarray, validating: np.ndarray) -> dict[str, int]:
    """Label -> groups in the validation part, of the labels that have too few there; labels of test alone are none."""
    named = np.asarray(labels, str)
    counts = {
        label: len(set(units[validating & (named == label)].tolist())) for label in sorted(set(named[parts != TEST]))
    }
    return {label: count for label, count in counts.items() if count < FEWEST}


def _note(validating: int, few: dict[str, int], cut: int) -> str:
    whole = "Parts as the dataset gives them: test as it is; "
    if not validating:
        return f"{whole}no validation part, so {cut:,} images for validation and calibration are cut from training."
    if few:
        scarce = ", ".join(f"{label} {count}" for label, count in few.items())
        return (
            f"{whole}the validation part has fewer than {FEWEST} groups of a label ({scarce}), so it is joined to "
            f"training, from which {cut:,} images for validation and calibration are cut anew."
        )
    return f"{whole}the validation part ({validating:,} images) halved into validation and calibration."
