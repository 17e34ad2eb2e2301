"""Comparisons as HTML for notebooks: small, complete in themselves, everything escaped."""

from collections.abc import Iterable, Iterator
from html import escape

from benchmark.comparison.shortening import shortened
from benchmark.comparison.tables import Comparison, Row, Table
from benchmark.report import captions, columns, wording
from benchmark.report.columns import Column
from benchmark.report.conclusion import conclusion
from benchmark.report.terminal import supported

# Of the parts that a notebook's own style would get wrong; no classes, so that nothing outside is touched.
LEFT, FIGURES = "text-align:left", "text-align:left;white-space:nowrap;font-variant-numeric:tabular-nums"
DIM = "opacity:.65"


def html(comparison: Comparison) -> str:
    """Every table with its caption and its closing sentence; files that were left out come last."""
    parts = [_line(f"{comparison.selected}.")] if comparison.selected else []
    parts += [_table(shortened(table)) for table in comparison.tables]
    parts += [_line(f"left out: {reason}") for reason in comparison.left_out]
    return f"<div>{''.join(parts) or _line('nothing to compare')}</div>"


def grid(
    title: str, head: Iterable[str], titles: Iterable[str], rows: Iterable[Iterable[str]], tail: Iterable[str]
) -> str:
    """Any table of texts: a title, lines above it, titles of columns, cells, lines below it."""
    columns = "".join(f'<th style="{LEFT}">{escape(one)}</th>' for one in titles)
    body = "".join(f"<tr>{''.join(map(_cell, cells))}</tr>" for cells in rows)
    return "".join(
        [
            f"<p><b>{escape(title)}</b></p>" if title else "",
            *map(_line, head),
            f"<table><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table>",
            *map(_line, tail),
        ]
    )


def _table(table: Table) -> str:
    shown = columns.every(table)
    metrics = [column.metric for column in shown if column.metric]
    rows = "".join(_row(table, row, shown, wording.notes(row, metrics)) for row in table.rows)
    head = "".join(f'<th style="{LEFT}">{escape(title)}</th>' for title in ["pipeline", *(one.title for one in shown)])
    return "".join(
        [
            f"<p><b>{escape(captions.title(table))}</b></p>",
            *(_line(line) for line in captions.caption(table)),
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>",
            _line(captions.legend(table, [column.title for column in shown])),
            f"<p>{escape(conclusion(table))}</p>",
        ]
    )


def _row(table: Table, row: Row, shown: list[Column], notes: Iterable[str]) -> str:
    """A row, and under it what must be said of it."""
    name = _cell(wording.label(row), bold=supported(table, row), dim=row.control)
    span = wording.span(row)
    cells = f'<td colspan="{len(shown)}" style="{LEFT}">{escape(span)}</td>' if span else "".join(_cells(row, shown))
    below = "".join(
        f'<tr><td colspan="{len(shown) + 1}" style="{LEFT};{DIM}">{escape(note)}</td></tr>' for note in notes
    )
    return f"<tr>{name}{cells}</tr>{below}"


def _cells(row: Row, shown: list[Column]) -> Iterator[str]:
    for column in shown:
        yield _cell(column.text(row), dim=bool(column.metric) and wording.few(row, column.metric))


def _cell(text: str, *, bold: bool = False, dim: bool = False) -> str:
    inner = f"<b>{escape(text)}</b>" if bold else escape(text)
    return f'<td style="{FIGURES}{f";{DIM}" if dim else ""}">{inner}</td>'


def _line(text: str) -> str:
    return f'<div style="{DIM}">{escape(text)}</div>'
