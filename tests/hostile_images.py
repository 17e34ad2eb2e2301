"""Image files that somebody has changed to do harm, one of every kind that the readers know.  Seeded."""

import io
import random
import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from tests import xrays

FILM = xrays.radiograph(shape=(48, 40))
DEEP = FILM.astype(np.uint16) * 16
SIZES = (0, 1, 15, 255, 65_535, 2**20, 2**31 - 1, 2**31, 2**32 - 1)  # what a header may promise
TAGS = (256, 257, 258, 259, 262, 270, 273, 277, 278, 279, 282, 320, 322, 339)  # of a TIFF, that decide


def _of(suffix: str, pixels: np.ndarray = FILM, *settings: int) -> bytes:
    return cv2.imencode(suffix, pixels, list(settings))[1].tobytes()


def palette() -> bytes:
    """A PNG whose pixels are indices into a table of colours."""
    rows = b"".join(b"\0" + row.tobytes() for row in FILM)
    colours = bytes(value for grey in range(256) for value in (grey, grey, grey))
    header = struct.pack(">IIBBBBB", FILM.shape[1], FILM.shape[0], 8, 3, 0, 0, 0)
    return png((b"IHDR", header), (b"PLTE", colours), (b"IDAT", zlib.compress(rows)))


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these chunks, each with a checksum that fits."""
    whole = b"\x89PNG\r\n\x1a\n"
    for kind, data in (*chunks, (b"IEND", b"")):
        whole += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return whole


def dicom(syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A DICOM film of 12 bits."""
    meta, made, out = FileMetaDataset(), Dataset(), io.BytesIO()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = syntax, "1.2.840.10008.5.1.4.1.1.1.1"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    made.file_meta = meta
    made.PatientID, made.PatientAge, made.ViewPosition = "p1", "058Y", "PA"
    made.Rows, made.Columns = DEEP.shape
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    made.WindowCenter, made.WindowWidth, made.RescaleSlope, made.RescaleIntercept = 2000, 4000, 1, 0
    made.PixelData = DEEP.tobytes()
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()


KINDS: dict[str, Callable[[], bytes]] = {
    "png": lambda: _of(".png"),
    "deep-png": lambda: _of(".png", DEEP),
    "palette-png": palette,
    "jpg": lambda: _of(".jpg"),
    "colour-jpg": lambda: _of(".jpg", np.dstack([FILM] * 3)),
    "tif": lambda: _of(".tif"),
    "deep-tif": lambda: _of(".tif", DEEP),
    "plain-tif": lambda: _of(".tif", FILM, cv2.IMWRITE_TIFF_COMPRESSION, 1),
    "bmp": lambda: _of(".bmp"),
    "webp": lambda: _of(".webp", FILM, cv2.IMWRITE_WEBP_QUALITY, 101),
    "lossy-webp": lambda: _of(".webp", FILM, cv2.IMWRITE_WEBP_QUALITY, 80),
    "pgm": lambda: _of(".pgm"),
    "jp2": lambda: _of(".jp2"),
    "dicom": dicom,
    "deflated-dicom": lambda: dicom(DeflatedExplicitVRLittleEndian),
}


def mutated(kind: str, seed: int) -> bytes:
    """An image of that kind with one to four changes; most keep the checksums that a decoder would ask for."""
    chance, data = random.Random(seed), bytearray(KINDS[kind]())
    for _ in range(chance.choice((1, 1, 2, 4))):
        chance.choice((_flip, _flip, _number, _number, _cut, _insert, _twice, _tag))(data, chance)
    return _checked(bytes(data)) if kind.endswith("png") and chance.random() < 0.7 else bytes(data)


def _place(data: bytearray, chance: random.Random) -> int:
    """Most often in the header, where a byte counts most."""
    return chance.randrange(min(len(data), 400) if chance.random() < 0.7 else len(data)) if data else 0


def _flip(data: bytearray, chance: random.Random) -> None:
    if data:
        data[_place(data, chance)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))


def _number(data: bytearray, chance: random.Random) -> None:
    place, number = _place(data, chance), chance.choice(SIZES)
    width, order = chance.choice((2, 4)), chance.choice(("little", "big"))
    data[place : place + width] = (number % (1 << 8 * width)).to_bytes(width, order)


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[_place(data, chance) :]


def _insert(data: bytearray, chance: random.Random) -> None:
    place = _place(data, chance)
    data[place:place] = chance.choice(
        (b"\0" * 1000, b"\xff" * 1000, b"9" * 5000, chance.randbytes(20), b"\r\n\x1b[31m")
    )


def _twice(data: bytearray, chance: random.Random) -> None:
    place = _place(data, chance)
    data += data[place:]


def _tag(data: bytearray, chance: random.Random) -> None:
    """Another value of a field of a TIFF; of other kinds a flip."""
    found = data.find(struct.pack("<H", chance.choice(TAGS)), 8) if data[:2] == b"II" else -1
    if found < 0 or found + 12 > len(data):
        _flip(data, chance)
        return
    data[found + 2 : found + 12] = struct.pack(
        "<HII", chance.choice((1, 2, 3, 4, 5, 12, 16)), chance.choice(SIZES), chance.choice(SIZES)
    )


def _checked(data: bytes) -> bytes:
    """A PNG whose chunks have checksums that fit, as far as they can be walked."""
    whole, position = bytearray(data), 8
    while position + 12 <= len(whole):
        end = position + 12 + int.from_bytes(whole[position : position + 4], "big")
        if end > len(whole):
            break
        whole[end - 4 : end] = zlib.crc32(whole[position + 4 : end - 4]).to_bytes(4, "big")
        position = end
    return bytes(whole)
