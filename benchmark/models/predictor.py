"""A trained backbone and head joined to predict: images to logits, or to the features that other heads learn from."""

from pathlib import Path
from typing import TYPE_CHECKING

import keras

from registry.networks.explanation import features
from registry.networks.saved import load_network

if TYPE_CHECKING:
    from benchmark.tasks.spec import RunSpec


def load_backbone(path: Path, spec: "RunSpec") -> keras.Model:
    """A run's backbone, with the precision that it was trained in."""
    return load_network(path, "backbone", spec.backbone.name)


def load_head(path: Path, spec: "RunSpec") -> keras.Model:
    """The network that a run's backbone was trained with."""
    return load_network(path, "head", spec.trained_head.name)


def joined(backbone: keras.Model, head: keras.Model, size: int) -> keras.Model:
    """uint8 images (B,H,W,1) -> logits (B,K)."""
    inputs = keras.Input((size, size, 1), dtype="uint8")
    return keras.Model(inputs, head(features(backbone(keras.layers.Rescaling(1 / 255, dtype="float32")(inputs)))))


def pooled(backbone: keras.Model, size: int) -> keras.Model:
    """uint8 images (B,H,W,1) -> mean features (B,C)."""
    inputs = keras.Input((size, size, 1), dtype="uint8")
    cells = features(backbone(keras.layers.Rescaling(1 / 255, dtype="float32")(inputs)))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D(dtype="float32")(cells))
