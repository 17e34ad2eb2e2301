"""A table as a paper has it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmark.comparison.external import ExternalTable
from benchmark.comparison.tables import Comparison
from benchmark.records.record import Record
from registry.errors import ConfigError


def paper(
    comparison: Comparison, external: Sequence[ExternalTable], folder_of: Callable[[Record], Path], output: Path
) -> list[Path]:
    """Write table, figures, methods and bibliography; gives the files.

    Args:
        folder_of: where a run lies.
        output: the folder that is written to.
    """
    raise ConfigError(f"nothing written to {output}: this version writes no papers")
