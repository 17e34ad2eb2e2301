"""Evaluations on images of elsewhere for a terminal of any width, as Markdown, CSV and JSON."""

from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from benchmark.comparison.external import metrics_shown
from benchmark.comparison.external_order import as_row, as_table
from benchmark.comparison.external_tables import ExternalRow, ExternalTable
from benchmark.records.estimate import Estimate
from benchmark.records.external import MASKS, Subgroup
from benchmark.records.metrics import CALIBRATION_SLOPE, ECE_FLOOR
from benchmark.records.verdicts import Verdict
from benchmark.report import wording
from benchmark.report.captions import COMMON, TO_FIRST
from benchmark.report.conclusion import order
from benchmark.report.csv_text import csv_text
from benchmark.report.layout import Cell, Grid, Line, choose, draw, needed
from benchmark.report.lines import prose
from benchmark.report.markdown import escaped
from benchmark.report.markup import visible_json
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


def external_csv(tables: Sequence[ExternalTable]) -> str:
    """A line per row: each metric with low and high, its drop and the run's own value; numbers are not rounded."""
    rows = [_flat(place, table, row) for place, table in enumerate(tables, 1) for row in table.rows]
    return csv_text(rows)


def external_json(tables: Sequence[ExternalTable]) -> str:
    """``{"external": [{"dataset", "mapping", "rows": […], …}]}``, indented."""
    content = msgspec.json.encode({"external": external_content(tables)})
    return visible_json(msgspec.json.format(content, indent=1).decode()) + "\n"


def external_content(tables: Sequence[ExternalTable]) -> list[dict[str, Any]]:
    """The tables as dictionaries."""
    return [msgspec.to_builtins(table) for table in tables]


def external_page(tables: Sequence[ExternalTable], form: str) -> str:
    """The tables as ``md``, ``csv`` or ``json``."""
    return {"md": external_markdown, "csv": external_csv, "json": external_json}[form](tables)


def title(table: ExternalTable) -> str:
    """Which task on which images."""
    what = "lung masks" if table.kind == MASKS else ", ".join(table.tasks)
    return f"external · {what} · {table.dataset}"


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
    """Who leads, or who cannot be told apart; empty of a single row."""
    return order(as_table(table), table.ranking) if table.ranking is not None and len(table.rows) > 1 else ""


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


def _flat(place: int, table: ExternalTable, row: ExternalRow) -> dict[str, Any]:
    flat: dict[str, Any] = {
        "table": place, "kind": table.kind, "tasks": " ".join(table.tasks), "dataset": table.dataset,
        "dataset_digest": table.digest, "n": table.n, "groups": table.groups, "pipeline": row.pipeline,
        "short_name": row.short_name, "recalibrated": row.recalibrated, "trainings": " ".join(row.trainings),
    }  # fmt: skip
    for metric, one in row.metrics.items():
        flat |= _ends(metric, one)
    for metric, one in row.drop.items():
        flat |= _ends(f"drop {metric}", one)
    flat |= {f"own test {metric}": value for metric, value in row.internal.items()}
    found = row.verdict or Verdict()
    first = Estimate(found.value, found.low, found.high)
    return flat | _ends("difference to first", first) | {"difference to first p": found.p}


def _ends(title: str, one: Estimate) -> dict[str, Any]:
    return {title: one.value, f"{title} low": one.low, f"{title} high": one.high}
