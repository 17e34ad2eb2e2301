"""What a trained pipeline answers for images of any origin, whoever computes its networks.  No Keras."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from benchmark.data.descriptors import descriptors
from benchmark.data.frames import film_pixels
from benchmark.evaluation.familiarity import Familiarity
from benchmark.evaluation.masks import implausible
from benchmark.models.answering import Answers
from benchmark.records.prediction import Answered, FamiliarityInfo, ImageAnswer
from registry.errors import DataError
from registry.readers.files import printable, read_gray
from registry.readers.headers import read_header

if TYPE_CHECKING:
    from benchmark.tasks.spec import Images

ARRAY = ".npy"
LARGEST = 100_000_000  # pixels: no film has half of them, and decoding more would take a gigabyte


@dataclass(frozen=True)
class Said:
    """What is said of n images, and the arrays that it rests on, of the m of them that can be used.

    Attributes:
        classes: names of the K classes.
        answered: of all n.
        places: (m,) which of them can be used.
        prepared: uint8 (m, S, S), before any mask.
        arrays: of the pipeline.
        heat: (m, h, w) maps of the log-odds of the class decided; None where none were wanted.
    """

    classes: list[str]
    answered: Answered
    places: list[int]
    prepared: np.ndarray
    arrays: Answers | None
    heat: np.ndarray | None

    def save(self, target: Path) -> None:
        """Write an NPZ file: views uint8 (m,S,S), logits and probabilities (m,K), decided (m,), masks and maps if any.

        Masks are bool (m,S,S), maps (m,h,w).
        """
        if self.arrays is None:
            return
        fields = {name: getattr(self.arrays, name) for name in ("views", "logits", "probabilities", "decided")}
        optional = {"masks": self.arrays.masks, "maps": self.heat}
        np.savez(target, **fields, **{name: array for name, array in optional.items() if array is not None})


class Answering(Protocol):
    """A pipeline as far as it takes to answer; see `benchmark.models.pipeline.Pipeline`."""

    @property
    def images(self) -> "Images":
        """How images are prepared."""
        ...

    def prepare(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Images of any size, uint8 (n,S,S)."""
        ...

    def frames(self, images: Sequence[np.ndarray]) -> np.ndarray | None:
        """Where they lie then."""
        ...

    def answers(self, images: np.ndarray, *, frames: np.ndarray) -> Answers:
        """What it makes of prepared images."""
        ...


class Run(NamedTuple):
    """A run at work in this process.

    Attributes:
        method: how heat maps are made.
        heat: views and classes -> heat maps; None where nothing here has gradients.
    """

    pipeline: Answering
    familiarity: Familiarity | None
    classes: list[str]
    method: str
    heat: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None


class _Usable(NamedTuple):
    """An image as the pipeline takes it: prepared (S, S), where it lies in that (4,), its height and width before."""

    prepared: np.ndarray
    frame: np.ndarray
    shape: tuple[int, ...]


def answer(run: Run, images: Sequence[tuple[str, str]], *, maps: bool) -> Said:
    """Answer for images, pairs of name and file.

    They are read one after another, so that memory holds one as it is stored, and all of them prepared.
    """
    read = [_read(run.pipeline, name, path) for name, path in images]
    usable = {place: one for place, one in enumerate(read) if isinstance(one, _Usable)}
    prepared, arrays, heat, told = np.zeros((0, 0, 0), np.uint8), None, None, iter(())
    if usable:
        prepared = np.stack([one.prepared for one in usable.values()])
        frames = np.stack([one.frame for one in usable.values()])
        arrays = run.pipeline.answers(prepared, frames=frames)
        heat = run.heat(arrays.views, arrays.decided) if maps and run.heat else None
        told = iter(_told(run, usable.values(), prepared, frames, arrays))
    each = [ImageAnswer(problem=one) if isinstance(one, str) else next(told) for one in read]
    known = run.familiarity
    worth = FamiliarityInfo(known.calibration, known.false_alarms, known.tested) if known else None
    answered = Answered(run.method, each, worth)
    return Said(run.classes, answered, list(usable), prepared, arrays, heat)


def _told(
    run: Run, usable: "Sequence[_Usable]", prepared: np.ndarray, frames: np.ndarray, arrays: Answers
) -> list[ImageAnswer]:
    films = film_pixels(frames, prepared.shape[1])
    odd = None if arrays.masks is None else implausible(arrays.masks, films).tolist()
    unlike = run.familiarity and run.familiarity.unlike(descriptors(prepared, frames)).tolist()
    return [
        ImageAnswer(
            size=(one.shape[1], one.shape[0]),
            probabilities=arrays.probabilities[row].tolist(),
            decided=int(arrays.decided[row]),
            implausible_mask=None if odd is None else odd[row],
            unlike=None if unlike is None else unlike[row],
        )
        for row, one in enumerate(usable)
    ]


def _read(pipeline: Answering, name: str, path: str) -> _Usable | str:
    """An image, or what is wrong with it."""
    try:
        image = _image(path)
        prepared = pipeline.prepare([image])[0]
    except DataError as error:
        return f"{name}: {error}" if path.endswith(ARRAY) else str(error)
    frames, size = pipeline.frames([image]), pipeline.images.size
    return _Usable(prepared, np.array([0, 0, size, size]) if frames is None else frames[0], image.shape)


def _image(path: str) -> np.ndarray:
    """The image uint8 or uint16 (H, W) in a file; one of more pixels than any film has is not decoded."""
    if path.endswith(ARRAY):
        image = np.load(path, allow_pickle=False)
    else:
        found = read_header(path)
        if found and found.width * found.height > LARGEST:
            size = f"{found.width}×{found.height}"
            named = printable("/".join(Path(path).parts[-3:]))
            raise DataError(f"{named}: its header claims {size} pixels; at most {LARGEST:,} are read")
        image = read_gray(path)
    if image.min() == image.max():
        raise DataError(f"empty image: every pixel is {image.min()}")
    return image
