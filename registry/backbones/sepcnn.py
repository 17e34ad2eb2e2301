"""A small network of doubled separable convolutions, as in the founding study."""

from typing import Annotated

import keras
from keras import layers

from registry.options import Range

PAIRS = 4


def sepcnn(
    image_shape: tuple[int | None, int | None, int],
    *,
    filters: Annotated[int, Range(8, 64, step=8)] = 16,
    kernel_size: Annotated[int, Range(3, 7, step=2)] = 3,
) -> keras.Model:
    """Four pairs of separable convolutions, 16 to 128 filters, pooled between pairs.

    The finer map to explain on is the third pair's output: 16×16 cells for 64 pixels, four pixels a cell.

    Args:
        filters: of the first pair; each pair doubles them.
        kernel_size: of every convolution, in cells.
    """
    images = keras.Input(image_shape, name="images")
    tensor = images
    maps = []
    for pair in range(PAIRS):
        if pair:
            tensor = layers.MaxPooling2D(padding="same")(tensor)
        for _ in range(2):
            # A grey image has one channel: without a multiplier all filters of the first layer share one kernel.
            multiplier = filters if tensor is images else 1
            tensor = layers.SeparableConv2D(
                filters * 2**pair, kernel_size, depth_multiplier=multiplier, padding="same", use_bias=False
            )(tensor)
            tensor = layers.BatchNormalization(momentum=0.9)(tensor)
            tensor = layers.ReLU()(tensor)
        maps.append(tensor)
    return keras.Model(images, [maps[-1], maps[-2]], name="sepcnn")
