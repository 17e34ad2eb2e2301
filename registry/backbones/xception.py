"""The lower part of Xception (Chollet 2017, arXiv:1610.02357), with ImageNet's weights or a fresh start."""

from typing import Annotated

import keras
from keras import layers

from registry.networks.finer import join
from registry.networks.pretrained import application, freeze
from registry.options import Range

PUBLISHED = "xception_weights_tf_dim_ordering_tf_kernels_notop.h5"
STEM = 6  # block1_conv2_act, the last layer before the first shortcut


def xception(
    image_shape: tuple[int | None, int | None, int],
    *,
    cut: Annotated[int, Range(STEM, 131)] = 45,
    weights: str | None = "imagenet",
    frozen: bool = False,
) -> keras.Model:
    """Xception (Chollet 2017, arXiv:1610.02357) up to a layer, by default the sum that closes block 5.

    The finer map to explain on is the deepest that has at least 16 cells a side and that all later ones pass through: a
    block's sum or the stem.  There is none where the last map has as many, from 256 pixels on.  At 64 pixels only the
    stem has, two convolutions deep: a map to distrust.

    Args:
        cut: index in Keras's list of Xception's layers.
        weights: ``imagenet`` (downloaded once), a local weights file without top, or none.
        frozen: keep the weights and batch statistics as they are.

    Raises:
        WeightsError: the weights are not here and cannot be downloaded, or the file holds others.
    """
    whole = application("xception", "Xception", PUBLISHED, weights)  # of open size: Keras refuses less than 71 pixels
    network = keras.Model(whole.input, whole.layers[cut].output)
    images = keras.Input(image_shape, name="images")
    colour = layers.Rescaling(2.0, offset=-1.0)(layers.Concatenate()([images] * 3))  # Xception reads [-1, 1]
    backbone = join(images, colour, network, "xception")
    return freeze(backbone) if frozen else backbone
