"""A small U-Net (Ronneberger et al. 2015, arXiv:1505.04597) that draws the lungs."""

from typing import Annotated, Any

import keras
from keras import layers

from registry.errors import ContractError
from registry.options import Range

LEVELS = 4


def unet(
    image_shape: tuple[int | None, int | None, int],
    *,
    filters: Annotated[int, Range(4, 64, step=4)] = 8,
    dropout: Annotated[float, Range(0, 0.5)] = 0.0,
) -> keras.Model:
    """U-Net of four levels with batch normalisation, about 0.6 M parameters.

    Args:
        filters: of the first level; each level doubles them.
        dropout: share of the deepest features dropped in training.

    Raises:
        ContractError: height or width is not a multiple of 16.
    """
    _check_size(image_shape)
    images = keras.Input(image_shape, name="images")
    tensor, skips = images, []
    for level in range(LEVELS):
        tensor = _double(tensor, filters * 2**level)
        skips.append(tensor)
        tensor = layers.MaxPooling2D()(tensor)
    tensor = _double(tensor, filters * 2**LEVELS)
    tensor = layers.Dropout(dropout)(tensor)
    for level in reversed(range(LEVELS)):
        width = filters * 2**level
        tensor = layers.Conv2DTranspose(width, 3, strides=2, padding="same")(tensor)
        tensor = _double(layers.Concatenate()([skips[level], tensor]), width)
    # float32 whatever the precision policy: half precision cannot hold a probability close to 1
    return keras.Model(images, layers.Conv2D(1, 1, activation="sigmoid", dtype="float32")(tensor), name="unet")


def _double(tensor: Any, filters: int) -> Any:
    for _ in range(2):
        tensor = layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(tensor)
        tensor = layers.BatchNormalization(momentum=0.9)(tensor)
        tensor = layers.ReLU()(tensor)
    return tensor


def _check_size(image_shape: tuple[int | None, int | None, int]) -> None:
    cell = 2**LEVELS
    for side in image_shape[:2]:
        if side is not None and side % cell:
            fitting = f"{max(side // cell, 1) * cell} or {(side // cell + 1) * cell}"
            raise ContractError(
                f"unet halves the image {LEVELS} times, so its sides must be multiples of {cell}, "
                f"received {image_shape[0]}x{image_shape[1]}; use {fitting} (images.size)"
            )
