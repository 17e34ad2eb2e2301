"""`bench compare`: tables from records on disk."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.group import Once

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmark.comparison.costs import CostTable
    from benchmark.comparison.external_tables import ExternalTable
    from benchmark.comparison.tables import Comparison

FEW = 3  # runs in detail that go on a screen or two
WRITERS = {
    "result.json": "bench run writes one per run",
    "speed.json": "bench speed writes one per pipeline",
    "external.json": "bench evaluate writes one per run",
}


@click.command(cls=Once)
@click.argument("results", nargs=-1, type=click.Path(path_type=Path))
@click.option("--metric", help="Rank by this metric instead of the task's own.")
@click.option(
    "--against",
    metavar="PIPELINE",
    help="Test each row against this one (the start of its name).",
)
@click.option("--margin", type=click.FloatRange(0), default=0.01, show_default=True, help="Worse by no more than this.")
@click.option("--format", "form", type=click.Choice(["table", "md", "csv", "json"]), default="table", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file instead of the screen.")
@click.option("--details", is_flag=True, help="Also each run by itself: classes, members, thresholds, masks, maps.")
@click.option("--costs", "costs_only", is_flag=True, help="What bench speed measured alone, beside the scores.")
@click.option("--external", "external_only", is_flag=True, help="What bench evaluate found elsewhere alone.")
@click.option("--verify/--no-verify", default=True, show_default=True, help="Leave out records changed after sealing.")
@click.pass_context
def command(
    context: click.Context,
    results: tuple[Path, ...],
    metric: str | None,
    against: str | None,
    margin: float,
    form: str,
    as_json: bool,
    output: Path | None,
    details: bool,
    costs_only: bool,
    external_only: bool,
    verify: bool,
) -> None:
    """Compare the runs below RESULTS (a folder, or several; default: results).

    One table per question (classes and their labels), dataset and split, whatever the tasks are called.

    CSV has a line per row; a metric's columns are NAME, NAME low, NAME high (95 % over images), NAME SD (over seeds),
    NAME seeds low, NAME seeds high (95 % of the mean over 3 seeds or more). Of the metric that ranks, retrained low
    and retrained high are 95 % over images and retraining; difference, its interval, p and minimum detectable are to
    the row that stands first, or to --against.

    What bench evaluate found on images of elsewhere and what bench speed has measured follow in tables of their own; in
    CSV they are had by --external and --costs.

    Exit code 3: nothing found; 5: a record cannot be trusted.  It is left out where its seal does not fit, marked and
    not ranked where its predictions were changed or do not give its number.  bench verify looks at everything.
    """
    from benchmark.comparison.tables import Comparison
    from benchmark.comparison.trust import untrusted
    from benchmark.storage.garbage import uncollected

    form = "json" if as_json else form
    if details:
        _check_details(form, output)
    paths = results or (Path("results"),)
    with uncollected():
        comparison, costs, external, files = _compared(paths, metric, against, margin, verify)
        wrong = any(untrusted(table.rows) for table in comparison.tables)
        if costs_only or external_only:
            comparison = Comparison([], comparison.left_out)
            costs, external = costs if costs_only else [], external if external_only else []
        if not comparison.tables and not comparison.left_out and not costs and not external:
            _say_nothing_found("speed.json" if costs_only else "external.json" if external_only else "result.json")
            context.exit(3)
        _show(comparison, costs, external, form, output)
    if details:
        _show_details(files)
    if comparison.left_out or wrong:
        context.exit(5)


def _compared(
    paths: "Sequence[Path]", metric: str | None, against: str | None, margin: float, verify: bool
) -> "tuple[Comparison, list[CostTable], list[ExternalTable], list[Path]]":
    """The comparison, what was measured of speed, what was found elsewhere, and the records' files."""
    from benchmark.cli.paired import distrusted, elsewhere, family
    from benchmark.comparison.collect import collected
    from benchmark.comparison.costs import cost_tables
    from benchmark.comparison.external import external_tables
    from benchmark.comparison.kept import KeptTrust
    from benchmark.storage.places import memory_folder

    trust = KeptTrust(distrusted, memory_folder())
    comparison, found = collected(
        paths, family, metric=metric, against=against, margin=margin, verified=verify, distrust=trust
    )
    trust.keep()
    external, files = external_tables(found.externals, elsewhere), [Path(file) for file in found.files.values()]
    return comparison, cost_tables(comparison.tables, found.speeds), external, files


def _say_nothing_found(lacking: str) -> None:
    click.echo(f"bench: no {lacking} below the given folders; {WRITERS[lacking]}", err=True)


def _check_details(form: str, output: Path | None) -> None:
    from registry.errors import ConfigError

    if form != "table" or output:
        raise ConfigError(
            "--details prints each run on the screen, below the tables; leave --format, --json and -o out"
        )


def _show(
    comparison: "Comparison",
    costs: "list[CostTable]",
    external: "list[ExternalTable]",
    form: str,
    output: Path | None,
) -> None:
    from rich.console import Console

    from benchmark.report.pages import page, print_page

    if output is None and form == "table":
        print_page(Console(), comparison, costs, external)
        return
    if form == "csv":
        for reason in comparison.left_out:
            click.echo(f"bench: left out: {reason}", err=True)
    pieces = page(comparison, costs, form, external)
    if output is None:
        for piece in pieces:
            click.echo(piece, nl=False)
    else:
        _write(output, pieces)


def _write(output: Path, pieces: "Iterable[str]") -> None:
    from registry.errors import StorageError

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
    except OSError as error:
        raise StorageError(f"{output} cannot be written ({error.strerror}); choose another file with -o") from error


def _show_details(files: "Iterable[Path]") -> None:
    from rich.console import Console

    from benchmark.records.files import read
    from benchmark.report.details import print_run

    console, paths = Console(), list(files)
    if len(paths) > FEW:
        folders = list(dict.fromkeys(str(path.parent.parent) for path in paths))
        shorter = f"; one folder alone, such as bench compare {folders[0]} --details, is shorter" * (len(folders) > 1)
        console.print(f"\n{len(paths)} runs in detail{shorter}.", style="dim", highlight=False)
    for file in paths:
        console.print()
        print_run(console, read(file))
