"""A U-Net whose skips are gated by what lies below them (Oktay et al. 2018, arXiv:1804.03999)."""

from typing import Annotated, Any

import keras
from keras import layers

from registry.networks.u_shape import convolved_twice, doubling, enlarged, u_shape
from registry.options import Range

OPEN = 2.0  # bias of a gate: it starts near sigmoid(2) = .88, letting most through, as in the paper


def attention_unet(
    image_shape: tuple[int | None, int | None, int],
    *,
    filters: Annotated[int, Range(4, 64, step=4)] = 8,
    dropout: Annotated[float, Range(0, 0.5)] = 0.0,
) -> keras.Model:
    """U-Net with attention gates (Oktay et al. 2018, arXiv:1804.03999) on all skips but the finest, 0.6 M parameters.

    Args:
        filters: of the first level; each level doubles them.
        dropout: share of the deepest features dropped in training.

    Raises:
        ContractError: height or width is not a multiple of 16.
    """

    def join(skip: Any, below: Any, width: int) -> Any:
        # In the paper too the finest skip has no gate: its features say too little of what they belong to.
        passed = skip if width == filters else _gated(skip, below, width // 2)
        return layers.Concatenate()([passed, enlarged(below, width)])

    return u_shape(
        "attention-unet", image_shape, widths=doubling(filters), dropout=dropout, convolve=convolved_twice, join=join
    )


def _gated(skip: Any, below: Any, channels: int) -> Any:
    """The skip (B,2h,2w,C) times a number in [0, 1] at each place, which it and what lies below (B,h,w,2C) agree on."""
    asked = layers.Conv2D(channels, 2, strides=2, use_bias=False)(skip)  # (B,h,w,channels)
    answer = layers.Conv2D(channels, 1)(below)  # (B,h,w,channels)
    agreed = layers.ReLU()(layers.Add()([asked, answer]))
    gate = layers.Conv2D(1, 1, activation="sigmoid", bias_initializer=keras.initializers.Constant(OPEN))(agreed)
    return layers.Multiply()([skip, layers.UpSampling2D(interpolation="bilinear")(gate)])
