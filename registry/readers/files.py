"""Films and masks from image files, whole or not at all.

Errors name the last three parts of the path (label folder, kind folder, file), not the machine's root.
"""

import mmap
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from registry.errors import DataError
from registry.readers.decoding import all_channels, grey_pixels
from registry.readers.dicom import dicom_film, dicom_values
from registry.readers.kinds import START, kind
from registry.readers.masks import inside

LARGE = 1 << 24  # bytes of a file from which on they are not held beside the pixels
MINIMUM_SIDE = 16  # pixels; anything smaller is an icon, not a radiograph
LOSSY = ("JPEG", "WebP", "JPEG 2000")

Raster = Callable[[bytes | mmap.mmap, str, str], np.ndarray]


def read_gray(path: str) -> np.ndarray:
    """The picture in an image file of any of the formats in `kinds.READ`, whatever its name.

    Colour is turned into luminance, alpha is dropped.

    Returns:
        uint8 (H, W), both at least `MINIMUM_SIDE`; uint16, as stored, of a file with more than 8 bits a pixel.

    Raises:
        DataError: the file cannot be read, is empty, truncated, damaged, too small, or of no such format.
    """
    try:
        picture, _ = _picture(path, grey_pixels, dicom_film)
        height, width = picture.shape
        if min(height, width) < MINIMUM_SIDE:
            raise DataError(f"{width}×{height} pixels; an image needs at least {MINIMUM_SIDE} a side")
    except DataError as error:
        raise _named(path, error) from error
    return picture


def read_mask(path: str) -> np.ndarray:
    """The mask in an image file, bool (H, W): everything but its background, see `registry.readers.masks`.

    Raises:
        DataError: as `read_gray`, except that a mask may have any size.
    """
    try:
        picture, found = _picture(path, all_channels, dicom_values)
        return inside(picture, lossy=found in LOSSY)
    except DataError as error:
        raise _named(path, error) from error


def printable(name: str) -> str:
    """A file's name as records and tables can hold it: bytes that are not UTF-8 and control characters escaped."""
    return name if name.isprintable() else repr(name)[1:-1]


def _picture(path: str, raster: Raster, dicom: Callable[[str], np.ndarray]) -> tuple[np.ndarray, str]:
    """What decodes a file's format makes of it, and the format."""
    data, whole = _bytes(path)
    found = kind(data[:START])
    if found == "DICOM":
        return dicom(path), found
    if whole:
        return raster(data, found, ""), found
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        return raster(mapped, found, path), found


def _named(path: str, error: DataError) -> DataError:
    """What is wrong with a file, its name in front."""
    return DataError(f"{printable('/'.join(Path(path).parts[-3:]))}: {error}")


def _bytes(path: str) -> tuple[bytes, bool]:
    """What is in a file, and whether that is all of it: of a large one there is only the start."""
    try:
        # A Path per file would cost a tenth of a decode, a file object as much as opening it.  Opened without waiting:
        # a named pipe among the images counts as an empty file and does not halt everything.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            size = os.fstat(descriptor).st_size
            return (_read(descriptor, size), True) if size < LARGE else (os.read(descriptor, START), False)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})") from error


def _read(descriptor: int, expected: int) -> bytes:
    """All of an open file of so many bytes, in one piece where the system gives one."""
    data = os.read(descriptor, expected)
    while 0 < len(data) < expected and (more := os.read(descriptor, expected - len(data))):
        data += more
    return data
