"""Which images of a split imported predictions are of: every test image, and beside them what a calibration needs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from benchmark.data.division import NAMES, TEST, Placed, meant
from benchmark.data.predicted_table import few
from registry.errors import DataError
from registry.wording import plural

TRAIN = "train"
BESIDE = ("validation", "calibration")  # what an import may hold besides the test images, whole


class Matched(NamedTuple):
    """Rows of a table as images of a split.

    Attributes:
        ids: of each row that counts, as the dataset has it; None of a row that is passed over.
        subsets: ``all`` where every image outside the training subset is there, else ``test``.
        learnt: rows of training images, which are passed over.
    """

    ids: list[str | None]
    subsets: Literal["test", "all"]
    learnt: int


def match(name: str, ids: Sequence[str], placed: Mapping[str, Placed]) -> Matched:
    """Rows with these ids as images.

    Args:
        name: of the file.
        placed: id -> image.

    Raises:
        DataError: an id is of no image, or of one that is not used, or an image that is needed has none.
    """
    found = [meant(one, placed) for one in ids]
    unknown = [one for one, image in zip(ids, found, strict=True) if image is None]
    if unknown:
        raise DataError(_unknown(name, unknown, len(ids), placed))
    images = [image for image in found if image is not None]
    if twice := [image for image, count in Counter(images).items() if count > 1]:
        raise DataError(f"{name} has {plural(len(twice), 'image')} in more than one row: {few(twice)}")
    unused = [image for image in images if placed[image].subset not in NAMES]
    if unused:
        raise DataError(
            f"{name} has {plural(len(unused), 'image')} that the task leaves out: {few(unused)}; "
            "take the ids that bench data split writes"
        )
    there = set(images)
    lacking = {subset: _lacking(subset, there, placed) for subset in (TEST, *BESIDE)}
    if lacking[TEST]:
        raise DataError(
            f"{name} lacks {len(lacking[TEST]):,} of {_count(TEST, placed):,} test images: {few(lacking[TEST])}; "
            "a row is measured on all of them, as the others are; --quick, --limit and what else changes a split must "
            "be as bench data split had it"
        )
    held = {subset: _count(subset, placed) - len(lacking[subset]) for subset in BESIDE}
    if any(held.values()) and any(lacking[subset] for subset in BESIDE):
        told = ", ".join(f"{held[one]:,} of {_count(one, placed):,} images of {NAMES[one]}" for one in BESIDE)
        raise DataError(f"{name} holds {told}; expected all of both, which calibrate it, or test images alone")
    kept = [image if placed[image].subset != TRAIN else None for image in images]
    return Matched(kept, "all" if all(held.values()) else "test", kept.count(None))


def _lacking(subset: str, there: set[str], placed: Mapping[str, Placed]) -> list[str]:
    return [image for image, one in placed.items() if one.subset == subset and image not in there]


def _count(subset: str, placed: Mapping[str, Placed]) -> int:
    return sum(one.subset == subset for one in placed.values())


def _unknown(name: str, unknown: Sequence[str], rows: int, placed: Mapping[str, Placed]) -> str:
    example = next((image for image, one in placed.items() if one.subset == TEST), "")
    hint = "; the file may not be UTF-8" if any("\udc80" <= letter <= "\udcff" for letter in "".join(unknown)) else ""
    return (
        f"{name}: {len(unknown):,} of {plural(rows, 'row')} {'has an id' if len(unknown) == 1 else 'have ids'} that no "
        f"image has: {few(unknown)}; an id is such as {example!r}, as bench data split writes them{hint}"
    )
