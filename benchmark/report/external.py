"""Evaluations on images of elsewhere for a terminal of any width, as Markdown, CSV and JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from benchmark.comparison.external import ExternalRow, ExternalTable, metrics_shown
from benchmark.records.estimate import Estimate
from benchmark.records.external import MASKS, Subgroup
from benchmark.records.metrics import CALIBRATION_SLOPE
from benchmark.report import wording
from benchmark.report.csv_text import csv_text
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


def external_csv(tables: Sequence[ExternalTable]) -> str:
    """A line per row: each metric with low and high, its drop and the run's own value; numbers are not rounded."""
    rows = [_flat(place, table, row) for place, table in enumerate(tables, 1) for row in table.rows]
    return csv_text(rows)


def external_json(tables: Sequence[ExternalTable]) -> str:
    """``{"external": [{"dataset", "mapping", "rows": […], …}]}``, indented."""
    content = msgspec.json.encode({"external": external_content(tables)})
    return msgspec.json.format(content, indent=1).decode() + "\n"


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
    """How to read the columns of these titles."""
    several = any(len(row.trainings) > 1 for row in table.rows)
    over = "images and retraining" if several else "images alone, of these trainings"
    yield f"Intervals: 95 % over {over}."
    if table.kind == MASKS:
        return
    yield (
        f"{DROP}: {table.metric} here less that on the run's own test; images of the two sets are independent, "
        "trainings in common."
    )
    if CALIBRATION_SLOPE in titles:
        yield "Calibration slope and intercept: best 1 and 0; a slope below 1 is overconfident."


def remarks(table: ExternalTable) -> list[str]:
    """What holds of single rows, what all say once: shared films, notes, images needed, subgroups that differ."""
    said: dict[str, list[str]] = {}
    for row in table.rows:
        for text in [*row.shared, *row.notes, *_needed(table, row), *_differences(row)]:
            said.setdefault(text, []).append(name(row))
    every = {name(row) for row in table.rows if not row.recalibrated}
    whose = {text: "" if every <= set(names) else f"{', '.join(names)}: " for text, names in said.items()}
    return [f"{whose[text]}{text}." for text in said]


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


def name(row: ExternalRow) -> str:
    """How a row is named."""
    shown = row.short_name or row.pipeline
    return f"{shown} · recalibrated on {row.recalibrated}" if row.recalibrated else shown


def titles_of(table: ExternalTable) -> list[str]:
    """The columns after the name."""
    shown = [wording.metric(one) for one in metrics_shown(table)]
    return shown if table.kind == MASKS else [shown[0], DROP, "own test", *shown[1:], "trainings"]


def texts_of(table: ExternalTable, row: ExternalRow) -> list[str]:
    """A row's cells under these."""
    shown = [wording.estimate(row.metrics.get(one)) for one in metrics_shown(table)]
    if table.kind == MASKS:
        return shown
    drop = wording.difference(row.drop.get(table.metric))
    own = wording.number(row.internal.get(table.metric))
    return [shown[0], drop, own, *shown[1:], str(len(row.trainings))]


def _table(table: ExternalTable, width: int) -> Text:
    titles = titles_of(table)
    lines = [Line(Cell(name(row)), [Cell(text, left=True) for text in texts_of(table, row)]) for row in table.rows]
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
    for row in table.rows:
        if row.subgroups:
            out.append("\n" + prose(f"{name(row)}, by source and trait", width) + "\n")
            divided = subgroups(row.subgroups)
            taken, names = _chosen(divided, width)
            out += draw(divided.only(taken), width, names)
    return out


def _chosen(grid: Grid, width: int) -> tuple[list[int], int]:
    return choose(grid, width, range(len(grid.titles)), min(2, len(grid.titles)))


def subgroups(found: Sequence[Subgroup]) -> Grid:
    """A line per subgroup."""
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
    lines += _pipes(["pipeline", *titles_of(table)], [[name(row), *texts_of(table, row)] for row in table.rows])
    lines += [
        "",
        *map(escaped, legend(table, titles_of(table))),
        "",
        *(f"- {escaped(line)}" for line in remarks(table)),
    ]
    for row in table.rows:
        if row.subgroups:
            grid = subgroups(row.subgroups)
            cells = [[line.name.text, *(cell.text for cell in line.cells)] for line in grid.lines]
            lines += ["", f"{escaped(name(row))}, by source and trait", "", *_pipes(["images", *grid.titles], cells)]
    return "\n".join(lines) + "\n"


def _pipes(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    head = f"| {' | '.join(map(escaped, titles))} |"
    rule = f"| {' | '.join([':--', *('--:' for _ in titles[1:])])} |"
    return [head, rule, *(f"| {' | '.join(map(escaped, cells))} |" for cells in rows)]


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
    return flat | {f"own test {metric}": value for metric, value in row.internal.items()}


def _ends(title: str, one: Estimate) -> dict[str, Any]:
    return {title: one.value, f"{title} low": one.low, f"{title} high": one.high}
