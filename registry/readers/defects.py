"""Whether the bytes of a picture are all there, and of one picture, told before they are decoded.

OpenCV returns the upper part of a truncated PNG or JPEG with no more than a line on stderr.  Of the other formats its
decoders give nothing unless the picture is whole.
"""

import mmap
import struct
import zlib
from collections.abc import Callable, Iterator

_PNG_MARK = 8  # bytes
_PAGES = 1000  # of a TIFF that are looked at
_KIND, _WIDTH, _HEIGHT = 254, 256, 257  # tags


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
        if kind == b"acTL" and (frames := int.from_bytes(view[position + 8 : position + 12], "big")) > 1:
            return f"an animated PNG of {frames} pictures; a film has one"
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


def webp_defect(data: bytes | mmap.mmap) -> str | None:
    """Looks at the flag of an animation (RFC 9649, section 2.7)."""
    animated = data[12:16] == b"VP8X" and len(data) > 20 and data[20] & 2
    return "an animated WebP; a film is one picture" if animated else None


def tiff_defect(data: bytes | mmap.mmap) -> str | None:
    """Counts the pages as large as the first: smaller ones are previews, and those marked as masks are none."""
    try:
        pages = list(_tiff_pages(data))
    except struct.error:
        return None  # the decoder will say
    films = [page for page in pages if page.get(_KIND, 0) & 5 == 0 and _size(page) == _size(pages[0])]
    return f"a TIFF of {len(films)} pages; a film has one" if len(films) > 1 else None


def _size(page: dict[int, int]) -> tuple[int | None, int | None]:
    return page.get(_WIDTH), page.get(_HEIGHT)


def _tiff_pages(data: bytes | mmap.mmap) -> Iterator[dict[int, int]]:
    """Kind and size of each page, by tag (TIFF 6.0, section 2; one beyond 4 GB is not followed)."""
    order = "<" if data[:2] == b"II" else ">"
    if data[2:4] not in (b"*\0", b"\0*"):
        return
    (place,), seen = struct.unpack_from(f"{order}I", data, 4), set()
    while place and place not in seen and len(seen) < _PAGES:
        seen.add(place)
        (count,) = struct.unpack_from(f"{order}H", data, place)
        page = {}
        for field in range(place + 2, place + 2 + 12 * count, 12):
            tag, of_type = struct.unpack_from(f"{order}HH", data, field)
            if tag in (_KIND, _WIDTH, _HEIGHT):
                (page[tag],) = struct.unpack_from(order + ("H" if of_type == 3 else "I"), data, field + 8)
        yield page
        (place,) = struct.unpack_from(f"{order}I", data, place + 2 + 12 * count)


DEFECTS: dict[str, Callable[[bytes | mmap.mmap], str | None]] = {
    "PNG": png_defect, "JPEG": jpeg_defect, "TIFF": tiff_defect, "WebP": webp_defect,
}  # fmt: skip
