"""Films with lung masks and without labels, for what needs none: judging a segmenter."""

from collections.abc import Sequence
from pathlib import Path

from registry.errors import DataError, DataNotFoundError
from registry.readers import layout
from registry.readers import tree as trees
from registry.readers.film import Film, film
from registry.readers.mask_files import among_images, pair

LABEL = "unlabelled"


def unlabelled(
    root: str | Path, *, name: str = "", mask_annotator: str = "dataset", licence: str = "not stated"
) -> layout.FileDataset:
    """A folder of images and their masks, at any depth, all of the one label ``unlabelled``.

    Args:
        name: how tables call the dataset; the folder's own name by default.
        mask_annotator: who or what drew the masks.

    Raises:
        DataNotFoundError: no such folder, or no image in it.
        DataError: masks without image.
    """
    base = Path(root).absolute()
    tree = trees.without_copies(trees.look(base))
    every = [film(file) for file in tree.images]
    images, inner = among_images([one for one in every if one.kind == "image"])
    if not images:
        raise DataNotFoundError(f"data folder {base} holds no image; expected images, and masks in a folder called so")
    masks, unpaired = pair(images, [*_masks(every), *inner])
    return layout.FileDataset(
        name=name or base.resolve().name,
        labels=(LABEL,),
        licence=licence,
        origin="a folder of the user",
        notices=("labels, sources and patients unknown: a folder of images and masks does not tell them",),
        listed=tuple(_sample(base, one, masks.get(one.file.path, ()), mask_annotator) for one in images),
        passed_over=(*tree.skipped, *unpaired),
    )


def recognises(root: str | Path) -> int:
    """How surely a folder is this dataset: 1 where images have masks and no folder that could be a label, else 0."""
    try:
        every = [film(file) for file in trees.look(Path(root)).images]
    except (DataError, OSError):
        return 0
    images = [one for one in every if one.kind == "image"]
    return int(bool(images and _masks(every)) and not any(one.named for one in images))


unlabelled.recognises = recognises  # type: ignore[attr-defined]


def _masks(every: Sequence[Film]) -> list[Film]:
    return [one for one in every if one.kind in ("mask", "annotation")]


def _sample(base: Path, one: Film, masks: tuple[str, ...], annotator: str) -> layout.Sample:
    path = one.file.path
    return layout.sample(
        layout.ImageFile(path, masks),
        id=Path(path).relative_to(base).as_posix(),
        label=LABEL,
        source=None,
        patient=None,
        mask_annotator=annotator,
    )
