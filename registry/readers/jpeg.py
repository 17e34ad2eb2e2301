"""JPEG data, decoded by the library that OpenCV has too, which however keeps its warnings to itself."""

import cv2
import numpy as np
import simplejpeg

from registry.errors import DataError

_PLAIN = ("Gray", "YCbCr")  # colour spaces that libjpeg turns into grey as OpenCV does


def grey_jpeg(data: bytes) -> np.ndarray:
    """The luminance uint8 (H, W), turned as its Exif says.

    Raises:
        DataError: it is damaged, though the decoder would repair it.
    """
    if jpeg_colours(data) in _PLAIN and data.find(b"Exif\0\0", 0, 1 << 16) < 0:
        return _strictly(data, "GRAY")[..., 0]
    refuse_repairs(data)
    picture: np.ndarray = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    return picture


def refuse_repairs(data: bytes) -> None:
    """Nothing for data that are decoded without a warning.

    Raises:
        DataError: for others.
    """
    _strictly(data, "CMYK" if jpeg_colours(data) in ("CMYK", "YCCK") else "RGB")


def jpeg_colours(data: bytes) -> str:
    """The colour space, such as ``Gray``."""
    try:
        colours: str = simplejpeg.decode_jpeg_header(data)[2]
    except ValueError as error:
        raise _damaged(error) from error
    return colours


def _strictly(data: bytes, colours: str) -> np.ndarray:
    try:
        picture: np.ndarray = simplejpeg.decode_jpeg(data, colours)
    except ValueError as error:
        raise _damaged(error) from error
    return picture


def _damaged(error: ValueError) -> DataError:
    return DataError(f"damaged JPEG ({str(error).removeprefix('Corrupt JPEG data: ')})")
