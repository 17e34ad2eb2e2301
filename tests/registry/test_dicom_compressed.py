"""DICOM as archives keep it, compressed: each codec gives the very values that were stored, or a word why not."""

import io

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)  # fmt: skip

from registry.errors import DataError
from registry.readers.dicom import dicom_film, dicom_values
from registry.readers.files import read_gray
from registry.readers.headers import read_header
from tests import xrays
from tests.registry.test_dicom import close, grey, written

LOSSLESS = {
    "JPEG lossless": JPEGLosslessSV1,
    "JPEG lossless, process 14": JPEGLossless,
    "JPEG-LS": JPEGLSLossless,
    "JPEG 2000": JPEG2000Lossless,
    "RLE": RLELossless,
    "deflated": DeflatedExplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
}
BY_GDCM = {JPEGLosslessSV1: "JPEGLosslessProcess14_1", JPEGLossless: "JPEGLosslessProcess14"} | {
    JPEGLSLossless: "JPEGLSLossless", JPEGExtended12Bit: "JPEGExtendedProcess2_4",
    JPEGLSNearLossless: "JPEGLSNearLossless",
}  # fmt: skip
SHADES = xrays.radiograph(shape=(40, 50)).astype(np.int64)
DEPTHS = {  # stored values, and how many bits they are said to have
    "8 bits": (SHADES.astype(np.uint8), 8),
    "10 bits": ((SHADES * 4 + 1).astype(np.uint16), 10),
    "12 bits": ((SHADES * 16 + 3).astype(np.uint16), 12),
    "16 bits": ((SHADES * 257).astype(np.uint16), 16),
    "signed": ((SHADES * 16 - 2000).astype(np.int16), 16),
}


def said(bits):
    return {"BitsStored": bits, "HighBit": bits - 1, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1",
            "SOPInstanceUID": "1.2.3"}  # fmt: skip


def compressed(path, stored, bits, syntax, **more):
    """A file of these values in that syntax; skips where nothing here writes it."""
    fields = said(bits) | more
    plain = written(path.with_suffix(".plain"), stored, **fields)
    if syntax in BY_GDCM:
        return changed(plain, path, BY_GDCM[syntax])
    if syntax == ExplicitVRBigEndian:
        turned = stored.astype(stored.dtype.newbyteorder(">")).tobytes()
        return written(path, stored, syntax=syntax, **fields, PixelData=turned)
    if syntax == DeflatedExplicitVRLittleEndian:
        return written(path, stored, syntax=syntax, **fields)
    dataset = pydicom.dcmread(plain)
    try:
        dataset.compress(syntax)
    except (NotImplementedError, RuntimeError) as error:
        pytest.skip(f"nothing here writes {syntax.name}: {error}")
    dataset.save_as(path, enforce_file_format=True)
    return str(path)


def changed(plain, path, name):
    """The same file in a transfer syntax that GDCM writes."""
    gdcm = pytest.importorskip("gdcm", reason="python-gdcm, which writes this syntax, is not installed")
    reader = gdcm.ImageReader()
    reader.SetFileName(plain)
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, name)))
    change.SetInput(reader.GetImage())
    if not change.Change():
        pytest.skip(f"GDCM does not write {name} of these values")
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(path))
    assert writer.Write()
    return str(path)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("codec", LOSSLESS)
def test_a_lossless_codec_gives_the_very_values_and_the_same_film(tmp_path, codec, depth):
    stored, bits = DEPTHS[depth]
    syntax = LOSSLESS[codec]
    path = compressed(tmp_path / "film.dcm", stored, bits, syntax)
    assert pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID == syntax
    assert np.array_equal(dicom_values(path), stored)
    assert np.array_equal(read_gray(path), read_gray(written(tmp_path / "plain.dcm", stored, **said(bits))))
    assert close(read_gray(path), grey(stored, stored.min(), stored.max()))
    assert read_header(path)[:3] == ("DICOM", 50, 40)


@pytest.mark.parametrize("codec", LOSSLESS)
def test_an_inverted_film_is_turned_after_decoding(tmp_path, codec):
    stored, bits = DEPTHS["12 bits"]
    path = compressed(tmp_path / "film.dcm", stored, bits, LOSSLESS[codec], PhotometricInterpretation="MONOCHROME1")
    assert close(read_gray(path), 255 - grey(stored, stored.min(), stored.max()))


def test_a_lossy_jpeg_2000_is_near(tmp_path):
    stored, bits = DEPTHS["12 bits"]
    dataset = pydicom.dcmread(written(tmp_path / "plain.dcm", stored, **said(bits)))
    try:
        dataset.compress(JPEG2000, j2k_psnr=[60])
    except (NotImplementedError, RuntimeError) as error:
        pytest.skip(f"nothing here writes JPEG 2000: {error}")
    dataset.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    film = read_gray(str(tmp_path / "film.dcm"))
    assert np.abs(film - grey(stored, stored.min(), stored.max())).mean() < 2


def test_near_lossless_jpeg_ls_is_near(tmp_path):
    stored, bits = DEPTHS["12 bits"]
    film = read_gray(compressed(tmp_path / "film.dcm", stored, bits, JPEGLSNearLossless))
    assert np.abs(film - grey(stored, stored.min(), stored.max())).mean() < 3


def test_a_jpeg_of_twelve_bits_is_read_or_said_to_lack_a_decoder_and_never_called_damaged(tmp_path):
    stored, bits = DEPTHS["12 bits"]
    path = compressed(tmp_path / "film.dcm", stored, bits, JPEGExtended12Bit)
    if {"pylibjpeg"} & set(get_decoder(JPEGExtended12Bit).available_plugins):
        assert np.abs(read_gray(path) - grey(stored, stored.min(), stored.max())).mean() < 3
        return
    with pytest.raises(DataError) as refused:
        read_gray(path)
    assert str(refused.value).endswith(
        "no decoder for DICOM compressed as JPEG Extended (Process 2 and 4) of 12 bits: pip install pylibjpeg-libjpeg, "
        "or convert it to PNG of 16 bits"
    )


def baseline(path, picture, photometric):
    """A DICOM that holds an ordinary JPEG."""
    held = io.BytesIO()
    Image.fromarray(picture).save(held, "JPEG", quality=95, subsampling=0)
    colours = 3 if picture.ndim == 3 else 1
    fields = said(8) | {"SamplesPerPixel": colours, "PhotometricInterpretation": photometric}
    fields |= {"PlanarConfiguration": 0} if colours == 3 else {}
    dataset = pydicom.dcmread(written(path, picture, **fields))
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([held.getvalue()])
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path, enforce_file_format=True)
    return str(path)


def test_an_ordinary_jpeg_in_a_dicom_is_what_pillow_reads(tmp_path):
    stored = SHADES.astype(np.uint8)
    path = baseline(tmp_path / "film.dcm", stored, "MONOCHROME2")
    assert np.abs(dicom_values(path).astype(int) - stored).mean() < 2
    coloured = np.stack([stored, stored // 2, 255 - stored], axis=-1)
    film = dicom_film(baseline(tmp_path / "colour.dcm", coloured, "YBR_FULL"))
    expected = coloured @ np.array([0.299, 0.587, 0.114])
    assert np.abs(film - expected).mean() < 2


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_a_film_in_colours_is_decoded_to_the_same_luminance(tmp_path, syntax):
    shades = SHADES.astype(np.uint8)
    coloured = np.stack([shades, shades // 2, 255 - shades], axis=-1)
    path = compressed(
        tmp_path / "film.dcm", coloured, 8, syntax, SamplesPerPixel=3, PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
    )  # fmt: skip
    assert np.array_equal(dicom_values(path), coloured)
    assert np.abs(dicom_film(path) - coloured @ np.array([0.299, 0.587, 0.114])).max() <= 1


@pytest.mark.parametrize("codec", ["JPEG lossless", "JPEG-LS", "JPEG 2000", "RLE"])
def test_a_cut_file_is_damaged_and_not_half_a_film(tmp_path, codec):
    stored, bits = DEPTHS["12 bits"]
    path = compressed(tmp_path / "film.dcm", stored, bits, LOSSLESS[codec])
    dataset = pydicom.dcmread(path)
    frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate([frame[: len(frame) // 2]])
    dataset.save_as(tmp_path / "cut.dcm", enforce_file_format=True)
    with pytest.raises(DataError):
        read_gray(str(tmp_path / "cut.dcm"))


def test_without_a_decoder_it_is_said_what_to_install(tmp_path, monkeypatch):
    stored, bits = DEPTHS["12 bits"]
    path = compressed(tmp_path / "film.dcm", stored, bits, JPEG2000Lossless)
    monkeypatch.setattr(get_decoder(JPEG2000Lossless), "_available", {})
    with pytest.raises(
        DataError, match=r'no decoder for DICOM compressed as JPEG 2000.*pip install "cxr-bench\[dicom\]"'
    ):
        read_gray(path)
