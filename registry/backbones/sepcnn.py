"""A small network of doubled separable convolutions, as in the founding study."""

from typing import Annotated

import keras
from keras import layers

from registry.options import Range

CELLS = 16  # a last map of fewer cells a side cannot say where a lesion is


def sepcnn(
    image_shape: tuple[int | None, int | None, int],
    *,
    filters: Annotated[int, Range(8, 64, step=8)] = 16,
    kernel_size: Annotated[int, Range(3, 7, step=2)] = 3,
    pairs: Annotated[int, Range(1, 5)] = 4,
) -> keras.Model:
    """Pairs of separable convolutions, four of 16 to 128 filters, pooled between pairs.

    Pooling ends where it would leave fewer than 16 cells a side, so that the last map, the one to explain on, has that
    many: 16×16 for 64 or 128 pixels, 32×32 for 256.  Grad-CAM on an earlier map pointed away from lesions as often as
    at them.

    Args:
        filters: of the first pair; each pair doubles them.
        kernel_size: of every convolution, in cells.
        pairs: of convolutions.
    """
    images = keras.Input(image_shape, name="images")
    tensor = images
    side = min((side for side in image_shape[:2] if side), default=CELLS * 2**pairs)
    for pair in range(pairs):
        if pair and side // 2 >= CELLS:
            tensor = layers.MaxPooling2D()(tensor)
            side //= 2
        for _ in range(2):
            # A grey image has one channel: without a multiplier all filters of the first layer share one kernel.
            multiplier = filters if tensor is images else 1
            tensor = layers.SeparableConv2D(
                filters * 2**pair, kernel_size, depth_multiplier=multiplier, padding="same", use_bias=False
            )(tensor)
            tensor = layers.BatchNormalization(momentum=0.9)(tensor)
            tensor = layers.ReLU()(tensor)
    return keras.Model(images, tensor, name="sepcnn")
