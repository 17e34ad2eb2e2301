"""Films and masks from image files, whole or not at all.

Errors name the last three parts of the path (label folder, kind folder, file), not the machine's root.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from registry.errors import DataError
from registry.readers.decoding import all_channels, grey_pixels
from registry.readers.dicom import dicom_film, dicom_values
from registry.readers.kinds import file_kind
from registry.readers.masks import inside

MINIMUM_SIDE = 16  # pixels; anything smaller is an icon, not a radiograph
LOSSY = ("JPEG", "WebP", "JPEG 2000")


def read_gray(path: str) -> np.ndarray:
    """The picture in an image file of any of the formats in `kinds.READ`, whatever its name.

    Colour is turned into luminance, alpha is dropped.

    Returns:
        uint8 (H, W), both at least `MINIMUM_SIDE`; uint16, as stored, of a file with more than 8 bits a pixel.

    Raises:
        DataError: the file cannot be read, is empty, truncated, damaged, too small, or of no such format.
    """
    with _named(path):
        picture = dicom_film(path) if file_kind(path) == "DICOM" else grey_pixels(_bytes(path))
        height, width = picture.shape
        if min(height, width) < MINIMUM_SIDE:
            raise DataError(f"{width}×{height} pixels; an image needs at least {MINIMUM_SIDE} a side")
    return picture


def read_mask(path: str) -> np.ndarray:
    """The mask in an image file, bool (H, W): everything but its background, see `registry.readers.masks`.

    Raises:
        DataError: as `read_gray`, except that a mask may have any size.
    """
    with _named(path):
        found = file_kind(path)
        picture = dicom_values(path) if found == "DICOM" else all_channels(_bytes(path))
        return inside(picture, lossy=found in LOSSY)


def printable(name: str) -> str:
    """A file's name as records and tables can hold it: bytes that are not UTF-8 and control characters escaped."""
    return name if name.isprintable() else repr(name)[1:-1]


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Puts the file's name in front of what is wrong with it."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{printable('/'.join(Path(path).parts[-3:]))}: {error}") from error


def _bytes(path: str) -> bytes:
    try:
        # A Path per file would cost a tenth of a decode, a file object as much as opening it.  Opened without waiting:
        # a named pipe among the images counts as an empty file and does not halt everything.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return _read(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})") from error


def _read(descriptor: int) -> bytes:
    """All of an open file, in one piece where the system gives one."""
    expected = os.fstat(descriptor).st_size
    data = os.read(descriptor, expected)
    while 0 < len(data) < expected and (more := os.read(descriptor, expected - len(data))):
        data += more
    return data
