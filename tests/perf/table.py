"""Lines as a table, for a terminal or in Markdown."""

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tests.perf.timing import Line, Spread

TITLES = ("", "what", "ours", "theirs", "measured (min-max)", "target", "")


def show(lines: Sequence[Line], told: dict[str, Any]) -> None:
    """Print the table."""
    table = Table(*TITLES, box=box.SIMPLE_HEAD, caption=caption(told), caption_justify="left")
    for line in lines:
        style = {True: "green", False: "red", None: "dim"}[line.met]
        table.add_row(*_cells(line), style=style)
    console = Console()
    console.print(table)
    for note in _notes(lines):
        console.print(f"  {note}", style="dim", highlight=False)


def markdown(lines: Sequence[Line], told: dict[str, Any]) -> str:
    """The table as a README takes it."""
    rows = [TITLES, ("---",) * len(TITLES), *map(_cells, lines)]
    text = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    notes = "".join(f"- {note}\n" for note in _notes(lines))
    return f"{text}\n{caption(told)}\n\n{notes}"


def caption(told: dict[str, Any]) -> str:
    """The machine in a line, and how busy it was with other things."""
    machine = told["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    busy = ", ".join(f"({letter}) {load['before'][0]:g}" for letter, load in told["load"].items())
    return (
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gib']} GiB, {machine['system']}, "
        f"Python {machine['python']}, {libraries}. Medians of interleaved repeats; ratios are taken pair by pair. "
        f"Load average before each: {busy}."
    )


def _cells(line: Line) -> tuple[str, ...]:
    theirs = _number(line.theirs.median) if line.theirs else ""
    unit = " ×" if line.theirs else f" {line.unit}"
    target = f"{line.better.replace('<=', '≤').replace('>=', '≥')} {_number(line.target)}{unit}" if line.target else ""
    verdict = {True: "met", False: "missed", None: ""}[line.met]
    ours = f"{_number(line.ours.median)} {line.unit}"
    return line.key, line.what, ours, theirs, f"{_spread(line.value)}{unit}", target, verdict


def _spread(value: Spread) -> str:
    return f"{_number(value.median)} ({_number(value.low)}-{_number(value.high)})"


def _number(value: float) -> str:
    """Three significant digits, whole from a hundred on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}"


def _notes(lines: Sequence[Line]) -> list[str]:
    told = dict.fromkeys((line.key, line.note) for line in lines if line.note)
    return [f"({key}) {note}" for key, note in told]
