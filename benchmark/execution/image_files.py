"""The image files that somebody names, and those in folders, at any depth."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from registry.errors import ConfigError, DataNotFoundError
from registry.readers.folder_names import is_hidden, is_system
from registry.readers.kinds import is_image

Identity = tuple[int, int]  # device and number of a folder


class ImageFile(NamedTuple):
    """An image file as it was named or met; `problem` says why it cannot even be tried."""

    name: str
    path: str
    problem: str = ""


class Listing(NamedTuple):
    """Images, and how many other files lay among them."""

    images: list[ImageFile]
    others: int


def image_files(given: Sequence[Path], without: Path) -> Listing:
    """What is named, and of folders every image below; each folder once, however many links lead to it.

    An image is what has an image's suffix or begins like one, see `registry.readers.kinds`.  Hidden files are left out.

    Args:
        without: a folder that is not entered, because it is written into.

    Raises:
        DataNotFoundError: what is named is not there, or there is no image.
        ConfigError: that folder is named itself.
    """
    images: list[ImageFile] = []
    others, written = 0, _identity(str(without))
    for place in given:
        if not os.path.lexists(place):
            raise DataNotFoundError(f"nothing at {str(place)!r}; expected an image, or a folder of images")
        if not place.is_dir():
            images.append(ImageFile(str(place), str(place.absolute())))
            continue
        if written is not None and _identity(str(place)) == written:
            raise ConfigError(f"{str(place)!r} is written into, and holds the images; choose another folder with -o")
        for file in _below(str(place), set() if written is None else {written}):
            if file.problem or is_image(file.path):
                images.append(file)
            else:
                others += 1
    if not images:
        where = ", ".join(repr(str(place)) for place in given[:3])
        raise DataNotFoundError(f"no image in {where} ({others} other files); expected PNG, JPEG, TIFF, DICOM, …")
    return Listing(images, others)


def _below(folder: str, seen: set[Identity]) -> Iterator[ImageFile]:
    """Every file below a folder, in the order of names, those directly in it first."""
    here = _identity(folder)
    if here in seen:
        return
    if here is not None:
        seen.add(here)
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield ImageFile(folder, folder, f"cannot be listed ({error.strerror})")
        return
    known = [entry for entry in listed if not is_hidden(entry.name) and not is_system(entry.name)]
    folders = [entry.path for entry in known if _is_folder(entry)]
    for entry in known:
        if entry.path not in folders:
            yield ImageFile(entry.path, str(Path(entry.path).absolute()))
    for path in folders:
        yield from _below(path, seen)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _identity(folder: str) -> Identity | None:
    """None of a folder that is not there."""
    try:
        status = os.stat(folder)  # noqa: PTH116 (tens of thousands of files)
    except OSError:
        return None
    return status.st_dev, status.st_ino
