"""What a comparison asks of predictions, which imports NumPy only where there are some to read."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.comparison.external_tables import Statistics
    from benchmark.records.differences import PairedTest
    from benchmark.records.record import Record
    from benchmark.records.verdicts import FamilyTest


def paired(folder_of: "Callable[[Record], Path]", subset: str = "test") -> "PairedTest":
    """The test of two pipelines, from the predictions that runs left in their folders."""
    from benchmark.evaluation.paired import paired_test

    return paired_test(folder_of, subset=subset)


def family(folder_of: "Callable[[Record], Path]") -> "FamilyTest":
    """The test of all rows of a table, from the same, and what it found before."""
    from benchmark.comparison.kept import kept
    from benchmark.storage.places import memory_folder

    def made() -> "FamilyTest":
        from benchmark.evaluation.family import family_test

        return family_test(folder_of)

    return kept(made, folder_of, memory_folder())


def tested(folder_of: "Callable[[Record], Path]") -> "FamilyTest":
    """The same, made once there are predictions to read."""
    from benchmark.comparison.collect import with_predictions

    return with_predictions(family, folder_of)


def distrusted(run: "Record", folder: Path, metric: str) -> str:
    """Why a run cannot be ranked by a metric; empty where it can."""
    from benchmark.evaluation.trust import distrust

    return distrust(run, folder, metric)


def elsewhere() -> "Statistics":
    """What tables of images of elsewhere ask of predictions."""
    from benchmark.evaluation import external_rows

    return external_rows
