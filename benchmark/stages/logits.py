"""Logits as they are kept: of every image outside the training subset, by whatever classifier, or by a vote."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.stages.reading import Reader

FILE = "logits.npz"


class Logits(NamedTuple):
    """Of n images outside the training subset; K classes.

    Attributes:
        rows: (n,) into the prepared images.
        subsets: (n,) "validation", "calibration" or "test".
        logits: (n, K) float32.
    """

    rows: np.ndarray
    subsets: np.ndarray
    targets: np.ndarray
    logits: np.ndarray


def write_logits(folder: Path, run: Reader, rows: np.ndarray, targets: np.ndarray, logits: np.ndarray) -> None:
    """Write ``logits.npz``: rows, ids, subsets and targets (n,), logits float32 (n, K).

    Args:
        rows: (n,) into the prepared images.
        targets: (N,) of all prepared images.
        logits: (n, K).
    """
    np.savez(
        folder / FILE,
        rows=rows,
        ids=np.asarray(run.prepared.ids)[rows].astype(np.str_),
        subsets=run.subsets[rows],
        targets=targets[rows],
        logits=logits.astype(np.float32),
    )


def read_logits(run: Reader) -> Logits:
    """What a run's classifier, or a vote, has written."""
    owner = "vote" if "vote" in run.artefacts else "predict"
    with np.load(run.artefacts[owner] / FILE, allow_pickle=False) as stored:
        return Logits(stored["rows"], stored["subsets"], stored["targets"], stored["logits"])
