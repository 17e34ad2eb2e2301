"""What a comparison asks of predictions, which imports NumPy only where there are some to read."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.records.differences import PairedTest
    from benchmark.records.record import Record


def tester(folder_of: "Callable[[Record], Path]", subset: str = "test") -> "PairedTest":
    """The test from the predictions that runs left in their folders."""
    from benchmark.evaluation.paired import paired_test

    return paired_test(folder_of, subset=subset)


def paired(folder_of: "Callable[[Record], Path]", subset: str = "test") -> "PairedTest":
    """The same, made once there are predictions to read."""
    from benchmark.comparison.collect import with_predictions

    return with_predictions(lambda folder: tester(folder, subset), folder_of)


def distrusted(run: "Record", folder: Path, metric: str) -> str:
    """Why a run cannot be ranked by a metric; empty where it can."""
    from benchmark.evaluation.recomputing import distrust

    return distrust(run, folder, metric)
