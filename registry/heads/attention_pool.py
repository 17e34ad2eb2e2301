"""A head that learns which cells of the map to look at."""

from typing import Annotated

import keras
from keras import layers

from registry.options import Range


def attention_pool(
    feature_shape: tuple[int | None, int | None, int],
    num_classes: int,
    *,
    units: Annotated[int, Range(16, 256, step=16)] = 64,
    dropout: Annotated[float, Range(0, 0.5)] = 0.2,
) -> keras.Model:
    """Mean of the cells weighted by gated attention, then one linear layer (Ilse et al. 2018, arXiv:1802.04712).

    Cell i enters with weight softmax_i(w · (tanh(V h_i) ⊙ sigmoid(U h_i))); the weights sum to 1 over the cells.

    Args:
        units: rows of V and U.
        dropout: share of the pooled features dropped in training.
    """
    features = keras.Input(feature_shape, name="features")
    cells = layers.Reshape((-1, feature_shape[-1]))(features)  # (B, h*w, C)
    content = layers.Dense(units, activation="tanh", name="content")(cells)
    gate = layers.Dense(units, activation="sigmoid", name="gate")(cells)
    scores = layers.Dense(1, use_bias=False, dtype="float32", name="scores")(layers.Multiply()([content, gate]))
    weights = layers.Softmax(axis=1, dtype="float32", name="attention")(scores)  # (B, h*w, 1)
    pooled = layers.Flatten()(layers.Dot(axes=1)([weights, cells]))  # (B, C)
    tensor = layers.Dropout(dropout)(pooled)
    return keras.Model(features, layers.Dense(num_classes, dtype="float32")(tensor), name="attention_pool")
