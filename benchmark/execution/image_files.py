"""The image files that somebody names, and those in folders, at any depth.

What is left aside is what `registry.readers.walk` leaves aside in datasets.  Otherwise than there a folder counts once,
however many links lead to it, and one that cannot be listed is a line among the answers of all others.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from registry.contracts import PassedOver
from registry.errors import ConfigError, DataNotFoundError
from registry.readers.folder_names import is_hidden, is_system
from registry.readers.kinds import is_image
from registry.readers.walk import EXAMPLES, Aside, entries, is_own

Identity = tuple[int, int]  # device and number of a folder


class ImageFile(NamedTuple):
    """An image file as it was named or met; `problem` says why it cannot even be tried."""

    name: str
    path: str
    problem: str = ""


class Listing(NamedTuple):
    """Images, and what else lay among them."""

    images: list[ImageFile]
    passed_over: tuple[PassedOver, ...]


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
    others: list[str] = []
    aside, written = Aside(), _identity(str(without))
    for place in given:
        if not os.path.lexists(place):
            raise DataNotFoundError(f"nothing at {str(place)!r}; expected an image, or a folder of images")
        if not place.is_dir():
            images.append(ImageFile(str(place), str(place.absolute())))
            continue
        if written is not None and _identity(str(place)) == written:
            raise ConfigError(f"{str(place)!r} is written into, and holds the images; choose another folder with -o")
        for file in _below(str(place), set() if written is None else {written}, aside):
            if file.problem or is_image(file.path):
                images.append(file)
            else:
                others.append(file.name)
    if not images:
        where = ", ".join(repr(str(place)) for place in given[:3])
        also = "".join(f"; {one.what}: {one.why}" for one in aside.folders[:3])
        raise DataNotFoundError(
            f"no image in {where} ({len(others)} other files{also}); expected PNG, JPEG, TIFF, DICOM, …"
        )
    rest = (PassedOver("files", "no images", len(others), tuple(others[:EXAMPLES])),) if others else ()
    return Listing(images, (*rest, *aside.all))


def _below(folder: str, seen: set[Identity], aside: Aside) -> Iterator[ImageFile]:
    """Every file below a folder, in the order of names, those directly in it first.

    Args:
        aside: is told what was not looked at.
    """
    here = _identity(folder)
    if here in seen:
        return
    if here is not None:
        seen.add(here)
    try:
        listed = entries(Path(folder))
    except DataNotFoundError as error:
        assert isinstance(error.__cause__, OSError)
        yield ImageFile(folder, folder, f"cannot be listed ({error.__cause__.strerror})")
        return
    folders = []
    for entry in listed:
        hidden = is_hidden(entry.name) or is_system(entry.name)
        if _is_folder(entry):
            if why := _why_not(entry, hidden):
                aside.folders.append(PassedOver(f"folder {entry.path}", why, 0))
            else:
                folders.append(entry.path)
        elif hidden:
            aside.hidden.append(entry.path)
        else:
            yield ImageFile(entry.path, str(Path(entry.path).absolute()))
    for path in folders:
        yield from _below(path, seen, aside)


def _why_not(entry: "os.DirEntry[str]", hidden: bool) -> str:
    """Why a folder is not entered; empty where it is."""
    if hidden:
        return "hidden, or a system's own"
    return "results or a cache that bench has written" if is_own(Path(entry.path)) else ""


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
