"""`bench compare`: tables from records on disk."""

import functools
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import Console

    from benchmark.comparison.costs import CostTable
    from benchmark.comparison.tables import Comparison
    from benchmark.records.differences import Difference, PairedTest
    from benchmark.records.record import Record
    from benchmark.records.speed import Speed
    from benchmark.storage.files import Broken

PAGE = 140  # columns of a table that is written to a file
WRITERS = {"result.json": "bench run writes one per run", "speed.json": "bench speed writes one per pipeline"}


@click.command()
@click.argument("results", nargs=-1, type=click.Path(path_type=Path))
@click.option("--metric", help="Rank by this metric instead of the task's own.")
@click.option("--against", metavar="PIPELINE", help="Each row's paired difference to this one (the start of its name).")
@click.option("--format", "form", type=click.Choice(["table", "md", "csv", "json"]), default="table", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file instead of the screen.")
@click.option("--details", is_flag=True, help="Also each run by itself: classes, members, thresholds, masks, maps.")
@click.option("--costs", "costs_only", is_flag=True, help="What bench speed measured alone, beside the scores.")
@click.option("--verify/--no-verify", default=True, show_default=True, help="Leave out records changed after sealing.")
@click.pass_context
def command(
    context: click.Context,
    results: tuple[Path, ...],
    metric: str | None,
    against: str | None,
    form: str,
    as_json: bool,
    output: Path | None,
    details: bool,
    costs_only: bool,
    verify: bool,
) -> None:
    """Compare the runs below RESULTS (a folder, or several; default: results).

    One table per question (classes and their labels), dataset and split, whatever the tasks are called.

    CSV has a line per row; a metric's columns are NAME, NAME low, NAME high (95 % over images), NAME SD (over seeds),
    NAME seeds low, NAME seeds high (95 % of the mean over 3 seeds or more); with --against, difference, difference
    low, difference high, detectable.

    What bench speed has measured follows in tables of its own, a group for each hardware; in CSV it is had by --costs.

    Exit code 3: nothing found; 5: a record cannot be trusted.
    """
    from benchmark.comparison.costs import cost_tables
    from benchmark.comparison.tables import Comparison
    from benchmark.records.files import scan
    from benchmark.records.speed import FILE as SPEED
    from benchmark.storage.garbage import uncollected
    from registry.errors import ConfigError

    form = "json" if as_json else form
    if details and (form != "table" or output):
        raise ConfigError(
            "--details prints each run on the screen, below the tables; leave --format, --json and -o out"
        )
    found = _Found(verify)
    roots = _roots(results or (Path("results"),))
    records = found.records(scan(path, verified=verify, others={SPEED: found.measured}) for path in roots)
    with uncollected():
        comparison = _compared(records, found, metric, against)
        costs = cost_tables(comparison.tables, found.speeds)
        if costs_only:
            comparison = Comparison([], comparison.left_out)
        if not comparison.tables and not comparison.left_out and not costs:
            lacking = "speed.json" if costs_only else "result.json"
            click.echo(f"bench: no {lacking} below the given folders; {WRITERS[lacking]}", err=True)
            context.exit(3)
        _show(comparison, costs, form, output)
    if details:
        _show_runs(map(Path, found.files.values()))
    if comparison.left_out:
        context.exit(5)


class _Found:
    """What a scan met on its way: where each run lies, measurements of speed, and which files cannot be trusted."""

    def __init__(self, verified: bool) -> None:
        self.verified = verified
        self.files: dict[tuple[str, str], str] = {}
        self.speeds: list[Speed] = []
        self.left_out: list[str] = []

    def records(self, scans: "Iterable[Iterable[tuple[str, Record | Broken]]]") -> "Iterator[Record]":
        """The usable records, one at a time."""
        from benchmark.storage.files import Broken

        for path, found in itertools.chain.from_iterable(scans):
            if isinstance(found, Broken):
                self.left_out.append(f"{path} {found.reason}")
            else:
                self.files[found.run, found.key] = path
                yield found

    def measured(self, path: Path) -> None:
        """Take a measurement of speed."""
        from benchmark.records.speed import read
        from benchmark.storage.files import Broken

        found = read(path, verified=self.verified)
        if isinstance(found, Broken):
            self.left_out.append(f"{path} {found.reason}")
        else:
            self.speeds.append(found)


def _compared(records: "Iterator[Record]", found: _Found, metric: str | None, against: str | None) -> "Comparison":
    import msgspec

    from benchmark.comparison.compare import compare

    difference = paired_difference(lambda run: Path(found.files[run.run, run.key]).parent)
    comparison = compare(records, metric=metric, against=against, difference=difference)
    return msgspec.structs.replace(comparison, left_out=found.left_out)


def paired_difference(folder_of: "Callable[[Record], Path]", part: str = "test") -> "PairedTest":
    """The test that `compare` takes, which imports numpy only when there are predictions to read."""

    @functools.cache
    def test() -> "PairedTest":
        from benchmark.evaluation.paired import paired_test

        return paired_test(folder_of, part=part)

    def difference(first: "Sequence[Record]", second: "Sequence[Record]", metric: str) -> "Difference":
        from benchmark.records.differences import Difference
        from benchmark.records.files import PREDICTIONS

        missing = [run.run for run in (*first, *second) if not (folder_of(run) / PREDICTIONS).is_file()]
        if missing:
            return Difference(None, note=f"no {PREDICTIONS} of {missing[0]}")
        return test()(first, second, metric)

    return difference


def _roots(paths: "Sequence[Path]") -> list[Path]:
    """The given places without those inside another one."""
    from registry.errors import DataNotFoundError

    for path in paths:
        if not path.exists():
            raise DataNotFoundError(f"no results at {str(path)!r}; expected a folder that bench run wrote to (its -o)")
    whole = {path.resolve(): path for path in reversed(paths)}
    return [path for place, path in reversed(whole.items()) if not whole.keys() & set(place.parents)]


def _show(comparison: "Comparison", costs: "list[CostTable]", form: str, output: Path | None) -> None:
    if output is None and form == "table":
        from rich.console import Console

        _print(Console(), comparison, costs)
        return
    pieces = _pieces(comparison, costs, form)
    if form == "csv":
        for reason in comparison.left_out:
            click.echo(f"bench: left out: {reason}", err=True)
    if output is None:
        for piece in pieces:
            click.echo(piece, nl=False)
        return
    from registry.errors import StorageError

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
    except OSError as error:
        raise StorageError(f"{output} cannot be written ({error.strerror}); choose another file with -o") from error


def _show_runs(files: "Iterable[Path]") -> None:
    from rich.console import Console

    from benchmark.records.files import read
    from benchmark.report.details import print_run

    console = Console()
    for file in files:
        console.print()
        print_run(console, read(file))


def _print(console: "Console", comparison: "Comparison", costs: "list[CostTable]") -> None:
    from benchmark.report.costs import print_costs
    from benchmark.report.terminal import print_comparison

    print_comparison(console, comparison)
    if comparison.tables and costs:
        console.print()
    print_costs(console, costs)


def _pieces(comparison: "Comparison", costs: "list[CostTable]", form: str) -> "Iterable[str]":
    """A comparison as text, in pieces."""
    import io

    from rich.console import Console

    from benchmark.report.cost_export import costs_csv, costs_told
    from benchmark.report.costs import costs_markdown
    from benchmark.report.export import json_pieces, to_csv
    from benchmark.report.markdown import markdown

    if form == "json":
        return json_pieces(comparison, costs_told(costs))
    if form == "csv":
        return [to_csv(comparison) if comparison.tables or not costs else costs_csv(costs)]
    if form == "md":
        return [markdown(comparison), "\n" * bool(comparison.tables and costs), costs_markdown(costs)]
    page = io.StringIO()
    _print(Console(file=page, width=PAGE), comparison, costs)
    return [page.getvalue()]
