import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data.depth import eight_bits
from registry.errors import DataError
from registry.readers.files import read_gray, read_mask
from tests import xrays


def test_a_png_comes_back_pixel_for_pixel(tmp_path):
    path = xrays.write(tmp_path / "radiograph.png", xrays.radiograph())
    assert np.array_equal(read_gray(str(path)), xrays.radiograph())


def test_colour_with_equal_channels_gives_the_gray_picture(tmp_path):
    path = xrays.write(tmp_path / "radiograph.png", np.dstack([xrays.radiograph()] * 3))
    assert np.array_equal(read_gray(str(path)), xrays.radiograph())


def test_an_alpha_channel_is_dropped(tmp_path):
    opaque = np.full((40, 40), 255, np.uint8)
    path = xrays.write(tmp_path / "radiograph.png", np.dstack([*[xrays.radiograph()] * 3, opaque]))
    assert np.array_equal(read_gray(str(path)), xrays.radiograph())


def test_jpeg_in_gray_and_in_colour_gives_one_channel(tmp_path):
    gray = read_gray(str(xrays.write(tmp_path / "gray.JPG", xrays.radiograph())))
    colour = read_gray(str(xrays.write(tmp_path / "colour.jpeg", np.dstack([xrays.radiograph()] * 3))))
    assert gray.shape == colour.shape == (40, 40)
    assert np.abs(gray.astype(int) - xrays.radiograph()).mean() < 4


def test_sixteen_bits_are_scaled_by_their_own_depth(tmp_path):
    deep = np.zeros((16, 16), np.uint16)
    deep[0, :4] = [65535, 257, 32896, 128]  # 255 · 257, 1 · 257, 128 · 257, and just below half a step
    stored = read_gray(str(xrays.write(tmp_path / "deep.png", deep)))
    assert np.array_equal(stored, deep)  # as it is: what its dataset needs is not known here
    pixels = eight_bits(stored, 16)
    assert pixels.dtype == np.uint8
    assert pixels[0, :4].tolist() == [255, 1, 128, 0]


def test_names_with_any_characters_are_read(tmp_path):
    path = xrays.write(tmp_path / "Lungenöf fnung № 7 (肺).png", xrays.radiograph())
    assert read_gray(str(path)).shape == (40, 40)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@settings(deadline=None)
@given(share=st.floats(0.01, 0.99))
def test_every_truncation_is_found(tmp_path_factory, suffix, share):
    path = xrays.truncated(
        xrays.write(tmp_path_factory.mktemp("cut") / f"radiograph{suffix}", xrays.radiograph()), share
    )
    with pytest.raises(DataError, match=f"radiograph{suffix}: (truncated|neither)"):
        read_gray(str(path))


def test_bytes_after_the_end_are_no_truncation(tmp_path):
    for name in ("radiograph.png", "radiograph.jpg"):
        path = xrays.write(tmp_path / name, xrays.radiograph())
        path.write_bytes(path.read_bytes() + b"\0\0trailer")
        assert read_gray(str(path)).shape == (40, 40)


def test_a_flipped_bit_in_a_png_is_found_by_its_checksum(tmp_path):
    path = xrays.write(tmp_path / "radiograph.png", xrays.radiograph())
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 20] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"radiograph.png: damaged PNG"):
        read_gray(str(path))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", r"empty file \(0 bytes\)"), (b"hello, I am a text", "neither PNG nor JPEG"), (b"\x89PNG", "truncated")],
)
def test_what_is_no_image_is_named_with_its_reason(tmp_path, content, reason):
    path = tmp_path / "COVID" / "images" / "COVID-1.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"^COVID/images/COVID-1.png: {reason}"):
        read_gray(str(path))


def test_colour_of_sixteen_bits_and_pictures_of_one_bit_are_read(tmp_path):
    deep = np.dstack([xrays.radiograph().astype(np.uint16) * 257] * 3)
    stored = read_gray(str(xrays.write(tmp_path / "deep.png", deep)))
    assert np.array_equal(eight_bits(stored), xrays.radiograph())
    data = cv2.imencode(".png", xrays.lungs().astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])[1]
    (tmp_path / "bits.png").write_bytes(data.tobytes())
    assert np.array_equal(read_mask(str(tmp_path / "bits.png")), xrays.lungs())


def test_an_absent_file_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_gray(str(tmp_path / "none.png"))


def test_a_single_pixel_is_no_radiograph_but_may_be_a_mask(tmp_path):
    path = xrays.write(tmp_path / "dot.png", np.full((1, 1), 255, np.uint8))
    with pytest.raises(DataError, match="1×1 pixels; an image needs at least 16"):
        read_gray(str(path))
    assert read_mask(str(path)).all()


def test_masks_of_0_255_of_0_1_and_of_numbered_lungs_mean_the_same(tmp_path):
    left = np.zeros((20, 20), np.uint8)
    left[4:16, 2:8] = 1
    right = left[:, ::-1]
    for name, pixels in {"a": (left + right) * 255, "b": left + right, "c": left + 2 * right}.items():
        mask = read_mask(str(xrays.write(tmp_path / f"{name}.png", pixels)))
        assert mask.dtype == bool
        assert np.array_equal(mask, (left + right) > 0)


def test_the_blurred_rim_of_a_jpeg_mask_is_cut_at_half(tmp_path):
    mask = read_mask(str(xrays.write(tmp_path / "mask.jpg", xrays.lungs())))
    assert (mask != xrays.lungs()).mean() < 0.01


def test_opencv_alone_would_have_returned_half_an_image(tmp_path, capfd):
    """Why completeness is checked here; should OpenCV ever refuse, the check may go."""
    path = xrays.truncated(xrays.write(tmp_path / "radiograph.jpg", xrays.radiograph(shape=(200, 200))))
    assert cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) is not None
