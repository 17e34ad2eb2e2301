"""Tables as a page shows them: rows of text, each with its notes, from what the other formats are made of."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from benchmark.comparison.costs import CostGroup, CostTable
from benchmark.comparison.external_tables import ExternalTable
from benchmark.comparison.tables import Row, Table
from benchmark.records.verdicts import Verdict
from benchmark.report import captions, columns, costs, external, wording
from benchmark.report.columns import Column
from benchmark.report.notes import noted

AUROC = "auroc"
HALF_A_DIGIT = 0.0015  # of the three decimals that two numbers and their difference are printed with
TIE_GROUP = "tie group"
FAILED, CONTROL, TIED, FEW = "e", "o", "t", "f"  # classes of the page's style


class SheetRow(msgspec.Struct, frozen=True):
    """A row.

    Attributes:
        cells: text and style of each column but the name's.
        notes: below it; of a sheet whose notes are `folded` behind a fold.
        said: below it, always seen.
        span: stands across the columns instead.
        style: of the row.
    """

    name: str
    cells: list[tuple[str, str]]
    notes: list[str] = []
    said: list[str] = []
    span: str = ""
    style: str = ""


class Sheet(msgspec.Struct, frozen=True):
    """A table with what stands above and below it.

    Attributes:
        corner: the title of the names.
        above, below: lines.
        folded: whether notes are hidden until they are asked for.
    """

    caption: str
    corner: str
    titles: list[str]
    rows: list[SheetRow]
    above: list[str] = []
    below: list[str] = []
    folded: bool = False


def comparison_sheet(table: Table) -> Sheet:
    """Every column of a comparison, and of which tie group a row is."""
    shown = _across(columns.every(table))
    titles = [column.title for column in shown]
    grouped = table.ranking is not None and not table.ranking.untested
    notes = noted(table, [column.metric for column in shown if column.metric])
    rows = list(_rows(table, shown, grouped, notes.rows))
    below = [*notes.below, captions.legend(table, titles)]
    if grouped:
        below.append(f"{TIE_GROUP.capitalize()}: {_meaning(table)}.")
    if any(style == FEW for row in rows for _, style in row.cells):
        below.append("Grey: images of fewer than ten groups.")
    asked = [TIE_GROUP] if grouped else []
    return Sheet(f"{captions.title(table)}: all rows", "pipeline", [*asked, *titles], rows, below=below, folded=True)


def _across(shown: Sequence[Column]) -> list[Column]:
    """The columns from left to right: what tells how good rows are, the area under the curve first, then the rest."""
    first, *others = shown
    near = [column for column in others if column.metric == AUROC]
    tests = [column for column in others if column.priority == columns.ESSENTIAL or column.title == captions.TO_FIRST]
    metrics = [column for column in others if column.metric and column not in near]
    used = [first, *tests, *near, *metrics]
    return [*used, *(column for column in others if column not in used)]


def _footnotes(table: Table, row: Row) -> list[str]:
    """Why a row's difference is not that of the two numbers that are printed."""
    own, found = row.value(table.metric), row.verdict
    ranking = table.ranking
    if ranking is None or found is None or found.value is None or own is None:
        return []
    first = next((one.value(table.metric) for one in table.rows if one.pipeline == ranking.reference), None)
    if first is None or abs(found.value - (own - first)) < HALF_A_DIGIT:
        return []
    shown = wording.difference(Verdict(value=found.value))
    return [
        f"Δ {shown} is over the seeds that both rows have; over all of its own {ranking.reference} scores "
        f"{wording.number(first)}, which would give {wording.difference(Verdict(value=own - first))}."
    ]


def group_of(table: Table, row: Row) -> str:
    """On which side of the reference a row is; empty where it was not tested."""
    ranking = table.ranking
    if ranking is None or ranking.untested or not row.runs or row.value(table.metric) is None:
        return ""
    if row.pipeline == ranking.reference and not row.control:
        return "named" if ranking.named else "leads" if ranking.leads else "first"
    sides = {"tied": ranking.tied, "better": ranking.better, "behind": ranking.worse}
    return next((side for side, names in sides.items() if row.pipeline in names), "")


def _rows(table: Table, shown: Sequence[Column], grouped: bool, found: Sequence[list[str]]) -> Iterator[SheetRow]:
    for row, notes in zip(table.rows, found, strict=True):
        group = group_of(table, row)
        span = wording.span(row)
        cells = [] if span else [(group, "")] if grouped else []
        if not span:
            cells += [
                (column.text(row), FEW if column.metric and wording.few(row, column.metric) else "") for column in shown
            ]
        styles = [FAILED] if row.status == "failed" else [CONTROL] if row.control else []
        styles += [TIED] if group in ("leads", "first", "tied") and not row.control else []
        said = [*_footnotes(table, row), *(notes if span else [])]
        yield SheetRow(wording.label(row), cells, [] if span else notes, said, span, " ".join(styles))


def _meaning(table: Table) -> str:
    ranking = table.ranking
    assert ranking is not None
    if ranking.named:
        return f"named: {ranking.reference}, chosen before; tied: cannot be told apart from it; behind, better: can be"
    first = "leads: better than every other row, trained again and again" if ranking.leads else "first: stands first"
    better = "; better: a rule that scores more" if ranking.better else ""
    return f"{first}; tied: cannot be told apart from the first, and may be as good; behind: is worse{better}"


def external_sheets(table: ExternalTable) -> list[Sheet]:
    """What was found on images of elsewhere, then each row's subgroups."""
    titles, cells = external.grid_of(table)
    rows = [SheetRow(own, _plain(texts)) for own, *texts in cells]
    below = [*external.legend(table, titles), *external.remarks(table), *filter(None, [external.conclusion(table)])]
    sheets = [Sheet(external.title(table), "pipeline", titles, rows, external.caption(table), below)]
    for row in table.rows:
        if row.subgroups:
            grid = external.subgroups_grid(row.subgroups)
            lines = [
                SheetRow(line.name.text, _plain(cell.text for cell in line.cells), style=FEW if line.name.style else "")
                for line in grid.lines
            ]
            below = ["Grey: fewer than ten groups."] if any(line.style for line in lines) else []
            heading = f"{row.name}, by source and trait, on {table.dataset}"
            sheets.append(Sheet(heading, grid.corner, grid.titles, lines, below=below))
    return sheets


def cost_sheets(table: CostTable) -> list[Sheet]:
    """A sheet for each hardware; how to read them stands under the last."""
    shown = costs.columns(table)
    titles = [column.title for column in shown]
    sheets = [_cost_sheet(table, group, shown) for group in table.groups]
    return [*sheets[:-1], msgspec.structs.replace(sheets[-1], below=costs.remarks(table, titles))] if sheets else []


def _cost_sheet(table: CostTable, group: CostGroup, shown: Sequence[costs.Column]) -> Sheet:
    rows = [
        SheetRow(costs.name(row), _plain(costs.cell(row, column, True).strip() for column in shown), costs.notes(row))
        for row in group.rows
    ]
    caption = f"{costs.title(table)}: {costs.conditions(group.conditions)}"
    return Sheet(caption, "pipeline", [column.title for column in shown], rows)


def failed_sheet(table: Table) -> Sheet | None:
    """Every run that has no numbers, and why; None where all have some."""
    rows = [
        SheetRow(f"{row.pipeline} {wording.run_of(row, one)}", _plain((one.failure.stage, one.failure.cause)),
                 [one.failure.message, *one.failure.log[-3:]])
        for row in table.rows
        for one in row.failures
    ]  # fmt: skip
    return Sheet("runs that failed", "run", ["stage", "cause"], rows) if rows else None


def _plain(texts: Iterable[str]) -> list[tuple[str, str]]:
    return [(one, "") for one in texts]
