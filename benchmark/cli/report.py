"""`bench report`: results as one page, a run as a model card, a table as a paper has it."""

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli import completing
from benchmark.cli.group import Once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmark.comparison.costs import CostTable
    from benchmark.comparison.external_tables import ExternalTable
    from benchmark.comparison.tables import Comparison
    from benchmark.records.record import Record

PAGE, PAPER = Path("report.html"), Path("paper")
PAUSE_S = 10


@click.command(cls=Once)
@click.argument("results", nargs=-1, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file; with --paper, this folder.")
@click.option("--metric", help="Rank by this metric instead of the task's own.")
@click.option("--against", metavar="PIPELINE", help="Test each row against this one (the start of its name).")
@click.option("--margin", type=click.FloatRange(0), default=0.01, show_default=True, help="Worse by no more than this.")
@click.option("--rows", metavar="PIPELINE", multiple=True, help="Rows with curves and pictures (the start of a name).")
@click.option(
    "--card",
    metavar="RUN",
    shell_complete=completing.runs,
    help="A model card of this run: folder, or beginning of name.",
)
@click.option("--paper", is_flag=True, help="Table, figures, methods and bibliography, as LaTeX.")
@click.option("--verify/--no-verify", default=True, show_default=True, help="Leave out records changed after sealing.")
@click.pass_context
def command(
    context: click.Context,
    results: tuple[Path, ...],
    output: Path | None,
    metric: str | None,
    against: str | None,
    margin: float,
    rows: tuple[str, ...],
    card: str | None,
    paper: bool,
    verify: bool,
) -> None:
    """Write the runs below RESULTS (a folder, or several; default: results) as one page.

    \b
    bench report results/ -o report.html

    Exit code 3: nothing found; 5: a record cannot be trusted, and is left out or not ranked.
    """
    from benchmark.comparison.trust import untrusted

    if card is not None:
        if paper or rows or results:
            raise click.UsageError("--card is of one run; leave RESULTS, --paper and --rows out")
        _write_card(card, output, verify)
        return
    with _working() as tell:
        tell("comparing results")
        found = _compared(results or (Path("results"),), metric, against, margin, verify)
    comparison, costs, external, folder_of = found
    if not comparison.tables and not comparison.left_out and not costs and not external:
        click.echo("bench: no result.json below the given folders; bench run writes one per run", err=True)
        context.exit(3)
    if paper:
        from benchmark.cli.flags import screen
        from benchmark.report.paper import paper as written

        with screen(True)[1].working("writing tables, methods and figures"):
            files = written(comparison, external, folder_of, output or PAPER)
        for file in files:
            click.echo(file)
    else:
        _write_page(output or PAGE, comparison, costs, external, folder_of, rows)
    if comparison.left_out or any(untrusted(table.rows) for table in comparison.tables):
        context.exit(5)


@contextmanager
def _working() -> "Iterator[Callable[[str], None]]":
    """Shows on standard error what is at work; without a terminal a line every ten seconds at most."""
    from rich.console import Console
    from rich.markup import escape

    console, said = Console(stderr=True), time.monotonic()
    with console.status("reading results") as status:

        def tell(what: str) -> None:
            nonlocal said
            status.update(escape(what))
            if not console.is_terminal and time.monotonic() - said > PAUSE_S:
                said = time.monotonic()
                console.print(what, markup=False, highlight=False, soft_wrap=True)

        yield tell


def _compared(
    paths: "Sequence[Path]", metric: str | None, against: str | None, margin: float, verify: bool
) -> "tuple[Comparison, list[CostTable], list[ExternalTable], Callable[[Record], Path]]":
    """The comparison, what was measured of speed, what was found elsewhere, and where a run lies."""
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
    return (
        comparison,
        cost_tables(comparison.tables, found.speeds),
        external_tables(found.externals, elsewhere),
        found.folder,
    )


def _write_page(
    output: Path,
    comparison: "Comparison",
    costs: "list[CostTable]",
    external: "list[ExternalTable]",
    folder_of: "Callable[[Record], Path]",
    rows: "Sequence[str]",
) -> None:
    from benchmark.report.website import shown_count, website

    with _working() as tell:
        text = website(comparison, costs, external, folder_of, rows, lambda title: tell(f"drawing {title}"))
    _write(output, text)
    click.echo(f"{output}: {shown_count(comparison, rows)}; {len(text.encode()) / 1e3:,.0f} kB")


def _write_card(meant: str, output: Path | None, verify: bool) -> None:
    from benchmark.records.files import FILE, read
    from benchmark.records.files import verify as verified
    from benchmark.records.places import results_folder, run_folder
    from benchmark.report.card import card

    run = run_folder(meant, results_folder())
    record = (verified if verify else read)(run / FILE)
    text = card(record, run, suffix=output.suffix if output else ".md", sealed=verify)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)


def _write(output: Path, text: str) -> None:
    from benchmark.storage.files import write_whole
    from registry.errors import StorageError

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_whole(output, text.encode("utf-8"))
    except OSError as error:
        raise StorageError(f"{output} cannot be written ({error.strerror}); choose another file with -o") from error
