"""No segmentation: the network sees the whole frame, as the study warned against."""

import numpy as np


class WholeFrame:
    """A segmenter for which everything is lung.

    Attributes:
        whole_frame: tells the pipeline that there is no mask to judge or to apply.
    """

    whole_frame = True

    def predict(self, images: np.ndarray) -> np.ndarray:
        """True everywhere: (B, H, W) for images (B, H, W, 1)."""
        return np.ones(images.shape[:3], dtype=bool)


def none(image_shape: tuple[int | None, int | None, int]) -> WholeFrame:
    """The whole frame, unmasked: the naive control."""
    return WholeFrame()
