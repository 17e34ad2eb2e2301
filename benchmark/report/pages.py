"""Comparisons and measured costs as one page: on a console, or as text of any form."""

import io
from collections.abc import Iterable, Sequence

import msgspec
from rich.console import Console

from benchmark.comparison.costs import CostTable
from benchmark.comparison.external_tables import ExternalTable
from benchmark.comparison.tables import Comparison
from benchmark.report.cost_export import costs_content, costs_csv, costs_json
from benchmark.report.costs import costs_markdown, print_costs
from benchmark.report.document import document
from benchmark.report.export import json_pieces, to_csv
from benchmark.report.external import external_markdown, print_external
from benchmark.report.external_export import external_content, external_csv, external_json
from benchmark.report.markdown import markdown
from benchmark.report.terminal import print_comparison

WIDTH = 140  # columns of a table that is written to a file


def print_page(
    console: Console, comparison: Comparison, costs: list[CostTable], external: Sequence[ExternalTable] = ()
) -> None:
    """The tables of a comparison, those of images of elsewhere, those of costs, and then those of reference records."""
    own, shipped = _apart(comparison, external)
    shown = _print_tables(console, *own, after=False)
    if shown and costs:
        console.print()
    print_costs(console, costs)
    _print_tables(console, *shipped, after=shown or bool(costs))


def _print_tables(console: Console, comparison: Comparison, external: Sequence[ExternalTable], *, after: bool) -> bool:
    """Whether there was any table."""
    if after and (comparison.tables or external):
        console.print()
    print_comparison(console, comparison)
    if comparison.tables and external:
        console.print()
    print_external(console, external)
    return bool(comparison.tables or external)


def _apart(
    comparison: Comparison, external: Sequence[ExternalTable]
) -> list[tuple[Comparison, Sequence[ExternalTable]]]:
    """One's own tables, with all that is said of files, and those of reference records."""
    own, shipped = (
        (
            [table for table in comparison.tables if table.reference is reference],
            [table for table in external if table.reference is reference],
        )
        for reference in (False, True)
    )
    return [(msgspec.structs.replace(comparison, tables=own[0]), own[1]), (Comparison(shipped[0]), shipped[1])]


def page(
    comparison: Comparison, costs: list[CostTable], form: str, external: Sequence[ExternalTable] = ()
) -> Iterable[str]:
    """The same as text, in pieces.

    Args:
        form: ``table``, ``md``, ``csv`` (of one kind: where there is no comparison that of images of elsewhere, else
            that of costs), ``json`` or ``html``.
    """
    if form == "json":
        return json_pieces(comparison, costs_content(costs), external_content(external))
    if form == "html":
        return document(comparison, costs, external)
    if form == "csv":
        return [_csv(comparison, costs, external)]
    if form == "md":
        own, shipped = (
            (markdown(tables), external_markdown(others)) for tables, others in _apart(comparison, external)
        )
        parts = [*own, costs_markdown(costs), *shipped]
        return ["\n".join(part for part in parts if part)]
    text = io.StringIO()
    print_page(Console(file=text, width=WIDTH, force_jupyter=False), comparison, costs, external)
    return [text.getvalue()]


def _csv(comparison: Comparison, costs: list[CostTable], external: Sequence[ExternalTable]) -> str:
    if comparison.tables or not (costs or external):
        return to_csv(comparison)
    return external_csv(external) if external else costs_csv(costs)


def costs_page(costs: list[CostTable], form: str) -> str:
    """Costs alone as ``md``, ``csv`` or ``json``."""
    return {"md": costs_markdown, "csv": costs_csv, "json": costs_json}[form](costs)


def external_page(tables: Sequence[ExternalTable], form: str) -> str:
    """Images of elsewhere alone, likewise."""
    return {"md": external_markdown, "csv": external_csv, "json": external_json}[form](tables)
