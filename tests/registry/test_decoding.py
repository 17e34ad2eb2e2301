"""What the formats of `kinds.READ` have in common: pixels as they are stored, whole or not at all."""

import struct

import cv2
import numpy as np
import pytest

from registry.errors import DataError
from registry.readers import files
from registry.readers.decoding import MAXIMUM_PIXELS
from registry.readers.files import read_gray
from registry.readers.headers import read_header
from tests import xrays

FILM = xrays.radiograph(shape=(60, 80))
DEEP = FILM.astype(np.uint16) * 16
LOSSLESS = ("png", "tif", "bmp", "webp", "pgm", "jp2")


def encoded(suffix, pixels=FILM, *settings):
    if suffix == "webp":
        settings = (cv2.IMWRITE_WEBP_QUALITY, 101)
    return cv2.imencode(f".{suffix}", pixels, list(settings))[1].tobytes()


def read(folder, data, name="film"):
    (folder / name).write_bytes(data)
    return read_gray(str(folder / name))


def tiff(pixels, photometric, kind=1):
    """A TIFF of one strip, its directory first; `kind` is 1 of unsigned, 2 of signed numbers, 3 of fractions."""
    height, width = pixels.shape
    fields = {256: width, 257: height, 258: 8 * pixels.itemsize, 259: 1, 262: photometric, 273: 0, 277: 1, 278: height}
    fields |= {279: pixels.nbytes, 339: kind}
    start = 8 + 2 + 12 * len(fields) + 4
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value or start) for tag, value in fields.items())
    if photometric == 0:
        table = table.replace(struct.pack("<HHII", 262, 4, 1, start), struct.pack("<HHII", 262, 4, 1, 0))
    return b"II*\0" + struct.pack("<IH", 8, len(fields)) + table + bytes(4) + pixels.tobytes()


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_every_format_gives_its_pixels_whatever_the_file_is_called(tmp_path, suffix):
    found = read(tmp_path, encoded(suffix))
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - FILM).max() <= (suffix == "jp2")  # OpenCV writes that with loss


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bits_stay_as_they_are_stored(tmp_path, suffix):
    found = read(tmp_path, encoded(suffix, DEEP))
    assert found.dtype == np.uint16 and np.array_equal(found, DEEP)


@pytest.mark.parametrize("suffix", [*LOSSLESS, "jpg"])
@pytest.mark.parametrize("share", [0.05, 0.4, 0.8, 0.97])
def test_a_truncated_file_of_any_format_is_refused(tmp_path, suffix, share, capfd):
    data = encoded(suffix)
    with pytest.raises(DataError, match="film: "):
        read(tmp_path, data[: int(share * len(data))])
    assert capfd.readouterr() == ("", "")  # the error says it, by the file's name


def test_jpeg_data_that_end_early_and_are_closed_all_the_same_are_refused(tmp_path):
    data = encoded("jpg", xrays.radiograph(shape=(200, 200)))
    cut = data[: int(0.7 * len(data))] + b"\xff\xd9"
    assert cv2.imdecode(np.frombuffer(cut, np.uint8), cv2.IMREAD_GRAYSCALE) is not None  # what OpenCV makes of it
    with pytest.raises(DataError, match=r"film: damaged JPEG \(premature end of data segment\)"):
        read(tmp_path, cut)


def test_a_jpeg_is_what_opencv_makes_of_it(tmp_path):
    colours = np.dstack([FILM, FILM // 2, 255 - FILM])
    for pixels, settings in (
        (FILM, ()),
        (colours, ()),
        (FILM, (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
        (colours, (cv2.IMWRITE_JPEG_RST_INTERVAL, 2)),
    ):
        data = encoded("jpg", pixels, *settings)
        expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYDEPTH)
        assert np.array_equal(read(tmp_path, data), expected)


def test_a_jpeg_is_turned_as_its_camera_says(tmp_path):
    data = encoded("jpg")
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # orientation 6: turned right
    turned = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    assert np.array_equal(read(tmp_path, turned), np.rot90(read(tmp_path, data), -1))


@pytest.mark.parametrize("pixels", [FILM, DEEP])
def test_a_tiff_with_white_at_zero_is_turned_round(tmp_path, pixels):
    inverse = pixels.max() - pixels if pixels.dtype == np.uint16 else 255 - pixels
    assert np.array_equal(read(tmp_path, tiff(inverse, 0)), pixels - (pixels.min() if pixels is DEEP else 0))
    assert read_header(str(tmp_path / "film")).colour == "grey, 0 white"
    assert np.array_equal(read(tmp_path, tiff(pixels, 1)), pixels)


def test_signed_numbers_are_moved_to_zero_and_fractions_are_refused(tmp_path):
    assert np.array_equal(read(tmp_path, tiff(DEEP.astype(np.int16) - 2000, 1, 2)), DEEP - DEEP.min())
    with pytest.raises(DataError, match=r"pixels of 32 bits \(float32\) are not read; store 8 or 16 bits"):
        read(tmp_path, tiff(FILM.astype(np.float32), 1, 3))


def test_a_tiff_of_several_films_is_refused_and_one_with_a_preview_is_read(tmp_path):
    half = np.ascontiguousarray(FILM[::2, ::2])
    for pages, films in (([FILM, FILM.T.copy(), half], 1), ([FILM, half], 1), ([FILM, half, FILM, FILM], 3)):
        found, data = cv2.imencodemulti(".tiff", pages)
        assert found
        if films == 1:
            assert np.array_equal(read(tmp_path, data.tobytes()), FILM)
            continue
        with pytest.raises(DataError, match="a TIFF of 3 pages; a film has one"):
            read(tmp_path, data.tobytes())


def test_numbers_in_words_are_read(tmp_path):
    words = " ".join(map(str, DEEP.ravel()))
    assert np.array_equal(read(tmp_path, f"P2\n# a comment\n80 60\n4095\n{words}".encode()), DEEP)


def test_a_format_that_is_not_read_is_named_with_the_way_out(tmp_path):
    with pytest.raises(DataError, match=r"film.png: GIF is not read; convert it to PNG, such as with: magick"):
        read(tmp_path, b"GIF89a" + bytes(40), "film.png")


def test_a_header_that_claims_more_than_any_film_is_refused_before_it_is_decoded(tmp_path):
    data = bytearray(encoded("bmp"))
    data[18:26] = struct.pack("<ii", 1 << 15, (MAXIMUM_PIXELS >> 15) + 1)
    with pytest.raises(DataError, match="its header claims 32768×8193 pixels"):
        read(tmp_path, bytes(data))


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_a_large_file_is_not_held_beside_its_pixels_and_reads_alike(tmp_path, monkeypatch, suffix):
    data = encoded(suffix, DEEP if suffix != "jpg" else FILM)
    small = read(tmp_path, data)
    monkeypatch.setattr(files, "LARGE", 1)
    assert np.array_equal(read(tmp_path, data), small)
    with pytest.raises(DataError, match="film: "):
        read(tmp_path, data[: len(data) // 2])


@pytest.mark.parametrize(
    ("suffix", "pixels", "expected"),
    [
        ("tif", DEEP, ("TIFF", 80, 60, "grey", 16)),
        ("tif", np.dstack([FILM] * 3), ("TIFF", 80, 60, "colour", 8)),
        ("bmp", FILM, ("BMP", 80, 60, "palette", 8)),
        ("bmp", np.dstack([FILM] * 3), ("BMP", 80, 60, "colour", 8)),
        ("webp", FILM, ("WebP", 80, 60, "colour", 8)),
        ("pgm", FILM, ("PGM", 80, 60, "grey", 8)),
        ("pgm", DEEP, ("PGM", 80, 60, "grey", 16)),
        ("jp2", FILM, ("JPEG 2000", 80, 60, "grey", 8)),
        ("jp2", DEEP, ("JPEG 2000", 80, 60, "grey", 16)),
    ],
)
def test_headers_of_every_format_say_size_colour_and_bits(tmp_path, suffix, pixels, expected):
    (tmp_path / "film").write_bytes(encoded(suffix, pixels))
    assert read_header(str(tmp_path / "film")) == expected


def test_white_is_what_the_header_of_a_pgm_says(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P5\n# of 50\n16 16\n50\n" + bytes([0, 10, 30, 50]) * 64)
    assert read_gray(tmp_path / "a.pgm")[0, :4].tolist() == [0, 51, 153, 255]


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_a_film_is_one_picture_and_no_animation(tmp_path, suffix):
    image = pytest.importorskip("PIL.Image")
    first, second = (image.fromarray(xrays.radiograph(seed)).convert("RGB") for seed in (1, 2))
    first.save(tmp_path / f"a{suffix}", save_all=True, append_images=[second])
    with pytest.raises(DataError, match="an animated"):
        read_gray(tmp_path / f"a{suffix}")
    first.save(tmp_path / f"b{suffix}")
    assert read_gray(tmp_path / f"b{suffix}").shape == (40, 40)
