"""What a run predicts for the images it did not learn from: logits as kept, and what calibration makes of them."""

from typing import NamedTuple

import numpy as np

from benchmark.data.targets import class_targets
from benchmark.evaluation.calibration import Calibration, calibrate
from benchmark.stages.labels import told_targets
from benchmark.stages.logits import read_logits
from benchmark.stages.reading import Reader


class Predictions(NamedTuple):
    """Of n images outside the training subset; K classes.

    Attributes:
        rows: (n,) into the prepared images.
        subsets: (n,) "validation", "calibration" or "test".
        logits: (n, K) as they were stored.
        corrected_logits: (n, K) calibrated, at equal class priors.
        probabilities: (n, K) calibrated, at the training data's class prior.
    """

    rows: np.ndarray
    subsets: np.ndarray
    targets: np.ndarray
    groups: np.ndarray
    logits: np.ndarray
    corrected_logits: np.ndarray
    probabilities: np.ndarray
    calibration: Calibration


def predictions(run: Reader) -> Predictions:
    """The predictions of a run, calibrated on its calibration subset."""
    stored = read_logits(run)
    told = told_targets(run, stored.targets, stored.subsets)
    found = calibrate(stored.logits, told, stored.subsets == "calibration", data_prior(run), batch_prior(run))
    groups = run.prepared.groups[stored.rows]
    return Predictions(stored.rows, stored.subsets, stored.targets, groups, stored.logits, *found)


def data_prior(run: Reader) -> list[float]:
    """(K,) class prior of the training subset."""
    targets = class_targets(run.prepared.labels[run.rows("train")], run.spec.classes)
    counts = np.bincount(targets, minlength=len(run.spec.classes))
    return [float(share) for share in counts / counts.sum()]


def batch_prior(run: Reader) -> list[float]:
    """(K,) class prior that a run's logits refer to: those learnt from, weights included."""
    spec = run.spec
    equal = [1 / len(spec.classes)] * len(spec.classes)
    if "vote" in run.artefacts or (spec.training.balance == "weights" and not spec.classical):
        return equal  # votes are cast at equal class priors
    shares: list[float] = run.meta("predict" if spec.classical else "fit")["batch_prior"]
    return shares
