"""Whether two checkouts find the same numbers: `python -m tests.perf.same_numbers OLD NEW`, in the root of a checkout.

Each runs the same small tasks, `--deterministic`, on one core; what they leave is compared to the last bit.  What is
renamed between them and what is not compared stands in `tests/perf/same/translation.py`.  It takes about five minutes
on two idle cores.  After `--keep DIR`, `DIR/old` can be given as OLD: then NEW alone runs.

Exit status: 0 all equal, 1 a difference, 2 a command of a checkout failed.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import click
from rich import box
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[2]))  # where this file itself is called

from tests.perf.same.checkout import TOGETHER, Checkout, FailedError, interpreter
from tests.perf.same.comparison import OF_RECORD, REST, TITLES, Pair, compared, example
from tests.perf.same.reading import Contents, read
from tests.perf.same.tasks import CHANGES, write_radiographs
from tests.perf.same.translation import IGNORED

FOLDER = click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path)
PYTHON = click.Path(exists=True, dir_okay=False, path_type=Path)
BRIEF = 60  # characters of a value that differs


@click.command()
@click.argument("old", type=FOLDER)
@click.argument("new", type=FOLDER)
@click.option("--old-python", type=PYTHON, help="By default OLD/.venv/bin/python, or this interpreter.")
@click.option("--new-python", type=PYTHON, help="By default NEW/.venv/bin/python, or this interpreter.")
@click.option("--jobs", type=click.IntRange(1, 2), help="Both side by side where there are two cores, the default.")
@click.option("--only", default=",".join(CHANGES), show_default=True, help="Tasks, comma-separated.")
@click.option("--keep", type=click.Path(path_type=Path), help="A new folder for what they leave; else it is removed.")
@click.option("--show", type=click.IntRange(min=0), default=20, show_default=True, help="Differences that are shown.")
def main(
    old: Path,
    new: Path,
    old_python: Path | None,
    new_python: Path | None,
    jobs: int | None,
    only: str,
    keep: Path | None,
    show: int,
) -> None:
    """Run the checkouts OLD and NEW and compare what they find, to the last bit."""
    names = only.split(",")
    if unknown := set(names) - set(CHANGES):
        raise click.BadParameter(f"{', '.join(unknown)}; expected some of {', '.join(CHANGES)}", param_hint="--only")
    if keep and keep.exists():
        raise click.BadParameter(f"{keep} is there already; give a new folder", param_hint="--keep")
    whole = set(names) == set(CHANGES)
    console = Console(width=120, highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="same-numbers-") as temporary:
        folder = keep.absolute() if keep else Path(temporary)
        sides = [
            Checkout("old", old, interpreter(old, old_python), folder / "old"),
            Checkout("new", new, interpreter(new, new_python), folder / "new"),
        ]
        try:
            left = run(sides, folder / "radiographs", names, jobs, console)
        except FailedError as error:
            console.print(str(error), markup=False)
            sys.exit(2)
        sides_read = [read(one, [*names, *[TOGETHER] * whole]) for one in left]
    pairs = list(compared(*sides_read))
    show_table(console, pairs)
    show_differences(console, pairs, show)
    show_exceptions(console, *sides_read)
    missing = lacking(pairs) if whole else []
    for title in missing:
        console.print(f"nothing was compared of: {title}")
    equal = not missing and all(pair.values == pair.equal for pair in pairs)
    console.print("the same numbers" if equal else "NOT the same numbers")
    sys.exit(0 if equal else 1)


def run(
    sides: Sequence[Checkout], radiographs: Path, only: Sequence[str], jobs: int | None, console: Console
) -> list[Path]:
    """The folders of what both leave."""
    cores = sorted(os.sched_getaffinity(0))
    jobs = min(jobs or 2, len(cores))
    write_radiographs(radiographs)
    failed = Event()
    with ThreadPoolExecutor(jobs) as threads:
        left = [
            threads.submit(side.run, cores[place % jobs], radiographs, only, console.print, failed)
            for place, side in enumerate(sides)
        ]
        return [one.result() for one in left]


def lacking(pairs: Sequence[Pair]) -> list[str]:
    """What should have been compared, and was not: a comparison of nothing is no proof."""
    seen = {pair.title for pair in pairs}
    return [title for title in (*TITLES.values(), *OF_RECORD.values(), REST) if title not in seen]


def show_table(console: Console, pairs: Sequence[Pair]) -> None:
    """How much of what was compared, and how much of it is equal."""
    table = Table("compared", "of", "values", "equal", "different", box=box.SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    for title in dict.fromkeys(pair.title for pair in pairs):
        own = [pair for pair in pairs if pair.title == title]
        values, equal = sum(pair.values for pair in own), sum(pair.equal for pair in own)
        places = len({pair.place for pair in own})
        table.add_row(title, f"{places}", f"{values:,}", f"{equal:,}", f"{values - equal:,}" if values > equal else "")
    console.print(table)


def show_differences(console: Console, pairs: Sequence[Pair], most: int) -> None:
    """The first values that differ."""
    different = [pair for pair in pairs if pair.values != pair.equal]
    for pair in different[:most]:
        where = f"{pair.place.kind} of {pair.place.whose}: {'.'.join(pair.name)}"
        many = f", {pair.values - pair.equal} of {pair.values}, for instance" if pair.values > 1 else ""
        old, new = example(pair.old, pair.new)
        console.print(f"{where}{many}\n    old {brief(old)}\n    new {brief(new)}", markup=False)
    if len(different) > most:
        console.print(f"… and {len(different) - most} more that differ")


def brief(value: object) -> str:
    """The beginning of a value, in every digit."""
    text = " ".join(repr(value).split())
    return text if len(text) <= BRIEF else f"{text[:BRIEF]} …"


def show_exceptions(console: Console, old: Contents, new: Contents) -> None:
    """What was called by another name, and what was not compared."""
    for renaming in sorted(old.old_names - new.old_names):
        console.print(f"renamed: {renaming}", markup=False)
    for why, kinds in IGNORED.items():
        listed = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items())
        console.print(f"not compared, {why}: {listed}", markup=False)
    unread = ", ".join(sorted(old.unread | new.unread))
    console.print(f"not compared, contents of files: {unread}", markup=False)


if __name__ == "__main__":
    main()
