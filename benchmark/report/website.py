"""Results as one page that is complete in itself."""

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmark.comparison.costs import CostTable
from benchmark.comparison.external import ExternalTable
from benchmark.comparison.tables import Comparison
from benchmark.records.record import Record
from benchmark.report.html import html


def website(
    comparison: Comparison,
    costs: Sequence[CostTable],
    external: Sequence[ExternalTable],
    folder_of: Callable[[Record], Path],
    rows: Sequence[str] = (),
) -> str:
    """The page, as HTML.

    Args:
        folder_of: where a run lies.
        rows: names, or the beginnings of names, of the rows with curves and pictures.
    """
    return f"<!doctype html><html lang=en><meta charset=utf-8><title>bench</title>{html(comparison)}</html>"
