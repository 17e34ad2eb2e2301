"""What tables of external evaluations ask of predictions, which imports NumPy only where there are evaluations."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.comparison.external import Divided, ExternalTable, Found
    from benchmark.records.external import External


def tables(found: "Sequence[Found]") -> "list[ExternalTable]":
    """The tables of evaluations."""
    from benchmark.comparison.external import external_tables

    return external_tables(found, _intervals, _dividing)


def _intervals(values: Sequence[Sequence[float]], ends: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    from benchmark.evaluation.external_rows import row_intervals

    return row_intervals(values, ends)


def _dividing(runs: "Sequence[External]", folders: Sequence[Path]) -> "Divided | None":
    from benchmark.evaluation.external_rows import rows_subgroups

    return rows_subgroups(runs, folders)
