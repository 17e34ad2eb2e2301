"""What lies in a folder of images and tables: films, their masks, and files that are no images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.contracts import PassedOver
from registry.readers import tables
from registry.readers.film import Film, film
from registry.readers.mask_files import among_images, matched
from registry.readers.named_files import NamedFiles
from registry.readers.tree import check_folder, passed_over
from registry.readers.walk import Aside, File, levels

NO_IMAGES = tables.SUFFIXES | tables.OTHERS | {
    ".json", ".xml", ".md", ".rst", ".pdf", ".doc", ".docx", ".odt", ".html", ".htm", ".log", ".ini", ".db", ".py",
    ".ipynb", ".zip", ".gz", ".tar", ".tgz", ".7z", ".rar", ".npz", ".npy", ".h5", ".hdf5", ".pkl", ".pt", ".pth",
    ".keras", ".nii", ".mha", ".mhd", ".nrrd", ".mp4", ".avi", ".mov", ".mat", ".parquet", ".sqlite", ".yaml", ".yml",
    ".toml", ".bib", ".tex", ".sh", ".bat", ".url", ".lnk", ".sha256", ".md5",
}  # fmt: skip

_NO_IMAGES = {suffix[1:] for suffix in NO_IMAGES}


@dataclass(frozen=True, slots=True)
class Folder:
    """A data folder, by what its files are.

    Attributes:
        films: files that may be images, masks apart.
        images: the same two, films and masks.
        others: files that are no images.
        pictures, masks: films, and masks by their folder or beside the film that they are called like.
        skipped: what was not looked at, and masks of something that is no lung.
    """

    root: Path
    films: NamedFiles
    images: NamedFiles
    others: NamedFiles
    pictures: Sequence[Film]
    masks: Sequence[Film]
    skipped: tuple[PassedOver, ...] = ()

    def below(self, path: str) -> str:
        """A path below the folder, without it."""
        return path.removeprefix(f"{self.root}/")


def look(root: Path) -> Folder:
    """What lies in a folder.

    Raises:
        DataNotFoundError: it is absent, or one in it cannot be listed.
    """
    check_folder(root)
    aside = Aside()
    files = sorted((file for level in levels(root, aside) for file in level.files), key=_below)
    every = [film(file) for file in files if not is_no_image(file.name)]
    pictures, inner = among_images([one for one in every if one.kind == "image"])
    others = [one.file for one in every if one.kind == "other mask"]
    return Folder(
        root,
        films=NamedFiles([_below(one.file) for one in pictures]),
        images=NamedFiles([_below(one.file) for one in every]),
        others=NamedFiles([_below(file) for file in files if is_no_image(file.name)]),
        pictures=pictures,
        masks=[*inner, *(one for one in every if one.kind in ("mask", "annotation"))],
        skipped=(*aside.all, *passed_over(others, "masks of something else")),
    )


def is_no_image(file: str) -> bool:
    """Whether a file's suffix says that it is no image."""
    _, dot, suffix = file.rpartition("/")[2].casefold().rpartition(".")
    return bool(dot) and suffix in _NO_IMAGES


def masks_of(folder: Folder) -> tuple[dict[str, tuple[str, ...]], list[PassedOver]]:
    """Film -> the paths of its mask, or of its left and right one; and masks that are called like no film.

    Raises:
        DataError: a mask that may belong to several films, several for one, or a left one without a right one.
    """
    found, orphans = matched(folder.pictures, folder.masks)
    pairs = {folder.below(path): paths for path, paths in found.items()}
    return pairs, passed_over([one.file for one in orphans], "masks, called like no image")


def _below(file: File) -> str:
    return "/".join((*file.folders, file.name))
