"""A segmenter for cxr-bench that is not trained: it predicts masks by a rule."""

from typing import Annotated

import numpy as np
from registry.options import Range


class DarkMiddle:
    """The dark pixels away from the border."""

    def __init__(self, share: float, border: float) -> None:
        self.share = share
        self.border = border

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Lung masks bool (B, H, W) of images float32 (B, H, W, 1) in [0, 1]."""
        grey = images[..., 0]
        top, left = (round(self.border * side) for side in grey.shape[1:])
        inside = np.zeros(grey.shape, bool)
        inside[:, top : grey.shape[1] - top, left : grey.shape[2] - left] = True
        if not len(grey):  # a quantile of nothing is an error
            return inside
        level = np.quantile(grey, self.share, axis=(1, 2), keepdims=True)  # (B, 1, 1)
        return inside & (grey <= level)


def my_component(
    image_shape: tuple[int | None, int | None, int],
    *,
    share: Annotated[float, Range(0.1, 0.9)] = 0.4,
    border: Annotated[float, Range(0, 0.3)] = 0.1,
) -> DarkMiddle:
    """The darkest pixels of a film that do not lie at its border.

    Args:
        share: of the pixels that count as dark.
        border: share of height and width, on each side, that is never lung.
    """
    return DarkMiddle(share, border)
