import struct

import cv2
import numpy as np
import pytest

from registry.readers.headers import Header, read_header

GREY = np.arange(20 * 30, dtype=np.uint8).reshape(20, 30)


def written(folder, suffix, picture):
    path = folder / f"picture{suffix}"
    assert cv2.imwrite(str(path), picture)
    return str(path)


@pytest.mark.parametrize(
    ("suffix", "picture", "expected"),
    [
        (".png", GREY, ("PNG", "grey", 8)),
        (".png", GREY.astype(np.uint16), ("PNG", "grey", 16)),
        (".png", np.repeat(GREY[..., None], 3, axis=2), ("PNG", "colour", 8)),
        (".png", np.repeat(GREY[..., None], 4, axis=2), ("PNG", "colour and alpha", 8)),
        (".jpg", GREY, ("JPEG", "grey", 8)),
        (".jpg", np.repeat(GREY[..., None], 3, axis=2), ("JPEG", "colour", 8)),
    ],
)
def test_a_header_says_format_size_colour_and_bits(tmp_path, suffix, picture, expected):
    kind, colour, bits = expected
    assert read_header(written(tmp_path, suffix, picture)) == Header(kind, 30, 20, colour, bits)


def test_what_a_camera_wrote_before_the_picture_is_passed_over(tmp_path):
    path = tmp_path / "picture.jpg"
    written(tmp_path, ".jpg", GREY)
    content = path.read_bytes()
    aside = b"\xff\xe1" + struct.pack(">H", 60_002) + b"\xff\xc0" * 30_000  # bytes that look like a frame's
    path.write_bytes(content[:2] + b"\xff" + aside + content[2:])  # behind a fill byte
    assert read_header(str(path)) == Header("JPEG", 30, 20, "grey", 8)


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\xd8\xff\xe1\x00", b"BM" + bytes(60)]
)
def test_what_has_no_header_has_none(tmp_path, content):
    (tmp_path / "broken").write_bytes(content)
    assert read_header(str(tmp_path / "broken")) is None
    assert read_header(str(tmp_path / "absent")) is None
