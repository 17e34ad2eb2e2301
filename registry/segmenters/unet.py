"""A small U-Net (Ronneberger et al. 2015, arXiv:1505.04597) that draws the lungs."""

from typing import Annotated, Any

import keras
from keras import layers

from registry.networks.u_shape import convolved_twice, doubling, enlarged, u_shape
from registry.options import Range


def unet(
    image_shape: tuple[int | None, int | None, int],
    *,
    filters: Annotated[int, Range(4, 64, step=4)] = 8,
    dropout: Annotated[float, Range(0, 0.5)] = 0.0,
) -> keras.Model:
    """U-Net of five levels (Ronneberger et al. 2015, arXiv:1505.04597), batch normalisation, about 0.5 M parameters.

    Args:
        filters: of the first level; each level doubles them.
        dropout: share of the deepest features dropped in training.

    Raises:
        ContractError: height or width is not a multiple of 16.
    """
    return u_shape(
        "unet", image_shape, widths=doubling(filters), dropout=dropout, convolve=convolved_twice, join=_joined
    )


def _joined(skip: Any, below: Any, filters: int) -> Any:
    return layers.Concatenate()([skip, enlarged(below, filters)])
