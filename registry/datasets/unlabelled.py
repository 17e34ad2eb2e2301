"""Films with lung masks and without labels, for what needs none: judging a segmenter."""

from pathlib import Path

from registry.errors import DataError, DataNotFoundError
from registry.readers import layout

LABEL = "unlabelled"
PAIRED = {"images", "masks"}


def unlabelled(
    root: str | Path, *, name: str = "", mask_annotator: str = "dataset", licence: str = "not stated"
) -> layout.FileDataset:
    """A folder with images/ and masks/ side by side, matched by name; every image is of the one label ``unlabelled``.

    Args:
        name: how tables call the dataset; the folder's own name by default.
        mask_annotator: who or what drew the masks.

    Raises:
        DataNotFoundError: no such folder, or no images/ in it.
        DataError: masks without image, two files of one name.
    """
    base = Path(root).absolute()
    if not base.is_dir() or layout.child_folder(base, "images") is None:
        raise DataNotFoundError(f"data folder {base} holds no folder images; expected images/ and masks/ side by side")
    files = layout.image_files(base)
    return layout.FileDataset(
        name=name or base.resolve().name,
        labels=(LABEL,),
        licence=licence,
        origin="a folder of the user",
        notices=("labels, sources and patients unknown: a folder of images and masks does not tell them",),
        listed=tuple(
            layout.sample(file, id=file.name, label=LABEL, source=None, patient=None, mask_annotator=mask_annotator)
            for file in files
        ),
    )


def recognises(root: str | Path) -> int:
    """How surely a folder is this dataset: 1 where images/ and masks/ are all its folders, else 0."""
    try:
        return int({path.name.lower() for path in layout.label_folders(Path(root))} == PAIRED)
    except (DataError, OSError):
        return 0


unlabelled.recognises = recognises  # type: ignore[attr-defined]
