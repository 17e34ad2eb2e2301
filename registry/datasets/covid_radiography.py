"""The COVID-19 Radiography Database in its published layout, both releases."""

import re
from collections.abc import Iterable
from pathlib import Path

from registry.contracts import Sample
from registry.errors import DataError, DataNotFoundError, unknown_name
from registry.readers import layout, sheets

LABELS = ("COVID", "Lung_Opacity", "Normal", "Viral Pneumonia")
PUBLISHED_IMAGES = 21165

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
        found = ", ".join(path.name for path in layout.label_folders(folder)[:6])
        raise DataNotFoundError(f"data folder {folder} has no folder {' or '.join(LABELS)}; found: {found}")
    predicted = _labels(predicted_masks)
    listed = tuple(
        sample
        for label, path in folders.items()
        for sample in _samples(label, path, "predicted U-Net" if label in predicted else "database")
    )
    return layout.FileDataset(
        name="covid-radiography",
        labels=tuple(folders),
        licence="data files © original authors; cite both papers",
        origin=(
            "COVID-19 Radiography Database (Chowdhury et al. 2020, doi:10.1109/ACCESS.2020.3010287; "
            "Rahman et al. 2021, doi:10.1016/j.compbiomed.2021.104319)"
        ),
        notices=tuple(_notices(folder, listed)),
        listed=listed,
    )


def recognises(root: str | Path) -> int:
    """How surely a folder is this dataset: 2 with its folder and file names and no other images, else 0."""
    try:
        folder = _database(Path(root))
        folders = _label_folders(folder)
        others = set(layout.label_folders(folder)) - set(folders.values())
        own = [_is_named_after(label, layout.first_image(path)) for label, path in folders.items()]
        return 2 if len(own) > 1 and all(own) and not any(map(layout.first_image, others)) else 0
    except (DataError, OSError):
        return 0


covid_radiography.recognises = recognises  # type: ignore[attr-defined]


def _database(root: Path) -> Path:
    """The folder with the label folders: `root`, or the one of the archive's name in it."""
    unpacked = [path for path in layout.label_folders(root) if _UNPACKED.search(path.name)]
    return unpacked[0] if len(unpacked) == 1 and not _label_folders(root) else root


def _label_folders(folder: Path) -> dict[str, Path]:
    """Label -> its folder, in the order of `LABELS`; early releases say COVID-19 and NORMAL."""
    spelled = {re.sub(r"[\W_]", "", path.name).lower(): path for path in layout.label_folders(folder)}
    spelled.setdefault("covid", spelled.get("covid19", folder))
    found = {label: spelled.get(re.sub(r"[\W_]", "", label).lower(), folder) for label in LABELS}
    return {label: path for label, path in found.items() if path != folder}


def _is_named_after(label: str, image: Path | None) -> bool:
    """Whether an image is called like COVID-7, COVID-19 (7) or NORMAL-7."""
    stem = re.escape(label).replace("_", "[ _]").replace(r"\ ", "[ _]")
    return image is not None and re.match(rf"{stem}(-19)?[- _]*\(?\d+\)?\.", image.name, re.IGNORECASE) is not None


def _samples(label: str, folder: Path, mask_annotator: str) -> Iterable[Sample]:
    sources = sheets.sources(folder.parent, folder.name)
    patients = layout.patients(folder.parent, folder.name)
    for file in layout.image_files(folder):
        key = layout.name_key(file.name)
        named = file.name.casefold().startswith(label.casefold())
        yield layout.sample(
            file,
            id=label + file.name[len(label) :] if named else file.name,
            label=label,
            source=sources.get(key),
            patient=patients.get(key),
            mask_annotator=mask_annotator,
        )


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
        yield f"sources of {unknown:,} images unknown: not in the metadata sheets"
    table = layout.child_file(folder, "Lung_Opacity.patients.csv")
    if table and "nih_file" in table.read_text(encoding="utf-8-sig").partition("\n")[0]:
        yield "Lung_Opacity: stand-in films of NIH ChestX-ray labelled Pneumonia, not the database's own"
