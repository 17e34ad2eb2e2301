"""Cost tables for a terminal of any width and as Markdown."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
from rich.console import Console
from rich.text import Text

from benchmark.comparison.costs import CostGroup, CostRow, CostTable
from benchmark.records.speed import Conditions, Rate
from benchmark.report import wording
from benchmark.report.layout import Cell, Grid, Line, choose, draw, needed
from benchmark.report.lines import prose
from benchmark.report.markdown import escaped
from benchmark.report.terminal import show

STAR = " *"


class Column(msgspec.Struct, frozen=True):
    """One column.

    Attributes:
        text: the cell of a row.
        priority: where there is not enough width, columns of higher numbers are left out first.
        cost: starred where a row is pareto_optimal in this.
        left: whether its cells are aligned left.
    """

    title: str
    text: Callable[[CostRow], str]
    priority: int
    cost: str = ""
    left: bool = False


COLUMNS = (
    Column("parameters", lambda row: wording.count(row.speed.total.parameters), 0, "parameters"),
    Column("MACs", lambda row: _macs(row), 0, "macs"),
    Column("training images/s", lambda row: _rate(row.speed.training), 2),
    Column("inference images/s", lambda row: _rate(row.speed.inference), 1),
    Column("p50", lambda row: _milliseconds(row.speed.latency.p50_s), 1, "latency"),
    Column("ONNX images/s", lambda row: _rate(row.speed.graphed.inference if row.speed.graphed else None), 2),
    Column("ONNX p50", lambda row: _graphed(row), 2),
    Column("p95", lambda row: _milliseconds(row.speed.latency.p95_s), 4),
    Column("model size", lambda row: wording.size(row.speed.total.model_bytes), 3),
    Column("peak memory", lambda row: wording.memory(max(row.speed.memory.values())), 3),
    Column("trainable", lambda row: wording.count(row.speed.total.trainable_parameters), 5),
    Column("segmenter: parameters, MACs", lambda row: _segmenter(row), 6),
    Column("plain MACs", lambda row: _plain(row), 5),
)
SCORE_PRIORITY = 1


def print_costs(console: Console, tables: list[CostTable]) -> None:
    """Every table: a group of rows for each hardware, how to read them, what may not be compared."""
    for place, table in enumerate(tables):
        show(console, Text("\n" if place else "") + _table(table, console.width))


def costs_markdown(tables: list[CostTable]) -> str:
    """The same with all columns, as GitHub-flavoured Markdown."""
    return "\n".join(_markdown(table) for table in tables)


def title(table: CostTable) -> str:
    """Which comparison, on which data."""
    beside = [", ".join(table.tasks), table.dataset] if table.metric else ["no run beside these measurements"]
    return " · ".join(["cost", *filter(None, beside)])


def conditions(measured: Conditions) -> str:
    """What rows of one group have in common."""
    cores = wording.plural(measured.threads, "CPU core")
    return (
        f"{measured.device} · {measured.backend} {measured.version} · {measured.precision} · {cores} · "
        f"batches of {measured.training_batch} in training, {measured.batch} in inference"
    )


def remarks(table: CostTable, titles: Sequence[str]) -> list[str]:
    """How to read the columns of these titles, and what the table does not say."""
    return list(_remarks(table, titles))


def _remarks(table: CostTable, titles: Sequence[str]) -> Iterator[str]:
    rows = [row.speed for group in table.groups for row in group.rows]
    legends = {
        "MACs": f"MACs: multiply-accumulates of one image of {_pixels(row.image_size for row in rows)}.",
        "plain MACs": "Plain MACs: how many times as many, were its separable convolutions plain ones.",
        "training images/s": "Training: backbone and head with augmentation, without validation.",
        "inference images/s": "Inference: the whole pipeline as a run predicts, "
        f"median of {_range(row.inference.n for row in rows)} repeats.",
        "p50": "p50, p95: one image through the same compiled functions, "
        f"over {_range(row.latency.n for row in rows)} calls.",
        "ONNX images/s": "ONNX: the whole pipeline as one graph by ONNX Runtime on the processor, "
        f"{_range(row.graphed.batch for row in rows if row.graphed)} images at once, and one alone (p50).",
        "peak memory": "Peak memory: of the process, libraries included; of an accelerator, its own.",
    }
    legend = [text for title, text in legends.items() if title in titles]
    yield " ".join([*legend, "Weights as built: speed does not depend on training."])
    if table.metric:
        yield (
            f"{STAR.strip()}: no other row here has as much {table.metric} for less; in p50, none of its group. "
            "Scores are taken as they are, whatever their intervals."
        )
    if len(table.groups) > 1:
        yield (
            f"Measured under {len(table.groups)} different conditions: times, rates and memory are comparable within a "
            "group only, and nothing is ranked by them across groups."
        )
    yield from (wording.unnamed(component, options) for component, options in table.unnamed.items())
    if table.unmeasured:
        yield f"Not measured (bench speed does): {', '.join(table.short.get(one, one) for one in table.unmeasured)}."


def _pixels(sizes: Iterable[int]) -> str:
    return " or ".join(f"{size} × {size} pixels" for size in sorted(set(sizes)))


def _range(counts: Iterable[int]) -> str:
    found = set(counts) or {0}
    least, most = min(found), max(found)
    return str(least) if least == most else f"{least} to {most}"


def columns(table: CostTable) -> list[Column]:
    """From left to right: the score where there is one, then what is known of any row."""
    rows = [row for group in table.groups for row in group.rows]
    score = Column(table.metric, lambda row: wording.estimate(row.score), SCORE_PRIORITY, left=True)
    separable = any(row.speed.total.plain_macs != row.speed.total.macs for row in rows)
    segmented = any("segmenter" in row.speed.work for row in rows)
    graphed = any(row.speed.graphed for row in rows)
    absent = {
        "ONNX images/s": not graphed,
        "ONNX p50": not graphed,
        "plain MACs": not separable,
        "segmenter: parameters, MACs": not segmented,
    }
    return [*([score] if table.metric else []), *(column for column in COLUMNS if not absent.get(column.title))]


def _table(table: CostTable, width: int) -> Text:
    shown = columns(table)
    titles = [column.title for column in shown]
    grids = [Grid("pipeline", titles, [_line(row, shown, group) for row in group.rows]) for group in table.groups]
    whole = Grid("pipeline", titles, [line for grid in grids for line in grid.lines])
    order = sorted(range(len(shown)), key=lambda place: shown[place].priority)
    taken, names = choose(whole, width, order, sum(column.priority == 0 for column in shown))
    out = Text().append(prose(title(table), width) + "\n", "bold")
    for group, grid in zip(table.groups, grids, strict=True):
        out.append("\n" + prose(conditions(group.conditions), width) + "\n")
        visible = grid.only(taken).noted([notes(row) for row in group.rows])
        out += draw(visible, width, names)
    hidden = [title for place, title in enumerate(titles) if place not in taken]
    sentences = remarks(table, [titles[place] for place in taken])
    if hidden:
        sentences.append(f"More columns at {needed(whole)} columns or --format csv: {', '.join(hidden)}.")
    for line in sentences:
        out.append(prose(line, width) + "\n", "dim")
    return out


def _line(row: CostRow, shown: list[Column], group: CostGroup) -> Line:
    starred = {column.title for column in shown if any(column.cost in one.best for one in group.rows)}
    return Line(
        Cell(name(row)), [Cell(cell(row, column, column.title in starred), left=column.left) for column in shown]
    )


def cell(row: CostRow, column: Column, starred: bool) -> str:
    """What stands in a column, with a star where no other row has as much for less, or with room for one."""
    star = STAR if column.cost in row.best else " " * len(STAR)
    return column.text(row) + (star if starred else "")


def name(row: CostRow) -> str:
    """How a row is named."""
    return row.short_name or row.pipeline


def notes(row: CostRow) -> list[str]:
    """What must be said of a row."""
    uncounted = row.speed.total.uncounted
    lacking = [f"MACs without those of {', '.join(uncounted)}, which are not known"] if uncounted else []
    return [*lacking, *row.speed.notes, *row.notes]


def _markdown(table: CostTable) -> str:
    shown = columns(table)
    lines = [f"## {escaped(title(table))}", ""]
    for group in table.groups:
        titles = ["pipeline", *(escaped(column.title) for column in shown)]
        rows = [[name(row), *(cell(row, column, True).strip() for column in shown)] for row in group.rows]
        lines += [escaped(conditions(group.conditions)), "", f"| {' | '.join(titles)} |"]
        lines.append(f"| {' | '.join([':--', *('--:' for _ in shown)])} |")
        lines += [f"| {' | '.join(map(escaped, cells))} |" for cells in rows]
        below = [escaped(f"- {name(row)}: {note}") for row in group.rows for note in notes(row)]
        lines += ["", *below, ""] if below else [""]
    return "\n".join([*lines, *(escaped(line) for line in remarks(table, [column.title for column in shown]))]) + "\n"


def _macs(row: CostRow) -> str:
    total = row.speed.total
    if total.uncounted and not total.macs:
        return "unknown"
    return ("≥ " if total.uncounted else "") + wording.large(total.macs or 0)


def _plain(row: CostRow) -> str:
    total = row.speed.total
    if not total.macs or total.plain_macs == total.macs:
        return "–"
    return f"{(total.plain_macs or 0) / total.macs:.1f} ×"


def _segmenter(row: CostRow) -> str:
    work = row.speed.work.get("segmenter")
    return "–" if work is None else f"{wording.count(work.parameters)}, {wording.large(work.macs or 0)}"


def _rate(found: Rate | None) -> str:
    if found is None:
        return "–"
    return f"{found.median:,.0f}" if found.median >= 100 else f"{found.median:.1f}"


def _graphed(row: CostRow) -> str:
    return _milliseconds(row.speed.graphed.latency.p50_s) if row.speed.graphed else "–"


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.1f} ms" if seconds >= 0.01 else f"{1e3 * seconds:.2f} ms"
