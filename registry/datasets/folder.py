"""Any collection kept as one sub-folder per label."""

from collections.abc import Iterable
from pathlib import Path

from registry.contracts import Sample
from registry.errors import DataError, DataNotFoundError
from registry.readers import layout

SOURCELESS = "sources unknown: a folder of images does not tell them"


def folder(
    root: str | Path, *, name: str = "", mask_annotator: str = "dataset", licence: str = "not stated"
) -> layout.FileDataset:
    """A folder with one sub-folder per label, images in it or in its images/, optional masks in its masks/.

    ``LABEL.patients.csv`` (columns file, patient_id) beside the label folders groups the images of a patient.

    Args:
        name: how tables call the dataset; the folder's own name by default.
        mask_annotator: who or what drew the masks.

    Raises:
        DataNotFoundError: no such folder, no sub-folder, or a sub-folder without images.
        DataError: fewer than two labels, masks without image, two files of one name.
    """
    base = Path(root).absolute()
    folders = layout.label_folders(base)
    if {path.name.lower() for path in folders} <= {"images", "masks"}:
        raise DataNotFoundError(f"data folder {base} holds images without labels; expected one sub-folder per label")
    if len(folders) < 2:
        raise DataError(f"data folder {base} holds one label, {folders[0].name}; a task needs two or more")
    listed = tuple(sample for path in folders for sample in _samples(path, mask_annotator))
    return layout.FileDataset(
        name=name or base.resolve().name,
        labels=tuple(path.name for path in folders),
        licence=licence,
        origin="a folder of the user",
        notices=() if all(sample.source for sample in listed) else (SOURCELESS,),
        listed=listed,
    )


def recognises(root: str | Path) -> int:
    """How surely a folder is this dataset: 1, as any with images in two sub-folders or more, else 0."""
    try:
        folders = layout.label_folders(Path(root))
        labelled = [path for path in folders if path.name.lower() not in ("images", "masks")]
        return 1 if sum(map(bool, map(layout.first_image, labelled))) > 1 else 0
    except (DataError, OSError):
        return 0


folder.recognises = recognises  # type: ignore[attr-defined]


def _samples(path: Path, mask_annotator: str) -> Iterable[Sample]:
    patients = layout.patients(path.parent, path.name)
    for file in layout.image_files(path):
        yield layout.sample(
            file,
            id=f"{path.name}/{file.name}",
            label=path.name,
            source=None,
            patient=patients.get(layout.name_key(file.name)),
            mask_annotator=mask_annotator,
        )
