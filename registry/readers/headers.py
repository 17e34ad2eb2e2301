"""What the first bytes of a PNG or JPEG file say of the picture in it, which is not decoded."""

import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_PNG_COLOURS = {0: "grey", 2: "colour", 3: "palette", 4: "grey and alpha", 6: "colour and alpha"}
_JPEG_COLOURS = {1: "grey", 3: "colour", 4: "four inks"}
_NO_FRAMES = (0xC4, 0xC8, 0xCC)  # of the markers C0 to CF, those that begin no frame (ITU T.81, table B.1)


class Header(NamedTuple):
    """Of a picture.

    Attributes:
        kind: ``PNG`` or ``JPEG``.
        colour: the colour mode, in words.
        bits: of one channel of a pixel.
    """

    kind: str
    width: int
    height: int
    colour: str
    bits: int


def read_header(path: str) -> Header | None:
    """The header of a file; None of one that is neither PNG nor JPEG, damaged, or not to be read."""
    try:
        with Path(path).open("rb") as file:
            start = file.read(26)
            if start.startswith(_PNG) and len(start) == 26:
                width, height, bits, colour = struct.unpack(">IIBB", start[16:])
                return Header("PNG", width, height, _PNG_COLOURS.get(colour, "unknown"), bits)
            return _jpeg(file) if start.startswith(_JPEG) else None
    except (OSError, struct.error):
        return None


def _jpeg(file: BinaryIO) -> Header | None:
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
            return Header("JPEG", width, height, _JPEG_COLOURS.get(channels, "unknown"), bits)
        file.seek(length - 2, 1)
