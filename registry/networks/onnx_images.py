"""Images in [0, 1] as a network of an ONNX file takes them: size, channels, layout, range, type."""

from typing import Literal

import cv2
import numpy as np

from registry.errors import ContractError
from registry.networks.onnx_file import ImageInput

Span = Literal["0..1", "-1..1", "0..255", "-1024..1024", "imagenet"]

SPANS: dict[Span, tuple[float, float]] = {  # factor and offset of pixels in [0, 1]
    "0..1": (1, 0),
    "-1..1": (2, -1),
    "0..255": (255, 0),
    "-1024..1024": (2048, -1024),  # of torchxrayvision
}
IMAGENET = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])  # mean and deviation of torchvision


def taken(images: np.ndarray, how: ImageInput, span: Span) -> np.ndarray:
    """Images float32 (B,H,W,1) in [0, 1] as the network takes them, grey ones in every channel.

    Args:
        span: what the network's pixels lie in; ``imagenet`` subtracts a mean and divides by a deviation per channel.
    """
    sized = _sized(images[..., 0], how.size)
    colour = np.repeat(sized[..., None], how.channels, axis=-1)  # (B, h, w, C)
    if span == "imagenet":
        mean, deviation = (np.resize(one, how.channels) for one in IMAGENET)
        values = (colour - mean) / deviation
    else:
        factor, offset = SPANS[span]
        values = colour * factor + offset
    values = np.rint(values) if how.dtype == "uint8" else values
    values = np.moveaxis(values, -1, 1) if how.channels_first else values
    return np.ascontiguousarray(values, dtype=how.dtype)


def check_span(path: str, how: ImageInput, span: Span) -> None:
    """See that the network's type holds what its pixels are said to lie in.

    Raises:
        ContractError: it does not.
    """
    if how.dtype == "uint8" and span != "0..255":
        raise ContractError(f"{path!r} takes uint8 images, so expected range=0..255, received {span}")


def _sized(images: np.ndarray, size: tuple[int | None, int | None]) -> np.ndarray:
    """Images (B,H,W) with the sides that are fixed, by the mean of an area where they shrink."""
    height, width = (wanted or own for wanted, own in zip(size, images.shape[1:], strict=True))
    if (height, width) == images.shape[1:]:
        return images
    shrinks = height * width < images.shape[1] * images.shape[2]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    found = [cv2.resize(image, (width, height), interpolation=how) for image in images]
    return np.array(found, np.float32).reshape(len(images), height, width)
