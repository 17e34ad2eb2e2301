"""A backbone, a head and a dataset for cxr-bench."""

from functools import partial
from typing import Annotated, NamedTuple

import keras
import numpy as np
from keras import layers

from registry.contracts import Sample
from registry.options import Range


def strided(image_shape, *, filters: Annotated[int, Range(8, 64)] = 16):
    """Two strided convolutions."""
    images = keras.Input(image_shape)
    tensor = images
    for width in (filters, 2 * filters):
        tensor = layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")(tensor)
    return keras.Model(images, tensor)


def linear(feature_shape, num_classes):
    """Global average pooling and one linear layer."""
    features = keras.Input(feature_shape)
    return keras.Model(features, layers.Dense(num_classes)(layers.GlobalAveragePooling2D()(features)))


class Discs(NamedTuple):
    """Noise with a bright disc, or without."""

    count: int
    name: str = "discs"
    labels: tuple[str, ...] = ("Normal", "COVID")
    licence: str = "CC0"
    origin: str = "drawn by code"
    notices: tuple[str, ...] = ("drawn: no number on these images says anything about patients",)

    def samples(self):
        """Every other one has a disc."""
        for number in range(self.count):
            label = self.labels[number % 2]
            yield Sample(f"disc-{number}", label, None, f"patient-{number}", partial(draw, number))


def discs(root=None, *, count: int = 200):
    """Noise with a bright disc (COVID) or without (Normal)."""
    return Discs(count)


def draw(number):
    """One image, uint8 (64, 64)."""
    rng = np.random.default_rng(number)
    image = rng.integers(40, 160, (64, 64))
    y, x = np.mgrid[:64, :64] - rng.integers(16, 48, (2, 1, 1))
    return (image + 90 * (number % 2) * (x**2 + y**2 < 100)).astype(np.uint8)
