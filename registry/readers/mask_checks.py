"""Whether masks of lungs stand among the films, in a folder whose name does not say so."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from registry.errors import DataError
from registry.readers.files import read_gray
from registry.readers.film import Film, some
from registry.readers.layout import name_key

_TRIED = 3  # files of a folder
_MOST = 60  # folders; where there are more, they are patients
_EXTREME = 0.98  # of a mask's pixels are about as dark or as bright as any of it


def check_no_masks(films: Sequence[Film], labels: Mapping[str, str], depth: int) -> None:
    """See that no folder in a label's, and no label's, holds masks called like the films beside it.

    Args:
        labels: path -> label.
        depth: how many of `Film.named` stand above the label's own.

    Raises:
        DataError: one does.
    """
    folders: dict[str, list[Film]] = defaultdict(list)
    for one in films:
        folders["/".join((labels[one.file.path], *one.named[depth + 1 : depth + 2]))].append(one)
    if not 1 < len(folders) <= _MOST:
        return
    stems = {folder: {name_key(one.file.name) for one in own} for folder, own in folders.items()}
    alike = [folder for folder in folders if _has_namesakes(stems, folder) and _are_masks(folders[folder])]
    if alike and len(alike) < len(folders):
        raise DataError(
            f"{some(alike)}: the images there have two grey levels, as masks have, and are called like others; if they "
            "are masks of lungs, call the folder masks; if not, move it out of the data folder"
        )


def _has_namesakes(stems: Mapping[str, set[str]], folder: str) -> bool:
    """Whether half of a folder's files are called like files of another one."""
    own = stems[folder]
    return any(2 * len(own & other) >= len(own) for name, other in stems.items() if name != folder)


def _are_masks(films: Sequence[Film]) -> bool:
    return all(_is_mask(one.file.path) for one in films[:_TRIED])


def _is_mask(path: str) -> bool:
    """Whether nearly every pixel of an image is black or white, or what stands for them."""
    try:
        picture = read_gray(path).astype(float)
    except DataError:
        return False
    low, high = picture.min(), picture.max()
    margin = (high - low) / 16
    return bool(high > low and np.mean((picture <= low + margin) | (picture >= high - margin)) >= _EXTREME)
