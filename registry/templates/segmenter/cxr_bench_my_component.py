"""A segmenter for cxr-bench, a network that learns from the lung masks of a dataset."""

from typing import Annotated

import keras
from keras import layers
from registry.options import Range


def my_component(
    image_shape: tuple[int | None, int | None, int],
    *,
    filters: Annotated[int, Range(8, 64, step=8)] = 16,
) -> keras.Model:
    """Convolutions at full, half and quarter resolution, joined at full resolution.

    The sides of an image are multiples of four.

    Args:
        filters: of the convolutions at full resolution; each halving doubles them.
    """
    images = keras.Input(image_shape)  # (B, H, W, 1) in [0, 1]
    tensor, levels = images, []
    for level in range(3):
        tensor = layers.MaxPooling2D()(tensor) if level else tensor
        tensor = layers.Conv2D(filters * 2**level, 3, padding="same", use_bias=False)(tensor)
        tensor = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(tensor))
        levels.append(layers.UpSampling2D(2**level, interpolation="bilinear")(tensor) if level else tensor)
    lungs = layers.Conv2D(1, 3, padding="same", activation="sigmoid", dtype="float32")(layers.Concatenate()(levels))
    return keras.Model(images, lungs)  # probability of lung (B, H, W, 1)
