"""What a comparison asks of predictions; NumPy is imported where there are some to read."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.comparison.collect import with_predictions
from benchmark.comparison.kept import kept
from benchmark.storage.garbage import imported
from benchmark.storage.places import memory_folder

if TYPE_CHECKING:
    from benchmark.comparison.external_tables import Statistics
    from benchmark.records.differences import PairedTest
    from benchmark.records.record import Record
    from benchmark.records.verdicts import FamilyTest


def paired(folder_of: "Callable[[Record], Path]", subset: str = "test") -> "PairedTest":
    """The test of two pipelines, from the predictions that runs left in their folders."""
    test: PairedTest = _evaluation("paired").paired_test(folder_of, subset=subset)
    return test


def family(folder_of: "Callable[[Record], Path]") -> "FamilyTest":
    """The test of all rows of a table, from the same, and what it found before."""
    return kept(lambda: _evaluation("family").family_test(folder_of), folder_of, memory_folder())


def tested(folder_of: "Callable[[Record], Path]") -> "FamilyTest":
    """The same, made once there are predictions to read."""
    return with_predictions(family, folder_of)


def distrusted(run: "Record", folder: Path, metric: str) -> str:
    """Why a run cannot be ranked by a metric; empty where it can."""
    why: str = _evaluation("trust").distrust(run, folder, metric)
    return why


def elsewhere() -> "Statistics":
    """What tables of images of elsewhere ask of predictions."""
    rows: Statistics = _evaluation("external_rows")
    return rows


def _evaluation(module: str) -> Any:
    return imported(f"benchmark.evaluation.{module}")
