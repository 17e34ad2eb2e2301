"""Comparisons for a terminal of any width."""

from rich.console import Console
from rich.text import Text

from benchmark.comparison.shortening import shortened
from benchmark.comparison.tables import Comparison, Row, Table
from benchmark.report import captions, columns, wording
from benchmark.report.columns import Column
from benchmark.report.conclusion import conclusion
from benchmark.report.layout import Cell, Grid, Line, choose, draw, needed
from benchmark.report.lines import prose
from benchmark.report.markup import visible
from benchmark.report.notes import noted


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Every table with its caption and its closing sentence; files that were left out come last."""
    if comparison.selected:
        show(console, Text(prose(f"{comparison.selected}.", console.width) + "\n\n", "dim"))
    colour = console.color_system is not None  # else nothing is grey
    titled = zip(captions.titles(comparison.tables), comparison.tables, strict=True)
    for place, (title, table) in enumerate(titled):
        show(console, Text("\n" if place else "") + _table(title, shortened(table), console.width, colour=colour))
    for reason in comparison.left_out:
        show(console, Text(prose(f"left out: {reason}", console.width) + "\n", "yellow"))


def show(console: Console, text: Text) -> None:
    """Print text that is laid out already; what would command the terminal is shown as a sign."""
    text.plain = visible(text.plain)
    console.print(text, end="", soft_wrap=True, highlight=False)


def _table(title: str, table: Table, width: int, *, colour: bool) -> Text:
    out = Text().append(prose(title, width) + "\n", "bold")
    for line in captions.caption(table):
        out.append(prose(line, width) + "\n", "dim")
    shown = columns.every(table)
    first_control = next((row for row in table.rows if row.control), None)
    lines = [_line(table, row, shown, rule=row is first_control and row is not table.rows[0]) for row in table.rows]
    grid = Grid("pipeline", [column.title for column in shown], lines)
    essential = sum(column.priority == columns.ESSENTIAL for column in shown)
    taken, names = choose(grid, width, columns.importance(shown), essential)
    metrics = [shown[place].metric for place in taken if shown[place].metric]
    notes = noted(table, metrics)
    visible = grid.only(taken).noted(notes.rows)
    out.append("\n")
    out += draw(visible, width, names)
    for line in [*notes.below, *_remarks(table, shown, taken, grid, colour=colour)]:
        out.append(prose(line, width) + "\n", "dim")
    out.append(prose(conclusion(table), width) + "\n")
    return out


def _line(table: Table, row: Row, shown: list[Column], *, rule: bool) -> Line:
    span = wording.span(row)
    best = "bold" if supported(table, row) else ""
    return Line(
        name=Cell(wording.label(row), best or ("dim" if row.control else "")),
        cells=[] if span else [_cell(row, column, best if column.metric == table.metric else "") for column in shown],
        span=Cell(span, "red" if row.status == "failed" else "dim") if span else None,
        rule=rule,
    )


def _cell(row: Row, column: Column, best: str) -> Cell:
    few = column.metric and wording.few(row, column.metric)
    return Cell(column.text(row), "dim" if few else best, left=column.left)


def supported(table: Table, row: Row) -> bool:
    """Whether a row leads, or cannot be told apart from the one that stands first."""
    ranking = table.ranking
    if ranking is None or ranking.untested or ranking.named or not row.runs or row.control:
        return False
    return row.pipeline in ranking.tied


def _remarks(table: Table, shown: list[Column], taken: list[int], grid: Grid, *, colour: bool) -> list[str]:
    remarks = [captions.legend(table, [shown[place].title for place in taken])]
    if table.ranking is not None and any(supported(table, row) for row in table.rows):
        several = sum(supported(table, row) for row in table.rows) > 1
        alone = "leads" if table.ranking.leads else "stands first"
        remarks[0] += f" Bold: {'cannot be told apart from the first' if several else alone}."
    metrics = [shown[place].metric for place in taken if shown[place].metric]
    if colour and any(wording.few(row, name) for row in table.rows for name in metrics):
        remarks.append("Grey: images of fewer than ten groups.")
    hidden = [column.title for place, column in enumerate(shown) if place not in taken]
    if hidden:
        usual = [place for place, column in enumerate(shown) if column.priority < columns.REST]
        wide = needed(grid if set(usual) <= set(taken) else grid.only(usual))
        remarks.append(f"More columns at {wide} columns or --format csv: {', '.join(hidden)}.")
    return remarks
