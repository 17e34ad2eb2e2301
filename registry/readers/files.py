"""Gray images and masks from PNG and JPEG files, whole or not at all.

OpenCV returns the upper part of a truncated file with no more than a line on stderr, so completeness is checked
here first.  Errors name the last three parts of the path (label folder, kind folder, file), not the machine's root.
"""

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np

from registry.errors import DataError

MINIMUM_SIDE = 16  # pixels; anything smaller is an icon, not a radiograph
SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"


def read_gray(path: str) -> np.ndarray:
    """The picture in a PNG or JPEG file.

    Colour is turned into luminance, alpha is dropped, 16 bits a pixel become 8 by their own depth (65535 -> 255).

    Returns:
        uint8 (H, W), both at least `MINIMUM_SIDE`.

    Raises:
        DataError: the file cannot be read, is empty, truncated, damaged, too small, or neither PNG nor JPEG.
    """
    picture = _decode(path)
    height, width = picture.shape
    if min(height, width) < MINIMUM_SIDE:
        raise DataError(f"{_shown(path)}: {width}×{height} pixels; an image needs at least {MINIMUM_SIDE} a side")
    return picture


def read_mask(path: str) -> np.ndarray:
    """The mask in a PNG or JPEG file, bool (H, W).

    Gray values from 128 on are inside.  A file whose brightest pixel is darker numbers its regions (0 outside, 1, 2,
    … inside), so everything above 0 is inside.

    Raises:
        DataError: as `read_gray`, except that a mask may have any size.
    """
    picture = _decode(path)
    return picture >= 128 if picture.max() >= 128 else picture > 0


def _decode(path: str) -> np.ndarray:
    data = _bytes(path)
    defect = _defect(data)
    if defect:
        raise DataError(f"{_shown(path)}: {defect}")
    # ANYDEPTH keeps 16 bits and, as COLOR is not asked for, gives one channel.
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYDEPTH)
    except cv2.error:  # such as a header that claims more pixels than OpenCV allows
        picture = None
    if picture is None:
        raise DataError(f"{_shown(path)}: damaged, cannot be decoded")
    if picture.dtype == np.uint16:
        picture = ((picture.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return picture


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
        raise DataError(f"{_shown(path)}: cannot be read ({error.strerror})") from error


def _read(descriptor: int) -> bytes:
    """All of an open file, in one piece where the system gives one."""
    expected = os.fstat(descriptor).st_size
    data = os.read(descriptor, expected)
    while 0 < len(data) < expected and (more := os.read(descriptor, expected - len(data))):
        data += more
    return data


def printable(name: str) -> str:
    """A file's name as records and tables can hold it: bytes that are not UTF-8 and control characters escaped."""
    return name if name.isprintable() else repr(name)[1:-1]


def _shown(path: str) -> str:
    return printable("/".join(Path(path).parts[-3:]))


def _defect(data: bytes) -> str | None:
    if not data:
        return "empty file (0 bytes)"
    if data.startswith(_PNG):
        return _png_defect(data)
    if data.startswith(_JPEG):
        return _jpeg_defect(data)
    if _PNG.startswith(data[:8]) or _JPEG.startswith(data[:3]):
        return f"truncated after {len(data)} bytes"
    return "neither PNG nor JPEG"


def _png_defect(data: bytes) -> str | None:
    """Walks the chunks: length, type, data, CRC (PNG specification, section 5.3)."""
    view, position = memoryview(data), len(_PNG)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            break
        if zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            return f"damaged PNG (checksum of its {kind.decode('latin-1')!r} chunk is wrong)"
        if kind == b"IEND":
            return None
        position = end
    return "truncated PNG (no end chunk)"


def _jpeg_defect(data: bytes) -> str | None:
    """Walks the segments to the scan; from there on FF D9 can only be the end marker (ITU T.81, B.1.1)."""
    if data.endswith(b"\xff\xd9"):
        return None
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        if data[position + 1] == 0xFF:  # fill byte
            position += 1
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if data[position + 1] == 0xDA:  # start of scan
            return None if data.find(b"\xff\xd9", position + 2 + length) >= 0 else "truncated JPEG (no end marker)"
        position += 2 + length
    return "truncated JPEG (no picture data)"
