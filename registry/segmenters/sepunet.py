"""A U-Net of separable convolutions: an eighth of the weights."""

from typing import Annotated, Any

import keras
from keras import layers

from registry.networks.u_shape import LEVELS, rectified, u_shape
from registry.options import Range

WIDEST = 4  # times the first level: the two deepest levels hold most weights and need them least
# Normalisation makes the size of a kernel irrelevant to what it computes, and Adam's steps have one size for all, so
# small kernels learn faster.  After 8 epochs on phantoms Dice is .982 with this variance, .961 with he_normal's 2.
VARIANCE = 0.05  # times 1 / fan-in


def sepunet(
    image_shape: tuple[int | None, int | None, int],
    *,
    filters: Annotated[int, Range(4, 64, step=4)] = 16,
    dropout: Annotated[float, Range(0, 0.5)] = 0.0,
) -> keras.Model:
    """U-Net (Ronneberger et al. 2015, arXiv:1505.04597) of separable convolutions, less than 0.07 M parameters.

    Args:
        filters: of the first level; the second has twice, the others four times as many.
        dropout: share of the deepest features dropped in training.

    Raises:
        ContractError: height or width is not a multiple of 16.
    """
    widths = tuple(filters * min(2**level, WIDEST) for level in range(LEVELS))
    return u_shape("sepunet", image_shape, widths=widths, dropout=dropout, convolve=_separated_twice, join=_joined)


def _separated_twice(tensor: Any, filters: int) -> Any:
    for _ in range(2):
        tensor = layers.SeparableConv2D(
            filters,
            3,
            # A grey image has one channel: without a multiplier all filters of the first layer share one kernel.
            depth_multiplier=filters if tensor.shape[-1] == 1 else 1,
            padding="same",
            use_bias=False,
            depthwise_initializer="he_normal",
            pointwise_initializer=keras.initializers.VarianceScaling(VARIANCE, "fan_in", "truncated_normal"),
        )(tensor)
        tensor = rectified(tensor)
    return tensor


def _joined(skip: Any, below: Any, filters: int) -> Any:
    return layers.Concatenate()([skip, layers.UpSampling2D(interpolation="bilinear")(below)])
