"""Comparisons, evaluations elsewhere and costs as one small HTML document: a notebook's tables with a head."""

from collections.abc import Iterator, Sequence

from benchmark.comparison.costs import CostTable
from benchmark.comparison.external_tables import ExternalTable
from benchmark.comparison.tables import Comparison
from benchmark.report import captions, costs, external
from benchmark.report.html import grid, html
from benchmark.report.markup import escaped

STYLE = (
    ":root{color-scheme:light dark}body{font-family:sans-serif;margin:1.5em}"
    "table{border-collapse:collapse}td,th{padding:.2em .6em}"
)


def document(
    comparison: Comparison, measured: Sequence[CostTable] = (), elsewhere: Sequence[ExternalTable] = ()
) -> Iterator[str]:
    """The page in pieces; it loads nothing and runs nothing."""
    named = [*captions.titles(comparison.tables), *map(external.title, elsewhere), *map(costs.title, measured)]
    yield (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escaped('; '.join(dict.fromkeys(named)) or 'bench compare')}</title>"
        f"<style>{STYLE}</style></head><body>\n"
    )
    if comparison.tables or comparison.left_out or comparison.selected or elsewhere or not named:
        yield html(comparison, elsewhere)
    for one in measured:
        yield from _costs(one)
    yield "\n</body></html>\n"


def _costs(table: CostTable) -> Iterator[str]:
    shown = costs.columns(table)
    titles = [column.title for column in shown]
    last = table.groups[-1] if table.groups else None
    for place, group in enumerate(table.groups):
        rows = [[costs.name(row), *(costs.cell(row, one, True).strip() for one in shown)] for row in group.rows]
        notes = [f"{costs.name(row)}: {note}" for row in group.rows for note in costs.notes(row)]
        tail = [*notes, *(costs.remarks(table, titles) if group is last else ())]
        above = [costs.conditions(group.conditions)]
        yield grid(costs.title(table) if place == 0 else "", above, ["pipeline", *titles], rows, tail)
