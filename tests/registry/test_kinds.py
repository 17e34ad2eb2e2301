import os

import cv2
import pytest

from registry.readers.kinds import READ, file_kind, is_image, kind
from tests import xrays

ENCODED = {"png": "PNG", "jpg": "JPEG", "tif": "TIFF", "bmp": "BMP", "webp": "WebP", "pgm": "PGM", "jp2": "JPEG 2000"}


@pytest.mark.parametrize(("suffix", "name"), ENCODED.items())
def test_the_format_is_told_by_the_first_bytes_whatever_the_name(tmp_path, suffix, name):
    path = tmp_path / "radiograph"
    path.write_bytes(cv2.imencode(f".{suffix}", xrays.radiograph())[1].tobytes())
    assert file_kind(path) == name in READ
    assert is_image(path)


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (bytes(128) + b"DICM", "DICOM"),
        (b"\x08\0\x05\0CS\x0a\0ISO_IR 100", "DICOM"),
        (b"\x08\0\x05\0\x0a\0\0\0ISO_IR 100", "DICOM"),
        (b"GIF89a\x20\0", "GIF"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (bytes(344) + b"n+1\0", "NIfTI"),
    ],
)
def test_formats_are_known_whether_they_are_read_or_not(start, name):
    assert kind(start) == name


@pytest.mark.parametrize("start", [b"", b"P3 is a patient", b"BMW", b"file,label\n1.png,Normal\n", b"\x89PN"])
def test_anything_else_has_no_format(start):
    assert kind(start) == ""


def test_a_file_with_the_suffix_of_an_image_counts_so_that_its_damage_is_told(tmp_path):
    for name, counts in (("empty.png", True), ("note.JFIF", True), ("note.txt", False), ("note", False)):
        (tmp_path / name).write_bytes(b"a note")
        assert is_image(tmp_path / name) is counts


def test_a_format_that_is_not_read_is_no_image(tmp_path):
    (tmp_path / "film.gif").write_bytes(b"GIF89a")
    assert file_kind(tmp_path / "film.gif") == "GIF"
    assert not is_image(tmp_path / "film.gif")


def test_a_pipe_a_folder_and_a_missing_file_have_no_format(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert [file_kind(tmp_path / name) for name in ("pipe", ".", "missing")] == ["", "", ""]
