"""What readers of files share: a dataset of listed samples, the sample of an image file, and names of files."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from registry.contracts import PassedOver, Sample, no_mask
from registry.errors import DataError
from registry.readers.dicom import facts_of
from registry.readers.files import printable, read_gray, read_mask
from registry.readers.kinds import SUFFIXES
from registry.readers.spellings import folded, patient_key
from registry.readers.tree import listed
from registry.wording import plural


@dataclass(frozen=True, slots=True)
class FileDataset:
    """A `registry.contracts.Dataset` whose samples were listed when it was made.

    Attributes:
        patients: in words how patients are known; empty where they are not.
        separator: between the findings of a label that holds several; None where each label is one.
    """

    name: str
    labels: tuple[str, ...]
    licence: str
    origin: str
    notices: tuple[str, ...]
    listed: tuple[Sample, ...]
    passed_over: tuple[PassedOver, ...] = ()
    patients: str = ""
    separator: str | None = None

    def samples(self) -> tuple[Sample, ...]:
        """Every sample, by label, then by name with numbers in their order."""
        return self.listed


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image file, and those of its mask: one, or a left and a right one."""

    image: str
    masks: tuple[str, ...] = ()


def sample(
    file: ImageFile,
    *,
    id: str,
    label: str,
    source: str | None,
    patient: str | None,
    mask_annotator: str,
    part: str | None = None,
    traits: Mapping[str, str] = {},
) -> Sample:
    """The sample of an image; without a known patient it is a group of its own.

    A DICOM file says itself who the patient is and, in place of a source, who made the machine.
    """
    id, facts = printable(id), facts_of(file.image)
    patient, source = patient or facts.patient, source or facts.traits.get("manufacturer")
    return Sample(
        id=id,
        label=label,
        source=source,
        group=printable(f"patient {patient}") if patient else id,
        read_image=partial(read_gray, file.image),
        read_mask=_mask_reader(file.masks),
        mask_annotator=mask_annotator if file.masks else None,
        paths=(file.image, *file.masks),
        part=part,
        traits={**facts.traits, **traits},
    )


def one_spelling(samples: Sequence[Sample]) -> tuple[tuple[Sample, ...], list[str]]:
    """The samples, where patients that differ in case, blanks or leading zeros alone are one, and a line where some do.

    Two spellings of one patient would stand on both sides of a split; of two patients that are taken for one no image
    is lost.
    """
    first: dict[str, str] = {}
    spelled: dict[str, set[str]] = {}
    for sample in samples:
        if sample.group != sample.id:
            key = patient_key(sample.group.removeprefix("patient "))
            first.setdefault(key, sample.group)
            spelled.setdefault(key, set()).add(sample.group)
    several = {key: sorted(names) for key, names in spelled.items() if len(names) > 1}
    if not several:
        return tuple(samples), []
    shown = " and ".join(name.removeprefix("patient ") for name in next(iter(several.values()))[:2])
    counted = plural(len(several), "patient is", "patients are")
    ways = "in several ways, by case, blanks or leading zeros alone"
    notice = f"{counted} written {ways}, such as {shown}: each counts as one"
    groups = {name: first[key] for key, names in several.items() for name in names}
    joined = (
        replace(one, group=groups[one.group]) if one.group != one.id and one.group in groups else one for one in samples
    )
    return tuple(joined), [notice]


def _mask_reader(paths: tuple[str, ...]) -> Callable[[], np.ndarray | None]:
    if len(paths) > 1:
        return partial(read_joined, paths)
    return partial(read_mask, paths[0]) if paths else no_mask


def read_joined(paths: tuple[str, ...]) -> np.ndarray:
    """The mask that lies in several files, of a lung each, bool (H, W).

    Raises:
        DataError: a file cannot be read, or they differ in size.
    """
    first, *others = map(read_mask, paths)
    for path, other in zip(paths[1:], others, strict=True):
        if other.shape != first.shape:
            sizes = " and ".join(f"{width}×{height}" for height, width in (first.shape, other.shape))
            shown = printable("/".join(Path(path).parts[-3:]))
            raise DataError(f"{shown}: the masks of the two lungs differ in size, {sizes} pixels")
        first = first | other
    return first


def child_file(folder: Path, name: str) -> Path | None:
    """The file of that name in `folder`, in any case."""
    return next((path for path in listed(folder) if folded(path.name) == folded(name)), None)


def name_key(name: str) -> str:
    """What two spellings of one file name share: no suffix of an image, lower case."""
    name = name.strip()
    stem, dot, suffix = name.rpartition(".")
    return folded(stem if dot and f".{suffix.lower()}" in SUFFIXES else name)


def natural(name: str) -> list[tuple[int, str]]:
    """Sorting key with numbers as numbers: COVID-2 before COVID-10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
