"""`bench compare`: tables from records on disk."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.group import Once
from benchmark.cli.output import form_of, write
from benchmark.cli.selecting import selection_flags, selection_of
from benchmark.cli.waiting import waiting

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
    help="Test each row against this one: its name, in short or in full, or the start of it.",
)
@click.option("--margin", type=click.FloatRange(0), default=0.01, show_default=True, help="Worse by no more than this.")
@selection_flags
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
@click.option("--verify/--no-verify", default=True, show_default=True, help="Leave out records changed after sealing.")
@click.pass_context
def command(context: click.Context, /, results: tuple[Path, ...], output: Path | None, **flags: Any) -> None:
    """Compare the runs below RESULTS (a folder, or several; default: results).

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

    from benchmark.comparison.trust import untrusted
    from benchmark.storage.garbage import uncollected

    form = form_of(flags["form"], flags["as_json"], output)
    if flags["details"]:
        _check_details(form, output)
    paths = results or (Path("results"),)
    with uncollected():
        comparison, costs, external, files = _compared(paths, flags)
        wrong = any(untrusted(table.rows) for table in comparison.tables)
        if flags["costs_only"] or flags["external_only"]:
            comparison = msgspec.structs.replace(comparison, tables=[])
            costs, external = costs if flags["costs_only"] else [], external if flags["external_only"] else []
        if not comparison.tables and not comparison.left_out and not costs and not external:
            _say_nothing_found(flags, comparison.selected)
            context.exit(3)
        _show(comparison, costs, external, form, output)
    if flags["details"]:
        _show_details(files)
    if comparison.left_out or wrong:
        context.exit(5)


def _compared(
    paths: "Sequence[Path]", flags: dict[str, Any]
) -> "tuple[Comparison, list[CostTable], list[ExternalTable], list[Path]]":
    """The comparison, what was measured of speed, what was found elsewhere, and the records' files."""
    from benchmark.cli.paired import distrusted, elsewhere, family
    from benchmark.comparison.collect import collected
    from benchmark.comparison.costs import cost_tables
    from benchmark.comparison.external import external_tables
    from benchmark.comparison.kept import KeptTrust
    from benchmark.storage.places import memory_folder

    selection = selection_of(flags["tasks"], flags["datasets"], flags["wheres"], flags["since"])
    trust = KeptTrust(distrusted, memory_folder())
    with waiting("comparing") as patience:
        comparison, found = collected(
            paths, family, metric=flags["metric"], against=flags["against"], margin=flags["margin"],
            verified=flags["verify"], distrust=trust, selection=selection, told=patience.tell,
        )  # fmt: skip
        trust.keep()
        external, files = external_tables(found.externals, elsewhere), [Path(file) for file in found.files.values()]
        costs = [one for one in cost_tables(comparison.tables, found.speeds) if one.metric or selection.everything]
        return comparison, costs, external, files


def _say_nothing_found(flags: dict[str, Any], selected: str) -> None:
    kinds = {"costs_only": "speed.json", "external_only": "external.json"}
    lacking = next((file for flag, file in kinds.items() if flags[flag]), "result.json")
    said = (
        f"{selected}, and nothing is left" if selected else f"no {lacking} below the given folders; {WRITERS[lacking]}"
    )
    click.echo(f"bench: {said}", err=True)


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
