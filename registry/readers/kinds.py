"""Which format a file is in, told by its first bytes; a suffix says nothing of what is in a file."""

import os
import re
from pathlib import PurePath

READ = ("PNG", "JPEG", "TIFF", "BMP", "WebP", "PGM", "JPEG 2000", "DICOM")
SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".dib", ".webp", ".pgm", ".pbm", ".pnm"}
    | {".jp2", ".j2k", ".j2c", ".jpc", ".dcm", ".dicom"}
)
START = 352  # bytes that tell every format: NIfTI's mark is the last

_TELLING = (
    ("PNG", rb"\x89PNG\r\n\x1a\n"),
    ("JPEG", rb"\xff\xd8\xff"),
    ("TIFF", rb"II\*\0|MM\0\*|II\+\0|MM\0\+"),  # the latter two of files beyond 4 GB
    ("BMP", rb"BM.{4}\0{4}.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0{3}"),  # the length of the second header
    ("WebP", rb"RIFF.{4}WEBP"),
    ("PGM", rb"P[1-6]\s(\s|#[^\n]*\n)*\d+\s+\d+\s"),  # with its siblings PBM and PPM
    ("JPEG 2000", rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"),  # in its box, or the bare code stream
    ("DICOM", rb".{128}DICM"),
    ("DICOM", rb"[\x02\x08]\0.\0(UL|UI|CS|LO|DA|TM|SH)"),  # without preamble, as before 1996; explicit types
    ("DICOM", rb"\x08\0[\0\x01\x05\x08\x16\x18]\0[^\0]\0{3}"),  # the same with implicit ones
    ("GIF", rb"GIF8[79]a"),
    ("NIfTI", rb".{344}n[i+][12]\0|n[i+]2\0"),
    ("NRRD", rb"NRRD000"),
    ("MetaImage", rb"ObjectType\s*=\s*Image"),
    ("gzip", rb"\x1f\x8b"),
    ("HEIF", rb".{4}ftyp(heic|heix|hevc|mif1|msf1)"),
    ("AVIF", rb".{4}ftypavi[fs]"),
    ("JPEG XL", rb"\xff\x0a|\0\0\0\x0cJXL "),
    ("PDF", rb"%PDF-"),
    ("OpenEXR", rb"\x76\x2f\x31\x01"),
)
_TOLD = tuple((kind, re.compile(pattern, re.DOTALL)) for kind, pattern in _TELLING)


def kind(start: bytes) -> str:
    """The format of which these are the first `START` bytes, such as ``PNG``; empty where none is known.

    It may be one that is not read, such as ``GIF``: see `READ`.
    """
    for name, pattern in _TOLD:
        if pattern.match(start):
            return name
    return ""


def file_kind(path: str | os.PathLike[str]) -> str:
    """The `kind` of a file; empty of one that cannot be read, too, or is no regular file."""
    try:
        # Opened without waiting: a named pipe among the images counts as an empty file.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return kind(os.read(descriptor, START))
        finally:
            os.close(descriptor)
    except OSError:
        return ""


def is_image(path: str | os.PathLike[str]) -> bool:
    """Whether a file is, or by its suffix should be, an image that can be read.

    One with an image's suffix counts whatever is in it, so that a damaged or misnamed file is told by name when it is
    read and not passed over; it is not opened here.
    """
    return PurePath(path).suffix.lower() in SUFFIXES or file_kind(path) in READ
