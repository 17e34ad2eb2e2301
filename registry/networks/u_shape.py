"""The U that segmenters share: a way down, a way up, and skips across (Ronneberger et al. 2015, arXiv:1505.04597).

They differ in how they convolve, and in how a level joins its skip to what comes from below.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers

from registry.errors import ContractError

LEVELS = 5  # of resolution, each half of the one above

Convolve = Callable[[Any, int], Any]
Join = Callable[[Any, Any, int], Any]


def u_shape(
    name: str,
    image_shape: tuple[int | None, int | None, int],
    *,
    widths: Sequence[int],
    dropout: float,
    convolve: Convolve,
    join: Join,
) -> keras.Model:
    """Images (B,H,W,1) in [0, 1] -> lung probability (B,H,W,1), in five levels.

    Args:
        widths: filters of each level, from the finest.
        dropout: share of the deepest features dropped in training.
        convolve: (tensor, filters) -> tensor of the same size; a level's work on the way down and on the way up.
        join: (skip, tensor of the level below, filters) -> tensor of the skip's size.

    Raises:
        ContractError: height or width is not a multiple of 16.
    """
    _check_size(name, image_shape)
    images = keras.Input(image_shape, name="images")
    tensor, skips = images, []
    for width in widths[:-1]:
        tensor = convolve(tensor, width)
        skips.append(tensor)
        tensor = layers.MaxPooling2D()(tensor)
    tensor = convolve(tensor, widths[-1])
    tensor = layers.Dropout(dropout)(tensor)
    for width, skip in zip(reversed(widths[:-1]), reversed(skips), strict=True):
        tensor = convolve(join(skip, tensor, width), width)
    # float32 whatever the precision policy: half precision cannot hold a probability close to 1
    return keras.Model(images, layers.Conv2D(1, 1, activation="sigmoid", dtype="float32")(tensor), name=name)


def doubling(filters: int) -> tuple[int, ...]:
    """Widths of the levels, each twice as wide as the one above."""
    return tuple(filters * 2**level for level in range(LEVELS))


def convolved_twice(tensor: Any, filters: int) -> Any:
    """Two convolutions, each normalised and rectified."""
    for _ in range(2):
        tensor = layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(tensor)
        tensor = rectified(tensor)
    return tensor


def rectified(tensor: Any) -> Any:
    """Batch normalisation and ReLU."""
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(tensor))


def enlarged(tensor: Any, filters: int) -> Any:
    """Twice the size, by a transposed convolution."""
    return layers.Conv2DTranspose(filters, 3, strides=2, padding="same")(tensor)


def _check_size(name: str, image_shape: tuple[int | None, int | None, int]) -> None:
    halvings = LEVELS - 1
    cell = 2**halvings
    for side in image_shape[:2]:
        if side is not None and side % cell:
            fitting = f"{max(side // cell, 1) * cell} or {(side // cell + 1) * cell}"
            raise ContractError(
                f"{name} halves the image {halvings} times, so its sides must be multiples of {cell}, "
                f"received {image_shape[0]}x{image_shape[1]}; use {fitting} (images.size)"
            )
