"""Whether a recorded calibration gives the stored outputs, and is what is fitted on the stored images."""

from collections.abc import Iterator, Sequence

import numpy as np

from benchmark.evaluation.calibration import Calibration, calibrated, correct_prior, fit_calibration
from benchmark.evaluation.differing import alike
from benchmark.records.calibration import CalibrationInfo

LOGITS_TOLERANCE = 1e-6


def priors(info: CalibrationInfo, classes: Sequence[str]) -> tuple[list[float], list[float]]:
    """Class priors (K,) of the data and of the batches."""
    data, batch = ([prior[name] for name in classes] for prior in (info.data_prior, info.batch_prior))
    return data, batch


def calibration_contradictions(
    info: CalibrationInfo, classes: Sequence[str], logits: np.ndarray, corrected: np.ndarray, probabilities: np.ndarray
) -> Iterator[str]:
    """Stored outputs that are not what the calibration makes of the stored logits; all (n, K)."""
    if info.method is None:
        return
    found = calibrated(_fitted(info), logits, *priors(info, classes))
    for name, stored in (("corrected_logits", corrected), ("probabilities", probabilities)):
        gaps = np.abs(getattr(found, name) - stored)
        count = int((~(gaps <= LOGITS_TOLERANCE * np.maximum(1, np.abs(stored)))).any(axis=1).sum())
        if count:
            yield f"{name} of {count} images are not what calibration makes of their logits"


def fit_contradictions(
    info: CalibrationInfo, classes: Sequence[str], logits: np.ndarray, targets: np.ndarray
) -> Iterator[str]:
    """What is fitted on these images (n,) otherwise than was recorded."""
    if info.method is None:
        return
    both, fitted = priors(info, classes), _fitted(info)
    again = fit_calibration(correct_prior(logits, *both), targets, both[0])
    for name in ("method", "temperature", "slope", "intercept"):
        if not alike(getattr(fitted, name), getattr(again, name), LOGITS_TOLERANCE):
            yield f"calibration {name}: {getattr(again, name)} is fitted, recorded {getattr(fitted, name)}"


def _fitted(info: CalibrationInfo) -> Calibration:
    return Calibration(
        info.method,  # type: ignore[arg-type]
        *(1.0 if one is None else one for one in (info.temperature, info.slope)),
        info.intercept or 0.0,
    )
