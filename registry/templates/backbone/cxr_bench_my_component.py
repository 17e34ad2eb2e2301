"""A backbone for cxr-bench."""

from typing import Annotated

import keras
from keras import layers
from registry.options import Range


def my_component(
    image_shape: tuple[int | None, int | None, int],
    *,
    filters: Annotated[int, Range(8, 64, step=8)] = 16,
) -> keras.Model:
    """Three strided convolutions; the feature map has an eighth of the image's sides.

    Args:
        filters: of the first convolution; each of the others has twice as many.
    """
    images = keras.Input(image_shape)  # (B, H, W, 1) in [0, 1]
    tensor = images
    for width in (filters, 2 * filters, 4 * filters):
        tensor = layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False)(tensor)
        tensor = layers.BatchNormalization(momentum=0.9)(tensor)
        tensor = layers.ReLU()(tensor)
    return keras.Model(images, tensor)  # (B, H / 8, W / 8, 4 * filters)
