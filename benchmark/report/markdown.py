"""Comparisons as GitHub-flavoured Markdown."""

import re
from typing import Final

from benchmark.comparison.shortening import shortened
from benchmark.comparison.tables import Comparison, Row, Table
from benchmark.report import captions, columns, wording
from benchmark.report.conclusion import conclusion
from benchmark.report.lines import plain
from benchmark.report.notes import noted
from benchmark.report.terminal import supported

# What Markdown would take for markup within a line, and of what begins one headings and definitions of links.
_MARKUP: Final = re.compile(r"[\\`*~|$]|(?<![^\W_])_|_(?![^\W_])|(?<=\])[(\[]|!(?=\[)|^[\[#]")


def markdown(comparison: Comparison) -> str:
    """Every table with all its columns."""
    parts = [f"{escaped(comparison.selected)}.\n"] if comparison.selected else []
    titled = zip(captions.titles(comparison.tables), comparison.tables, strict=True)
    parts += [_table(title, shortened(table)) for title, table in titled]
    parts += [f"> left out: {escaped(reason)}\n" for reason in comparison.left_out]
    return "\n".join(parts)


def _table(title: str, table: Table) -> str:
    shown = columns.every(table)
    metrics = [column.metric for column in shown if column.metric]
    titles = ["pipeline", *(escaped(column.title) for column in shown)]
    aligned = [":--", *("--:" for _ in shown)]
    rows = [_cells(table, row, shown) for row in table.rows]
    found = noted(table, metrics)
    notes = [f"- {wording.label(row)}: {note}" for row, own in zip(table.rows, found.rows, strict=True) for note in own]
    notes += [f"- {note}" for note in found.below]
    lines = [f"## {escaped(title)}", "", *map(escaped, captions.caption(table)), ""]
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
    """Text that Markdown leaves as it is, on one line and also in a cell."""
    harmless = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(lambda found: f"\\{found[0]}", harmless)
