"""The COVID-19 Radiography Database in its published layout, both releases."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from registry.contracts import PassedOver, Sample
from registry.errors import DataError, DataNotFoundError, unknown_name
from registry.readers import layout, patients, sheets, tree, walk
from registry.readers.film import Film, film
from registry.readers.mask_files import among_images, pair
from registry.wording import plural

LABELS = ("COVID", "Lung_Opacity", "Normal", "Viral Pneumonia")
PUBLISHED_IMAGES = 21165
SHEET = ".metadata.xlsx"  # behind the name of a label

_UNPACKED = re.compile(r"covid.?19[ _-]radiography[ _-]data(set|base)", re.IGNORECASE)


def covid_radiography(root: str | Path, *, predicted_masks: str = "COVID,Normal") -> layout.FileDataset:
    """COVID-19 Radiography Database: chest radiographs of four labels, with lung masks.

    Sources come from the ``LABEL.metadata.xlsx`` sheets and patients from ``LABEL.patients.csv``, where these lie
    beside the label folders.

    Args:
        root: the folder that holds the label folders, or the one it was unpacked into.
        predicted_masks: labels, separated by commas, whose masks a network predicted; the others' are the database's.

    Raises:
        DataNotFoundError: no such folder, or nothing of the database in it.
        DataError: masks without image, two files of one name, a sheet that cannot be read.
    """
    folder = _database(Path(root).absolute())
    folders = _label_folders(folder)
    if not folders:
        found = ", ".join(path.name for path in tree.sub_folders(folder)[:6])
        raise DataNotFoundError(f"data folder {folder} has no folder {' or '.join(LABELS)}; found: {found or 'none'}")
    predicted = _labels(predicted_masks)
    read = {
        label: _read(label, path, "predicted U-Net" if label in predicted else "database")
        for label, path in folders.items()
    }
    listed, respelled = layout.one_spelling([sample for one in read.values() for sample in one.samples])
    return layout.FileDataset(
        name="covid-radiography",
        labels=tuple(folders),
        licence="data files © original authors; cite both papers",
        origin=(
            "COVID-19 Radiography Database (Chowdhury et al. 2020, doi:10.1109/ACCESS.2020.3010287; "
            "Rahman et al. 2021, doi:10.1016/j.compbiomed.2021.104319)"
        ),
        notices=(*_notices(folder, listed), *(one.gap for one in read.values() if one.gap), *respelled),
        listed=listed,
        passed_over=(*(one for label in read.values() for one in label.passed_over), *_beside(folder, folders)),
        patients=" and ".join(one.table for one in read.values() if one.table),
    )


def recognises(root: str | Path) -> int:
    """How surely a folder is this dataset: 2 with its folder and file names and no other images, else 0."""
    try:
        folder = _database(Path(root))
        folders = _label_folders(folder)
        others = set(tree.sub_folders(folder)) - set(folders.values())
        own = [_is_named_after(label, tree.first_image(path)) for label, path in folders.items()]
        return 2 if len(own) > 1 and all(own) and not any(map(tree.first_image, others)) else 0
    except (DataError, OSError):
        return 0


covid_radiography.recognises = recognises  # type: ignore[attr-defined]


def _database(root: Path) -> Path:
    """The folder with the label folders: `root`, or one in a chain of single folders, or of the archive's name."""
    tree.check_folder(root)
    folder = root
    for _ in range(walk.DEEPEST):
        if _label_folders(folder):
            return folder
        below = tree.sub_folders(folder)
        unpacked = [path for path in below if _UNPACKED.search(path.name)]
        inner = below if len(below) == 1 else unpacked
        if len(inner) != 1:
            return root
        folder = inner[0]
    return root


def _label_folders(folder: Path) -> dict[str, Path]:
    """Label -> its folder, in the order of `LABELS`; early releases say COVID-19 and NORMAL."""
    spelled = {re.sub(r"[\W_]", "", path.name).lower(): path for path in tree.sub_folders(folder)}
    spelled.setdefault("covid", spelled.get("covid19", folder))
    found = {label: spelled.get(re.sub(r"[\W_]", "", label).lower(), folder) for label in LABELS}
    return {label: path for label, path in found.items() if path != folder}


def _is_named_after(label: str, image: Path | None) -> bool:
    """Whether an image is called like COVID-7, COVID-19 (7) or NORMAL-7."""
    stem = re.escape(label).replace("_", "[ _]").replace(r"\ ", "[ _]")
    return image is not None and re.match(rf"{stem}(-19)?[- _]*\(?\d+\)?\.", image.name, re.IGNORECASE) is not None


class _Read(NamedTuple):
    """What lies in a label's folder and the tables beside it.

    Attributes:
        table: the name of the one of patients; empty where there is none.
        gap: a line on rows of it that name no image, and on images without one.
    """

    samples: tuple[Sample, ...]
    passed_over: tuple[PassedOver, ...]
    table: str
    gap: str


def _read(label: str, folder: Path, mask_annotator: str) -> _Read:
    found = tree.look(folder)
    films = sorted(map(film, found.images), key=lambda one: layout.natural(layout.name_key(one.file.name)))
    images, inner = among_images([one for one in films if one.kind == "image"])
    if not images:
        raise DataNotFoundError(f"label folder {folder} holds no image; remove it or put images into it")
    masks, unpaired = pair(images, [*inner, *(one for one in films if one.kind in ("mask", "annotation"))])
    _check_names(folder, images)
    table = layout.child_file(folder.parent, f"{folder.name}{patients.TABLE}")
    files = [one.file.name for one in images]
    known = patients.matched(patients.read_table(table), files) if table else patients.Matched({})
    sources = sheets.sources(folder.parent, folder.name)
    aside = [one.file for one in films if one.kind == "other mask"]
    return _Read(
        tuple(_sample(label, one, masks, sources, known, mask_annotator) for one in images),
        (*found.skipped, *unpaired, *tree.passed_over(aside, "masks of something else"), *_others(found.others, label)),
        table.name if table else "",
        known.gap,
    )


def _sample(
    label: str,
    image: Film,
    masks: Mapping[str, tuple[str, ...]],
    sources: Mapping[str, str],
    known: patients.Matched,
    mask_annotator: str,
) -> Sample:
    name, path = Path(image.file.name).stem, image.file.path
    return layout.sample(
        layout.ImageFile(path, masks.get(path, ())),
        id=label + name[len(label) :] if name.casefold().startswith(label.casefold()) else name,
        label=label,
        source=sources.get(layout.name_key(image.file.name)),
        patient=known.patients.get(image.file.name),
        mask_annotator=mask_annotator,
        part=image.part,
    )


def _check_names(folder: Path, images: Sequence[Film]) -> None:
    """See that no two images have one name, by which sheets know them.

    Raises:
        DataError: some have; all of these are named.
    """
    by_name: dict[str, list[str]] = defaultdict(list)
    for one in images:
        by_name[layout.name_key(one.file.name)].append("/".join((*one.file.folders, one.file.name)))
    twice = [" and ".join(sorted(names)) for names in by_name.values() if len(names) > 1]
    if twice:
        raise DataError(f"{folder} holds {'; '.join(twice)}: two files of one name; keep one of each")


def _others(files: Sequence[walk.File], label: str) -> list[PassedOver]:
    """Files of a label's folder that are no images."""
    return [replace(one, what=f"{one.what} of {label}") for one in tree.passed_over(files, "no image")]


def _beside(folder: Path, labels: Mapping[str, Path]) -> list[PassedOver]:
    """What lies beside the labels' folders and is no table of theirs."""
    own = {f"{path.name}{ending}".casefold() for path in labels.values() for ending in (patients.TABLE, SHEET)}
    found = [path for path in tree.listed(folder) if path not in labels.values() and path.name.casefold() not in own]
    files = [walk.File(str(path), (), path.name) for path in found if path.is_file()]
    return [
        *tree.passed_over(files, "no image of a label"),
        *(PassedOver(f"folder {path.name}", "none of the labels", 0) for path in found if path.is_dir()),
    ]


def _labels(text: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    for name in sorted(names - set(LABELS)):
        raise unknown_name("label of the COVID-19 Radiography Database", name, LABELS, "option predicted_masks")
    return names


def _notices(folder: Path, samples: tuple[Sample, ...]) -> Iterable[str]:
    if len(samples) < PUBLISHED_IMAGES:
        yield f"{len(samples):,} of the {PUBLISHED_IMAGES:,} published images: not a result on the full database"
    unknown = sum(sample.source is None for sample in samples)
    if unknown == len(samples):
        yield "sources unknown: no metadata sheets beside the label folders"
    elif unknown:
        yield f"sources of {plural(unknown, 'image')} unknown: not in the metadata sheets"
    table = layout.child_file(folder, "Lung_Opacity.patients.csv")
    if table and "nih_file" in table.read_text(encoding="utf-8-sig").partition("\n")[0]:
        yield "Lung_Opacity: stand-in films of NIH ChestX-ray labelled Pneumonia, not the database's own"
