"""What the first bytes of a raster image say of the picture in it, which is not decoded."""

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from registry.readers.kinds import START, kind

GREY, INVERTED, COLOUR, ALPHA, PALETTE = "grey", "grey, 0 white", "colour", "colour and alpha", "palette"
UNKNOWN = "unknown"

_PNG_COLOURS = {0: GREY, 2: COLOUR, 3: PALETTE, 4: "grey and alpha", 6: ALPHA}
_JPEG_COLOURS = {1: GREY, 3: COLOUR, 4: "four inks"}
_TIFF_COLOURS = {0: INVERTED, 1: GREY, 2: COLOUR, 3: PALETTE, 5: "four inks", 6: COLOUR}
_BMP_COLOURS = {1: PALETTE, 4: PALETTE, 8: PALETTE, 16: COLOUR, 24: COLOUR, 32: ALPHA}
_NO_FRAMES = (0xC4, 0xC8, 0xCC)  # of the markers C0 to CF, those that begin no frame (ITU T.81, table B.1)
_TIFF_TAGS = {256: "width", 257: "height", 258: "bits", 262: "colour"}
_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # types of a TIFF's fields


class Header(NamedTuple):
    """Of a picture.

    Attributes:
        kind: of the file, one of `kinds.READ`.
        colour: the colour mode, in words.
        bits: of one channel of a pixel.
    """

    kind: str
    width: int
    height: int
    colour: str
    bits: int


def header(file: BinaryIO) -> Header | None:
    """The header of an open raster image; None of one that is none, or damaged."""
    start = file.read(START)
    return header_of(kind(start), file, start)


def header_of(name: str, file: BinaryIO, start: bytes) -> Header | None:
    """The same of a file whose `kind` is known, with its first `START` bytes; it may stand anywhere."""
    reader = _READERS.get(name)
    try:
        return reader(file, start) if reader else None
    except (struct.error, ValueError, IndexError, LookupError, OverflowError):
        return None


def _png(file: BinaryIO, start: bytes) -> Header:
    width, height, bits, colour = struct.unpack_from(">IIBB", start, 16)
    return Header("PNG", width, height, _PNG_COLOURS.get(colour, UNKNOWN), bits)


def _jpeg(file: BinaryIO, start: bytes) -> Header | None:
    """Walks the segments to the first frame."""
    file.seek(2)
    while True:
        marker = file.read(2)
        if len(marker) < 2 or marker[0] != 0xFF:
            return None
        if marker[1] == 0xFF:  # a fill byte
            file.seek(-1, 1)
            continue
        (length,) = struct.unpack(">H", file.read(2))
        if 0xC0 <= marker[1] <= 0xCF and marker[1] not in _NO_FRAMES:
            bits, height, width, channels = struct.unpack(">BHHB", file.read(6))
            return Header("JPEG", width, height, _JPEG_COLOURS.get(channels, UNKNOWN), bits)
        file.seek(length - 2, 1)


def _tiff(file: BinaryIO, start: bytes) -> Header:
    """Of the first page."""
    found = {_TIFF_TAGS[tag]: value for tag, value in _tiff_fields(file, start) if tag in _TIFF_TAGS}
    colour = _TIFF_COLOURS.get(found.get("colour", 1), UNKNOWN)
    return Header("TIFF", found["width"], found["height"], colour, found.get("bits", 1))


def _tiff_fields(file: BinaryIO, start: bytes) -> Iterator[tuple[int, int]]:
    """Tag and first value of each field that holds numbers (TIFF 6.0, section 2; beyond 4 GB with longer ones)."""
    order, large = "<" if start.startswith(b"II") else ">", start[2:4] in (b"+\0", b"\0+")
    counts, entries, pointers, room = ("Q", "HHQ", "Q", 8) if large else ("H", "HHI", "I", 4)
    (place,) = struct.unpack_from(order + pointers, start, 8 if large else 4)
    file.seek(place)
    (count,) = struct.unpack(order + counts, file.read(struct.calcsize(order + counts)))
    size = struct.calcsize(order + entries) + room
    table = file.read(min(count, 1000) * size)
    for position in range(0, len(table) - size + 1, size):
        tag, of_type, several = struct.unpack_from(order + entries, table, position)
        if of_type not in _NUMBERS:
            continue
        number = order + _NUMBERS[of_type]
        value = table[position + size - room : position + size]
        if several * struct.calcsize(number) > room:  # they lie elsewhere
            file.seek(struct.unpack(order + pointers, value)[0])
            value = file.read(8)
        yield tag, struct.unpack_from(number, value)[0]


def _bmp(file: BinaryIO, start: bytes) -> Header:
    old = start[14] == 12
    width, height, _, bits = struct.unpack_from("<HHHH" if old else "<iiHH", start, 18)
    return Header("BMP", width, abs(height), _BMP_COLOURS.get(bits, UNKNOWN), min(bits, 8))


def _webp(file: BinaryIO, start: bytes) -> Header | None:
    form = start[12:16]
    if form == b"VP8 ":
        width, height = (size & 0x3FFF for size in struct.unpack_from("<HH", start, 26))
        return Header("WebP", width, height, COLOUR, 8)
    if form == b"VP8L":
        (packed,) = struct.unpack_from("<I", start, 21)
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
        return Header("WebP", width, height, ALPHA if packed >> 28 & 1 else COLOUR, 8)
    if form == b"VP8X":
        width, height = (int.from_bytes(start[place : place + 3], "little") + 1 for place in (24, 27))
        return Header("WebP", width, height, ALPHA if start[20] & 0x10 else COLOUR, 8)
    return None


def _pgm(file: BinaryIO, start: bytes) -> Header:
    words = re.sub(rb"#[^\n]*\n", b"", start).split(None, 4)
    form, width, height = int(words[0][1:]), int(words[1]), int(words[2])
    bits = 1 if form in (1, 4) else int(words[3]).bit_length()
    return Header("PGM", width, height, COLOUR if form in (3, 6) else GREY, bits)


def _jpeg_2000(file: BinaryIO, start: bytes) -> Header:
    """The size segment of the code stream, which the boxes before it do not repeat."""
    file.seek(0)
    data = file.read(1 << 16)
    place = data.index(b"\xff\x4f\xff\x51") + 8
    right, lower, left, upper = struct.unpack_from(">IIII", data, place)
    channels, depth = struct.unpack_from(">HB", data, place + 32)
    colour = {1: GREY, 2: "grey and alpha", 3: COLOUR, 4: ALPHA}.get(channels, UNKNOWN)
    return Header("JPEG 2000", right - left, lower - upper, colour, (depth & 0x7F) + 1)


_READERS = {
    "PNG": _png, "JPEG": _jpeg, "TIFF": _tiff, "BMP": _bmp, "WebP": _webp, "PGM": _pgm, "JPEG 2000": _jpeg_2000,
}  # fmt: skip
