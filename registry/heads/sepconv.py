"""A head that mixes neighbouring cells before it pools."""

from typing import Annotated

import keras
from keras import layers

from registry.options import Range


def sepconv(
    feature_shape: tuple[int | None, int | None, int],
    num_classes: int,
    *,
    filters: Annotated[int, Range(16, 512, step=16)] = 128,
    dropout: Annotated[float, Range(0, 0.5)] = 0.2,
) -> keras.Model:
    """A separable convolution, global average pooling, dense.

    Args:
        filters: of the separable convolution.
        dropout: share of the pooled features dropped in training.
    """
    features = keras.Input(feature_shape, name="features")
    tensor = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(features)
    tensor = layers.BatchNormalization(momentum=0.9)(tensor)
    tensor = layers.ReLU()(tensor)
    tensor = layers.GlobalAveragePooling2D()(tensor)
    tensor = layers.Dropout(dropout)(tensor)
    return keras.Model(features, layers.Dense(num_classes, dtype="float32")(tensor), name="sepconv")
