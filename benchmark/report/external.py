"""Evaluations on images of elsewhere for a terminal of any width, and as Markdown."""

from collections.abc import Callable, Iterator, Sequence
from itertools import compress

import msgspec
from rich.console import Console
from rich.text import Text

from benchmark.comparison.external import metrics_shown
from benchmark.comparison.external_order import as_row, as_table
from benchmark.comparison.external_tables import ExternalRow, ExternalTable
from benchmark.records.estimate import Estimate
from benchmark.records.external import MASKS, Subgroup
from benchmark.records.metrics import CALIBRATION_SLOPE, ECE_FLOOR
from benchmark.report import wording
from benchmark.report.captions import COMMON, REFERENCE, TO_FIRST
from benchmark.report.conclusion import order
from benchmark.report.layout import Cell, Grid, Line, choose, draw, needed
from benchmark.report.lines import prose
from benchmark.report.markdown import escaped
from benchmark.report.terminal import show

DROP = "Δ to own test"
SMALL = 10  # groups below which a subgroup is greyed


def print_external(console: Console, tables: Sequence[ExternalTable]) -> None:
    """Every table with its caption, its rows' subgroups and what follows."""
    for place, table in enumerate(tables):
        show(console, Text("\n" if place else "") + _table(table, console.width))


def external_markdown(tables: Sequence[ExternalTable]) -> str:
    """The same as GitHub-flavoured Markdown."""
    return "\n".join(_markdown(table) for table in tables)


def title(table: ExternalTable) -> str:
    """Which task on which images."""
    what = "lung masks" if table.kind == MASKS else ", ".join(table.tasks)
    return f"{REFERENCE * table.reference}external · {what} · {table.dataset}"


def caption(table: ExternalTable) -> list[str]:
    """What the numbers are of."""
    return list(_caption(table))


def _caption(table: ExternalTable) -> Iterator[str]:
    yield from (wording.unnamed(component, options) for component, options in table.unnamed.items())
    images = f"{table.n:,} images in {table.groups:,} groups"
    if table.kind == MASKS:
        yield f"The segmenters of trained runs on {images} with masks, which they never saw; means over images."
    else:
        counts = ", ".join(f"{name} {count:,}" for name, count in table.counts.items())
        sent = ", ".join(f"{label} → {name}" for label, name in table.mapping.items())
        yield f"Trained runs on {images} of elsewhere ({counts}); their labels: {sent}."
        yield "Calibration and thresholds are those of each run; nothing was fitted here but in rows that say so."
    if table.left_out:
        left = ", ".join(f"{label} {count:,}" for label, count in table.left_out.items())
        yield f"Left out, of no class: {left}."
    if table.skipped:
        yield f"Left out, unreadable: {table.skipped}."
    yield from table.notices


def legend(table: ExternalTable, titles: Sequence[str]) -> Iterator[str]:
    """How to read the cells of the columns of these titles."""
    several = any(len(row.trainings) > 1 for row in table.rows)
    over = "images and retraining" if several else "images alone, of these trainings"
    yield f"Intervals: 95 % over {over}."
    ranking = table.ranking
    if ranking is not None and ranking.pairs:
        if TO_FIRST in titles:
            common = any(row.verdict is not None and row.verdict.common_trainings for row in table.rows)
            how = f"; {COMMON}: both stand on common trainings, and are compared by these" if common else ""
            pairs = wording.plural(ranking.pairs, "pair")
            yield f"{TO_FIRST}: 95 % simultaneous over {pairs} of rows, on the same images{how}."
        alone = "leads" if ranking.leads else "stands first"
        yield f"Bold: {'cannot be told apart from the first' if len(ranking.tied) > 1 else alone}."
    if table.kind == MASKS:
        return
    yield (
        f"{DROP}: {table.metric} here less that on the run's own test; images of the two sets are independent, "
        "trainings in common."
    )
    if CALIBRATION_SLOPE in titles:
        yield "Calibration slope and intercept: best 1 and 0; a slope below 1 is overconfident."


def supported(table: ExternalTable, row: ExternalRow) -> bool:
    """Whether a row leads, or cannot be told apart from the one that stands first."""
    ranking = table.ranking
    return ranking is not None and bool(ranking.pairs) and not ranking.untested and row.name in ranking.tied


def conclusion(table: ExternalTable) -> str:
    """Who leads, or who cannot be told apart; empty of a single row.

    What recalibration makes of the first, or was made of, is no rival of it, and is told by itself.
    """
    if table.ranking is None or len(table.rows) == 1:
        return ""
    first = next(row for row in table.rows if row.name == table.ranking.first)
    itself = [row for row in table.rows if row.pipeline == first.pipeline and row is not first]
    others = [row for row in table.rows if row not in itself]
    if len(others) == 1:
        return order(as_table(table), table.ranking)
    said = order(as_table(msgspec.structs.replace(table, rows=others)), table.ranking)
    return " ".join([said, *(_recalibration(table, first, row) for row in itself)])


def _recalibration(table: ExternalTable, first: ExternalRow, other: ExternalRow) -> str:
    """What recalibration changes of a pipeline whose two rows these are; empty where that was not tested."""
    whose = first.short_name or first.pipeline
    found, images = other.verdict, first.recalibrated or other.recalibrated
    if found is not None and found.identical:
        return f"Recalibrated on {images} images, {whose} decides the same on all {found.n:,}."
    if found is None or found.value is None or found.low is None or found.high is None:
        return ""
    sign = 1 if other.recalibrated else -1
    low, high = sorted((sign * found.low, sign * found.high))
    change = wording.difference(Estimate(sign * found.value, low, high))
    told = "" if low > 0 or high < 0 else ", which cannot be told from none"
    metric = wording.metric(table.metric)
    return f"Recalibrated on {images} images, the {metric} of {whose} changes by {change}{told}."


def remarks(table: ExternalTable) -> list[str]:
    """What holds of single rows, what all say once: shared films, notes, images needed, subgroups that differ."""
    said: dict[str, list[str]] = {}
    for row in table.rows:
        tested = wording.notes(as_row(row, table.metric), [])
        for text in [*row.shared, *row.notes, *tested, *_calibration(row), *_needed(table, row), *_differences(row)]:
            said.setdefault(text, []).append(row.name)
    every = {row.name for row in table.rows if not row.recalibrated}
    whose = {text: "" if every <= set(names) else f"{', '.join(names)}: " for text, names in said.items()}
    return [f"{whose[text]}{text}." for text in said]


def _calibration(row: ExternalRow) -> Iterator[str]:
    """The expected calibration error, which has no interval, beside what chance alone shows."""
    error, floor = row.metrics.get("ece"), row.metrics.get(ECE_FLOOR)
    if error is not None and floor is not None and floor.value is not None:
        yield f"ece {wording.number(error.value)} ({wording.beside_perfect(floor)})"


def _needed(table: ExternalTable, row: ExternalRow) -> Iterator[str]:
    if row.needed:
        own = {"sensitivity": f"with {table.positive}", "specificity": f"without {table.positive}"}
        needs = [f"{count:,} {own.get(kind) or 'of that class'} for the {kind}" for kind, count in row.needed.items()]
        yield f"to within ± .03, in groups like these, it takes of local images: {', '.join(needs)}"


def _differences(row: ExternalRow) -> Iterator[str]:
    if row.tested and not row.differences:
        yield f"no two subgroups differ, of {wording.plural(row.tested, 'pair')} tested at once"
    for one in row.differences:
        gap = wording.difference(one.difference)
        yield (
            f"{one.metric} differs by {one.trait}, {one.first} less {one.second} {gap}, simultaneous over "
            f"{row.tested} pairs"
        )


def grid_of(table: ExternalTable) -> tuple[list[str], list[list[str]]]:
    """Titles of columns, without that of the rows' names, and the cells of each row, its name first."""
    first, *others = metrics_shown(table)
    tested = any(row.verdict is not None and row.verdict.value is not None for row in table.rows)
    beside: dict[str, Callable[[ExternalRow], str]] = {}
    if table.kind != MASKS:
        beside[DROP] = lambda row: wording.difference(row.drop.get(table.metric))
    if tested:
        beside[TO_FIRST] = lambda row: _to_first(table, row)
    if table.kind != MASKS:
        beside["own test"] = lambda row: wording.number(row.internal.get(table.metric))
    columns = {wording.metric(first): _metric(first), **beside, **{wording.metric(one): _metric(one) for one in others}}
    if table.kind != MASKS:
        columns["trainings"] = lambda row: str(len(row.trainings))
    return list(columns), [[row.name, *(text(row) for text in columns.values())] for row in table.rows]


def _metric(name: str) -> Callable[[ExternalRow], str]:
    return lambda row: wording.estimate(row.metrics.get(name))


def _to_first(table: ExternalTable, row: ExternalRow) -> str:
    found = row.verdict
    if table.ranking is not None and row.name == table.ranking.first:
        return "first"
    if found is not None and found.identical:
        return f"the same on all {found.n:,}"
    return wording.difference(found) + (f" {COMMON}" if found is not None and found.common_trainings else "")


def _table(table: ExternalTable, width: int) -> Text:
    titles, rows = grid_of(table)
    lines = [
        Line(Cell(own, "bold" if supported(table, row) else ""), [Cell(text, left=True) for text in texts])
        for row, (own, *texts) in zip(table.rows, rows, strict=True)
    ]
    out = Text().append(prose(title(table), width) + "\n", "bold")
    for line in caption(table):
        out.append(prose(line, width) + "\n", "dim")
    out.append("\n")
    grid = Grid("pipeline", titles, lines)
    taken, names = _chosen(grid, width)
    out += draw(grid.only(taken), width, names)
    shown = [titles[place] for place in taken]
    hidden = [title for title in titles if title not in shown]
    more = [f"More columns at {needed(grid)} columns or --format csv: {', '.join(hidden)}."] if hidden else []
    for line in [*legend(table, shown), *more, *remarks(table)]:
        out.append(prose(line, width) + "\n", "dim")
    if said := conclusion(table):
        out.append("\n" + prose(said, width) + "\n")
    for row in table.rows:
        if row.subgroups:
            out.append("\n" + prose(f"{row.name}, by source and trait", width) + "\n")
            divided = subgroups_grid(row.subgroups)
            taken, names = _chosen(divided, width)
            out += draw(divided.only(taken), width, names)
    return out


def _chosen(grid: Grid, width: int) -> tuple[list[int], int]:
    return choose(grid, width, range(len(grid.titles)), min(2, len(grid.titles)))


def subgroups_grid(found: Sequence[Subgroup]) -> Grid:
    """Every subgroup of a row with its numbers."""
    metrics = list(dict.fromkeys(metric for one in found for metric in one.metrics))
    lines = [
        Line(
            Cell(f"{one.trait}: {one.value}", "dim" if one.groups < SMALL else ""),
            [Cell(text, left=True) for text in _of_subgroup(one, metrics)],
        )
        for one in found
    ]
    return Grid("images", ["n", *metrics, "groups", "of each class"], lines)


def _of_subgroup(one: Subgroup, metrics: Sequence[str]) -> list[str]:
    counts = ", ".join(f"{name} {count}" for name, count in one.counts.items())
    return [f"{one.n:,}", *(wording.estimate(one.metrics.get(metric)) for metric in metrics), f"{one.groups:,}", counts]


def _markdown(table: ExternalTable) -> str:
    lines = [f"## {escaped(title(table))}", "", *map(escaped, caption(table)), ""]
    titles, rows = grid_of(table)
    bold = [supported(table, row) for row in table.rows]
    lines += _pipes(["pipeline", *titles], rows, bold)
    lines += ["", *map(escaped, legend(table, titles)), "", *(f"- {escaped(line)}" for line in remarks(table))]
    if said := conclusion(table):
        lines += ["", escaped(said)]
    for row in table.rows:
        if row.subgroups:
            grid = subgroups_grid(row.subgroups)
            parts = [[line.name.text, *(cell.text for cell in line.cells)] for line in grid.lines]
            lines += ["", f"{escaped(row.name)}, by source and trait", "", *_pipes(["images", *grid.titles], parts)]
    return "\n".join(lines) + "\n"


def _pipes(titles: Sequence[str], rows: Sequence[Sequence[str]], bold: Sequence[bool] = ()) -> list[str]:
    """A table; of the rows that are bold the name and what stands next to it."""
    cells = [[escaped(text) for text in row] for row in rows]
    for row in compress(cells, bold):
        row[:2] = [f"**{cell}**" for cell in row[:2]]
    rule = f"| {' | '.join([':--', *('--:' for _ in titles[1:])])} |"
    return [f"| {' | '.join(map(escaped, titles))} |", rule, *(f"| {' | '.join(row)} |" for row in cells)]
