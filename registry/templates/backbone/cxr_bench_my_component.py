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
    """Four convolutions, two of them strided; the feature map has a quarter of the image's sides.

    Args:
        filters: of the first convolution; the second has twice, the others four times as many.
    """
    images = keras.Input(image_shape)  # (B, H, W, 1) in [0, 1]
    tensor = images
    for width, strides in ((filters, 2), (2 * filters, 2), (4 * filters, 1), (4 * filters, 1)):
        tensor = layers.Conv2D(width, 3, strides=strides, padding="same", use_bias=False)(tensor)
        tensor = layers.BatchNormalization(momentum=0.9)(tensor)
        tensor = layers.ReLU()(tensor)
    return keras.Model(images, tensor)  # (B, H / 4, W / 4, 4 * filters)
