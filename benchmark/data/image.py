"""One image on its way from a sample's readers to a row of the prepared arrays: check, resize, equalise."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from registry.contracts import Sample
from registry.errors import ContractError, DataError, unknown_name

ASPECT_TOLERANCE = 0.05  # a mask more distorted than this against its image belongs to another image
ALIAS_FREE = 1.25  # shrinking by less loses nothing to aliasing, and averaging over areas costs four times as much

Equaliser = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """What the prepared arrays hold of one sample.

    Attributes:
        image: uint8 (size, size).
        mask, lesion, marks: packed bits of (size, size), uint8 (ceil(size² / 8),); None where there is none.
        shape: height and width before resizing.
        fingerprint: equal for originals that are pixel for pixel the same, and for hardly any others.
    """

    image: np.ndarray
    mask: np.ndarray | None
    lesion: np.ndarray | None
    marks: np.ndarray | None
    shape: tuple[int, int]
    fingerprint: tuple[float, ...]


def prepare_sample(sample: Sample, size: int, equalise: Equaliser) -> PreparedImage:
    """A sample's image and masks at `size` × `size` pixels.

    Raises:
        DataError: it is unreadable or empty, or its mask does not fit.
        ContractError: a reader of the dataset returns something else than it promises.
    """
    image = sample.read_image()
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 2:
        raise ContractError(f"sample {sample.id!r}: read_image gives uint8 (H, W), received {_described(image)}")
    mean, deviation = cv2.meanStdDev(image)
    if not deviation[0, 0]:
        raise DataError(f"empty image: every pixel is {mean[0, 0]:.0f}")
    return PreparedImage(
        image=prepare_image(image, size, equalise),
        mask=_packed(sample.read_mask(), "mask", sample, image.shape, size),
        lesion=_packed(sample.read_lesion(), "lesion mask", sample, image.shape, size),
        marks=_packed(sample.read_marks(), "mask of marks", sample, image.shape, size),
        shape=image.shape,
        fingerprint=(*image.shape, mean[0, 0], deviation[0, 0]),
    )


def prepare_image(image: np.ndarray, size: int, equalise: Equaliser) -> np.ndarray:
    """An image uint8 (H, W) as networks get it: uint8 (size, size), its aspect ratio not kept."""
    return equalise(_resized(image, size))


def equaliser(name: str) -> Equaliser:
    """What equalises a whole image, by its name in a task file.

    Raises:
        UnknownNameError: there is none of that name.
    """
    if name not in EQUALISERS:
        raise unknown_name("equalisation", name, EQUALISERS, "[images] of the task file")
    return EQUALISERS[name]


def _resized(image: np.ndarray, size: int) -> np.ndarray:
    if image.shape == (size, size):
        return np.ascontiguousarray(image)
    shrinks = min(image.shape) > ALIAS_FREE * size
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _packed(mask: np.ndarray | None, what: str, sample: Sample, shape: tuple[int, int], size: int) -> np.ndarray | None:
    if mask is None:
        return None
    if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.ndim != 2:
        raise ContractError(f"sample {sample.id!r}: a {what} is bool (H, W) or None, received {_described(mask)}")
    ratio = (mask.shape[1] / mask.shape[0]) / (shape[1] / shape[0])
    if abs(ratio - 1) > ASPECT_TOLERANCE:
        raise DataError(
            f"{what} of {mask.shape[1]}×{mask.shape[0]} pixels does not fit its image of {shape[1]}×{shape[0]}"
        )
    bits = np.ascontiguousarray(mask).view(np.uint8)
    return np.packbits(cv2.resize(bits, (size, size), interpolation=cv2.INTER_NEAREST))


def _described(value: object) -> str:
    return f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__


def _clahe(image: np.ndarray) -> np.ndarray:
    # Built per image, as the object holds state that threads must not share; it costs microseconds.
    return cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(image)


def _unchanged(image: np.ndarray) -> np.ndarray:
    return image


EQUALISERS: dict[str, Equaliser] = {
    "histogram": cv2.equalizeHist,
    "clahe": _clahe,
    "lungs": _unchanged,  # needs the masks that the pipeline will use: see `benchmark.data.masking.equalise_inside`
    "none": _unchanged,
}
