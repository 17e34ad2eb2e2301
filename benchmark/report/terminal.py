"""Comparisons and single runs for a terminal of any width."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from benchmark.compare import Comparison, Row, Table
from benchmark.records import Estimate, Record
from benchmark.report import columns, wording
from benchmark.report.columns import Column
from benchmark.report.layout import Cell, Grid, Line, choose, draw, needed, prose


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Every table with its caption and its closing sentence; files that were left out come last."""
    for place, table in enumerate(comparison.tables):
        _show(console, Text("\n" * (place > 0)) + _table(table, console.width))
    for reason in comparison.left_out:
        _show(console, Text(prose(f"left out: {reason}", console.width) + "\n", "yellow"))


def print_run(console: Console, record: Record) -> None:
    """One run in detail: metrics with n, per class too, confusion, thresholds, masks, Grad-CAM."""
    width = console.width
    out = Text().append(prose(f"{record.pipeline} · seed {record.seed}, fold {record.fold}", width) + "\n", "bold")
    if record.failure:
        told = f"failed: {record.failure.cause} at {record.failure.stage}: {record.failure.message}"
        out.append(prose(told, width) + "\n", "red")
        out.append("".join(f"  {line}\n" for line in record.failure.log), "dim")
    for line in _about(record):
        out.append(prose(line, width) + "\n", "dim")
    out += _statistics("test", record.metrics, record.classes, width)
    out += _confusion(record, width)
    out += _statistics("lung masks", record.masks, record.classes, width)
    out += _statistics("Grad-CAM", record.gradcam, record.classes, width)
    if any(one.n < wording.FEW for found in (record.metrics, record.masks, record.gradcam) for one in found.values()):
        out.append(f"grey: fewer than {wording.FEW} images\n", "dim")
    _show(console, out)


def _show(console: Console, text: Text) -> None:
    console.print(text, end="", soft_wrap=True, highlight=False)


def _table(table: Table, width: int) -> Text:
    out = Text().append(wording.title(table) + "\n", "bold")
    for line in wording.caption(table):
        out.append(prose(line, width) + "\n", "dim")
    shown = columns.every(table)
    grid = Grid("pipeline", [column.title for column in shown], [_line(table, row, shown) for row in table.rows])
    taken, stacked = choose(grid, width, len(columns.essential(table)))
    metrics = [shown[place].metric for place in taken if shown[place].metric]
    visible = grid.only(taken).noted([wording.notes(row, metrics) for row in table.rows])
    out.append("\n")
    out += draw(visible, width, stacked=stacked)
    for line in _remarks(table, shown, taken, grid):
        out.append(prose(line, width) + "\n", "dim")
    out.append(prose(wording.closing(table), width) + "\n")
    return out


def _line(table: Table, row: Row, shown: list[Column]) -> Line:
    span = wording.span(row)
    best = "bold" if _supported(table, row) else ""
    first_control = next((control for control in table.rows if control.control), None)
    return Line(
        name=Cell(wording.label(row), best or ("dim" if row.control else "")),
        cells=[] if span else [_cell(row, column, best if column.metric == table.metric else "") for column in shown],
        span=Cell(span, "red" if row.status == "failed" else "dim") if span else None,
        rule=row is first_control and row is not table.rows[0],
    )


def _cell(row: Row, column: Column, best: str) -> Cell:
    return Cell(column.text(row), "dim" if wording.few(row, column.metric) else best, left=bool(column.metric))


def _supported(table: Table, row: Row) -> bool:
    return table.lead is not None and table.lead.separable and not row.control and row.pipeline == table.lead.pipeline


def _remarks(table: Table, shown: list[Column], taken: list[int], grid: Grid) -> list[str]:
    remarks = [wording.legend(table)]
    if table.lead is not None and table.lead.separable:
        remarks[0] += " Bold: leads, and the paired interval excludes 0."
    metrics = [shown[place].metric for place in taken if shown[place].metric]
    if any(wording.few(row, name) for row in table.rows for name in metrics):
        remarks.append(f"Grey: fewer than {wording.FEW} images.")
    hidden = [column.title for place, column in enumerate(shown) if place not in taken]
    if hidden:
        usual = range(columns.usual(table))
        wide = needed(grid if set(usual) <= set(taken) else grid.only(list(usual)))
        remarks.append(f"More columns at {wide} columns or --format csv: {', '.join(hidden)}.")
    return remarks


def _statistics(heading: str, found: dict[str, Estimate], classes: Sequence[str], width: int) -> Text:
    """One table of what holds over all images, one of what holds per class (``name/CLASS``)."""
    out = Text()
    whole = {name: one for name, one in found.items() if "/" not in name}
    if whole:
        lines = [
            Line(Cell(name), [_estimate(one), Cell(f"{one.n:,}")], notes=[one.note] if one.note else [])
            for name, one in whole.items()
        ]
        out.append("\n")
        out += draw(Grid(heading, ["value [interval]", "n"], lines), width, stacked=False)
    split = [name.partition("/")[::2] for name in found if "/" in name]
    kinds = [kind for kind in dict.fromkeys(kind for kind, _ in split) if kind != "n"]
    named = list(dict.fromkeys(owner for _, owner in split))
    owners = sorted(named, key=lambda owner: classes.index(owner) if owner in classes else len(classes))
    lines = [_class_line(owner, kinds, found) for owner in owners]
    return out + _blocks(Grid(f"{heading}, per class", ["n", *kinds], lines), width) if lines else out


def _class_line(owner: str, kinds: list[str], found: dict[str, Estimate]) -> Line:
    own = {kind: found[f"{kind}/{owner}"] for kind in kinds if f"{kind}/{owner}" in found}
    notes = [f"{kind}: {one.note}" for kind, one in own.items() if one.note]
    counted = found.get(f"n/{owner}")
    n = int(counted.value) if counted and counted.value is not None else max(one.n for one in own.values())
    return Line(Cell(owner), [Cell(f"{n:,}"), *(_estimate(own.get(kind)) for kind in kinds)], notes=notes)


def _estimate(one: Estimate | None) -> Cell:
    return Cell(wording.estimate(one), "dim" if one is not None and one.n < wording.FEW else "", left=True)


def _blocks(grid: Grid, width: int) -> Text:
    """A grid that is too wide, as several below each other; the first column is repeated in none."""
    out = Text()
    left = list(range(len(grid.titles)))
    while left:
        part = grid.only(left)
        taken, stacked = choose(part, width, 2)
        fitting = taken[: next((i for i, place in enumerate(taken) if place != i), len(taken))]
        out.append("\n")
        block = part.only(fitting)
        if len(left) < len(grid.titles):
            block = Grid(block.corner, block.titles, [Line(line.name, line.cells) for line in block.lines])
        out += draw(block, width, stacked=stacked)
        left = left[len(fitting) :]
    return out


def _about(record: Record) -> list[str]:
    """Where the numbers come from, thresholds and calibration included."""
    about = [f"Task {record.task}, run {record.run}, 95 % intervals over images."]
    told = {key: value for key, value in record.calibration.items() if not isinstance(value, dict)}
    sentences = {key: value for key, value in told.items() if isinstance(value, str) and " " in value}
    numbers = {key: value for key, value in told.items() if key not in sentences}
    if numbers:
        about.append(f"Calibration: {_setting(numbers)}.")
    about += [f"{key.capitalize()}: {value}." for key, value in sentences.items()]
    for name, value in record.calibration.get("thresholds", {}).items():
        about.append(f"Threshold {name}, from validation: {_setting(value)}.")
    return about


def _setting(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_setting(one)}" for key, one in value.items() if one != "")
    return ", ".join(map(_setting, value)) if isinstance(value, list) else str(value)


def _confusion(record: Record, width: int) -> Text:
    if not record.confusion:
        return Text()
    lines = [
        Line(Cell(name), [Cell(f"{images:,}") for images in row])
        for name, row in zip(record.classes, record.confusion, strict=True)
    ]
    return _blocks(Grid("true class \\ predicted", list(record.classes), lines), width)
