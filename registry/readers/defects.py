"""Whether the bytes of a picture are all there, told before they are decoded.

OpenCV returns the upper part of a truncated PNG or JPEG with no more than a line on stderr.  Of the other formats its
decoders give nothing unless the picture is whole.
"""

import mmap
import struct
import zlib
from collections.abc import Callable

_PNG_MARK = 8  # bytes


def png_defect(data: bytes | mmap.mmap) -> str | None:
    """Walks the chunks: length, type, data, CRC (PNG specification, section 5.3)."""
    view, position = memoryview(data), _PNG_MARK
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


def jpeg_defect(data: bytes | mmap.mmap) -> str | None:
    """Walks the segments to the scan; from there on FF D9 can only be the end marker (ITU T.81, B.1.1)."""
    if data[-2:] == b"\xff\xd9":
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


DEFECTS: dict[str, Callable[[bytes | mmap.mmap], str | None]] = {"PNG": png_defect, "JPEG": jpeg_defect}
