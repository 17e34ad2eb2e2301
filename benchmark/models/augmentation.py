"""What training images go through on the device: flips and rotations."""

import math
from typing import Any

import keras
from keras import ops

from registry.kernels import change_some, every_second_pixel

# One layer for both directions would draw once for both: every flipped image would be turned by half a circle.
FLIPS = {"both": ("horizontal", "vertical"), "anatomical": ("horizontal",), "none": ()}


def augmentation(*, flips: str, rotation: float, rotated: float, seed: int) -> keras.Sequential:
    """Layers (B,H,W,1) in [0, 1] -> the same; the identity outside training.

    Args:
        flips: ``both`` (left-right and upside-down), ``anatomical`` (left-right) or ``none``.
        rotation: at most, as a fraction of a full turn either way.
        rotated: share of the images that is rotated, in [0, 1].
        seed: of the layers until `benchmark.models.training.reseed` sets them.
    """
    layers: list[keras.layers.Layer] = [
        keras.layers.RandomFlip(direction, seed=seed + place) for place, direction in enumerate(FLIPS[flips], 1)
    ]
    if rotation and rotated:
        layers.append(SharpRotation(rotation, rotated, seed=seed))
    return keras.Sequential(layers or [keras.layers.Identity()], name="augmentation")


class SharpRotation(keras.layers.Layer):
    """Rotates a share of the images about their centre and hardly blurs them; corners become black.

    Bilinear interpolation at the image's own resolution wipes out texture of three to six pixels, which test images
    still have; so images are doubled with a bicubic kernel, and the rotated pixels are read from there.  Waves of four
    pixels keep .89 of their contrast instead of .82; averaging the doubled image back would lose all of that again.
    """

    def __init__(self, factor: float, share: float, *, seed: int, **layer_options: Any) -> None:
        super().__init__(**layer_options)
        self.factor = factor
        self.share = share
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        """(B,H,W,1) -> the same shape."""
        if not training:
            return images
        batch = ops.shape(images)[0]
        height, width = images.shape[1], images.shape[2]
        limit = 2 * math.pi * self.factor
        angle = keras.random.uniform((batch,), -limit, limit, seed=self.seed_generator)
        chosen = keras.random.uniform((batch,), seed=self.seed_generator) < self.share
        return change_some(_turned, chosen, images, _rotation(angle, 2 * height, 2 * width))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Unchanged."""
        return input_shape


def _turned(images: Any, transforms: Any) -> Any:
    """Images (B,H,W,1), by transforms (B,8) of their double."""
    double = tuple(2 * side for side in images.shape[1:3])
    large = ops.image.resize(images, double, interpolation="bicubic")
    return ops.clip(every_second_pixel(large, transforms), 0.0, 1.0)


def _rotation(angle: Any, height: int, width: int) -> Any:
    """(B, 8) projective transforms that rotate about the centre of a doubled image.

    Every second pixel of what they give lies where a pixel of the image itself has its centre: half a pixel on.
    """
    cos, sin = ops.cos(angle), ops.sin(angle)
    x, y = (width - 1) / 2, (height - 1) / 2
    right, down = 0.5 - x, 0.5 - y
    zero = ops.zeros_like(angle)
    return ops.stack(
        [cos, -sin, x + cos * right - sin * down, sin, cos, y + sin * right + cos * down, zero, zero], axis=1
    )
