"""What a pipeline does around its networks, whoever computes these: prepares, and calibrates.  No Keras."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmark.data.depth import eight_bits
from benchmark.data.frames import frame_of
from benchmark.data.image import DTYPES, equaliser, prepare_image
from benchmark.evaluation.calibration import Calibrated
from registry.errors import DataError

if TYPE_CHECKING:
    from benchmark.tasks.spec import Images

Calibrate = Callable[[np.ndarray], Calibrated]


class Answers(NamedTuple):
    """Of n images; K classes.

    Attributes:
        masks: bool (n,S,S); None where the classifier sees the whole frame.
        views: uint8 (n,S,S), what the classifier sees.
        logits: (n,K) as it gives them.
        corrected_logits: (n,K) calibrated, at equal class priors.
        probabilities: (n,K) calibrated, at the training data's class prior.
        decided: (n,) index of the likeliest class at equal class priors.
    """

    masks: np.ndarray | None
    views: np.ndarray
    logits: np.ndarray
    corrected_logits: np.ndarray
    probabilities: np.ndarray
    decided: np.ndarray


def answers(masks: np.ndarray | None, views: np.ndarray, logits: np.ndarray, calibration: Calibrate) -> Answers:
    """What follows from logits (n,K) of what the classifier saw."""
    corrected_logits, probabilities, _ = calibration(logits)
    return Answers(masks, views, logits, corrected_logits, probabilities, corrected_logits.argmax(axis=1))


def prepare(images: Sequence[np.ndarray], how: "Images", bits: int | None) -> np.ndarray:
    """Images of any size as a run prepared its own, uint8 (n,S,S).

    Args:
        images: uint8 or uint16 (H,W), 0 black.
        bits: of the run's films of 16 bits a pixel; None where it had none.

    Raises:
        DataError: one is none, or empty.
    """
    equalise = equaliser(how.equalise)
    for place, image in enumerate(images):
        _check(place, image)
    shape = (len(images), how.size, how.size)
    small = (eight_bits(image, bits) for image in images)
    return np.array([prepare_image(one, how.size, equalise, how.fit) for one in small], np.uint8).reshape(shape)


def frames(images: Sequence[np.ndarray], how: "Images") -> np.ndarray | None:
    """Where images (H,W) lie when they are prepared, int (n,4), see `data.frames`; None where they fill it."""
    shapes = [image.shape for image in images]
    if all(height == width for height, width in shapes):
        return None
    return np.array([frame_of(shape, how.size, how.fit) for shape in shapes])


def _check(place: int, image: Any) -> None:
    if not isinstance(image, np.ndarray) or image.dtype not in DTYPES or image.ndim != 2 or not image.size:
        what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise DataError(f"image {place}: expected uint8 (H, W), received {what}")
    if image.min() == image.max():
        raise DataError(f"image {place} is empty: every pixel is {image.min()}")
