"""The lower part of Xception (Chollet 2017, arXiv:1610.02357), with ImageNet's weights or a fresh start."""

from pathlib import Path
from typing import Annotated

import keras
from keras import layers

from registry.errors import WeightsError
from registry.options import Range

CELLS = 16  # a map of fewer cells a side cannot localise
PUBLISHED = "xception_weights_tf_dim_ordering_tf_kernels_notop.h5"
STEM = 6  # block1_conv2_act, the last layer before the first shortcut


def xception(
    image_shape: tuple[int | None, int | None, int],
    *,
    cut: Annotated[int, Range(STEM, 131)] = 45,
    weights: str | None = "imagenet",
    frozen: bool = False,
) -> keras.Model:
    """Xception up to a layer, by default the sum that closes block 5.

    The finer map to explain on is the deepest sum (or the stem) that has at least 16 cells a side; there is none where
    the last map has as many, from 256 pixels on.  At 64 pixels only the stem has, two convolutions deep: a map to
    distrust.

    Args:
        cut: index in Keras's list of Xception's layers.
        weights: ``imagenet`` (downloaded once), a local weights file without top, or none.
        frozen: keep the weights and batch statistics as they are.

    Raises:
        WeightsError: the weights are not here and cannot be downloaded, or the file holds others.
    """
    network = _network(weights)
    last = network.layers[cut].output
    tensors = [network.layers[STEM].output]
    tensors += [layer.output for layer in network.layers[:cut] if isinstance(layer, layers.Add)]
    depth = _finest(network.input, tensors, last, image_shape)

    images = keras.Input(image_shape, name="images")
    colour = layers.Rescaling(2.0, offset=-1.0)(layers.Concatenate()([images] * 3))  # Xception reads [-1, 1]
    if depth is None:
        outputs = keras.Model(network.input, last, name="xception_body")(colour)
    else:
        fine = keras.Model(network.input, tensors[depth], name="xception_lower")(colour)
        outputs = [keras.Model(tensors[depth], last, name="xception_upper")(fine), fine]
    backbone = keras.Model(images, outputs, name="xception")
    backbone.trainable = not frozen
    return backbone


def _network(weights: str | None) -> keras.Model:
    if weights is None:
        network = keras.applications.Xception(weights=None, include_top=False, input_shape=(None, None, 3))
        for layer in network.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.momentum = 0.9  # Keras's .99 leaves validation behind for hundreds of steps
        return network
    if weights != "imagenet" and not Path(weights).is_file():
        raise WeightsError(
            f"no weights file {weights!r} for backbone 'xception'; give an existing file, weights=imagenet or none"
        )
    try:
        return keras.applications.Xception(weights=weights, include_top=False, input_shape=(None, None, 3))
    except Exception as error:  # Keras raises bare Exception when a download fails
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"Xception's weights {weights!r} cannot be had ({reason}); "
            f"use weights=none, or weights=FILE with a copy of {PUBLISHED}"
        ) from error


def _finest(start: object, tensors: list, last: object, image_shape: tuple[int | None, int | None, int]) -> int | None:
    """Index of the deepest tensor with enough cells; None where the last map has them or the size is open."""
    if None in image_shape:
        return None
    shape = (1, *image_shape[:2], 3)
    sides = [min(shape[1:3]) for shape in keras.Model(start, [*tensors, last]).compute_output_shape(shape)]
    if sides[-1] >= CELLS:
        return None
    return max((i for i, side in enumerate(sides) if side >= CELLS), default=None)
