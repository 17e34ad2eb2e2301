"""The founding study's head: pooled features through one dense layer."""

from typing import Annotated

import keras
from keras import layers

from registry.options import Range


def dense(
    feature_shape: tuple[int | None, int | None, int],
    num_classes: int,
    *,
    units: Annotated[int, Range(16, 512, step=16)] = 224,
    dropout: Annotated[float, Range(0, 0.5)] = 0.2,
) -> keras.Model:
    """Global average pooling and one dense layer.

    Args:
        units: of the dense layer.
        dropout: share of its outputs dropped in training.
    """
    features = keras.Input(feature_shape, name="features")
    tensor = layers.GlobalAveragePooling2D()(features)
    tensor = layers.Dense(units, use_bias=False)(tensor)
    tensor = layers.BatchNormalization(momentum=0.9)(tensor)  # without it a small network dies at the start
    tensor = layers.ReLU()(tensor)
    tensor = layers.Dropout(dropout)(tensor)
    return keras.Model(features, layers.Dense(num_classes, dtype="float32")(tensor), name="dense")
