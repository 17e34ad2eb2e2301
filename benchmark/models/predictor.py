"""A trained backbone and head joined to predict: images to logits, or to the features that other heads learn from."""

from pathlib import Path

import keras

from registry.networks.explanation import features


def load_networks(*paths: Path) -> list[keras.Model]:
    """Saved networks, each with the precision that it was trained in."""
    return [keras.saving.load_model(path, compile=False) for path in paths]


def joined(backbone: keras.Model, head: keras.Model, size: int) -> keras.Model:
    """uint8 images (B,H,W,1) -> logits (B,K)."""
    inputs = keras.Input((size, size, 1), dtype="uint8")
    return keras.Model(inputs, head(features(backbone(keras.layers.Rescaling(1 / 255, dtype="float32")(inputs)))))


def pooled(backbone: keras.Model, size: int) -> keras.Model:
    """uint8 images (B,H,W,1) -> mean features (B,C)."""
    inputs = keras.Input((size, size, 1), dtype="uint8")
    cells = features(backbone(keras.layers.Rescaling(1 / 255, dtype="float32")(inputs)))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D(dtype="float32")(cells))
