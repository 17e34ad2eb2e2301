"""`bench compare`: tables from records on disk."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.comparing import compared, comparing_flags, say_nothing_found, verify_flag
from benchmark.cli.group import Once
from benchmark.cli.output import form_of, write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.comparison.costs import CostTable
    from benchmark.comparison.external_tables import ExternalTable
    from benchmark.comparison.tables import Comparison

MANY = 5_000  # runs that are left in memory when the process ends
FEW = 3  # runs in detail that go on a screen or two
ALONE = {"costs_only": "speed.json", "external_only": "external.json"}


@click.command(cls=Once)
@comparing_flags
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "md", "csv", "json", "html"]),
    help="On the screen: table (the default) or another; with -o FILE its suffix says it.",
)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to it instead of the screen: .txt, .md, .csv, .json or .html.",
)
@click.option("--details", is_flag=True, help="Also each run by itself: classes, members, thresholds, masks, maps.")
@click.option("--costs", "costs_only", is_flag=True, help="What bench speed measured alone, beside the scores.")
@click.option("--external", "external_only", is_flag=True, help="What bench evaluate found elsewhere alone.")
@verify_flag
@click.pass_context
def command(context: click.Context, /, results: tuple[Path, ...], output: Path | None, **flags: Any) -> None:
    """Compare the runs below RESULTS (a folder, or several; default: BENCH_RESULTS, or results).

    One table per question (classes and their labels), dataset and split, whatever the tasks are called.

    \b
    bench compare --task binary --where training.batch_size=32 --where "training.epochs>=5" --since 7d
    bench compare results/ -o table.html

    --where has any setting that a run's record has (seed, images.size, backbone.name, head.dropout, status); a vote
    meets it where all members do; a run that lacks the setting does not.  What was left out is counted.

    CSV has a line per row; a metric's columns are NAME, NAME low, NAME high (95 % over images), NAME SD (over seeds),
    NAME seeds low, NAME seeds high (95 % of the mean over 3 seeds or more). Of the metric that ranks, retrained low
    and retrained high are 95 % over images and retraining; difference, its interval, p and minimum detectable are to
    the row that stands first, or to --against.

    What bench evaluate found on images of elsewhere and what bench speed has measured follow in tables of their own; in
    CSV they are had by --external and --costs.

    Exit code 3: nothing found; 5: a record cannot be trusted.  It is left out where its seal does not fit, marked and
    not ranked where its predictions were changed or do not give its number.  bench verify looks at everything.
    """
    import msgspec

    from benchmark.storage.garbage import uncollected, unsearched

    form = form_of(flags["form"], flags["as_json"], output)
    if flags["details"]:
        _check_details(form, output)
    with uncollected():
        found = compared(results, flags)
        wrong = found.distrusted
        if alone := [flag for flag in ALONE if flags[flag]]:
            found = found._replace(
                comparison=msgspec.structs.replace(found.comparison, tables=[]),
                costs=found.costs if flags["costs_only"] else [],
                external=found.external if flags["external_only"] else [],
            )
        if found.nothing:
            say_nothing_found(found.comparison.selected, *(ALONE[flag] for flag in alone[:1]))
            context.exit(3)
        _show(found.comparison, found.costs, found.external, form, output)
        if context.obj is not None and len(found.found.files) > MANY:  # the process is about to end
            context.obj.append(found)
            unsearched()
    if flags["details"]:
        _show_details(map(Path, found.found.files.values()))
    if wrong:
        context.exit(5)


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

    from benchmark.report.markup import visible
    from benchmark.report.pages import page, print_page

    if output is None and form == "table":
        print_page(Console(), comparison, costs, external)
        return
    if form == "csv":
        if comparison.selected:
            click.echo(visible(f"bench: {comparison.selected}"), err=True)
        for reason in comparison.left_out:
            click.echo(visible(f"bench: left out: {reason}"), err=True)
    pieces = page(comparison, costs, form, external)
    if output is None:
        for piece in pieces:
            click.echo(piece, nl=False)
    else:
        write(output, pieces)


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
