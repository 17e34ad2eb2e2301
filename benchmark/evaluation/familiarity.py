"""Whether an image is like those that a run learnt from, by its distance from them in what it looks like as a whole.

The distance is Mahalanobis's, in the space of `benchmark.data.descriptors`.  From the limit on, which the calibration
subset sets, an image counts as unlike: a photograph, an inverted film, one that lies on its side or stands on its head.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.evaluation.archives import check_size
from registry.errors import DataError

FILE = "familiarity.npz"
MOST_BYTES = 64 << 20  # unpacked: a hundred times what is ever written
_COUNTS = ("calibration", "false_alarms", "tested")
_SCALARS = ("limit", *_COUNTS)


@dataclass(frozen=True)
class Familiarity:
    """How far images may lie from those of the training subset.

    Attributes:
        centre, scale: (C,) means and standard deviations of the training subset's descriptors.
        factor: (C, C), lower; times its transpose it is the inverse of the shrunk covariance of scaled descriptors.
        limit: squared distance beyond which an image is unlike; infinite where nothing could set it.
        calibration: images that set it.
        false_alarms, tested: images of the test subset beyond it, and how many there are.
    """

    centre: np.ndarray
    scale: np.ndarray
    factor: np.ndarray
    limit: float = math.inf
    calibration: int = 0
    false_alarms: int = 0
    tested: int = 0

    def distances(self, found: np.ndarray) -> np.ndarray:
        """(n,) squared distances of descriptors (n, C)."""
        scaled = (np.asarray(found, float) - self.centre) / self.scale
        return np.square(scaled @ self.factor).sum(axis=1)

    def unlike(self, found: np.ndarray) -> np.ndarray:
        """(n,) whether images of these descriptors (n, C) are unlike the training subset."""
        return self.distances(found) > self.limit

    def save(self, path: Path) -> None:
        """Write it as an NPZ file."""
        arrays = {name: np.asarray(getattr(self, name), np.float32) for name in ("centre", "scale", "factor")}
        np.savez_compressed(path, **arrays, **{name: np.asarray(getattr(self, name)) for name in _SCALARS})


def load_familiarity(path: Path) -> Familiarity:
    """What `Familiarity.save` wrote.

    Raises:
        DataError: the file is damaged, or holds something else; objects are not loaded.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            check_size(stored, stored.files, MOST_BYTES)
            arrays = {name: np.asarray(stored[name], float) for name in ("centre", "scale", "factor")}
            scalars = {name: float(stored[name].item()) for name in _SCALARS}
    except Exception as error:  # a broken archive raises whatever its part that is broken does
        raise DataError(f"{path} cannot be read ({type(error).__name__}); run the run again") from error
    count = len(arrays["centre"]) if arrays["centre"].ndim == 1 else -1
    if [one.shape for one in arrays.values()] != [(count,), (count,), (count, count)] or count == 0:
        raise DataError(f"{path} holds arrays of shapes that do not belong together; run the run again")
    known = all(np.isfinite(one).all() for one in arrays.values()) and (arrays["scale"] > 0).all()
    counted = all(0 <= scalars[name] < math.inf for name in _COUNTS)
    if not known or not counted or not scalars["limit"] >= 0:
        raise DataError(f"{path} holds numbers that nothing can have measured; run the run again")
    return Familiarity(**arrays, limit=scalars["limit"], **{name: int(scalars[name]) for name in _COUNTS})
