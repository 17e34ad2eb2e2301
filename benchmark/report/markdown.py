"""Comparisons as GitHub-flavoured Markdown."""

import re

from benchmark.comparison.shortening import shortened
from benchmark.comparison.tables import Comparison, Row, Table
from benchmark.report import captions, columns, wording
from benchmark.report.conclusion import conclusion
from benchmark.report.markup import visible
from benchmark.report.terminal import supported

# What begins a cell, emphasis, code or a picture, and the bracket between a link's text and its target.
_MARKUP = re.compile(r"[|*`\\]|(?<=\])[(\[]|!(?=\[)|~(?=~)")


def markdown(comparison: Comparison) -> str:
    """Every table with all its columns."""
    parts = [f"{escaped(comparison.selected)}.\n"] if comparison.selected else []
    parts += [_table(shortened(table)) for table in comparison.tables]
    parts += [f"> left out: {escaped(reason)}\n" for reason in comparison.left_out]
    return "\n".join(parts)


def _table(table: Table) -> str:
    shown = columns.every(table)
    metrics = [column.metric for column in shown if column.metric]
    titles = ["pipeline", *(escaped(column.title) for column in shown)]
    aligned = [":--", *("--:" for _ in shown)]
    rows = [_cells(table, row, shown) for row in table.rows]
    notes = [f"- {wording.label(row)}: {note}" for row in table.rows for note in wording.notes(row, metrics)]
    lines = [f"## {escaped(captions.title(table))}", "", *map(escaped, captions.caption(table)), ""]
    lines += [f"| {' | '.join(cells)} |" for cells in (titles, aligned, *rows)]
    lines += [
        "",
        *map(escaped, notes),
        *([""] if notes else []),
        escaped(captions.legend(table, [column.title for column in shown])),
        "",
        escaped(conclusion(table)),
    ]
    return "\n".join(lines) + "\n"


def _cells(table: Table, row: Row, shown: list[columns.Column]) -> list[str]:
    span = wording.span(row)
    texts = [span, *("" for _ in shown[1:])] if span else [_greyed(row, column) for column in shown]
    cells = [escaped(text) for text in (wording.label(row), *texts)]
    if supported(table, row):
        cells[:2] = [f"**{cell}**" for cell in cells[:2]]  # the name and the table's metric, which is what was tested
    return cells


def _greyed(row: Row, column: columns.Column) -> str:
    text = column.text(row)
    return f"{text} (few images)" if wording.few(row, column.metric) else text


def escaped(text: str) -> str:
    """Text that Markdown leaves as it is, also in a cell."""
    shown = " ".join(visible(text).splitlines()).replace("<", "&lt;")
    return _MARKUP.sub(lambda found: f"\\{found[0]}", shown)
