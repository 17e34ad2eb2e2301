"""Comparisons as HTML for notebooks: small, complete in themselves, everything escaped."""

from collections.abc import Iterable, Iterator, Sequence

from benchmark.comparison.external_tables import ExternalRow, ExternalTable
from benchmark.comparison.shortening import shortened
from benchmark.comparison.tables import Comparison, Row, Table
from benchmark.report import captions, columns, external, wording
from benchmark.report.columns import Column
from benchmark.report.conclusion import conclusion
from benchmark.report.markup import escaped
from benchmark.report.notes import noted
from benchmark.report.terminal import supported

# Of the parts that a notebook's own style would get wrong; no classes, so that nothing outside is touched.
LEFT, FIGURES = "text-align:left", "text-align:left;white-space:nowrap;font-variant-numeric:tabular-nums"
DIM = "opacity:.65"


def html(comparison: Comparison, elsewhere: Sequence[ExternalTable] = ()) -> str:
    """Every table with its caption and its closing sentence; files that were left out come last.

    Args:
        elsewhere: tables of images of elsewhere, below the others.
    """
    parts = [_line(f"{comparison.selected}.")] if comparison.selected else []
    titled = list(zip(captions.titles(comparison.tables), comparison.tables, strict=True))
    for reference in (False, True):
        parts += [_table(title, shortened(table)) for title, table in titled if table.reference is reference]
        parts += [_elsewhere(table) for table in elsewhere if table.reference is reference]
    parts += [_line(f"left out: {reason}") for reason in comparison.left_out]
    return f"<div>{''.join(parts) or _line('nothing to compare')}</div>"


def grid(
    title: str, head: Iterable[str], titles: Iterable[str], rows: Iterable[Iterable[str]], tail: Iterable[str]
) -> str:
    """Any table of texts: a title, lines above it, titles of columns, cells, lines below it."""
    body = "".join(f"<tr>{''.join(map(_cell, cells))}</tr>" for cells in rows)
    above = f"<p><b>{escaped(title)}</b></p>" if title else ""
    return "".join([above, *map(_line, head), _grid(titles, body), *map(_line, tail)])


def _table(title: str, table: Table) -> str:
    shown = columns.every(table)
    metrics = [column.metric for column in shown if column.metric]
    notes = noted(table, metrics)
    rows = "".join(_row(table, row, shown, own) for row, own in zip(table.rows, notes.rows, strict=True))
    return "".join(
        [
            f"<p><b>{escaped(title)}</b></p>",
            *(_line(line) for line in captions.caption(table)),
            _grid(["pipeline", *(one.title for one in shown)], rows),
            *map(_line, notes.below),
            _line(captions.legend(table, [column.title for column in shown])),
            f"<p>{escaped(conclusion(table))}</p>",
        ]
    )


def _elsewhere(table: ExternalTable) -> str:
    """A table of images of elsewhere, and of every row its subgroups."""
    titles, cells = external.grid_of(table)
    rows = [
        f"<tr>{_cell(own, bold=external.supported(table, row))}{''.join(map(_cell, texts))}</tr>"
        for row, (own, *texts) in zip(table.rows, cells, strict=True)
    ]
    return "".join(
        [
            f"<p><b>{escaped(external.title(table))}</b></p>",
            *(_line(line) for line in external.caption(table)),
            _grid(["pipeline", *titles], "".join(rows)),
            *(_line(line) for line in [*external.legend(table, titles), *external.remarks(table)]),
            f"<p>{escaped(external.conclusion(table))}</p>",
            *(_divided(row) for row in table.rows if row.subgroups),
        ]
    )


def _divided(row: ExternalRow) -> str:
    divided = external.subgroups_grid(row.subgroups)
    lines = "".join(
        f"<tr>{_cell(line.name.text, dim=bool(line.name.style))}{''.join(_cell(cell.text) for cell in line.cells)}</tr>"
        for line in divided.lines
    )
    return _line(f"{row.name}, by source and trait") + _grid(["images", *divided.titles], lines)


def _grid(titles: Iterable[str], rows: str) -> str:
    head = "".join(f'<th style="{LEFT}">{escaped(title)}</th>' for title in titles)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(table: Table, row: Row, shown: list[Column], notes: Iterable[str]) -> str:
    """A row, and under it what must be said of it."""
    name = _cell(wording.label(row), bold=supported(table, row), dim=row.control)
    span = wording.span(row)
    cells = f'<td colspan="{len(shown)}" style="{LEFT}">{escaped(span)}</td>' if span else "".join(_cells(row, shown))
    below = "".join(
        f'<tr><td colspan="{len(shown) + 1}" style="{LEFT};{DIM}">{escaped(note)}</td></tr>' for note in notes
    )
    return f"<tr>{name}{cells}</tr>{below}"


def _cells(row: Row, shown: list[Column]) -> Iterator[str]:
    for column in shown:
        yield _cell(column.text(row), dim=bool(column.metric) and wording.few(row, column.metric))


def _cell(text: str, *, bold: bool = False, dim: bool = False) -> str:
    inner = f"<b>{escaped(text)}</b>" if bold else escaped(text)
    return f'<td style="{FIGURES}{f";{DIM}" if dim else ""}">{inner}</td>'


def _line(text: str) -> str:
    return f'<div style="{DIM}">{escaped(text)}</div>'
