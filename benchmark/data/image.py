"""One image on its way from a sample's readers to a row of the prepared arrays: check, 8 bits, resize, equalise."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import msgspec
import numpy as np

from benchmark.data.depth import bits_needed, eight_bits
from benchmark.data.frames import CROP, PAD, Frame, frame_of, middle, within
from benchmark.data.mask_faults import mask_fault
from registry.contracts import Sample
from registry.errors import ContractError, DataError, unknown_name

ASPECT_TOLERANCE = 0.02  # a mask more distorted than this against its image belongs to another image
DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16))  # of an image as it is read
ALIAS_FREE = 1.25  # shrinking by less loses nothing to aliasing, and averaging over areas costs four times as much

Equaliser = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Preparation:
    """How images are prepared.

    Attributes:
        size: side of the prepared images in pixels.
        equalise: see `equaliser`.
        fit: how an image that is not square becomes so, see `Images` of a task file.
        inverted_masks: whether the lung masks are white outside the lungs.
    """

    size: int
    equalise: Equaliser
    fit: str = PAD
    inverted_masks: bool = False


class PreparedImage(msgspec.Struct, frozen=True):
    """What the prepared arrays hold of one sample.

    Attributes:
        image: uint8 (size, size).
        mask, lesion, marks: packed bits of (size, size), uint8 (ceil(size² / 8),); None where there is none.
        shape: height and width before resizing.
        frame: where the film lies in the square.
        mask_fault: why the mask cannot be one of lungs, a key of `mask_faults.FAULTS`; empty where it may be.
        fingerprint: equal for originals that are pixel for pixel the same, and for hardly any others.
    """

    image: np.ndarray
    mask: np.ndarray | None
    lesion: np.ndarray | None
    marks: np.ndarray | None
    shape: tuple[int, int]
    frame: Frame
    fingerprint: tuple[float, ...]
    mask_fault: str = ""


@dataclass(frozen=True, slots=True)
class Deep:
    """A film of 16 bits a pixel, whose dataset decides what becomes 0 to 255; `bits` are those that it needs."""

    bits: int


def prepare_sample(sample: Sample, how: Preparation, bits: int | None = None) -> PreparedImage | Deep:
    """A sample's image and masks at the size that is asked for.

    Args:
        bits: of the dataset's films of 16 bits a pixel; such a film cannot be prepared before they are known.

    Raises:
        DataError: it is unreadable or empty, or its mask does not fit.
        ContractError: a reader of the dataset returns something else than it promises.
    """
    image = sample.read_image()
    if not isinstance(image, np.ndarray) or image.dtype not in DTYPES or image.ndim != 2:
        raise ContractError(
            f"sample {sample.id!r}: read_image gives uint8 (H, W), received {_described(image)}; uint16 too for a film "
            "of more bits"
        )
    mean, deviation = cv2.meanStdDev(image)
    if not deviation[0, 0]:
        raise DataError(f"empty image: every pixel is {mean[0, 0]:.0f}")
    shape: tuple[int, int] = image.shape
    if image.dtype == np.uint16:
        if bits is None:
            return Deep(bits_needed(image))
        image = eight_bits(image, bits)
    frame, lungs = frame_of(shape, how.size, how.fit), _square(sample.read_mask(), "mask", sample, shape, how)
    if lungs is not None and how.inverted_masks:
        lungs[within(frame)] ^= 1
    return PreparedImage(
        image=prepare_image(image, how.size, how.equalise, how.fit),
        mask=_packed(lungs),
        lesion=_packed(_square(sample.read_lesion(), "lesion mask", sample, shape, how)),
        marks=_packed(_square(sample.read_marks(), "mask of marks", sample, shape, how)),
        shape=shape,
        frame=frame,
        fingerprint=(*shape, mean[0, 0], deviation[0, 0]),
        mask_fault="" if lungs is None else mask_fault(np.ascontiguousarray(lungs[within(frame)])),
    )


def prepare_image(image: np.ndarray, size: int, equalise: Equaliser, fit: str = PAD) -> np.ndarray:
    """An image uint8 (H, W) as networks get it: uint8 (size, size).

    It is equalised on its own pixels, before bars are added: they would take up to half of its grey levels.
    """
    if fit == CROP:
        image = middle(image)
    frame = frame_of(image.shape, size, fit)
    return _framed(equalise(_resized(image, frame)), frame, size)


def equaliser(name: str) -> Equaliser:
    """What equalises a whole image, by its name in a task file.

    Raises:
        UnknownNameError: there is none of that name.
    """
    if name not in EQUALISERS:
        raise unknown_name("equalisation", name, EQUALISERS, "[images] of the task file")
    return EQUALISERS[name]


def _resized(image: np.ndarray, frame: Frame) -> np.ndarray:
    high, wide = frame[2:]
    if image.shape == (high, wide):
        return np.ascontiguousarray(image)
    shrinks = min(image.shape[0] / high, image.shape[1] / wide) > ALIAS_FREE
    return cv2.resize(image, (wide, high), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _framed(picture: np.ndarray, frame: Frame, size: int) -> np.ndarray:
    """A film at its place, zeros around it."""
    if picture.shape == (size, size):
        return picture
    square = np.zeros((size, size), picture.dtype)
    square[within(frame)] = picture
    return square


def _packed(mask: np.ndarray | None) -> np.ndarray | None:
    return None if mask is None else np.packbits(mask)


def _square(
    mask: np.ndarray | None, what: str, sample: Sample, shape: tuple[int, int], how: Preparation
) -> np.ndarray | None:
    """A mask as its image (H, W) is prepared, uint8 (size, size) of 0 and 1."""
    if mask is None:
        return None
    if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.ndim != 2:
        raise ContractError(f"sample {sample.id!r}: a {what} is bool (H, W) or None, received {_described(mask)}")
    ratio = (mask.shape[1] / mask.shape[0]) / (shape[1] / shape[0])
    if abs(ratio - 1) > ASPECT_TOLERANCE + 1e-9:
        raise DataError(
            f"{what} of {mask.shape[1]}×{mask.shape[0]} pixels does not fit its image of {shape[1]}×{shape[0]}"
        )
    frame = frame_of(shape, how.size, how.fit)
    bits = np.ascontiguousarray(_cut(mask, shape) if how.fit == CROP else mask).view(np.uint8)
    return _framed(cv2.resize(bits, frame[:1:-1], interpolation=cv2.INTER_NEAREST), frame, how.size)


def _cut(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Of a mask, whose size may be another, what lies over the square in the middle of its image (H, W)."""
    side = min(shape)
    high, wide = (max(1, round(length * side / whole)) for length, whole in zip(mask.shape, shape, strict=True))
    top, left = (mask.shape[0] - high) // 2, (mask.shape[1] - wide) // 2
    return mask[top : top + high, left : left + wide]


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
