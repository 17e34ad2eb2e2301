"""What a search for settings found, beside the settings that were there before."""

import msgspec
from rich.console import Console
from rich.text import Text

from benchmark.records.differences import Difference
from benchmark.records.metrics import direction
from benchmark.records.record import Tuned
from benchmark.report import wording
from benchmark.report.layout import Cell, Grid, Line, choose, draw
from benchmark.report.lines import prose
from benchmark.report.terminal import show
from benchmark.tuning.report import TuningReport
from registry.options import Scalar

TEST = "paired bootstrap over groups, 95 %"


def print_report(console: Console, found: TuningReport) -> None:
    """Cost, settings, both pipelines on validation and on test, and whether the difference is significant."""
    width = console.width
    out = Text("\n").append(prose(_cost(found.tuned), width) + "\n", "bold")
    out.append(prose(_settings(found), width) + "\n\n")
    grid = _grid(found)
    taken, names = choose(grid, width, range(len(grid.titles)), min(3, len(grid.titles)))
    out += draw(grid.only(taken), width, names)
    out.append(prose(_caveat(found), width) + "\n", "dim")
    out.append(prose(_verdict(found), width) + "\n")
    out.append(f"\nTrials, picture, ledger: {found.folder}\nTask file: {found.file}\n{found.again}\n")
    show(console, out)


def _cost(tuned: Tuned) -> str:
    endings = [f"{n} {end}" for n, end in ((tuned.failed, "failed"), (tuned.unfinished, "unfinished")) if n]
    how = f" ({', '.join(endings)})" if endings else ""
    where = f" on {tuned.hardware}" if tuned.hardware else ""
    trials, spent = wording.plural(tuned.trials, "trial"), wording.duration(tuned.duration_s)
    return f"{tuned.tuner} tuned {tuned.pipeline}: {trials}{how}, {tuned.epochs} epochs, {spent}{where}"


def _settings(found: TuningReport) -> str:
    if found.best is None:
        return "No trial beat the default settings: they stay."
    changes = ", ".join(f"{name} {_shown(value)} (was {_shown(was)})" for name, (was, value) in found.changed.items())
    return f"Found: {changes}."


def _shown(value: Scalar) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def _grid(found: TuningReport) -> Grid:
    """A column per pipeline and what lies between them; without a best, the default alone."""
    sides = [found.default, *([found.best] if found.best else [])]
    losses = [side.loss for side in sides]
    values = [wording.estimate(side.value) for side in sides]
    images = found.test.n if found.test else found.default.value.n if found.default.value else 0
    rows = [_row("loss on validation", [wording.number(loss) for loss in losses], _gap(losses), None)]
    if found.best:
        n = found.validation.n if found.validation else 0
        rows.append(
            _row(
                f"{found.metric} on validation, n = {n:,}",
                ["", ""],
                wording.difference(found.validation),
                found.validation,
            )
        )
    rows.append(_row(f"{found.metric} on test, n = {images:,}", values, wording.difference(found.test), found.test))
    titles = ["default", *(["tuned", "Δ tuned − default", "minimum detectable"] if found.best else [])]
    return Grid("", titles, [msgspec.structs.replace(row, cells=row.cells[: len(titles)]) for row in rows])


def _row(name: str, values: list[str], gap: str, test: Difference | None) -> Line:
    detectable = "" if test is None or test.minimum_detectable is None else wording.number(test.minimum_detectable)
    return Line(Cell(name), [Cell(text, left=True) for text in (*values, gap, detectable)])


def _gap(losses: list[float | None]) -> str:
    known = [loss for loss in losses if loss is not None]
    return _signed(known[1] - known[0]) if len(known) == 2 else ""


def _signed(value: float) -> str:
    text = wording.number(value)
    return text if text.startswith("-") else f"+{text}"


def _caveat(found: TuningReport) -> str:
    trials = wording.plural(found.tuned.finished, "trial")
    if found.best is None:
        return f"This is the lowest loss on validation among {trials}."
    losses = found.default.loss, found.best.loss
    worse = None not in losses and losses[1] >= losses[0]  # type: ignore[operator]
    return (
        f"Validation is where the best of {trials} was picked: what it gains there is optimistic. No trial looked at "
        "test, which is what counts. Minimum detectable: the smallest difference that so many images would separate "
        "with 80 % power." + (" Trained to the end, the default has the lower loss on validation." if worse else "")
    )


def _verdict(found: TuningReport) -> str:
    failed = [side for side in (found.default, found.best) if side and side.failure]
    if failed:
        return f"{failed[0].pipeline} failed when it was trained to the end: {failed[0].failure}"
    if found.best is None:
        return "Task file and record of the default say what it cost to look for better settings."
    test = found.test
    if test is None or test.value is None or test.low is None or test.high is None:
        return f"On test the difference is not testable ({test.note if test else 'no predictions'})."
    sign = direction(found.metric)
    ends = sorted((sign * test.low, sign * test.high))
    if ends[0] > 0:
        return f"On test the tuned settings are significantly better than the default ({TEST})."
    if ends[1] < 0:
        return f"On test the default wins: the tuned settings are significantly worse ({TEST})."
    ahead = sign * test.value
    who = "the tuned settings are ahead" if ahead > 0 else "the default is ahead" if ahead < 0 else "both are level"
    return f"On test {who}, not statistically significant ({TEST})."
