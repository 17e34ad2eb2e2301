"""What a run predicts for the images it did not learn from: logits as stored, evidence and probabilities calibrated."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmark.data.prepared import load
from benchmark.evaluation.calibration import Calibration, calibrate
from benchmark.stages.fit import batch_prior, data_prior

if TYPE_CHECKING:
    from benchmark.stages.context import Context


class Predictions(NamedTuple):
    """Of n images outside the training part; K classes.

    Attributes:
        rows: (n,) into the prepared images.
        parts: (n,) "select", "fit" or "test".
        logits: (n, K) as they were stored.
        evidence: (n, K) calibrated, at equal class shares.
        probabilities: (n, K) calibrated, at the training data's class shares.
    """

    rows: np.ndarray
    parts: np.ndarray
    targets: np.ndarray
    groups: np.ndarray
    logits: np.ndarray
    evidence: np.ndarray
    probabilities: np.ndarray
    calibration: Calibration


def predictions(context: "Context") -> Predictions:
    """The predictions of a run, calibrated on its fit part."""
    stored = stored_logits(context)
    priors = data_prior(context), batch_prior(context)
    found = calibrate(stored["logits"], stored["targets"], stored["parts"] == "fit", *priors)
    groups = load(context.artefacts["prepare"]).groups[stored["rows"]]
    return Predictions(stored["rows"], stored["parts"], stored["targets"], groups, stored["logits"], *found)


def stored_logits(context: "Context") -> dict[str, np.ndarray]:
    """``rows``, ``ids``, ``parts``, ``targets`` and ``logits`` of the stage that predicts, or of the vote."""
    artefact = context.artefacts.get("vote") or context.artefacts["predict"]
    with np.load(artefact / "logits.npz", allow_pickle=False) as stored:
        return dict(stored)
