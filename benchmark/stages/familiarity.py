"""Which images are like those that a run learns from: see `benchmark.evaluation.familiarity`.

It stands on images and split alone, so that all pipelines of a split share it.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import t as student
from sklearn.covariance import LedoitWolf

from benchmark.data.descriptors import COUNT, descriptors
from benchmark.evaluation.familiarity import FILE, Familiarity
from benchmark.stages.reading import Reader

if TYPE_CHECKING:
    from benchmark.stages.context import Context

CHUNK = 1024
FLOOR = 0.02  # of a descriptor's standard deviation: what hardly varies among few images may vary among more
RIDGE = 1e-3  # of a scaled variance: of equal images, or of one, there is no other
WITHIN = 0.96  # share of images of the same kind that shall lie within the limit, so that on test 92 % surely do


def build(context: "Context", folder: Path) -> None:
    """Write ``familiarity.npz``: fitted on the training subset, its limit set on calibration, counted on test."""
    run = Reader(context)
    found = {subset: _described(run, subset, context) for subset in ("train", "calibration", "test")}
    fitted = fit(found["train"], found["calibration"])
    made = Familiarity(
        fitted.centre,
        fitted.scale,
        fitted.factor,
        fitted.limit,
        calibration=len(found["calibration"]),
        false_alarms=int(fitted.unlike(found["test"]).sum()),
        tested=len(found["test"]),
    )
    made.save(folder / FILE)


def fit(train: np.ndarray, calibration: np.ndarray) -> Familiarity:
    """What is like images of these descriptors (n, C), with the limit that those of calibration images (m, C) set."""
    centre = train.mean(axis=0, dtype=float)
    scale = np.maximum(train.std(axis=0, dtype=float), FLOOR)
    shrunk = LedoitWolf(assume_centered=True, store_precision=False).fit((train - centre) / scale)
    factor = np.linalg.cholesky(np.linalg.inv(shrunk.covariance_ + RIDGE * np.eye(len(centre))))
    single = [np.asarray(one, np.float32).astype(float) for one in (centre, scale, factor)]  # as it is stored
    unlimited = Familiarity(*single)
    return Familiarity(*single, limit=limit_of(unlimited.distances(calibration)))


def limit_of(distances: np.ndarray) -> float:
    """The squared distance that few of the images lie beyond of whose kind these n distances are.

    The larger of two: the order statistic within which 96 % of others lie, whatever the distribution (the largest of
    all where n < 24), and the upper limit of a prediction interval on the logarithms, which counts where n is small and
    the largest happens to be near.  Infinite where there is nothing to tell.
    """
    n = len(distances)
    if n < 2:
        return math.inf
    ordered, logarithms = np.sort(distances), np.log(np.maximum(distances, np.finfo(float).tiny))
    place = min(n, math.ceil((n + 1) * WITHIN))
    reach = student.ppf(WITHIN, n - 1) * logarithms.std(ddof=1) * math.sqrt(1 + 1 / n)
    return float(max(ordered[place - 1], np.exp(logarithms.mean() + reach)))


def _described(run: Reader, subset: str, context: "Context") -> np.ndarray:
    """Descriptors (n, C) of the images in a subset."""
    rows, images = run.rows(subset), run.prepared
    found = np.zeros((len(rows), COUNT), np.float32)
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        found[start : start + CHUNK] = descriptors(images.images[some], images.frames_of(some))
        context.progress({"done": min(start + CHUNK, len(rows)), "total": len(rows)})
    return found
