"""Which figures a paper has: all rows of each table, curves of the runs that keep theirs, mean heat maps."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmark.comparison.tables import Row, Table
from benchmark.records.contents import fits
from benchmark.records.curves import ClassCurves, Curves, read_curves
from benchmark.records.drawings import ClassPanel, CurveFigure, CurveLine, Figure, IntervalFigure, IntervalRow
from benchmark.records.record import Record
from benchmark.report import wording

MOST_LINES, MOST_PANELS, MOST_MAPS = 6, 4, 6
HEAT = "mean-heat.png"  # holds no image of the dataset
MODEL = ""  # of `Curves.of`, what a pipeline's curves are called

Folder = Callable[[Record], Path]


def figures(table: Table, place: int, folder_of: Folder) -> list[Figure]:
    """The figures of a table that are drawn, of which `place` numbers the files."""
    drawn: list[Figure] = []
    rows = list(_rows(table))
    if rows:
        drawn.append(IntervalFigure(f"intervals-{place}.pdf", wording.metric(table.metric), rows))
    panels = _panels(table, folder_of)
    if panels:
        drawn.append(CurveFigure(f"curves-{place}.pdf", panels))
    return drawn


def heat_maps(table: Table, folder_of: Folder, whole: Callable[[Record], Record]) -> Iterator[tuple[str, Path]]:
    """Rows and the picture of the mean heat of their first run, where it is as it was written.

    Args:
        whole: the record of a run as it lies on disk.
    """
    for row in [row for row in table.rows if not row.control and row.runs][:MOST_MAPS]:
        run = _first(row)
        listed, picture = (whole(run).files or {}).get(HEAT), folder_of(run) / HEAT
        if listed is not None and fits(listed, picture):
            yield wording.label(row), picture


def _rows(table: Table) -> Iterator[IntervalRow]:
    tied = table.ranking.tied if table.ranking and not table.ranking.untested else []
    for row in table.rows:
        one, standing = row.metric(table.metric), row.standing
        if one is None or one.value is None:
            continue
        retrained = standing is not None and standing.low is not None
        low, high = (standing.low, standing.high) if retrained and standing else (one.low, one.high)
        known = not row.control and row.pipeline in tied
        yield IntervalRow(wording.label(row), one.value, low, high, row.control, known)


def _panels(table: Table, folder_of: Folder) -> list[ClassPanel]:
    """A panel per class over the first rows that keep their curves, each by its first run."""
    found: list[tuple[str, Curves]] = []
    for row in [row for row in table.rows if not row.control and row.runs]:
        curves = read_curves(folder_of(_first(row)))
        if curves is not None and MODEL in curves.of:
            several = f", seed {_first(row).seed}" if len(row.runs) > 1 else ""
            found.append((f"{wording.label(row)}{several}", curves))
        if len(found) == MOST_LINES:
            break
    names = list(dict.fromkeys(one.name for _, curves in found for one in curves.of[MODEL]))
    return [_panel(name, found) for name in names[:MOST_PANELS]]


def _panel(name: str, found: Sequence[tuple[str, Curves]]) -> ClassPanel:
    own = [(row, curves, one) for row, curves in found for one in curves.of[MODEL] if one.name == name]
    first = own[0][2]
    roc = [
        CurveLine(row, curves.false_positive_rate, one.sensitivity.value, one.sensitivity.low, one.sensitivity.high)
        for row, curves, one in own
    ]
    title = f"{name}: {first.positives:,} of {first.n:,} test images"
    return ClassPanel(title, roc, [_reliability(row, one) for row, _, one in own])


def _reliability(row: str, one: ClassCurves) -> CurveLine:
    found = one.reliability
    return CurveLine(row, found.predicted, found.observed.value, found.observed.low, found.observed.high)


def _first(row: Row) -> Record:
    return min(row.runs, key=lambda run: (run.seed, run.fold or 0))
