"""The pixels of a picture's bytes, whatever the format, whole or not at all."""

import io
import mmap
import re

import cv2
import numpy as np

from registry.errors import DataError
from registry.readers.defects import DEFECTS
from registry.readers.jpeg import grey_jpeg, jpeg_colours, refuse_repairs
from registry.readers.kinds import READ, START
from registry.readers.rasters import INVERTED, Header, header_of

MAXIMUM_PIXELS = 1 << 28  # more than the largest film has ten times over; a header that claims more is no film's

_MARKS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")  # of the formats in which truncation is told best
_CONVERT = {  # formats that are known and not read -> how to convert one
    "GIF": "such as with: magick film.gif film.png",
    "NIfTI": "such as with nibabel, a PNG of 16 bits for each film",
}

# What is wrong with a file is said in an error, by its name, and not by the decoder on stderr.
_SILENT = 0
if hasattr(cv2, "setLogLevel"):  # until OpenCV 4
    cv2.setLogLevel(_SILENT)
else:
    cv2.utils.logging.setLogLevel(_SILENT)


def grey_pixels(data: bytes | mmap.mmap, name: str, path: str = "") -> np.ndarray:
    """A picture as uint8 or uint16 (H, W), 0 black; colour as its luminance, alpha dropped.

    Args:
        data: all bytes of its file; of a large one, mapped from it.
        name: what `registry.readers.kinds.kind` tells of them.
        path: of the file, where the decoder shall read it itself.

    Raises:
        DataError: it is empty, truncated, damaged, too large, or of a format that is not read.
    """
    found = checked_header(data, name)
    if found and name == "JPEG":
        return grey_jpeg(bytes(data))
    # ANYDEPTH keeps 16 bits and, as COLOR is not asked for, gives one channel.
    picture = _decoded(data, cv2.IMREAD_ANYDEPTH, path)
    return _full(data, picture) if name == "PGM" else _upright(picture, found)


def all_channels(data: bytes | mmap.mmap, name: str, path: str = "") -> np.ndarray:
    """A picture as it is stored, (H, W) or (H, W, C): blue, green, red and, where there is one, alpha.

    Arguments and errors are those of `grey_pixels`.
    """
    found = checked_header(data, name)
    if found and name == "JPEG":
        data = bytes(data)
        if jpeg_colours(data) == "Gray":
            return grey_jpeg(data)
        refuse_repairs(data)
        return _decoded(data, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
    picture = _decoded(data, cv2.IMREAD_UNCHANGED, path)
    return _upright(picture, found) if picture.ndim == 2 else picture


def checked_header(data: bytes | mmap.mmap, name: str) -> Header | None:
    """The header of a picture that seems to be whole; None where its format is read but its header is not understood.

    Raises:
        DataError: as `grey_pixels`.
    """
    if not data:
        raise DataError("empty file (0 bytes)")
    if name not in READ:
        raise DataError(_not_read(data, name))
    found = header_of(name, io.BytesIO(data) if isinstance(data, bytes) else data, data[:START])
    if found and found.width * found.height > MAXIMUM_PIXELS:
        raise DataError(f"its header claims {found.width}×{found.height} pixels, which no film has")
    defect = DEFECTS[name](data) if name in DEFECTS else None
    if defect:
        raise DataError(defect)
    return found


def _not_read(data: bytes | mmap.mmap, name: str) -> str:
    if name:
        return f"{name} is not read; convert it to PNG{', ' * bool(_CONVERT.get(name))}{_CONVERT.get(name, '')}"
    if any(mark.startswith(data[: len(mark)]) for mark in _MARKS):
        return f"truncated after {len(data)} bytes"
    return f"neither PNG nor JPEG, nor {', '.join(READ[2:-1])} or {READ[-1]}"


def _decoded(data: bytes | mmap.mmap, how: int, path: str = "") -> np.ndarray:
    if isinstance(data, mmap.mmap):
        data.madvise(mmap.MADV_DONTNEED)  # what was checked need not stay in memory
    try:
        picture = cv2.imread(path, how) if path else None
        if picture is None:
            whole = data + b"\n" if isinstance(data, bytes) and data[:1] == b"P" else data  # numbers in words end so
            picture = cv2.imdecode(np.frombuffer(whole, np.uint8), how)
    except cv2.error:  # such as a header that claims more pixels than OpenCV allows
        picture = None
    if picture is None:
        raise DataError("damaged, cannot be decoded")
    return picture


def _full(data: bytes | mmap.mmap, picture: np.ndarray) -> np.ndarray:
    """A picture of 8 bits whose header names less than 255 as white, with 255 for that."""
    words = re.sub(rb"#[^\n]*\n", b" ", data[:START]).split(None, 4)
    white = int(words[3]) if words[0] not in (b"P1", b"P4") else 255
    if white >= 255 or picture.dtype != np.uint8:
        return picture
    return np.rint(np.minimum(picture, white) * (255 / white)).astype(np.uint8)


def _upright(picture: np.ndarray, found: Header | None) -> np.ndarray:
    """Whole numbers of 8 or 16 bits with 0 black."""
    if picture.dtype not in (np.uint8, np.uint16):
        picture = _sixteen_bits(picture)
    # OpenCV turns TIFFs with white at 0 round where they have 8 bits, and not where they have 16.
    inverted = found is not None and found.colour == INVERTED and picture.dtype == np.uint16
    return picture.max() - picture if inverted else picture


def _sixteen_bits(picture: np.ndarray) -> np.ndarray:
    low, high = picture.min(), picture.max()
    if not np.issubdtype(picture.dtype, np.integer) or int(high) - min(int(low), 0) >= 1 << 16:
        raise DataError(f"pixels of {8 * picture.itemsize} bits ({picture.dtype}) are not read; store 8 or 16 bits")
    return (picture.astype(np.int64) - min(int(low), 0)).astype(np.uint16)
