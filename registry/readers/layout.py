"""Which image, mask and patient belong together in a tree of one folder per label; lists folders, opens no image."""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from registry.contracts import PassedOver, Sample, no_mask
from registry.errors import DataError, DataNotFoundError
from registry.readers.files import SUFFIXES, printable, read_gray, read_mask

_FOREIGN = frozenset({".bmp", ".dcm", ".dicom", ".gif", ".nii", ".tif", ".tiff", ".webp"})


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
    """An image file of one label; `name` is its file name without suffix."""

    name: str
    image: str
    mask: str | None


def sample(
    file: ImageFile, *, id: str, label: str, source: str | None, patient: str | None, mask_annotator: str
) -> Sample:
    """The sample of an image; without a known patient it is a group of its own."""
    id = printable(id)
    return Sample(
        id=id,
        label=label,
        source=source,
        group=f"patient {patient}" if patient else id,
        read_image=partial(read_gray, file.image),
        read_mask=partial(read_mask, file.mask) if file.mask else no_mask,
        mask_annotator=mask_annotator if file.mask else None,
        paths=(file.image, file.mask) if file.mask else (file.image,),
    )


def label_folders(root: Path) -> list[Path]:
    """The folders directly in `root` that are not hidden, by name.

    Raises:
        DataNotFoundError: `root` is absent, is a file, or holds no folder.
    """
    if not root.is_dir():
        state = "is a file" if root.exists() else "does not exist"
        raise DataNotFoundError(f"data folder {root} {state}; expected a folder with one sub-folder per label")
    listed = _listed(root)
    found = [path for path in listed if path.is_dir() and not path.name.startswith((".", "__"))]
    if not found:
        content = "holds no folder" if listed else "is empty"
        raise DataNotFoundError(f"data folder {root} {content}; expected one sub-folder per label")
    return found


def image_files(folder: Path) -> list[ImageFile]:
    """The images of a label folder, in natural order: directly in it, or in images/ with masks/ beside.

    Names are matched without regard to case.

    Raises:
        DataNotFoundError: there is no PNG or JPEG file.
        DataError: a mask without an image, two files of one name, or images in a format that is not read.
    """
    image_folder, images = child_folder(folder, "images"), _by_name(folder)
    if image_folder and images:
        raise DataError(
            f"label folder {folder} holds images and a folder {image_folder.name}; expected one or the other"
        )
    images = _by_name(image_folder) if image_folder else images
    if not images:
        raise DataNotFoundError(f"label folder {folder} holds no PNG or JPEG image; remove it or put images into it")
    mask_folder = child_folder(folder, "masks")
    masks = _by_name(mask_folder) if mask_folder else {}
    orphans = sorted((path.name for key, path in masks.items() if key not in images), key=natural)
    if orphans:
        more = f" and {len(orphans) - 1} more" if len(orphans) > 1 else ""
        raise DataError(f"mask {mask_folder}/{orphans[0]}{more} has no image; remove the mask or restore the image")
    return [
        ImageFile(path.stem, str(path), str(masks[key]) if key in masks else None)
        for key, path in sorted(images.items(), key=lambda item: natural(item[0]))
    ]


def first_image(folder: Path) -> Path | None:
    """Some PNG or JPEG of a label folder; None where it has none."""
    where = child_folder(folder, "images") or folder
    return next((path for path in _listed(where) if path.suffix.lower() in SUFFIXES), None)


def child_folder(folder: Path, name: str) -> Path | None:
    """The folder of that name in `folder`, in any case."""
    return next((path for path in _listed(folder) if path.name.lower() == name and path.is_dir()), None)


def child_file(folder: Path, name: str) -> Path | None:
    """The file of that name in `folder`, in any case."""
    return next((path for path in _listed(folder) if path.name.casefold() == name.casefold()), None)


def patients(root: Path, label: str) -> dict[str, str]:
    """Lower-case file name without suffix -> patient id, of ``LABEL.patients.csv`` beside the label's folder.

    Raises:
        DataError: the table lacks the columns `file` and `patient_id`.
    """
    path = child_file(root, f"{label}.patients.csv")
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a readable table ({error}); restore or remove it") from error
    missing = {"file", "patient_id"} - set(rows[0] if rows else ())
    if missing:
        raise DataError(
            f"{path} lacks {' and '.join(sorted(missing))}; expected columns file, patient_id and a row each"
        )
    return {name_key(row["file"]): row["patient_id"].strip() for row in rows if (row["patient_id"] or "").strip()}


def name_key(name: str) -> str:
    """What two spellings of one file name share: no suffix of an image, lower case."""
    name = name.strip()
    stem, dot, suffix = name.rpartition(".")
    return (stem if dot and f".{suffix.lower()}" in SUFFIXES else name).casefold()


def natural(name: str) -> list[tuple[int, str]]:
    """Sorting key with numbers as numbers: COVID-2 before COVID-10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataNotFoundError(f"folder {folder} cannot be listed ({error.strerror})") from error


def _by_name(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    foreign = []
    for path in _listed(folder):
        suffix = path.suffix.lower()
        if suffix in _FOREIGN:
            foreign.append(path.name)
        if suffix not in SUFFIXES or path.name.startswith("."):
            continue
        other = found.setdefault(name_key(path.name), path)
        if other is not path:
            raise DataError(f"{folder} holds {other.name} and {path.name}: two files of one name; keep one")
    if foreign:
        raise DataError(f"{folder} holds {_some(foreign)}, neither PNG nor JPEG; convert or remove them")
    return found


def _some(names: Iterable[str]) -> str:
    first, *rest = names
    return f"{first} and {len(rest)} more" if rest else first
