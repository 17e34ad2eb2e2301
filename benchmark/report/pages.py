"""Comparisons and measured costs as one page: on a console, or as text of any form."""

import io
from collections.abc import Iterable

from rich.console import Console

from benchmark.comparison.costs import CostTable
from benchmark.comparison.tables import Comparison
from benchmark.report.cost_export import costs_content, costs_csv, costs_json
from benchmark.report.costs import costs_markdown, print_costs
from benchmark.report.export import json_pieces, to_csv
from benchmark.report.markdown import markdown
from benchmark.report.terminal import print_comparison

WIDTH = 140  # columns of a table that is written to a file


def print_page(console: Console, comparison: Comparison, costs: list[CostTable]) -> None:
    """The tables of a comparison, and those of costs below them."""
    print_comparison(console, comparison)
    if comparison.tables and costs:
        console.print()
    print_costs(console, costs)


def page(comparison: Comparison, costs: list[CostTable], form: str) -> Iterable[str]:
    """The same as text, in pieces.

    Args:
        form: ``table``, ``md``, ``csv`` (of costs where there is no comparison) or ``json``.
    """
    if form == "json":
        return json_pieces(comparison, costs_content(costs))
    if form == "csv":
        return [to_csv(comparison) if comparison.tables or not costs else costs_csv(costs)]
    if form == "md":
        return [markdown(comparison), "\n" * bool(comparison.tables and costs), costs_markdown(costs)]
    text = io.StringIO()
    print_page(Console(file=text, width=WIDTH, force_jupyter=False), comparison, costs)
    return [text.getvalue()]


def costs_page(costs: list[CostTable], form: str) -> str:
    """Costs alone as ``md``, ``csv`` or ``json``."""
    return {"md": costs_markdown, "csv": costs_csv, "json": costs_json}[form](costs)
