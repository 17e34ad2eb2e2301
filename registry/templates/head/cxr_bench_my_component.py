"""A head for cxr-bench."""

from typing import Annotated

import keras
from keras import layers
from registry.options import Range


def my_component(
    feature_shape: tuple[int | None, int | None, int],
    num_classes: int,
    *,
    dropout: Annotated[float, Range(0, 0.5)] = 0.2,
) -> keras.Model:
    """Mean and maximum of every feature, then one linear layer.

    Args:
        dropout: share of the pooled features dropped in training.
    """
    features = keras.Input(feature_shape)  # (B, h, w, C)
    mean = layers.GlobalAveragePooling2D()(features)
    highest = layers.GlobalMaxPooling2D()(features)
    pooled = layers.Dropout(dropout)(layers.Concatenate()([mean, highest]))
    return keras.Model(features, layers.Dense(num_classes, dtype="float32")(pooled))  # logits (B, K), no softmax
