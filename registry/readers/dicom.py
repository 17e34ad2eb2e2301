"""Films and facts from DICOM files, by pydicom where it is installed (`pip install "cxr-bench[dicom]"`)."""

import io
import os
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path, PurePath
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from registry.errors import DataError
from registry.readers.dicom_grey import grey, own_bits
from registry.readers.jpeg import refuse_repairs
from registry.readers.kinds import SUFFIXES, file_kind
from registry.readers.rasters import COLOUR, GREY, INVERTED, PALETTE, UNKNOWN, Header, header

MAXIMUM_PIXELS = 1 << 28
INSTALL = 'pip install "cxr-bench[dicom]"'

_COLOURS = {"MONOCHROME1": INVERTED, "MONOCHROME2": GREY, "PALETTE COLOR": PALETTE} | dict.fromkeys(
    ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"), COLOUR
)
_FACTS = {"view": "ViewPosition", "sex": "PatientSex", "modality": "Modality", "manufacturer": "Manufacturer"}
_HEADER = ("Rows", "Columns", "BitsStored", "PhotometricInterpretation")
_CHUNK = 1 << 20  # pixels, or bytes, at a time
_EXTENDED = "1.2.840.10008.1.2.4.51"  # JPEG Extended, of 8 or 12 bits
_OF_EIGHT_BITS = {"gdcm", "pillow"}  # decoders that read this syntax of 8 bits alone
LUMINANCE = np.array([0.299, 0.587, 0.114])  # of red, green and blue (ITU-R BT.601)
_YEARS = {"Y": 1, "M": 12, "W": 52.18, "D": 365.25}  # in a year


class DicomFacts(NamedTuple):
    """What a DICOM file says beside the picture.

    Attributes:
        patient: its PatientID; empty where it has none.
        traits: ``view``, ``sex``, ``age`` in years, ``modality`` and ``manufacturer``, those that it has.
    """

    patient: str
    traits: Mapping[str, str]


def dicom_facts(path: str) -> DicomFacts:
    """What a DICOM file says beside the picture, which is not read; nothing of one that is damaged.

    Raises:
        DataError: pydicom is not installed.
    """
    _pydicom()
    try:
        found = _read(path, stop_before_pixels=True, specific_tags=["PatientID", "PatientAge", *_FACTS.values()])
        with _damage():  # a value is read when it is asked for
            said = {name: str(found.get(keyword) or "").strip() for name, keyword in _FACTS.items()}
            said["age"] = _years(str(found.get("PatientAge") or ""))
            patient = str(found.get("PatientID") or "").strip()
    except DataError:
        return DicomFacts("", {})
    return DicomFacts(patient, {name: value for name, value in said.items() if value})


def facts_of(path: str) -> DicomFacts:
    """What any image file says beside the picture: nothing, unless it is DICOM.

    Raises:
        DataError: it is, and pydicom is not installed.
    """
    suffix = PurePath(path).suffix.lower()
    if suffix not in (".dcm", ".dicom") and (suffix in SUFFIXES or file_kind(path) != "DICOM"):
        return DicomFacts("", {})
    try:
        status = os.stat(path)  # noqa: PTH116 (tens of thousands of files)
    except OSError:
        return DicomFacts("", {})
    return _remembered(path, status.st_size, status.st_mtime_ns)


@cache
def _remembered(path: str, size: int, modified: int) -> DicomFacts:
    """Read once: several steps of a run list the same files."""
    return dicom_facts(path)


def dicom_header(path: str) -> Header | None:
    """The header of a DICOM file; None of one without a picture.

    Raises:
        DataError: pydicom is not installed, or the file is damaged.
    """
    found = _read(path, stop_before_pixels=True, specific_tags=list(_HEADER))
    if not all(keyword in found for keyword in _HEADER):
        return None
    with _damage():
        colour = _COLOURS.get(str(found.PhotometricInterpretation), UNKNOWN)
        return Header("DICOM", int(found.Columns), int(found.Rows), colour, int(found.BitsStored))


def dicom_film(path: str) -> np.ndarray:
    """The film in a DICOM file, uint8 (H, W), 0 black; overlays are not drawn into it.

    Raises:
        DataError: pydicom or a decoder is not installed, or the file holds no film, several, or a damaged one.
    """
    found, stored = _stored(path)
    if stored.ndim == 3:
        return np.rint(stored @ LUMINANCE).astype(np.uint8)
    with _damage():
        return grey(found, stored, _pydicom().pixels)


def dicom_values(path: str) -> np.ndarray:
    """The stored values (H, W) or (H, W, 3), such as a mask's; raises as `dicom_film`."""
    found, stored = _stored(path)
    with _damage():
        return stored if stored.ndim == 3 else own_bits(found, stored)


def _stored(path: str) -> tuple[Any, np.ndarray]:
    """The dataset without its picture, and that as it is stored."""
    found = _read(path, defer_size=_CHUNK)
    with _damage():
        _check(found)
        _check_frame(found)
        stored: np.ndarray = found.pixel_array
        del found.PixelData
        if stored.ndim == 3 and stored.dtype != np.uint8:
            raise DataError(f"a DICOM in colours of {found.BitsAllocated} bits is not read; convert it to PNG")
        return found, stored


def _check(found: Any) -> None:
    """Refuses what is no single film of reasonable size, before anything is decoded."""
    if "PixelData" not in found or not found.get("Rows") or not found.get("Columns"):
        raise DataError(f"a DICOM without a picture ({found.get('Modality') or 'no modality'})")
    if (frames := int(found.get("NumberOfFrames") or 1)) > 1:
        raise DataError(f"a DICOM of {frames} frames; a film has one")
    if found.Rows * found.Columns > MAXIMUM_PIXELS:
        raise DataError(f"its header claims {found.Columns}×{found.Rows} pixels, which no film has")
    if found.get("PhotometricInterpretation") == "PALETTE COLOR":
        raise DataError("a DICOM with a colour palette is not read; convert it to PNG")


def _check_frame(found: Any) -> None:
    """Refuses a compressed picture that no decoder reads, that is damaged, or of another size than is said."""
    syntax = found.file_meta.TransferSyntaxUID
    if not syntax.is_compressed or syntax.is_deflated:
        return
    if not _pydicom().pixels.get_decoder(syntax).is_available:
        raise DataError(f"no decoder for DICOM compressed as {syntax.name}: {INSTALL}")
    frame = next(_pydicom().encaps.generate_frames(found.PixelData, number_of_frames=1))
    inner = header(io.BytesIO(frame))
    if inner and (inner.height, inner.width) != (found.Rows, found.Columns):
        raise DataError(f"a DICOM of {found.Columns}×{found.Rows} pixels that holds {inner.width}×{inner.height}")
    if inner and inner.kind == "JPEG" and inner.bits > 8 and syntax == _EXTENDED:
        _check_twelve_bits(syntax)
    if inner and inner.kind == "JPEG" and syntax.endswith(".50"):  # baseline, the one that is often repaired
        refuse_repairs(frame)


def _check_twelve_bits(syntax: Any) -> None:
    """Refuses what the decoders at hand read of 8 bits only, though they are said to read the syntax."""
    if set(_pydicom().pixels.get_decoder(syntax).available_plugins) <= _OF_EIGHT_BITS:
        raise DataError(
            f"no decoder for DICOM compressed as {syntax.name} of 12 bits: pip install pylibjpeg-libjpeg, "
            "or convert it to PNG of 16 bits"
        )


def _years(age: str) -> str:
    """Whole years of an age such as 034Y or 011M; empty of any other text."""
    number, unit = age.strip()[:-1], age.strip()[-1:].upper()
    return str(int(int(number) / _YEARS[unit])) if number.isdecimal() and unit in _YEARS else ""


def _read(path: str, **options: Any) -> Any:
    """The dataset of a file, after a look at what it would inflate to.

    Raises:
        DataError: pydicom is not installed, or the file cannot be read or is damaged.
    """
    pydicom = _pydicom()
    with _damage():
        _refuse_bomb(pydicom, path)
        return pydicom.dcmread(path, force=True, **options)


def _refuse_bomb(pydicom: ModuleType, path: str) -> None:
    """Refuses a deflated file that inflates beyond the largest film: pydicom would hold it whole."""
    with Path(path).open("rb") as file:
        if file.read(132)[128:] != b"DICM":
            return
        meta = pydicom.filereader.read_file_meta_info(path)
        if not meta.TransferSyntaxUID.is_deflated:
            return
        file.seek(
            132 + 12 + meta.FileMetaInformationGroupLength
        )  # the length of the group does not count its own field
        inflating, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
        while data := inflating.unconsumed_tail or file.read(_CHUNK):
            size += len(inflating.decompress(data, _CHUNK))
            if size > 2 * MAXIMUM_PIXELS:
                raise DataError(f"a DICOM that inflates to more than {MAXIMUM_PIXELS >> 19} MB, which no film does")


@contextmanager
def _damage() -> Iterator[None]:
    """What pydicom and its decoders raise, of many kinds, as one."""
    try:
        yield
    except (DataError, OSError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"cannot be read ({error.strerror or error})") from error
    except Exception as error:
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"damaged DICOM ({said})") from error


@cache
def _pydicom() -> ModuleType:
    try:
        pydicom, *_ = map(import_module, ("pydicom", "pydicom.encaps", "pydicom.pixels"))
    except ImportError as error:
        raise DataError(f"DICOM is read by pydicom, which is not installed: {INSTALL}") from error
    pydicom.config.settings.reading_validation_mode = (
        pydicom.config.IGNORE
    )  # what is wrong beside the picture is no harm
    warnings.filterwarnings("ignore", module=r"pydicom\b")
    return pydicom
