import io
import subprocess
import sys
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from registry.errors import DataError
from registry.readers.dicom import dicom_facts, facts_of
from registry.readers.files import read_gray, read_mask
from registry.readers.headers import read_header
from tests import xrays

FILM = xrays.radiograph(shape=(40, 50)).astype(np.uint16) * 16  # 12 bits in 16


def written(path, stored=FILM, syntax=ExplicitVRLittleEndian, **said):
    """A DICOM file of these stored values."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = syntax, "1.2.840.10008.5.1.4.1.1.1.1"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8 * stored.itemsize, 12, 11
    dataset.PixelRepresentation = int(np.issubdtype(stored.dtype, np.signedinteger))
    dataset.PixelData = stored.tobytes()
    for keyword, value in said.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path, enforce_file_format=True)
    return str(path)


def grey(stored, low, high):
    """What a range becomes, by hand."""
    return np.rint(255 * np.clip((stored.astype(float) - low) / (high - low), 0, 1))


def close(film, expected):
    return film.dtype == np.uint8 and np.abs(film - expected).max() <= 1


def test_the_range_that_a_film_uses_becomes_grey(tmp_path):
    film = read_gray(written(tmp_path / "film.dcm"))
    assert close(film, grey(FILM, FILM.min(), FILM.max()))


def test_padding_is_no_part_of_the_range_and_black(tmp_path):
    padded = FILM // 2 + 1000
    padded[:4] = 0
    film = read_gray(written(tmp_path / "film.dcm", padded, PixelPaddingValue=0))
    assert close(film[4:], grey(padded[4:], padded[4:].min(), padded[4:].max()))
    film = read_gray(
        written(tmp_path / "inverse.dcm", padded, PixelPaddingValue=0, PhotometricInterpretation="MONOCHROME1")
    )
    assert not film[:4].any()


def test_a_window_is_taken_before_the_range_and_the_first_of_several(tmp_path):
    said = {"WindowCenter": [1720, 5], "WindowWidth": [2040, 6]}
    film = read_gray(written(tmp_path / "film.dcm", **said))
    assert close(film, grey(FILM, 1720 - 0.5 - 2039 / 2, 1720 - 0.5 + 2039 / 2))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("LINEAR_EXACT", np.clip((FILM - 1720.0) / 2040 + 0.5, 0, 1)),
        ("SIGMOID", 1 / (1 + np.exp(-4 * (FILM - 1720.0) / 2040))),
    ],
)
def test_a_window_has_the_function_that_is_said(tmp_path, function, expected):
    said = {"WindowCenter": 1720, "WindowWidth": 2040, "VOILUTFunction": function}
    assert close(read_gray(written(tmp_path / "film.dcm", **said)), 255 * expected)


def test_a_window_that_shows_nothing_of_the_film_is_none(tmp_path):
    film = read_gray(written(tmp_path / "film.dcm", WindowCenter=60000, WindowWidth=10))
    assert close(film, grey(FILM, FILM.min(), FILM.max()))


def test_values_are_rescaled_before_the_window(tmp_path):
    said = {"RescaleSlope": -1, "RescaleIntercept": 4095, "WindowCenter": 1720, "WindowWidth": 2040}
    film = read_gray(written(tmp_path / "film.dcm", 4095 - FILM, **said))
    assert close(film, read_gray(written(tmp_path / "as-is.dcm", WindowCenter=1720, WindowWidth=2040)).astype(float))


def test_monochrome_1_is_turned_round_last(tmp_path):
    said = {"PhotometricInterpretation": "MONOCHROME1", "WindowCenter": 4095 - 1720, "WindowWidth": 2040}
    film = read_gray(written(tmp_path / "film.dcm", 4095 - FILM, **said))
    plain = read_gray(written(tmp_path / "plain.dcm", WindowCenter=1720, WindowWidth=2040))
    assert close(film, plain.astype(float))


def test_a_voi_lut_is_taken_before_the_window(tmp_path):
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [4096, 0, 12], (4095 - np.arange(4096)).tolist()
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    said = {"VOILUTSequence": Sequence([table]), "WindowCenter": 1720, "WindowWidth": 2040}
    assert close(read_gray(written(tmp_path / "film.dcm", **said)), 255 * (1 - FILM / 4095))


def test_lettering_far_above_everything_leaves_the_film_its_greys(tmp_path):
    lettered = FILM // 16
    lettered[0, :3] = 4095
    film = read_gray(written(tmp_path / "film.dcm", lettered))
    assert len(np.unique(film)) > 100


def test_signed_values_and_overlays_in_unused_bits_are_read_as_they_are_meant(tmp_path):
    signed = FILM.astype(np.int16) - 2048
    assert close(read_gray(written(tmp_path / "signed.dcm", signed)), grey(FILM, FILM.min(), FILM.max()))
    overlaid = FILM.copy()
    overlaid[5:9, 5:9] |= 1 << 14
    assert close(read_gray(written(tmp_path / "overlay.dcm", overlaid)), grey(FILM, FILM.min(), FILM.max()))


def test_a_header_says_what_the_picture_is_stored_as(tmp_path):
    path = written(tmp_path / "film", PhotometricInterpretation="MONOCHROME1")  # without a suffix
    assert read_header(path) == ("DICOM", 50, 40, "grey, 0 white", 12)


def test_facts_are_the_patient_and_what_is_known_of_the_film(tmp_path):
    said = {"PatientID": "P7", "PatientAge": "034Y", "PatientSex": "F", "ViewPosition": "PA", "Modality": "DX"}
    path = written(tmp_path / "film.dcm", Manufacturer="Philips", **said)
    traits = {"age": "34", "sex": "F", "view": "PA", "modality": "DX", "manufacturer": "Philips"}
    assert dicom_facts(path) == facts_of(path) == ("P7", traits)
    assert dicom_facts(written(tmp_path / "child.dcm", PatientAge="011M")).traits == {"age": "0"}
    assert dicom_facts(written(tmp_path / "bare.dcm", PatientAge="", PatientID=None)) == ("", {})
    assert facts_of(str(xrays.write(tmp_path / "film.png", xrays.radiograph()))) == ("", {})


def test_a_mask_has_the_stored_values(tmp_path):
    mask = read_mask(written(tmp_path / "mask.dcm", xrays.lungs().astype(np.uint16), WindowCenter=60, WindowWidth=3))
    assert np.array_equal(mask, xrays.lungs())


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"NumberOfFrames": 2}, "a DICOM of 2 frames; a film has one"),
        ({"Rows": 60000, "Columns": 60000}, "its header claims 60000×60000 pixels"),
        ({"Rows": 41}, "damaged DICOM"),
    ],
)
def test_what_is_no_single_sound_film_is_refused_in_a_line(tmp_path, said, reason):
    with pytest.raises(DataError, match=f"film.dcm: {reason}") as caught:
        read_gray(written(tmp_path / "film.dcm", **said))
    assert "\n" not in str(caught.value)


def test_a_report_holds_no_film(tmp_path):
    path = written(tmp_path / "film.dcm", Modality="SR")
    dataset = pydicom.dcmread(path)
    del dataset.PixelData
    dataset.save_as(path)
    with pytest.raises(DataError, match=r"a DICOM without a picture \(SR\)"):
        read_gray(path)


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_truncated_film_is_refused(tmp_path, share):
    path = written(tmp_path / "film.dcm")
    xrays.truncated(tmp_path / "film.dcm", share)
    with pytest.raises(DataError, match=r"film.dcm: "):
        read_gray(path)


def test_a_deflated_film_is_read_and_one_that_inflates_without_end_is_not(tmp_path):
    path = tmp_path / "film.dcm"
    assert close(read_gray(written(path, syntax=DeflatedExplicitVRLittleEndian)), grey(FILM, FILM.min(), FILM.max()))
    start = path.read_bytes()[: 132 + 12 + pydicom.dcmread(path).file_meta.FileMetaInformationGroupLength]
    deflating, bomb = zlib.compressobj(9, zlib.DEFLATED, -15), io.BytesIO(start)
    bomb.seek(0, io.SEEK_END)
    for _ in range(640):
        bomb.write(deflating.compress(bytes(1 << 20)))
    path.write_bytes(bomb.getvalue() + deflating.flush())
    with pytest.raises(DataError, match="a DICOM that inflates to more than 512 MB"):
        read_gray(str(path))


def test_without_pydicom_a_line_says_what_to_install(tmp_path):
    written(tmp_path / "film.dcm")
    code = (
        "import sys; sys.modules['pydicom'] = None\n"
        "from registry.readers.files import read_gray\n"
        "try: read_gray('film.dcm')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert 'DataError film.dcm: DICOM is read by pydicom, which is not installed: pip install "cxr-bench[dicom]"' in (
        done.stdout
    )
