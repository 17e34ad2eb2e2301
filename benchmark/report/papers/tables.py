"""Tables of a comparison in LaTeX (booktabs): tie groups marked, intervals, n, notes under the table."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from benchmark.comparison.external_tables import ExternalTable
from benchmark.comparison.tables import Row, Table
from benchmark.report import captions, columns, external, wording
from benchmark.report.columns import Column
from benchmark.report.conclusion import conclusion
from benchmark.report.lines import wrapped_title
from benchmark.report.papers.latex import name, table, tex
from benchmark.report.terminal import supported

ROOM = 90  # characters beside the names; a table that is wider is set smaller
TITLE = 15  # characters of a line of a title
LONG = 40  # characters of a name, beyond which it is broken
_SIGN: Final = re.compile(r"(?<![\w-])-(?=\d)")
TIED, FEW = "a", r"\dag"


class Notes:
    """Notes under a table, each numbered when a row first refers to it."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def mark(self, texts: Sequence[str], more: str = "") -> str:
        """What stands behind a name: ``\\textsuperscript{a,1,2}``."""
        self.texts += [text for text in dict.fromkeys(texts) if text not in self.texts]
        numbers = sorted(self.texts.index(text) + 1 for text in dict.fromkeys(texts))
        marks = [*([more] if more else []), *map(str, numbers)]
        return rf"\textsuperscript{{{','.join(marks)}}}" if marks else ""

    def lines(self) -> list[str]:
        """The notes as LaTeX."""
        return [rf"\textsuperscript{{{place}}}~{name(text)}." for place, text in enumerate(self.texts, 1)]


def results(found: Table, place: int) -> str:
    """A table of runs as a float; `place` numbers its label."""
    shown = _chosen(found)
    metrics = [column.metric for column in shown if column.metric]
    notes = Notes()
    rows = list(_rows(found, shown, metrics, notes))
    titles = ["pipeline", *(_title(column) for column in shown)]
    body = table(titles, rows, _spec([wording.label(row) for row in found.rows], [one.left for one in shown]))
    below = [
        *_marks(found, metrics),
        *notes.lines(),
        name(conclusion(found)),
        name(captions.legend(found, [column.title for column in shown])),
        *map(name, captions.caption(found)),
        _hidden(found, shown),
    ]
    return _float(f"{tex(captions.title(found))}.", f"tab:results-{place}", [body], below)


def elsewhere(found: ExternalTable, place: int) -> str:
    """A table of external evaluations as a float, subgroups of each row below it."""
    every, named = external.grid_of(found)
    cells = [texts for _, *texts in named]
    taken = _fitting(every, cells, range(len(every)))
    titles = [every[place] for place in taken]
    rows = [
        [name(row.name), *(_number(texts[place]) for place in taken)]
        for row, texts in zip(found.rows, cells, strict=True)
    ]
    names = [row.name for row in found.rows]
    bodies = [table(["pipeline", *map(_shortened, titles)], rows, _spec(names, [True] * len(titles)))]
    for row in found.rows:
        if row.subgroups:
            grid = external.subgroups_grid(row.subgroups)
            lines = [[tex(line.name.text), *(_number(cell.text) for cell in line.cells)] for line in grid.lines]
            heads = [tex(grid.corner), *map(_shortened, grid.titles)]
            bodies.append(rf"\parbox{{\linewidth}}{{\raggedright {name(row.name)}, by source and trait}}")
            bodies.append(table(heads, lines, _spec([], [True] * len(grid.titles))))
    hidden = [title for title in every if title not in titles]
    below = [
        *map(
            name,
            [
                *external.caption(found),
                *external.legend(found, titles),
                *external.remarks(found),
                external.conclusion(found),
            ],
        ),
        f"Not shown here: {tex(', '.join(hidden))}; bench compare --external --format csv has them." if hidden else "",
    ]
    return _float(f"{tex(external.title(found))}.", f"tab:external-{place}", bodies, below)


def _rows(found: Table, shown: Sequence[Column], metrics: list[str], notes: Notes) -> Iterator[list[str]]:
    begun = False
    for row in found.rows:
        cells = _cells(found, row, shown, notes.mark(wording.notes(row, metrics), _tied(found, row)))
        if row.control and not begun:
            begun, cells[0] = True, "\\midrule\n" + cells[0]
        yield cells


def _cells(found: Table, row: Row, shown: Sequence[Column], mark: str) -> list[str]:
    best = supported(found, row)
    label = name(wording.label(row))
    first = (rf"\textbf{{{label}}}" if best else label) + mark
    span = wording.span(row)
    if span:
        return [first, rf"\multicolumn{{{len(shown)}}}{{l}}{{{tex(span)}}}"]
    return [first, *(_cell(row, column, best and column.metric == found.metric) for column in shown)]


def _cell(row: Row, column: Column, best: bool) -> str:
    text = _number(column.text(row))
    few = bool(column.metric) and wording.few(row, column.metric)
    return (rf"\textbf{{{text}}}" if best else text) + (rf"\textsuperscript{{{FEW}}}" if few else "")


def _tied(found: Table, row: Row) -> str:
    """The mark of the tie group: rows that cannot be told apart from the reference."""
    ranking = found.ranking
    tied = ranking.tied if ranking and not ranking.untested else []
    return TIED if len(tied) > 1 and row.pipeline in tied else ""


def _marks(found: Table, metrics: list[str]) -> Iterator[str]:
    """What the marks mean."""
    if any(_tied(found, row) for row in found.rows) and found.ranking:
        reference = name(found.ranking.reference)
        yield rf"\textsuperscript{{{TIED}}}~Tie group: cannot be told apart from {reference} (95\,\%)."
    if any(supported(found, row) for row in found.rows):
        yield "Bold: stands first, or cannot be told apart from the pipeline that does."
    if any(wording.few(row, metric) for row in found.rows for metric in metrics):
        yield rf"\textsuperscript{{{FEW}}}~Images of fewer than ten groups."


def _chosen(found: Table) -> list[Column]:
    """The columns that fit, the most important ones, in their order."""
    every = columns.every(found)
    cells = [[column.text(row) for column in every] for row in found.rows if not wording.span(row)]
    # What a paper's table is for is the difference, so that goes before other metrics.
    order = sorted(
        columns.importance(every),
        key=lambda place: (every[place].priority > columns.ESSENTIAL, every[place].title != captions.TO_FIRST),
    )
    taken = _fitting([column.title for column in every], cells, order)
    return [every[place] for place in taken]


def _fitting(titles: Sequence[str], cells: Sequence[Sequence[str]], order: Sequence[int]) -> list[int]:
    """Places of the columns that fit, ascending; those that come first in the order are taken first."""
    taken, room = list[int](), ROOM
    for place in order:
        wide = max([min(TITLE, len(titles[place])), *(len(row[place]) for row in cells)])
        if wide <= room or not taken:
            taken.append(place)
            room -= wide + 2
    return sorted(taken)


def _number(text: str) -> str:
    """A cell: what stands before a digit and after none is a sign."""
    return tex(_SIGN.sub("−", text))


def _hidden(found: Table, shown: Sequence[Column]) -> str:
    titles = {column.title for column in shown}
    hidden = [column.title for column in columns.every(found) if column.title not in titles]
    return f"Not shown here, and in results.csv: {tex(', '.join(hidden))}." if hidden else ""


def _title(column: Column) -> str:
    return _shortened(column.title, left=column.left)


def _shortened(title: str, *, left: bool = True) -> str:
    lines = [tex(line) for line in wrapped_title(title, TITLE)]
    stacked = r"\\".join(lines)
    return stacked if len(lines) == 1 else rf"\shortstack[{'l' if left else 'r'}]{{{stacked}}}"


def _spec(names: Sequence[str], lefts: Sequence[bool]) -> str:
    long = any(len(one) > LONG for one in names)
    first = r">{\raggedright\arraybackslash}p{0.38\linewidth}" if long else "l"
    return f"@{{}}{first}{''.join('l' if left else 'r' for left in lefts)}@{{}}"


def _float(caption: str, label: str, bodies: Sequence[str], below: Sequence[str]) -> str:
    lines = [r"\begin{table}[htbp]", r"\centering", rf"\caption{{{caption}}}", rf"\label{{{label}}}", r"\footnotesize"]
    for body in bodies:
        lines += [body, r"\par\medskip"]
    lines += [r"\begin{minipage}{\linewidth}\scriptsize\raggedright"]
    lines += [rf"{line}\par" for line in below if line]
    return "\n".join([*lines, r"\end{minipage}", r"\end{table}", ""])


def unused(selected: str, left_out: Sequence[str]) -> str:
    """Runs that were left out, as a paragraph; empty where none were.

    Args:
        selected: what was left out because something else was asked for.
        left_out: files that cannot be trusted.
    """
    said = " ".join(f"{tex(reason)}." for reason in [selected, *left_out] if reason)
    return f"\\paragraph{{Left out}} {said}\n" if said else ""
